"""What the report accepts: order does not matter, gaps are named."""

import numpy as np
import pytest

from jaxsim.report.schema import (
    at_k,
    checked_between,
    checked_results,
    checked_smoothness,
    indistinguishable,
    steps_of,
)
from jaxsim.study.constructed import constructed_study


def test_any_order_of_the_axes_gives_the_same_results():
    results, _, _ = constructed_study({"a": 4, "b": 3})
    shuffled = results.isel(source=[4, 0, 5, 1, 6, 2, 3], target=[6, 5, 4, 3, 2, 1, 0]).transpose(
        "target", "k", "source"
    )
    ordered = checked_results(shuffled)
    assert ordered["source"].values.tolist() == ordered["target"].values.tolist()
    assert ordered["source_model"].values.tolist() == ["b"] * 3 + ["a"] * 4
    for one in results["source"].values:
        for other in results["target"].values:
            cell = {"source": one, "target": other}
            assert float(ordered["imbalance"].sel(cell)[0]) == float(results["imbalance"].sel(cell)[0])


@pytest.mark.parametrize("name", ["imbalance", "standard_error", "source_depth", "target_step", "floor"])
def test_a_missing_variable_is_named(name):
    results, _, _ = constructed_study()
    with pytest.raises(ValueError, match=rf"Expected the results dataset to have {name}"):
        checked_results(results.drop_vars(name))


def test_a_dropped_k_axis_is_refused():
    results, _, _ = constructed_study()
    with pytest.raises(ValueError, match="dimensions"):
        checked_results(results.isel(k=0).drop_vars("k").assign_coords(k=("k", [1]), floor=("k", [0.1])))


def test_a_label_that_occurs_twice_is_refused():
    results, _, _ = constructed_study()
    twice = np.array(["same", *results["source"].values[1:-1], "same"])
    with pytest.raises(ValueError, match="'same' occurs twice"):
        checked_results(results.assign_coords(source=twice, target=twice))


def test_axes_with_other_steps_are_refused():
    results, _, _ = constructed_study()
    with pytest.raises(ValueError, match="list the same steps"):
        checked_results(results.isel(target=slice(0, 3)))


@pytest.mark.parametrize("name", ["forward_se", "marked", "roughness_unmarked", "fixed_step"])
def test_smoothness_must_be_whole(name):
    with pytest.raises(ValueError, match=rf"smoothness dataset to have {name}"):
        checked_smoothness(constructed_study()[1].drop_vars(name))


@pytest.mark.parametrize("name", ["distance", "peak_t", "best_depth", "match_source"])
def test_between_must_be_whole(name):
    with pytest.raises(ValueError, match=rf"between dataset to have {name}"):
        checked_between(constructed_study()[2].drop_vars(name))


def test_no_pairs_is_no_between():
    assert checked_between(None) is None
    assert checked_between(constructed_study({"a": 3})[2]) is None


def test_unknown_k_and_model_are_refused():
    results, _, _ = constructed_study(k=(1, 10))
    assert float(at_k(results, 10)["k"]) == 10
    with pytest.raises(ValueError, match=r"k among \[1, 10\].*k=3"):
        at_k(results, 3)
    with pytest.raises(ValueError, match="'nobody' came"):
        steps_of(results, "nobody")


def test_indistinguishable_is_within_two_errors_of_one():
    value, error = np.array([0.96, 0.95, 1.04, np.nan, 1.0]), np.array([0.021, 0.021, 0.021, 0.02, 0.0])
    assert indistinguishable(value, error).tolist() == [True, False, True, False, True]
