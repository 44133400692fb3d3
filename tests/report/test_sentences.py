"""Sentences on constructed numbers: they name the right thing, and do not claim what the errors do not allow."""

import numpy as np
import pytest
import xarray as xr

from jaxsim.report.alignment import alignments, describe_alignments, describe_peaks, peaks
from jaxsim.report.sentences import (
    describe_direction,
    describe_fixed_step,
    describe_overview,
    describe_pair,
    describe_smoothness,
    describe_within,
    listed,
    number,
)
from jaxsim.study.constructed import constructed_study


def with_values(results: xr.Dataset, forward: float, backward: float, error: float) -> xr.Dataset:
    """All cells from a to b have one value, all cells back another."""
    changed = results.copy(deep=True)
    for origin, goal, value in (("a", "b", forward), ("b", "a", backward)):
        rows = np.flatnonzero(changed["source_model"].values == origin)
        columns = np.flatnonzero(changed["target_model"].values == goal)
        changed["imbalance"].values[:, rows[:, None], columns] = value
        changed["standard_error"].values[:, rows[:, None], columns] = error
    return changed


@pytest.fixture
def two() -> xr.Dataset:
    return constructed_study({"a": 4, "b": 3})[0]


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_a_clear_direction_is_named(two):
    said = describe_direction(with_values(two, 0.2, 0.6, 0.01), "a", "b")
    assert "Δ(a → b) is 0.200 and Δ(b → a) is 0.600" in said
    assert said.endswith("neighbours in a say more about b than the reverse.")
    assert "neighbours in b say more about a" in describe_direction(with_values(two, 0.6, 0.2, 0.01), "a", "b")


def test_a_difference_within_its_error_has_no_direction(two):
    said = describe_direction(with_values(two, 0.50, 0.53, 0.01), "a", "b")
    assert "no direction stands out" in said
    assert "say more" not in said


def test_an_undefined_pair_is_called_so(two):
    empty = with_values(two, np.nan, 0.5, 0.01)
    assert "undefined" in describe_direction(empty, "a", "b")
    assert "undefined" in describe_pair(empty, "a", "b")


def test_the_smallest_cell_is_named_and_its_selection_admitted(two):
    changed = with_values(two, 0.7, 0.7, 0.01)
    row = int(np.flatnonzero(changed["source_model"].values == "a")[2])
    column = int(np.flatnonzero(changed["target_model"].values == "b")[1])
    changed["imbalance"].values[0, row, column] = 0.25
    said = plain(describe_pair(changed, "a", "b"))
    step, goal = changed["source_step"].values[row], changed["target_step"].values[column]
    assert said.startswith(f"{step} predicts {goal} best (0.250 ± 0.010, the smallest of 12")
    assert said.endswith("No cell is within two query-row errors of 1.")


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.99, 0.01, "All cells are not distinguishable from independent"),
        (1.10, 0.01, "12 cells are above 1 by more than two query-row errors"),
        (0.90, 0.01, "No cell is within two query-row errors of 1."),
    ],
)
def test_cells_near_one_are_counted(two, value, error, expected):
    assert expected in describe_pair(with_values(two, value, 0.5, error), "a", "b")


def test_a_single_cell_like_independent_is_counted_in_the_singular(two):
    changed = with_values(two, 0.5, 0.5, 0.01)
    row = int(np.flatnonzero(changed["source_model"].values == "a")[0])
    column = int(np.flatnonzero(changed["target_model"].values == "b")[0])
    changed["imbalance"].values[0, row, column] = 0.99
    assert "1 cell of 12 is not distinguishable" in describe_pair(changed, "a", "b")


def test_overview_orders_pairs_only_beyond_error():
    results, _, _ = constructed_study({"a": 4, "b": 3, "c": 4})
    apart = with_values(results, 0.1, 0.1, 0.001)
    said = describe_overview(apart)
    assert "a and b are closest (0.100)" in said
    assert "uncertain" not in said
    same = results.copy(deep=True)
    same["imbalance"].values[:] = 0.5
    same["standard_error"].values[:] = 0.02
    assert "uncertain" in describe_overview(same)
    assert describe_overview(constructed_study({"a": 4})[0]).startswith("All 4 steps of a")


def test_within_compares_first_and_last_step(two):
    changed = two.copy(deep=True)
    changed["imbalance"].values[0, 0, 3], changed["imbalance"].values[0, 3, 0] = 0.3, 0.6
    changed["standard_error"].values[0, 0, 3] = changed["standard_error"].values[0, 3, 0] = 0.01
    assert "the first step predicts the last better" in describe_within(changed, "a")
    changed["imbalance"].values[0, 3, 0] = 0.31
    assert "do not differ by more than two query-row errors" in describe_within(changed, "a")


def test_smoothness_warns_when_step_counts_differ():
    _, smoothness, _ = constructed_study({"a": 5, "b": 12})
    assert "more steps look smoother for that reason alone" in describe_smoothness(smoothness)
    _, level, _ = constructed_study({"a": 5, "b": 5})
    assert "more steps" not in describe_smoothness(level)


def test_smoothness_names_the_largest_change_and_its_mark():
    _, smoothness, _ = constructed_study({"a": 9}, families={"a": "resnet"})
    marked = np.flatnonzero(smoothness["marked"].values)
    assert len(marked) == 1
    smoothness["mean"].values[0, marked[0]] = 0.9
    said = describe_smoothness(smoothness)
    assert f"from {smoothness['step_from'].values[marked[0]]} to {smoothness['step_to'].values[marked[0]]}" in said
    assert said.endswith("where its resolution or width changes.")
    smoothness["mean"].values[0, 0] = 0.95
    assert "resolution" not in describe_smoothness(smoothness)


