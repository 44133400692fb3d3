import numpy as np
import pytest

from jaxsim.study import StepLabel, between_models, depth_alignment, label_imbalance


def test_distance_peaks_where_the_models_differ_most(step_labels) -> None:
    labels = step_labels("A", 5) + step_labels("B", 5)
    values = np.full((10, 10), 0.9)
    diagonal = [0.1, 0.3, 0.8, 0.4, 0.2]
    for i, value in enumerate(diagonal):
        values[i, 5 + i] = value + 0.05
        values[5 + i, i] = value - 0.05
    between = between_models(label_imbalance(values, labels).imbalance, grid=np.linspace(0, 1, 5)).sel(
        k=1, pair="A | B"
    )
    np.testing.assert_allclose(between.distance, diagonal)
    assert between.peak_t.item() == 0.5
    assert between.peak_distance.item() == pytest.approx(0.8)
    assert between.nearest_a.values.tolist() == [f"block{i:02d}" for i in range(5)]
    assert (between.model_a.item(), between.model_b.item()) == ("A", "B")


def test_best_match_is_the_diagonal_where_alignment_is_the_diagonal(step_labels, depth_imbalance) -> None:
    between = between_models(depth_imbalance(step_labels("A", 6) + step_labels("B", 6)).imbalance).sel(k=1)
    assert between.sizes["match"] == 12
    np.testing.assert_allclose(between.best_depth, between.match_depth)
    np.testing.assert_allclose(between.best_value, 0.002)
    assert between.match_source.values[:2].tolist() == ["A/block00", "A/block01"]
    assert between.match_model_to.values.tolist() == ["B"] * 6 + ["A"] * 6
    assert between.best_step.values.tolist() == [f"block{i:02d}" for i in range(6)] * 2


def test_equal_matches_go_to_the_earlier_step(step_labels) -> None:
    results = label_imbalance(np.full((5, 5), 0.5), step_labels("A", 2) + step_labels("B", 3))
    between = between_models(results.imbalance)
    assert set(between.best_step.values.ravel()) == {"block00"}
    assert between.peak_t.item() == 0.0


def test_every_pair_and_every_ordered_match(step_labels, depth_imbalance) -> None:
    between = between_models(depth_imbalance(step_labels("A", 2) + step_labels("B", 3) + step_labels("C", 4)).imbalance)
    assert between.pair.values.tolist() == ["A | B", "A | C", "B | C"]
    assert between.sizes["match"] == 2 * (2 + 3 + 4)


def test_a_single_model_has_no_pairs(step_labels, depth_imbalance) -> None:
    imbalance = depth_imbalance(step_labels("A", 3)).imbalance
    between, aligned = between_models(imbalance), depth_alignment(imbalance)
    assert (between.sizes["pair"], between.sizes["match"], aligned.sizes["direction"]) == (0, 0, 0)


def test_a_grid_outside_the_depths_is_refused(step_labels, depth_imbalance) -> None:
    with pytest.raises(ValueError, match=r"within \[0, 1\]"):
        between_models(depth_imbalance(step_labels("A", 3)).imbalance, grid=[0.5, 1.2])


def test_alignment_of_the_diagonal_is_perfect_and_beyond_chance(step_labels, depth_imbalance) -> None:
    aligned = depth_alignment(depth_imbalance(step_labels("A", 9) + step_labels("B", 9)).imbalance).sel(k=1)
    assert aligned.direction.values.tolist() == ["A -> B", "B -> A"]
    np.testing.assert_allclose(aligned.alignment_spearman, 1)
    np.testing.assert_allclose(aligned.alignment_offset, 0, atol=1e-12)
    assert (aligned.alignment_spearman_p < 0.01).all()
    assert (aligned.alignment_offset_p < 0.01).all()
    # Mean |i - j| of two independent uniform draws from 0..8, over 8.
    np.testing.assert_allclose(aligned.alignment_offset_null, (81 - 1) / (3 * 9) / 8, rtol=0.05)


def test_a_reversed_model_is_aligned_backwards() -> None:
    # B runs through A's steps in the opposite order.
    labels = [StepLabel(m, f"s{i}", i / 7) for m in "AB" for i in range(8)]
    process = np.array([label.depth if label.model == "A" else 1 - label.depth for label in labels])
    aligned = depth_alignment(label_imbalance(np.abs(process[:, None] - process[None]), labels).imbalance).sel(k=1)
    np.testing.assert_allclose(aligned.alignment_spearman, -1)
    assert (aligned.alignment_spearman_p > 0.99).all()
    assert (aligned.alignment_offset_p > 0.5).all()


def test_all_steps_matched_to_one_has_no_correlation(step_labels) -> None:
    labels = step_labels("A", 4) + step_labels("B", 4)
    values = np.full((8, 8), 0.9)
    values[:, 5] = values[5, :] = 0.1
    aligned = depth_alignment(label_imbalance(values, labels).imbalance).sel(k=1, direction="A -> B")
    assert np.isnan(aligned.alignment_spearman)
    assert np.isnan(aligned.alignment_spearman_p)
    assert aligned.alignment_offset_p.item() == 1


def test_p_values_of_chance_matches_are_uniform(step_labels) -> None:
    # Independent cells: matches are random, so a 5 % test rejects about 5 % of the time.
    rng = np.random.default_rng(0)
    labels = step_labels("A", 12) + step_labels("B", 12)
    p = []
    for _ in range(200):
        values = rng.random((24, 24))
        aligned = depth_alignment(label_imbalance(values, labels).imbalance, n_permutations=199)
        p.append(aligned.alignment_offset_p.sel(k=1, direction="A -> B").item())
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.08


def test_alignment_depends_on_the_seed_alone(step_labels) -> None:
    rng = np.random.default_rng(1)
    labels = step_labels("A", 6) + step_labels("B", 6) + step_labels("C", 6)
    imbalance = label_imbalance(rng.random((18, 18)), labels).imbalance
    first, again = depth_alignment(imbalance, seed=3), depth_alignment(imbalance, seed=3)
    assert first.identical(again)
    assert first.attrs == {"alignment_permutations": 1000, "alignment_seed": 3}
    # A third model changes nothing about the other two.
    two = depth_alignment(imbalance.isel(source=slice(12), target=slice(12)), seed=3)
    assert two.sel(direction="A -> B").equals(first.sel(direction="A -> B"))


def test_no_permutations_are_refused(step_labels, depth_imbalance) -> None:
    with pytest.raises(ValueError, match="n_permutations=0"):
        depth_alignment(depth_imbalance(step_labels("A", 3)).imbalance, n_permutations=0)
