import numpy as np
import pytest

from jaxsim.study import StepLabel, label_imbalance, smoothness_profile


def test_step_change_has_both_directions_and_their_mean(step_labels, depth_imbalance) -> None:
    results = depth_imbalance(step_labels("m", 5))
    profile = smoothness_profile(results.imbalance, results.standard_error)
    np.testing.assert_allclose(profile["forward"].sel(k=1), 0.002 + 0.25 * 0.6)
    np.testing.assert_allclose(profile["backward"].sel(k=1), 0.002 + 0.25 * 0.4)
    np.testing.assert_allclose(profile["mean"].sel(k=1), 0.002 + 0.25 * 0.5)
    np.testing.assert_allclose(profile["mean_se"].sel(k=1), 0.01)
    assert profile.depth_from.values.tolist() == [0.0, 0.25, 0.5, 0.75]
    assert profile.depth.values.tolist() == [0.125, 0.375, 0.625, 0.875]
    assert profile.step_to.values.tolist() == ["block01", "block02", "block03", "block04"]
    assert profile.roughness.item() == pytest.approx(0, abs=1e-12)


def test_a_repeated_step_changes_by_the_floor_in_both_directions() -> None:
    # The second and third steps are the same representation.
    values = np.array([[0.02, 0.5, 0.5], [0.4, 0.02, 0.02], [0.4, 0.02, 0.02]])
    labels = [StepLabel("m", name, depth) for name, depth in (("a", 0.0), ("b", 0.5), ("b_again", 1.0))]
    results = label_imbalance(values, labels, n_samples=100)
    profile = smoothness_profile(results.imbalance)
    repeated = profile.isel(change=profile.step_to.values == "b_again").sel(k=1)
    assert repeated.forward.item() == repeated.backward.item() == repeated["mean"].item() == results.floor.item()


def test_summary_with_and_without_marked_steps() -> None:
    changes = [0.1, 0.7, 0.3]  # the second one is where the resolution halves
    values = np.full((4, 4), 0.9)
    for i, change in enumerate(changes):
        values[i, i + 1] = values[i + 1, i] = change
    grids = [(8, 8), (8, 8), (4, 4), (4, 4)]
    labels = [StepLabel("r", f"b{i}", i / 3, grid=grids[i], channels=16) for i in range(4)]
    profile = smoothness_profile(label_imbalance(values, labels).imbalance).sel(k=1, model_name="r")
    assert profile.marked.values.tolist() == [False, True, False]
    assert profile.mean_change.item() == pytest.approx(np.mean(changes))
    assert profile.max_change.item() == pytest.approx(0.7)
    assert profile.roughness.item() == pytest.approx(np.std(changes))
    assert profile.mean_change_unmarked.item() == pytest.approx(0.2)
    assert profile.max_change_unmarked.item() == pytest.approx(0.3)
    assert profile.roughness_unmarked.item() == pytest.approx(0.1)


def test_a_change_of_channels_alone_is_marked(step_labels, depth_imbalance) -> None:
    results = depth_imbalance(step_labels("r", 3, channels=(16, 32, 32)))
    assert smoothness_profile(results.imbalance).marked.values.tolist() == [True, False]


def test_without_grids_and_channels_nothing_is_marked(step_labels, depth_imbalance) -> None:
    imbalance = depth_imbalance(step_labels("r", 3, channels=(16, 32, 32))).imbalance
    bare = imbalance.drop_vars([f"{side}_{what}" for side in ("source", "target") for what in ("grid", "channels")])
    assert not smoothness_profile(bare).marked.any()


def test_fixed_step_is_the_same_for_a_coarse_and_a_fine_model_of_one_process(step_labels, depth_imbalance) -> None:
    # One process seen at 4 and at 13 steps: step changes differ threefold, the fixed-step profile does not.
    results = depth_imbalance(step_labels("coarse", 4) + step_labels("fine", 13))
    profile = smoothness_profile(results.imbalance, grid=[0.0, 1 / 3, 2 / 3]).sel(k=1)
    assert profile.attrs["h"] == pytest.approx(1 / 3)
    assert "coarse" in profile.attrs["h_from"]
    coarse, fine = (profile.fixed_step.sel(model_name=name).values for name in ("coarse", "fine"))
    np.testing.assert_allclose(coarse, fine)
    np.testing.assert_allclose(coarse, 0.002 + 0.5 / 3)
    np.testing.assert_allclose(profile.fixed_step_span, 1 / 3)
    ratio = profile.mean_change.sel(model_name="coarse") / profile.mean_change.sel(model_name="fine")
    assert ratio.item() > 3


def test_default_h_never_compares_a_step_with_itself(step_labels, depth_imbalance) -> None:
    labels = step_labels("a", 4) + step_labels("b", 7) + step_labels("c", 12)
    profile = smoothness_profile(depth_imbalance(labels).imbalance)
    assert profile.fixed_step_span.min() > 0
    assert profile.fixed_step.attrs["h"] == profile.attrs["h"] == pytest.approx(1 / 3)


def test_the_earlier_of_two_equally_near_steps_is_taken(step_labels, depth_imbalance) -> None:
    imbalance = depth_imbalance(step_labels("m", 3)).imbalance  # depths 0, 0.5, 1
    profile = smoothness_profile(imbalance, h=0.5, grid=[0.25, 0.26])
    # 0.25 ties between 0 and 0.5, 0.75 between 0.5 and 1; 0.26 and 0.76 do not tie.
    assert profile.fixed_step_span.values.tolist() == [[0.5, 0.5]]
    wider = smoothness_profile(imbalance, h=0.75, grid=[0.0, 0.25])
    assert wider.fixed_step_span.values.tolist() == [[0.5, 1.0]]


@pytest.mark.parametrize("h", [0.1, 0.0, -1.0, 1.5, float("nan")])
def test_an_h_that_compares_a_step_with_itself_is_refused(step_labels, depth_imbalance, h) -> None:
    with pytest.raises(ValueError, match=r"expected h between 0\.3333"):
        smoothness_profile(depth_imbalance(step_labels("m", 4)).imbalance, h=h)


def test_a_grid_beyond_the_last_step_is_refused(step_labels, depth_imbalance) -> None:
    with pytest.raises(ValueError, match=r"within \[0, 1 - h\]"):
        smoothness_profile(depth_imbalance(step_labels("m", 4)).imbalance, grid=[0.9])


def test_models_of_one_and_two_steps(step_labels, depth_imbalance) -> None:
    profile = smoothness_profile(depth_imbalance(step_labels("one", 1) + step_labels("two", 2)).imbalance).sel(k=1)
    assert profile.sizes["change"] == 1
    assert profile.t.values.tolist() == [0.0]
    assert np.isnan(profile.mean_change.sel(model_name="one"))
    assert np.isnan(profile.fixed_step.sel(model_name="one")).all()
    assert profile.fixed_step.sel(model_name="two").item() == pytest.approx(0.502)


def test_several_k_are_independent(step_labels, depth_imbalance) -> None:
    results = depth_imbalance(step_labels("m", 4), k=(1, 10))
    both = smoothness_profile(results.imbalance, results.standard_error)
    for k in (1, 10):
        alone = smoothness_profile(results.imbalance.sel(k=k), results.standard_error.sel(k=k))
        np.testing.assert_array_equal(both["mean"].sel(k=k), alone["mean"].sel(k=k))
