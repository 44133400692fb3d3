"""Sentences about findings: counts, directions and controls as the numbers have them."""

import numpy as np
import pytest

from jaxsim.report.constructed import constructed_findings
from jaxsim.report.figures import finding_effects
from jaxsim.report.findings import describe_information, describe_order, describe_smoothness, finding_rows, questions


def changed(findings, kind, **values):
    found = findings.copy(deep=True)
    own = findings["kind"].values == kind
    for name, value in values.items():
        found[name].values[:, own] = value
    return found


SURE = {"p_corrected": 0.001}


def test_one_pair_is_named_and_its_control_told():
    said = describe_order(
        changed(constructed_findings(), "alignment", estimate=0.2, low=0.1, high=0.3, control=0.0, **SURE)
    )
    assert said.startswith(
        "Best-matching steps lie nearer in depth than shuffled ones (vit, resnet: +0.200 [+0.100, +0.300]"
    )
    assert "by more than with random weights" in said
    assert "Half way through, models are at Δ = " in said


def test_what_chance_could_have_done_is_not_claimed():
    unsure = changed(constructed_findings(), "alignment", p_corrected=0.2)
    assert describe_order(unsure).startswith("It cannot be told from chance whether best-matching steps")
    unsure = changed(constructed_findings(), "smoothness_difference", p_corrected=0.2)
    assert describe_smoothness(unsure).startswith("No two models differ beyond chance")
    unsure = changed(constructed_findings(), "information_difference", p_corrected=0.2)
    assert "no two models differ beyond chance" in describe_information(unsure)


@pytest.mark.parametrize(("estimate", "smoother", "other"), [(-0.1, "vit", "resnet"), (0.1, "resnet", "vit")])
def test_the_smaller_change_is_the_smoother_one(estimate, smoother, other):
    values = {"estimate": estimate, "low": estimate - 0.02, "high": estimate + 0.02, **SURE}
    found = changed(constructed_findings(), "smoothness_difference", **values)
    found = changed(found, "smoothness_difference", beyond_low=estimate - 0.01, beyond_high=estimate + 0.01)
    said = describe_smoothness(found)
    assert f"{smoother} changes less than {other} (by 0.100 [0.080, 0.120]" in said
    assert said.endswith("It is larger than with random weights.")
    found = changed(found, "smoothness_difference", beyond_low=-0.5, beyond_high=0.5)
    assert describe_smoothness(found).endswith("It is not larger than with random weights.")


def test_many_pairs_are_counted():
    models = ("a", "b", "c", "d")
    found = changed(constructed_findings(models), "alignment", estimate=0.2, beyond_low=0.1, **SURE)
    said = describe_order(found)
    assert said.startswith("In 6 of 6 pairs of models best-matching steps lie nearer")
    assert "6 of these 6 by more than with random weights" in said
    assert "; and 2 more" in describe_smoothness(changed(found, "smoothness_difference", estimate=0.2, **SURE))


def test_the_larger_value_knows_less():
    values = {"estimate": 0.3, "low": 0.2, "high": 0.4, **SURE}
    said = describe_information(changed(constructed_findings(), "information_difference", **values))
    assert "that of resnet holds more than that of vit (by 0.300 [0.200, 0.400]" in said


def test_without_a_control_that_is_said():
    found = changed(constructed_findings(control=False), "alignment", estimate=0.2, **SURE)
    assert "no control of random weights was run" in describe_order(found)
    assert finding_rows(found, "alignment")[0][3] == "–"
    legend = finding_effects(found, "alignment").get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["measured", "shuffled images"]
    neither = constructed_findings(control=False, shuffled=False)
    assert finding_effects(neither, "alignment").get_legend() is None
    assert finding_rows(neither, "alignment")[0][3:] == ["–", "–"]


def test_figures_show_every_effect_and_its_interval():
    found = constructed_findings()
    ax = finding_effects(found, "information_change", space="colour")
    rows = found.isel(k=0, finding=(found.kind == "information_change") & (found.space == "colour"))
    drawn = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(np.sort(drawn), np.sort(np.concatenate([rows.estimate, rows.control])))
    crosses = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "x"])
    np.testing.assert_allclose(np.sort(crosses), np.sort(rows.shuffled))
    with pytest.raises(ValueError, match="'alignment of colour'"):
        finding_effects(found, "alignment", space="colour")


def test_spaces_of_the_user_s_own_are_named():
    values = {"estimate": 0.3, "low": 0.2, "high": 0.4, **SURE}
    found = changed(constructed_findings(spaces=("labels",)), "information_change", **values)
    assert "holds less of labels than the first" in describe_information(found)


def test_questions_without_other_spaces():
    assert [q.anchor for q in questions(constructed_findings(spaces=()))] == ["order", "pace"]
