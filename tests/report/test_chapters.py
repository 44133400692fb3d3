"""Sentences of the chapters: they name the right thing, and do not claim what the errors do not allow."""

import numpy as np
import pytest

from jaxsim.report import write_report
from jaxsim.report.alignment import alignments, peaks
from jaxsim.report.chapters.descriptions import describe_descriptions
from jaxsim.report.chapters.effects import describe_effects, describe_sizes
from jaxsim.report.chapters.information import describe_information
from jaxsim.report.chapters.labels import describe_labels
from jaxsim.report.chapters.measures import comparable_findings, describe_agreement, describe_measures
from jaxsim.report.chapters.overview import describe_overview
from jaxsim.report.chapters.pairs import describe_matches, describe_pair, describe_peaks
from jaxsim.report.chapters.paths import describe_paths, describe_plane, describe_tree, plane_counts
from jaxsim.report.chapters.smoothness import describe_changes, describe_stretches
from jaxsim.report.sentences import listed
from jaxsim.study.constructed import (
    constructed_descriptions,
    constructed_findings,
    constructed_information,
    constructed_labels,
    constructed_measures,
    constructed_study,
)
from jaxsim.wording import number

from .conftest import Page, story_of, table_of


def between_ab(results, forward, backward, error):
    """All cells from a to b have one value, all cells back another."""
    changed = results.copy(deep=True)
    for origin, goal, value in (("a", "b", forward), ("b", "a", backward)):
        rows = np.flatnonzero(changed["source_model"].values == origin)
        columns = np.flatnonzero(changed["target_model"].values == goal)
        changed["imbalance"].values[:, rows[:, None], columns] = value
        changed["standard_error"].values[:, rows[:, None], columns] = error
    return changed


def test_a_direction_is_named_only_beyond_its_errors():
    study = constructed_study({"a": 4, "b": 3})
    story = story_of(between_ab(study[0], 0.2, 0.6, 0.01), *study[1:])
    assert describe_pair(story, "a", "b", 1) == "On average from left to right Δ is 0.200, and back 0.600."
    story = story_of(between_ab(study[0], 0.50, 0.53, 0.01), *study[1:])
    assert describe_pair(story, "a", "b", 1).endswith("and back 0.530: no direction stands out.")
    story = story_of(between_ab(study[0], np.nan, 0.5, 0.01), *study[1:])
    assert "undefined" in describe_pair(story, "a", "b", 1)
    assert describe_pair(story, "a", "a", 1).startswith("From the first step of it to the last Δ is ")
    empty = constructed_study({"a": 2, "b": 3}, constant=("a/embeddings",))
    assert describe_pair(story_of(*empty), "a", "a", 1) == "a has fewer than two steps that tell samples apart."


def test_the_overview_orders_pairs_only_beyond_their_errors():
    study = constructed_study({"a": 4, "b": 3, "c": 4})
    apart = describe_overview(story_of(between_ab(study[0], 0.1, 0.1, 0.001), *study[1:]), 1)
    assert apart.startswith("On average a and b are closest (0.100)")
    same = study[0].copy(deep=True)
    same["imbalance"].values[:], same["standard_error"].values[:] = 0.5, 0.02
    assert describe_overview(story_of(same, *study[1:]), 1).endswith("but that order is within the errors.")
    assert describe_overview(story_of(*constructed_study({"a": 4})), 1) == "All 4 steps of a against each other."
    two = constructed_study({"a": 4, "b": 3})
    assert describe_overview(story_of(between_ab(two[0], 0.2, 0.4, 0.0), *two[1:]), 1).endswith("are at Δ = 0.300.")


def test_peaks():
    _, _, between = constructed_study({"a": 5, "b": 7})
    t = between["t"].values
    between["distance"].values[0, 0] = 0.5 - np.abs(t - 0.5)
    between["distance_se"].values[:] = 0.04
    between["peak_t"].values[:] = 0.5
    (peak,) = peaks(between)
    assert (peak.t, peak.lowest, peak.flat) == (0.5, 0.0, False)
    assert peak.spans == (pytest.approx((0.40, 0.60)),)  # 2 * 0.04 * sqrt(2) = 0.113 below the peak
    # Depths are those of a grid, on which no step need lie: the two steps are named.
    said = "a/block01 and b/stage0.block2, the steps nearest to depth 0.50, are most different, by 0.500."
    assert describe_peaks([peak]) == said
    between["distance"].values[:] = 0.4
    assert describe_peaks(peaks(between)).startswith("No depth stands out")
    three = constructed_study(dict.fromkeys("abc", 5))[2]
    three["distance"].values[:] = 0.5 - np.abs(t - 0.5)
    three["distance_se"].values[:], three["peak_t"].values[:] = 0.01, 0.5
    three["distance"].values[0, 2], three["peak_t"].values[0, 2] = t, 1.0
    assert describe_peaks(peaks(three)) == "2 of 3 pairs are most different in the middle half of the depth."
    three["distance"].values[:] = np.nan
    assert describe_peaks(peaks(three)) == "No distance between two models is defined."


