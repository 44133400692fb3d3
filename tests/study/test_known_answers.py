"""Every instrument on constructed representations whose truth is known: it must give the known answer."""

import numpy as np
import pytest
from numpy.random import default_rng

from jaxsim.metrics import imbalance_matrix
from jaxsim.study import StepLabel, Study, information_plane, label_imbalance, step_embedding, step_linkage
from jaxsim.study.inference import extremum_test, permutation_test, smoothness_difference

N = 300
FLOOR = 2 / N
# Of Delta at k = 1 under independence.
ERROR = 0.577 / np.sqrt(N)


def study_of(models: dict[str, list[np.ndarray]]) -> Study:
    labels = [
        StepLabel(name, f"s{i}", i / (len(steps) - 1), channels=x.shape[1])
        for name, steps in models.items()
        for i, x in enumerate(steps)
    ]
    layers = [x for steps in models.values() for x in steps]
    matrix = imbalance_matrix({label.label: x for label, x in zip(labels, layers, strict=True)})
    return Study.from_results(
        label_imbalance(
            np.asarray(matrix.values, np.float64),
            labels,
            standard_error=np.asarray(matrix.standard_error, np.float64),
            n_samples=N,
        )
    )


@pytest.fixture(scope="module")
def latent() -> np.ndarray:
    return default_rng(0).normal(size=(N, 12))


@pytest.fixture(scope="module")
def nested(latent) -> list[np.ndarray]:
    """Every step keeps fewer of the dimensions of the one before."""
    return [latent[:, :d] for d in (12, 8, 5, 3, 1)]


@pytest.fixture(scope="module")
def noisier(latent) -> list[np.ndarray]:
    """Every step adds noise to the one before, more each time: the information decays."""
    rng = default_rng(1)
    steps = [latent[:, :4]]
    for amount in (0.2, 0.4, 0.8, 1.6):
        steps.append(steps[-1] + amount * rng.normal(size=(N, 4)))
    return steps


def test_nested_subspaces_lose_information_in_one_direction(nested) -> None:
    study = study_of({"nested": nested})
    change = study.smoothness.sel(k=1)
    # The wider step predicts the narrower one better than the reverse, at every change.
    assert (change.forward + 4 * change.forward_se < change.backward).all()
    assert change.marked.all()
    # The further apart, the more is lost of the wider one.
    last = study.imbalance.sel(k=1, source="nested/s4")
    assert (np.diff(last.values[:4]) < 0).all()
    plane = information_plane(study.imbalance).sel(k=1)
    assert (plane.forward < plane.backward).all()


def test_added_noise_decays_and_the_biggest_addition_is_the_biggest_change(noisier) -> None:
    study = study_of({"noisier": noisier})
    first = study.imbalance.sel(k=1, source="noisier/s0").values
    assert first[0] == pytest.approx(FLOOR)
    assert (np.diff(first) > 0).all()
    change = study.smoothness.sel(k=1)
    assert (np.diff(change["mean"]) > 0).all()
    assert change.max_change.item() == change["mean"].values[-1]
    assert not change.marked.any()
    # All steps lie in order along the first axis.
    place = step_embedding(study.imbalance).place.sel(k=1).values
    assert (np.diff(place[:, 0]) > 0).all()
    # What merges first is what differs least.
    tree = step_linkage(study.imbalance).linkage.sel(k=1).values
    assert sorted(tree[0, :2]) == [0, 1]


