"""Verdicts on the three claims: what decides them, which number is shown, and what is said where nothing can be."""

import numpy as np
import pytest
import xarray as xr

from jaxsim.study.constructed import constructed_findings
from jaxsim.study.derived.verdicts import QUESTIONS, effects_alone, verdicts


def found_as(kind: str, values: list[float], p: list[float], of: list[tuple[str, str]], **more) -> xr.Dataset:
    """Findings of one kind with the given effects; all intervals are 0.02 wide."""
    n = len(values)
    value = np.array([values])
    nothing = np.full((1, n), np.nan)
    variables = dict.fromkeys(("control", "control_low", "control_high", "shuffled"), nothing)
    variables |= {"beyond": nothing, "beyond_low": nothing, "beyond_high": nothing}
    variables |= {"value": value, "low": value - 0.01, "high": value + 0.01, "p_corrected": np.array([p])}
    variables |= {"sign_changes": np.zeros((1, n), bool)}
    variables |= {name: np.array([each]) for name, each in more.items() if name != "space"}
    space = more.get("space", [""] * n)
    return xr.Dataset(
        {name: (("k", "finding"), each) for name, each in variables.items()},
        coords={
            "k": [1],
            "finding": [f"{kind}: {a} | {b} {s}" for (a, b), s in zip(of, space, strict=True)],
            "kind": ("finding", [kind] * n),
            "a": ("finding", [a for a, _ in of]),
            "b": ("finding", [b for _, b in of]),
            "space": ("finding", list(space)),
        },
    )


def said(findings: xr.Dataset, claim: str) -> xr.Dataset:
    return verdicts(findings).isel(k=0).sel(claim=claim)


PAIRS = [("a", "b"), ("a", "c"), ("b", "c")]