def test_a_second_hill_as_high_as_the_peak_is_not_hidden():
    _, _, between = constructed_study({"a": 5, "b": 7})
    between["distance"].values[:] = 0.1
    between["distance"].values[0, 0, [10, 35, 36, 37]] = 0.5
    between["distance_se"].values[:], between["peak_t"].values[:] = 0.01, 0.2
    (peak,) = peaks(between)
    assert [tuple(np.round(span, 2)) for span in peak.spans] == [(0.2, 0.2), (0.7, 0.74)]


def test_matches_against_an_even_spread():
    results, _, between = constructed_study({"a": 5, "b": 5})
    between["best_depth"].values[0] = between["match_depth"].values
    rows = alignments(between, results)
    assert [(row.offset, row.within_tenth, row.n_steps) for row in rows] == [(0.0, 5, 5)] * 2
    depth = np.linspace(0, 1, 5)
    spread = np.abs(depth[:, None] - depth).mean()
    assert rows[0].spread == pytest.approx(spread)
    assert describe_matches(rows).endswith(f"where an even spread would give {number(spread)}.")


def test_the_smoothest_is_named_with_its_doubt():
    study = constructed_study({"a": 5, "b": 9})
    smoothness = study[1].copy(deep=True)
    smoothness["fixed_step"].values[0, 0], smoothness["fixed_step"].values[0, 1] = 0.2, 0.4
    smoothness["fixed_step_se"].values[:] = 0.01
    said = "a changes least (0.200) and b most (0.400), the mean of both directions."
    assert describe_stretches(story_of(study[0], smoothness), 1) == said
    smoothness["fixed_step_se"].values[:] = 0.06
    assert describe_stretches(story_of(study[0], smoothness), 1).endswith("within two query-row errors of each other.")
    smoothness["fixed_step"].values[0, 0] = np.nan
    assert "not defined at any depth" in describe_stretches(story_of(study[0], smoothness), 1)


def test_the_largest_change_and_its_mark():
    results, smoothness, _ = constructed_study({"a": 9}, families={"a": "resnet"})
    (marked,) = np.flatnonzero(smoothness["marked"].values)
    smoothness["mean"].values[0, marked] = 0.9
    ends = [str(smoothness[name].values[marked]) for name in ("step_from", "step_to")]
    said = f"The largest change is that of a between {ends[0]} and {ends[1]}, 0.900"
    where = ", where resolution or width changes."
    assert describe_changes(story_of(results, smoothness), 1) == f"{said}, the mean of both directions{where}"
    # A measure that has no direction has no mean of two.
    symmetric = results.assign_attrs(measure="cka", symmetric=1)
    assert describe_changes(story_of(symmetric, smoothness), 1) == f"{said}{where}"
    smoothness["mean"].values[0, 0] = 0.95
    assert "resolution" not in describe_changes(story_of(results, smoothness), 1)


def test_what_the_last_steps_hold():
    study = constructed_study({"a": 3, "b": 3})
    known = constructed_information(study[0])
    known["forward"].loc[{"space": "all"}] = np.array([[0.1, 0.2, 0.3, 0.1, 0.5, 0.7]])
    known["forward_se"].values[:] = 0.01
    said = describe_information(story_of(*study, information=known), 1)
    assert said == "Of the statistics together, the last step of a holds most (0.300) and that of b least (0.700)."
    known["forward_se"].values[:] = 0.2
    assert describe_information(story_of(*study, information=known), 1).endswith("query-row errors of each other.")
    known["forward"].values[:] = np.nan
    assert "undefined" in describe_information(story_of(*study, information=known), 1)


def test_what_is_told_of_labels():
    study = constructed_study({"a": 3, "b": 3})
    labels = constructed_labels(study[0])
    labels["overlap"].values[0, :, 0] = [0.1, 0.2, 0.9, 0.1, 0.2, 0.3]
    said = describe_labels(story_of(*study, labels=labels), 1)
    assert said == "Neighbours share the class most in the last step of a (0.900; by chance 0.100)."