def test_shuffled_samples_are_independent_in_every_instrument(noisier) -> None:
    order = default_rng(2).permutation(N)
    shuffled = [x[order] for x in noisier]
    study = study_of({"a": noisier, "b": shuffled})
    across = study.imbalance.sel(k=1)[:5, 5:]
    assert (np.abs(across - 1) < 4.5 * ERROR).all()
    assert (np.abs(study.between.distance - 1) < 4.5 * ERROR).all()
    # Within each model the shuffle changes nothing.
    np.testing.assert_allclose(study.smoothness["mean"][0, :4], study.smoothness["mean"][0, 4:], atol=1e-6)
    a, b = ({f"s{i}": x for i, x in enumerate(steps)} for steps in (noisier, shuffled))
    assert extremum_test(a, b, n_permutations=99).p_value > 0.01
    assert (extremum_test(a, b, n_permutations=99).adjusted_p_values > 0.01).all()
    assert extremum_test(a, a, n_permutations=99).p_value == 0.01
    assert permutation_test(noisier[0], noisier[4], n_permutations=99).p_value == 0.01
    groups = step_linkage(study.imbalance).order.sel(k=1).values
    assert {name[0] for name in groups[:5]} in ({"a"}, {"b"})


def test_a_repeated_step_is_no_change_and_a_rotated_one_neither(noisier) -> None:
    rotation = np.linalg.qr(default_rng(3).normal(size=(4, 4)))[0]
    x, y = noisier[0], noisier[2]
    study = study_of({"repeats": [x, x, y, 3 * y @ rotation + 1]})
    change = study.smoothness.sel(k=1)
    assert change["mean"].values[[0, 2]] == pytest.approx(FLOOR)
    assert change["mean"].values[1] > 10 * FLOOR
    assert change.roughness.item() == pytest.approx(np.std(change["mean"]))
    height = step_linkage(study.imbalance).linkage.sel(k=1, column="height").values
    assert height[:2] == pytest.approx(FLOOR)


def test_a_copy_matches_at_equal_depth(noisier) -> None:
    study = study_of({"a": noisier, "copy": noisier})
    np.testing.assert_allclose(study.between.distance, FLOOR)
    aligned = study.between.sel(k=1, direction="a -> copy")
    assert aligned.alignment_spearman.item() == 1
    assert aligned.alignment_offset.item() == 0
    assert aligned.alignment_offset_p.item() < 0.05
    match = study.between.sel(k=1)
    assert (match.best_depth == match.match_depth).all()
    steps = {f"s{i}": x for i, x in enumerate(noisier)}
    same = smoothness_difference(steps, steps, statistic="fixed_step")
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_reversed_order_matches_at_the_opposite_depth(noisier) -> None:
    study = study_of({"a": noisier, "reversed": noisier[::-1]})
    aligned = study.between.sel(k=1, direction="a -> reversed")
    assert aligned.alignment_spearman.item() == -1
    assert aligned.alignment_spearman_p.item() > 0.95
    depths = np.linspace(0, 1, 5)
    assert aligned.alignment_offset.item() == pytest.approx(np.abs(1 - 2 * depths).mean())
    match = study.between.sel(k=1)
    np.testing.assert_allclose(match.best_depth, 1 - match.match_depth)
    np.testing.assert_allclose(match.best_value, FLOOR)
    # Equal in the middle, most different at an end.
    distance = match.distance.sel(pair="a | reversed")
    assert distance.sel(t=0.5, method="nearest").item() == pytest.approx(FLOOR)
    assert match.peak_t.item() in (0, 1)
    # The same change, run through backwards: directions swap, means mirror.
    forward, backward = study.smoothness.forward.values[0], study.smoothness.backward.values[0]
    np.testing.assert_allclose(forward[:4], backward[4:][::-1], atol=1e-6)
    np.testing.assert_allclose(study.smoothness.mean_change[0, 0], study.smoothness.mean_change[0, 1], atol=1e-6)
    place = step_embedding(study.imbalance).place.sel(k=1).values
    assert np.abs(place[:5] - place[5:][::-1]).max() < 0.05


def test_one_model_inside_another_predicts_it_in_one_direction(latent) -> None:
    wide = [latent[:, :8] * scale for scale in (1.0, 2.0, 3.0)]
    narrow = [latent[:, :2] * scale for scale in (1.0, 2.0, 3.0)]
    plane = information_plane(study_of({"wide": wide, "narrow": narrow}).imbalance).sel(k=1)
    assert (plane.forward < plane.backward - 0.1).all()
    assert np.ptp(plane.forward.values) < 1e-9  # scale says nothing