class TestVerdicts:
    @pytest.mark.parametrize(
        ("values", "p", "verdict", "counts"),
        [
            ([0.1, 0.2, 0.3], [0.01, 0.01, 0.01], "yes", (3, 0)),
            ([-0.1, -0.2, -0.3], [0.01, 0.01, 0.01], "no", (0, 3)),
            ([0.1, 0.2, -0.3], [0.01, 0.01, 0.01], "mixed", (2, 1)),
            ([0.1, 0.2, 0.3], [0.01, 0.01, 0.2], "mixed", (2, 0)),
            ([0.1, 0.2, 0.3], [0.06, 0.5, 0.2], "cannot tell", (0, 0)),
        ],
    )
    def test_of_the_order(self, values, p, verdict, counts):
        found = said(found_as("alignment", values, p, PAIRS), "order")
        assert found.verdict == verdict
        assert (int(found.n_for), int(found.n_against), int(found.n)) == (*counts, 3)
        assert found.least == min(values)
        assert found.most == max(values)

    def test_the_headline_is_the_middle_finding_with_its_interval_and_control(self):
        control = [0.01, 0.02, 0.03]
        findings = found_as("alignment", [0.3, 0.1, 0.2], [0.01] * 3, PAIRS, control=control, beyond_low=[0.1] * 3)
        found = said(findings, "order")
        assert found.finding == "alignment: b | c "
        assert (float(found.value), float(found.control)) == (0.2, 0.03)
        assert float(found.low) == pytest.approx(0.19)
        assert found.against_control == "by more than with random weights in all of them"
        assert found.role == "the median"
        assert found.answer == "In all 3 pairs of models, best-matching steps lie nearer in depth than shuffled ones"

    @pytest.mark.parametrize(
        ("p", "answer"),
        [
            ([0.01, 0.01, 0.01], "Best-matching steps {near} in 2 pairs of models, and farther apart in 1"),
            ([0.01, 0.9, 0.01], "Best-matching steps {near} in 1 pair of models, and farther apart in 1; {open}"),
            ([0.9, 0.01, 0.9], "In 1 of 3 pairs of models, best-matching steps {near}; {open}"),
            ([0.9, 0.9, 0.01], "In 1 of 3 pairs of models, best-matching steps {far}; {open}"),
        ],
    )
    def test_a_mixed_answer_has_two_numbers(self, p, answer):
        found = said(found_as("alignment", [0.1, 0.2, -0.3], p, PAIRS), "order")
        assert found.verdict == "mixed"
        near, far = (f"lie {how} in depth than shuffled ones" for how in ("nearer", "farther apart"))
        assert found.answer == answer.format(near=near, far=far, open="in the others it cannot be told from chance")

    @pytest.mark.parametrize(
        ("p", "beyond", "text"),
        [
            ([0.01, 0.01, 0.9], [0.1, 0.1, 0.1], "by more than with random weights in all of the 2 that are decided"),
            ([0.01, 0.01, 0.9], [0.1, -0.1, 0.1], "by more than with random weights in 1 of the 2 that are decided"),
            ([0.01, 0.01, 0.01], [0.1, -0.1, 0.1], "by more than with random weights in 2 of 3"),
            ([0.01, 0.01, 0.01], [-0.1, -0.1, -0.1], "not by more than with random weights in any of them"),
        ],
    )
    def test_decided_effects_are_set_beside_those_of_random_weights(self, p, beyond, text):
        findings = found_as("alignment", [0.1, 0.2, 0.3], p, PAIRS, control=[0.0] * 3, beyond_low=beyond)
        assert said(findings, "order").against_control == text

    def test_one_smoothest_model_is_named_with_its_smallest_lead(self):
        findings = found_as("smoothness_difference", [0.1, -0.3, -0.2], [0.01, 0.9, 0.01], PAIRS)
        found = said(findings, "smoothness")
        assert found.verdict == "yes"
        assert found.answer == "b changes less over equal stretches of depth than each other model"
        assert (float(found.value), found.role) == (0.1, "the smallest lead")

    def test_without_a_smoothest_model_the_largest_difference_is_shown(self):
        found = said(found_as("smoothness_difference", [0.1, -0.3, -0.2], [0.01, 0.01, 0.3], PAIRS), "smoothness")
        assert found.verdict == "mixed"
        assert (float(found.value), found.role) == (-0.3, "the largest")
        none = said(found_as("smoothness_difference", [0.1, -0.3, -0.2], [0.4, 0.9, 0.3], PAIRS), "smoothness")
        assert none.verdict == "cannot tell"

    def test_information_is_of_all_statistics_together(self):
        of = [("a", ""), ("a", ""), ("b", ""), ("b", "")]
        space = ["colour", "all", "colour", "all"]
        findings = found_as("information_change", [-0.5, 0.2, -0.5, 0.3], [0.01] * 4, of, space=space)
        found = said(findings, "information")
        assert (found.verdict, int(found.n), float(found.value)) == ("yes", 2, 0.2)
        assert found.answer == "In all 2 models, the last step holds less of the image statistics than the first"

    def test_names_are_kept_as_they_are(self):
        name = "org/my_vit-small (cls)_2"
        found = said(found_as("alignment", [0.2], [0.01], [(name, "b")]), "order")
        assert name in str(found.answer.item())

    def test_what_was_not_measured_cannot_be_told(self):
        found = verdicts(found_as("alignment", [0.2], [0.01], [("a", "b")]))
        assert found.verdict.values.tolist() == [["yes", "cannot tell", "cannot tell"]]
        assert "no low-level statistics" in str(found.answer.values[0, 1])
        assert np.isnan(found.value.values[0, 1])

    def test_of_constructed_findings_for_every_k(self):
        found = verdicts(constructed_findings())
        assert found.claim.values.tolist() == list(QUESTIONS)
        assert set(found.verdict.values.ravel()) <= {"yes", "no", "mixed", "cannot tell"}


def test_without_halves_there_are_values_and_no_verdict():
    from jaxsim.study import StepLabel, label_imbalance

    labels = [StepLabel(m, f"s{i}", i / 4) for m in "AB" for i in range(5)]
    depth = np.array([label.depth for label in labels])
    found = verdicts(effects_alone(label_imbalance(np.abs(depth[:, None] - depth[None]), labels)))
    order = found.isel(k=0).sel(claim="order")
    assert order.verdict == "cannot tell"
    assert float(order.value) == pytest.approx(0.4)
    assert "without half-samples" in str(order.answer.item())


def test_of_another_space_the_question_names_it():
    found = verdicts(found_as("information_change", [0.2], [0.01], [("a", "")], space=["pose"]))
    assert found.question.values[1] == "Do the models give up pose?"
    assert found.answer.values[0, 1] == "The last step of a holds less of pose than the first"