def test_effects_are_counted():
    found = constructed_findings(spaces=())
    found["p_corrected"].values[np.isfinite(found["p_corrected"].values)] = 0.5
    found["p_corrected"].values[0, 0] = 0.01
    assert describe_effects(found, 1) == "Of 2 tested effects, 1 can be told from nothing, by corrected p."
    assert describe_sizes(found, 1) == "No tested effect has another sign with fewer samples."
    found["sign_changes"].values[0, 0] = True
    assert describe_sizes(found, 1) == "Of 2 tested effects, 1 has another sign with fewer samples."


def test_where_a_step_is_largest():
    study = constructed_study({"a": 3, "b": 3})
    made = constructed_descriptions(study[0])[["intrinsic_dimension"]]
    made["intrinsic_dimension"].values[0] = [1, 7, 3, 2, 4, 12.345]
    said = describe_descriptions(story_of(*study, descriptions=made), 1)
    last = made["step_name"].values[5]
    assert said == f"Intrinsic dimension (TwoNN) is largest at {last} of b (12.3), at depth 1.00."
    made["intrinsic_dimension"].values[0] = np.nan
    assert "undefined for every step" in describe_descriptions(story_of(*study, descriptions=made), 1)


def test_what_other_measures_bear_out():
    made = constructed_measures()
    opening = "Debiased CKA orders the pairs of steps most like information imbalance"
    assert describe_measures(made, 1).startswith(opening)
    assert describe_agreement(made, 1) == (
        "Of 4 effects whose interval excludes 0 by information imbalance, 2 have the same sign by every measure."
    )
    made["effect_low"].values[0, 0], made["effect_high"].values[0, 0] = -1.0, 1.0
    assert describe_agreement(made, 1) == "No interval of an effect excludes 0 by information imbalance."
    made["kind"].values[:] = "smoothness"  # of which 0 is not what nothing gives
    assert comparable_findings(made, 1) is None
    assert describe_agreement(made.drop_dims("finding"), 1) == ""
    made["rank_correlation"].values[:, 0, 1:] = np.nan
    assert describe_measures(made, 1) == "No other measure has an order of its own."


def test_measures_and_descriptions_are_on_the_page(tmp_path):
    study, made = constructed_study({"a": 5, "b": 5}), constructed_measures()
    described = constructed_descriptions(study[0])
    index = write_report(*study, tmp_path, measures=made, descriptions=described)
    payload = Page(index.read_text(encoding="utf-8")).payload
    written = payload["figures"]["measure-correlations"]["k"][0]["values"]
    np.testing.assert_allclose(written, made["rank_correlation"].values[0], rtol=1e-4)
    rows = table_of(payload, "effects-by-measure")
    np.testing.assert_allclose([row[4] for row in rows], made["effect"].values[0, 0], rtol=1e-4)
    assert len(table_of(payload, "disagreements")) == made.sizes["disagreement"]
    rows = table_of(payload, "description-steps")
    np.testing.assert_allclose([row[3] for row in rows], described["intrinsic_dimension"].values[0], rtol=1e-4)


def test_paths_trees_and_planes():
    from jaxsim.study import information_plane, step_embedding, step_linkage

    results = constructed_study(dict.fromkeys("abcd", 3))[0]
    tree = step_linkage(results.imbalance)
    placed = step_embedding(results.imbalance).merge(tree, compat="no_conflicts", combine_attrs="drop_conflicts")
    assert describe_paths(placed, 1).startswith("The two axes show ")
    assert "join" in describe_tree(placed, 1)
    plane = information_plane(results.imbalance, results.standard_error)
    assert [row[:2] for row in plane_counts(plane, 1)] == [
        ("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d"),
    ]  # fmt: skip
    plane["forward"].values[:], plane["backward"].values[:], plane["forward_se"].values[:] = 0.2, 0.8, 0.0
    plane["backward_se"].values[:] = 0.0
    assert describe_plane(plane, 1) == "The most one-sided pair: a holds more of b in 9 pairs of steps, and less in 0."


def test_numbers_and_lists():
    assert [number(value) for value in (0.5, 0.01, 0.0012345, 0.0, float("nan"))] == [
        "0.500", "0.010", "0.0012", "0.000", "undefined",
    ]  # fmt: skip
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
