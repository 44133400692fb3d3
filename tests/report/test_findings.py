"""Sentences about findings: counts, directions and controls are those of the values at N and of their intervals."""

import numpy as np
import pytest

from jaxsim.report.effects import interval
from jaxsim.report.finding_sentences import (
    describe_information,
    describe_labels,
    describe_order,
    describe_smoothness,
)
from jaxsim.report.findings import checked_findings, finding_rows, questions, study_of
from jaxsim.study.constructed import constructed_findings

from .conftest import NOTE, changed

SURE = {"p_corrected": 0.001}
MODELS = ("a", "b", "c", "d", "e")


def with_values(findings, kind, values, half=0.05, space=None):
    """The findings with the values of one kind, one by one, and intervals of a half width around them."""
    found = findings.copy(deep=True)
    own = findings["kind"].values == kind
    if space is not None:
        own &= findings["space"].values == space
    found["value"].values[:, own] = values
    found["low"].values[:, own], found["high"].values[:, own] = np.array(values) - half, np.array(values) + half
    return found


def changed_beyond(findings):
    """Of the differences in smoothness, the second alone is not beyond that of random weights."""
    found = findings.copy(deep=True)
    own = np.flatnonzero(found["kind"].values == "smoothness_difference")
    up = found["value"].values[:, own] > 0
    found["beyond_low"].values[:, own] = np.where(up, 0.01, -0.2)
    found["beyond_high"].values[:, own] = np.where(up, 0.2, -0.01)
    found["beyond_low"].values[:, own[1]], found["beyond_high"].values[:, own[1]] = -0.1, 0.1
    return found


def test_one_pair_is_named_and_its_control_told():
    found = changed(constructed_findings(), "alignment", value=0.2, low=0.1, high=0.3, control=0.0, **SURE)
    said = describe_order(found)
    assert said.startswith(
        "Best-matching steps lie nearer in depth than shuffled ones (vit, resnet: +0.200 [+0.100, +0.300]"
    )
    assert "by more than with random weights" in said
    assert "Half way through, models are at Δ = " in said


def test_what_chance_could_have_done_is_not_claimed():
    unsure = changed(constructed_findings(), "alignment", value=0.01)
    assert describe_order(unsure).startswith("It cannot be told from chance whether best-matching steps")
    unsure = changed(constructed_findings(), "smoothness_difference", value=0.01)
    assert "no two differ beyond chance: every interval holds 0 (+0.010 [" in describe_smoothness(unsure)
    unsure = changed(constructed_findings(), "information_difference", value=0.01)
    assert "no two differ beyond chance" in describe_information(unsure)


def test_counts_are_of_the_values_and_say_how_many_intervals_agree():
    rows = constructed_findings(MODELS, spaces=("all",))
    said = describe_information(with_values(rows, "information_change", [-0.2, -0.03, -0.01, -0.3, 0.02]))
    assert said.startswith(
        "In 1 of 5 models, the last step holds less of the image statistics together than the first (interval above 0 "
        "in none); in 4, the last step holds more of the image statistics together than the first (interval below 0 in "
        "2): −0.300 to +0.020"
    )
    said = describe_information(with_values(rows, "information_change", [0.2, 0.1, 0.3, np.nan, 0.4]))
    assert "In 4 of 5 models, " in said
    assert "(interval above 0 in all); in 1, it is undefined: +0.100 to +0.400" in said


@pytest.mark.parametrize(("value", "smoother", "other"), [(-0.1, "vit", "resnet"), (0.1, "resnet", "vit")])
def test_the_smaller_change_is_the_smoother_one(value, smoother, other):
    values = {"value": value, "low": value - 0.02, "high": value + 0.02, **SURE}
    found = changed(constructed_findings(), "smoothness_difference", **values)
    found = changed(found, "smoothness_difference", beyond_low=value - 0.01, beyond_high=value + 0.01)
    said = describe_smoothness(found)
    assert f"{smoother} changes less than {other} (by 0.100 [0.080, 0.120]" in said
    assert said.endswith(", by more than with random weights.")
    found = changed(found, "smoothness_difference", beyond_low=-0.5, beyond_high=0.5)
    assert describe_smoothness(found).endswith(", but not by more than with random weights.")


def test_many_pairs_are_counted_and_the_largest_named_first():
    found = constructed_findings(MODELS[:4], spaces=())
    values = [0.1, -0.5, 0.3, 0.01, 0.2, 0.4]
    found = changed(with_values(found, "smoothness_difference", values), "smoothness_difference", p_corrected=0.2)
    found["p_corrected"].values[:, np.flatnonzero(found["kind"].values == "smoothness_difference")[1]] = 0.01
    said = describe_smoothness(found)
    assert "the interval of the difference excludes 0 in 5 of 6 pairs (corrected p below 0.05 in 1): a changes" in said
    assert said.index("by 0.500") < said.index("by 0.400") < said.index("by 0.300") < said.index("by 0.200")
    assert "; and 1 more with smaller differences, in the table; where the interval excludes 0, by more than" in said
    assert "by more than with random weights in 4 of 5" in describe_smoothness(changed_beyond(found))


def test_the_larger_value_knows_less():
    values = {"value": 0.3, "low": 0.2, "high": 0.4, **SURE}
    said = describe_information(changed(constructed_findings(), "information_difference", **values))
    assert "that of resnet holds more than that of vit (by 0.300 [0.200, 0.400]" in said


