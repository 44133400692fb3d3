"""Answers: yes and no need every effect, some make it mixed, and what is not known is not claimed."""

import numpy as np
import pytest

from jaxsim.report.verdicts import MIXED, NO, UNKNOWN, YES, information_verdict, order_verdict, smoothness_verdict
from jaxsim.study.constructed import constructed_findings, constructed_information, constructed_study

from .conftest import NOTE, story_of

MODELS = ("a", "b", "c")


def told(findings=None, models=MODELS, information=True, n_samples=400):
    """What the answers draw on."""
    study = constructed_study(dict.fromkeys(models, 4), n_samples=n_samples)
    known = constructed_information(study[0]) if information else None
    return story_of(*study, information=known, findings=findings)


def with_effects(kind, values, p=0.01, control=0.0, beyond=True, space="all"):
    """Made-up findings, of which one kind has these values, one by one."""
    found = constructed_findings(MODELS)
    own = np.flatnonzero((found["kind"].values == kind) & np.isin(found["space"].values, ["", space]))
    values = np.array(values)
    for name, shift in (("value", 0.0), ("low", -0.05), ("high", 0.05)):
        found[name].values[0, own] = values + shift
    found["p_corrected"].values[0, own] = p
    found["control"].values[0, own] = control
    inside = np.where(values > 0, 0.02, -0.02) if beyond else np.zeros(len(values))
    found["beyond_low"].values[0, own], found["beyond_high"].values[0, own] = inside - 0.01, inside + 0.01
    return found


@pytest.mark.parametrize(
    ("values", "p", "word"),
    [
        ([0.2, 0.3, 0.1], 0.01, YES),
        ([-0.2, -0.3, -0.1], 0.01, NO),
        ([0.2, -0.3, 0.1], 0.01, MIXED),
        ([0.2, 0.3, 0.1], [0.01, 0.2, 0.01], MIXED),
        ([0.2, 0.3, 0.1], 0.2, UNKNOWN),
        ([0.2, 0.3, 0.1], np.nan, UNKNOWN),
    ],
)
def test_the_order_rests_on_every_pair(values, p, word):
    verdict = order_verdict(told(with_effects("alignment", values, p)), 1)
    assert verdict.word == word
    assert verdict.value == pytest.approx(np.median(values))
    assert verdict.low == pytest.approx(np.median(values) - 0.05)
    assert "the median pair" in verdict.of


def test_what_random_weights_do_as_well_is_told():
    said = order_verdict(told(with_effects("alignment", [0.2, 0.3, 0.1])), 1).sentence
    nearer = "In all 3 pairs, best-matching steps lie nearer in depth than shuffled ones"
    assert said == f"{nearer}, and more so than with random weights."
    said = order_verdict(told(with_effects("alignment", [0.2, 0.3, 0.1], beyond=False)), 1).sentence
    assert said == f"{nearer}, but no more than with random weights."
    some = with_effects("alignment", [0.2, 0.3, 0.1])
    some["beyond_low"].values[0, 0] = -0.1
    assert order_verdict(told(some), 1).sentence == f"{nearer}, in some no more than with random weights."
    without = order_verdict(told(with_effects("alignment", [0.2, 0.3, 0.1], control=np.nan)), 1)
    without_any = constructed_findings(MODELS, control=False)
    without_any["p_corrected"].values[:] = 0.01
    assert np.isnan(without.control)
    assert "there is no control of random weights" in order_verdict(told(without_any), 1).sentence


def test_signs_that_differ_are_counted():
    said = order_verdict(told(with_effects("alignment", [0.2, -0.3, 0.1])), 1).sentence
    assert "nearer in depth than shuffled ones in 2 pairs and farther apart in 1" in said
    said = order_verdict(told(with_effects("alignment", [0.2, 0.3, 0.1], [0.01, 0.2, 0.2])), 1).sentence
    assert "nearer in depth than shuffled ones in 1 of 3 pairs" in said
    said = order_verdict(told(with_effects("alignment", [0.2, -0.3, 0.1], [0.2, 0.01, 0.2])), 1).sentence
    assert said.startswith("Best-matching steps lie farther apart in depth than shuffled ones in 1 of 3 pairs")


def test_what_was_not_measured_cannot_be_told():
    few = order_verdict(told(n_samples=40), 1)
    assert few.word == UNKNOWN
    assert "need at least 64 images" in few.sentence
    assert np.isnan(few.value)
    assert order_verdict(told(models=("one",)), 1).sentence.startswith("It takes two models")
    assert smoothness_verdict(told(models=("one",)), 1).word == UNKNOWN
    none = information_verdict(told(constructed_findings(MODELS), information=False), 1)
    assert (none.word, none.sentence) == (UNKNOWN, "No image statistics were measured in this study.")
    noted = constructed_findings(MODELS, notes={"alignment": NOTE})
    assert order_verdict(told(noted), 1).sentence == f"There is no interval: {NOTE}."


def test_statistics_are_given_up_or_not():
    verdict = information_verdict(told(with_effects("information_change", [0.2, 0.3, 0.1])), 1)
    assert verdict.word == YES
    opening = "In all 3 models the last step holds less of the image statistics than the first"
    assert verdict.sentence.startswith(opening)
    verdict = information_verdict(told(with_effects("information_change", [-0.2, -0.3, -0.1])), 1)
    assert (verdict.word, "holds more of" in verdict.sentence) == (NO, True)
    verdict = information_verdict(told(with_effects("information_change", [-0.2, 0.3, 0.1])), 1)
    assert "holds less of the image statistics than the first in 2 models and more in 1" in verdict.sentence
    # Of the colours alone, nothing is told.
    verdict = information_verdict(told(with_effects("information_change", [0.2, 0.3, 0.1], 0.3)), 1)
    assert verdict.word == UNKNOWN


def smooth(values, p):
    """Findings in which models change by so much, and differ by as much as that."""
    found = with_effects("smoothness", values)
    pairs = [values[0] - values[1], values[0] - values[2], values[1] - values[2]]
    kind = found["kind"].values == "smoothness_difference"
    for name, shift in (("value", 0.0), ("low", -0.01), ("high", 0.01)):
        found[name].values[0, kind] = np.array(pairs) + shift
    found["p_corrected"].values[0, kind], found["control"].values[0, kind] = p, 0.0
    found["beyond_low"].values[0, kind], found["beyond_high"].values[0, kind] = -0.5, np.sign(pairs) * 0.1
    return found


def test_the_smoothest_must_differ_from_every_other():
    verdict = smoothness_verdict(told(smooth([0.4, 0.1, 0.2], 0.001)), 1)
    assert verdict.word == YES
    assert verdict.sentence == (
        "Over equal stretches of depth, b changes less than each of the other 2 models, and more so than with random "
        "weights."
    )
    assert verdict.of == "b less c"
    assert (verdict.value, verdict.low, verdict.high) == pytest.approx((-0.1, -0.11, -0.09))
    # Of a and b, the study holds a less b: turned round here.
    verdict = smoothness_verdict(told(smooth([0.4, 0.1, 0.2], [0.001, 0.001, 0.2])), 1)
    assert (verdict.word, verdict.sentence) == (MIXED, "b changes least, but cannot be told from c.")
    verdict = smoothness_verdict(told(smooth([0.2, 0.1, 0.4], 0.001)), 1)
    assert (verdict.of, verdict.value) == ("b less a", pytest.approx(-0.1))
    assert smoothness_verdict(told(smooth([0.4, 0.1, 0.2], 0.3)), 1).word == UNKNOWN
