import numpy as np
import pytest
import xarray as xr

from jaxsim.study import StepLabel, between_models, label_imbalance, smoothness_profile


def test_labels_carry_every_coordinate_of_a_step() -> None:
    labels = [StepLabel("r", "stem", 0.0, "stem", (8, 6), 32), StepLabel("r", "head", 1.0, "head", None, 10)]
    results = label_imbalance(np.zeros((2, 2)), labels, k=3, n_samples=100)
    assert results.floor.values.tolist() == [0.04]
    for side in ("source", "target"):
        assert results[side].values.tolist() == ["r/stem", "r/head"]
        assert results[f"{side}_grid"].values.tolist() == ["8x6", ""]
        assert results[f"{side}_channels"].values.tolist() == [32, 10]
        assert results[f"{side}_kind"].values.tolist() == ["stem", "head"]


def test_several_k_keep_their_order() -> None:
    labels = [StepLabel("m", "a", 0.0), StepLabel("m", "b", 1.0)]
    values = np.stack([np.full((2, 2), 0.1), np.full((2, 2), 0.2)])
    results = label_imbalance(values, labels, k=(10, 1), n_samples=50)
    assert results.imbalance.sel(k=10).values.tolist() == [[0.1, 0.1], [0.1, 0.1]]
    assert results.floor.sel(k=1).item() == 0.04


@pytest.mark.parametrize(
    ("values", "steps", "k", "message"),
    [
        (np.zeros((2, 2)), ("a", "b", "c"), 1, r"expected values of shape \(1, 3, 3\)"),
        (np.zeros((1, 2, 2)), ("a", "b"), (1, 3), r"expected values of shape \(2, 2, 2\)"),
        (np.zeros((2, 2)), ("a", "a"), 1, "'m/a' comes more than once"),
    ],
)
def test_what_does_not_fit_is_refused(values, steps, k, message) -> None:
    labels = [StepLabel("m", step, i / 2) for i, step in enumerate(steps)]
    with pytest.raises(ValueError, match=message):
        label_imbalance(values, labels, k=k)


def test_unlabelled_arrays_are_refused_with_what_is_missing() -> None:
    with pytest.raises(ValueError, match="missing: source, target, source_model"):
        smoothness_profile(xr.DataArray(np.zeros((2, 2)), dims=("a", "b")))


def test_sources_and_targets_must_be_the_same_steps(step_labels, depth_imbalance) -> None:
    imbalance = depth_imbalance(step_labels("m", 4)).imbalance
    with pytest.raises(ValueError, match="'m/block03' is not once in each"):
        between_models(imbalance.isel(target=slice(0, 3)))


def test_column_order_does_not_matter(step_labels, depth_imbalance) -> None:
    results = depth_imbalance(step_labels("m", 4) + step_labels("n", 3))
    shuffled = results.isel(target=[6, 2, 0, 1, 5, 4, 3])
    xr.testing.assert_identical(
        smoothness_profile(shuffled.imbalance, shuffled.standard_error),
        smoothness_profile(results.imbalance, results.standard_error),
    )


def test_steps_out_of_processing_order_are_refused(step_labels, depth_imbalance) -> None:
    imbalance = depth_imbalance(step_labels("m", 3)).imbalance
    with pytest.raises(ValueError, match="processing order"):
        smoothness_profile(imbalance.isel(source=[1, 0, 2], target=[1, 0, 2]))


def test_errors_of_other_steps_are_refused(step_labels, depth_imbalance) -> None:
    mine, other = depth_imbalance(step_labels("m", 3)), depth_imbalance(step_labels("n", 3))
    with pytest.raises(ValueError, match="labelled like the imbalance"):
        smoothness_profile(mine.imbalance, other.standard_error)