def test_of_labels_the_larger_value_separates_better():
    found = changed(constructed_findings(labels=("class",)), "label_difference", value=0.3, **SURE)
    said = describe_labels(changed(found, "label_change", value=0.4))
    assert said.startswith(
        "In 2 of 2 models, the last step separates class better than the first (interval above 0 in all): "
    )
    assert "that of vit separates it better than that of resnet (by 0.300 [0.250, 0.350]" in said
    two = describe_labels(constructed_findings(labels=("class", "shape")))
    assert "separates class" in two
    assert "separates shape" in two


def test_a_kind_without_an_interval_says_why_and_still_has_its_value():
    found = constructed_findings(notes={"alignment": NOTE, "smoothness_difference": NOTE})
    value = float(found["value"].values[0, 0])
    said = describe_order(found)
    assert said.startswith("Best-matching steps lie nearer")
    assert f"+{value:.3f} (no interval: {NOTE})" in said
    assert "chance" not in said.split(".")[0]
    assert f"This has no interval: {NOTE}." in describe_smoothness(found)
    cell = finding_rows(found, "alignment")[0][1]
    assert cell == f'+{value:.3f} <span class="why">no interval: {NOTE}</span>'
    assert "nan" not in " ".join(finding_rows(found, "alignment")[0])


def test_without_a_control_that_is_said():
    found = changed(constructed_findings(control=False), "alignment", value=0.2, **SURE)
    assert "no control of random weights was run" in describe_order(found)
    assert finding_rows(found, "alignment")[0][3] == "–"
    assert finding_rows(constructed_findings(shuffled=False), "alignment")[0][4] == "–"


def test_rows_are_sorted_by_size_and_carry_what_smaller_samples_gave():
    found = with_values(constructed_findings(MODELS, spaces=()), "smoothness", [0.1, -0.4, 0.3, np.nan, 0.2])
    found["by_size"].values[..., -1] = found["value"].values
    rows = finding_rows(found, "smoothness")
    assert [row[0] for row in rows] == ["b", "c", "e", "a", "d"]
    assert rows[0][1] == "−0.400 [−0.450, −0.350]"
    assert rows[1][1] == "0.300 [0.250, 0.350]"
    assert rows[-1][1] == "undefined"
    found["sign_changes"].values[0, 0] = True
    found["by_size"].values[0, 0] = [-0.2, 0.1, found["value"].values[0, 0]]
    cells = {row[0]: row[-1] for row in finding_rows(found, "alignment")}
    assert cells["a, b"] == "−0.200, +0.100 ↕"
    assert sum("↕" in cell for cell in cells.values()) == 1


def test_intervals_print_the_value_between_their_ends():
    rows = changed(constructed_findings(), "alignment", value=0.0004, low=-0.1, high=0.1)
    assert interval(rows.isel(k=0, finding=0), "value") == "+0.000 [−0.100, +0.100]"
    small = changed(constructed_findings(), "alignment", value=0.0004, low=0.0002, high=0.0006)
    assert interval(small.isel(k=0, finding=0), "value") == "+0.0004 [+0.0002, +0.0006]"
    small = changed(small, "smoothness_difference", value=0.0004, low=0.0001, high=0.0007)
    assert "by 0.0004 [0.0001, 0.0007]" in describe_smoothness(small)


def test_spaces_of_the_user_s_own_are_named_and_others_counted():
    found = changed(constructed_findings(spaces=("brain", "taste")), "information_change", value=0.3)
    said = describe_information(found)
    assert "holds less of brain than the first" in said
    assert "(1 further space, taste, in the figures and tables.)" in said


def test_questions_are_those_that_the_findings_answer():
    assert [q.anchor for q in questions(constructed_findings(spaces=()))] == ["order", "pace"]
    assert [q.anchor for q in questions(constructed_findings(labels=("class",)))][-1] == "separation"


def test_what_the_intervals_rest_on_is_stated_with_its_n():
    said = study_of(constructed_findings(n_samples=1200), 1).replace("\u00a0", " ")
    assert "Every value is that of all N = 1,200 images" in said
    assert "95 % interval from 8 balanced half-samples, at N = 1,200" in said
    assert "6 degrees of freedom" in said


def test_findings_that_the_page_cannot_trust_are_refused():
    found = constructed_findings()
    assert checked_findings(None) is None
    assert checked_findings(found) is not None
    with pytest.raises(ValueError, match="findings dataset to have note"):
        checked_findings(found.drop_vars("note"))
    with pytest.raises(ValueError, match=r"n_splits, .* is missing"):
        checked_findings(found.drop_attrs())
    with pytest.raises(ValueError, match=r"inside its own interval, but that of 'alignment.*another number of images"):
        checked_findings(changed(found, "alignment", value=0.9, low=0.1, high=0.3))
    with pytest.raises(ValueError, match=r"N/4, N/2 and N, in `by_size`, but 1 sizes"):
        checked_findings(found.isel(size=[2]))
    strange = found.assign_coords(kind=("finding", np.full(found.sizes["finding"], "taste", dtype=object)))
    with pytest.raises(ValueError, match="'taste' came"):
        checked_findings(strange)