def test_fixed_step_uses_shared_depths_and_its_error():
    _, smoothness, _ = constructed_study({"a": 5, "b": 9}, h=0.25)
    smoothness["fixed_step"].values[0, 0] = 0.2
    smoothness["fixed_step"].values[0, 1] = 0.4
    smoothness["fixed_step_se"].values[:] = 0.01
    said = describe_fixed_step(smoothness)
    assert "Over a stretch of 0.25" in said
    assert "averaged from t = 0.00 to 0.75" in said
    assert "a changes least (0.200) and b most (0.400); they differ by more" in said
    smoothness["fixed_step_se"].values[:] = 0.06
    assert "within two query-row errors" in describe_fixed_step(smoothness)
    smoothness["fixed_step"].values[0, 0] = np.nan
    assert "not defined at any depth" in describe_fixed_step(smoothness)


def test_a_peak_comes_with_the_depths_it_cannot_be_told_from():
    _, _, between = constructed_study({"a": 5, "b": 7})
    t = between["t"].values
    between["distance"].values[0, 0] = 0.5 - np.abs(t - 0.5)
    between["distance_se"].values[:] = 0.04
    between["peak_t"].values[:] = 0.5
    (peak,) = peaks(between)
    assert (peak.t, peak.lowest, peak.flat) == (0.5, 0.0, False)
    assert peak.spans == (pytest.approx((0.40, 0.60)),)  # 2 * 0.04 * sqrt(2) = 0.113 below the peak
    said = plain(describe_peaks([peak]))
    assert said.startswith("a and b are most different at relative depth 0.50 (0.500 ± 0.040")
    assert "Within two query-row errors of the peak: 0.40 to 0.60;" in said


def test_a_second_hill_as_high_as_the_peak_is_not_hidden():
    _, _, between = constructed_study({"a": 5, "b": 7})
    between["distance"].values[:] = 0.1
    between["distance"].values[0, 0, [10, 35, 36, 37]] = 0.5
    between["distance_se"].values[:] = 0.01
    between["peak_t"].values[:] = 0.2
    (peak,) = peaks(between)
    assert "Within two query-row errors of the peak: 0.20 and 0.70 to 0.74;" in describe_peaks([peak])
    between["distance"].values[0, 0, 35:38] = 0.1
    assert "All other depths are lower" in describe_peaks(peaks(between))


def test_a_flat_curve_has_no_most_different_step():
    _, _, between = constructed_study({"a": 5, "b": 7})
    between["distance"].values[:] = 0.4
    said = describe_peaks(peaks(between))
    assert "no processing step stands out" in said
    assert "most different" not in said


def test_many_pairs_are_summed_up():
    _, _, between = constructed_study({"a": 5, "b": 7, "c": 4})
    between["distance"].values[:] = 0.2 + 0.1 * np.sin(np.pi * between["t"].values)
    between["distance_se"].values[:] = 0.001
    between["peak_t"].values[:] = 0.5
    between["distance"].values[0, 2, -1] = 0.8
    between["peak_t"].values[0, 2] = 1.0
    said = plain(describe_peaks(peaks(between)))
    assert said.startswith("The highest point of all curves is 0.800 ± 0.001, between b and c at relative depth 1.00")
    assert "Of the 3 pairs, 2 peak in the middle half" in said
    between["distance"].values[:] = np.nan
    assert describe_peaks(peaks(between)) == "No distance between two models is defined."


def test_alignment_against_an_even_spread():
    results, _, between = constructed_study({"a": 5, "b": 5})
    between["best_depth"].values[0] = between["match_depth"].values
    rows = alignments(between, results)
    assert [(row.offset, row.within_tenth, row.n_steps) for row in rows] == [(0.0, 5, 5)] * 2
    depth = np.linspace(0, 1, 5)
    assert rows[0].spread == pytest.approx(np.abs(depth[:, None] - depth).mean())
    assert "nearer than that for 2 of 2 ordered pairs" in describe_alignments(rows)
    between["best_depth"].values[0] = 1 - between["match_depth"].values
    assert "nearer than that for 0 of 2 ordered pairs" in describe_alignments(alignments(between, results))


def test_alignment_reports_the_study_s_shuffle_test_where_there_is_one():
    results, _, between = constructed_study({"a": 5, "b": 5})
    assert describe_alignments(alignments(between, results)).endswith("tests nothing.")
    tested = between.assign(
        alignment_spearman=(("k", "direction"), np.array([[0.9, 0.5]])),
        alignment_offset_p=(("k", "direction"), np.array([[0.01, 0.4]])),
    ).assign_coords(direction_from=("direction", ["b", "a"]), direction_to=("direction", ["a", "b"]))
    rows = alignments(tested, results)
    assert [(row.source, row.spearman, row.offset_p) for row in rows] == [("a", 0.5, 0.4), ("b", 0.9, 0.01)]
    said = describe_alignments(rows)
    assert "1 of 2 ordered pairs is nearer (p at most 0.05" in said
    assert "lower bounds" in said


def test_step_changes_that_errors_cannot_tell_apart_are_called_so():
    _, smoothness, _ = constructed_study({"a": 5, "b": 5})
    smoothness["mean_change"].values[:] = [[0.20, 0.24]]
    smoothness["mean_change_se"].values[:] = 0.011
    assert "b most (0.240 over 4 changes), within two query-row errors (a bound)" in describe_smoothness(smoothness)
    smoothness["mean_change_se"].values[:] = 0.009
    assert "within two query-row errors" not in describe_smoothness(smoothness)


def test_numbers_and_lists():
    assert [number(value) for value in (0.5, 0.01, 0.0012345, 0.0, float("nan"))] == [
        "0.500",
        "0.010",
        "0.0012",
        "0.000",
        "undefined",
    ]
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
