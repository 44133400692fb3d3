"""How N matters: what is said and drawn of effects at N/4, N/2 and N."""

import numpy as np
import pytest

from jaxsim.report import figures
from jaxsim.report.effects import changing, findings_of
from jaxsim.report.figures.sample_size import CHANGING
from jaxsim.report.finding_sizes import describe_sizes, headlines
from jaxsim.study.constructed import constructed_findings

MODELS = ("a", "b", "c")


@pytest.fixture
def found():
    made = constructed_findings(MODELS, labels=("class",))
    made["value"].values[:] = np.abs(made["value"].values)
    made["by_size"].values[:] = made["value"].values[..., None] * [1.2, 1.1, 1.0]
    return made


def flip(findings, kind, place=0):
    """The sign of one effect is another at N/4."""
    at = int(np.flatnonzero(findings["kind"].values == kind)[place])
    findings["by_size"].values[0, at] = [-0.012, 0.034, 0.056]
    findings["sign_changes"].values[0, at] = True
    findings["low"].values[0, at], findings["high"].values[0, at] = 0.01, 0.1
    return at


def test_no_change_is_said_in_one_sentence(found):
    assert describe_sizes(found) == (
        "No sign and no order of two models is another at N/4 = 100 or N/2 = 200 than at N = 400."
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("smoothness_difference", "Which of two models is smoother changes with N in 1 of 3: a, b ("),
        (
            "alignment",
            "Whether best-matching steps lie nearer in depth than shuffled ones changes with N in 1 of 3: a, b",
        ),
        ("information_change", "than the first changes with N in 1 of 6: a for colour ("),
        ("label_difference", "Which of two last steps separates the label better changes with N in 1 of 3"),
    ],
)
def test_a_sign_that_changes_is_named_with_its_path(found, kind, expected):
    flip(found, kind)
    said = describe_sizes(found)
    assert expected in said
    assert "(−0.012, +0.034, +0.056)" in said
    assert said.endswith("(In brackets: the effect at N/4 = 100, N/2 = 200 and N = 400.)")


def test_a_sign_that_chance_may_have_changed_is_counted_only(found):
    at = flip(found, "smoothness_difference")
    found["low"].values[0, at], found["high"].values[0, at] = -0.01, 0.12
    assert describe_sizes(found) == (
        "Which of two models is smoother changes with N in 1 of 3, but there the interval at N holds 0, so that "
        "chance may "
        "have done it. (Compared: N/4 = 100, N/2 = 200 and N = 400.)"
    )
    flip(found, "smoothness_difference", 2)
    said = describe_sizes(found)
    assert "changes with N in 2 of 3: b, c (−0.012, +0.034, +0.056); in the other 1 the interval at N holds 0." in said


def test_half_of_the_images_is_enough_to_compare_with(found):
    two = found.isel(size=[1, 2])
    assert describe_sizes(two) == "No sign and no order of two models is another at N/2 = 200 than at N = 400."
    ticks = [tick.get_text() for tick in figures.sample_size(two, "alignment").get_xticklabels()]
    assert ticks == ["200 (N/2)", "400 (N)"]


def test_more_changes_than_a_sentence_names_are_counted(found):
    many = constructed_findings(tuple("abcdefg"), spaces=())
    own = many["kind"].values == "alignment"
    many["sign_changes"].values[:, own], many["low"].values[:, own], many["high"].values[:, own] = True, 0.1, 0.3
    said = describe_sizes(many)
    assert "changes with N in 21 of 21" in said
    assert "and 17 more, marked ↕ in the table" in said


def test_which_two_models_are_closest_may_change(found):
    own = np.flatnonzero(found["kind"].values == "middle_distance")
    found["by_size"].values[0, own] = [[0.1, 0.3, 0.3], [0.2, 0.2, 0.4], [0.3, 0.4, 0.2]]
    assert (
        "Which two models are closest half way changes with N: a, b at 100, a, c at 200 and b, c at 400 images."
        in describe_sizes(found)
    )


def test_kinds_whose_sign_says_nothing_change_by_their_order(found):
    rows = findings_of(found, "smoothness")
    rows["by_size"].values[:] = [[0.1, 0.2, 0.2], [0.2, 0.1, 0.3], [0.9, 0.9, 0.9]]
    assert changing(rows).tolist() == [True, True, False]


def test_headlines_are_the_main_space_and_every_label(found):
    assert headlines(found) == [
        ("alignment", None),
        ("information_change", "all"),
        ("smoothness", None),
        ("label_change", "class"),
    ]


def test_the_figure_draws_every_effect_at_three_sizes_and_its_interval(found):
    at = flip(found, "alignment", 1)
    ax = figures.sample_size(found, "alignment")
    lines = [line for line in ax.lines if len(line.get_xdata()) == 3]
    np.testing.assert_array_equal(lines[0].get_xdata(), np.log2([100, 200, 400]))
    drawn = {tuple(np.round(line.get_ydata(), 9)): line.get_color() for line in lines}
    rows = findings_of(found, "alignment")
    assert set(drawn) == {tuple(values) for values in rows["by_size"].values.round(9)}
    assert [values for values, colour in drawn.items() if colour == CHANGING] == [(-0.012, 0.034, 0.056)]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "a, c, sign changes" in names
    bars = np.sort([np.array(each.get_segments())[0, :, 1] for each in ax.collections], axis=0)
    np.testing.assert_allclose(bars[:, 0], np.sort(rows["low"].values))
    assert found["a"].values[at] == "a"


def test_of_many_effects_those_that_change_stand_out():
    many = constructed_findings(tuple("abcdefgh"), spaces=())
    at = flip(many, "alignment", 5)
    ax = figures.sample_size(many, "alignment")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["sign changes with N (1)", "sign as at N (27)"]
    red = [line for line in ax.lines if line.get_color() == CHANGING]
    np.testing.assert_allclose(red[0].get_ydata(), many["by_size"].values[0, at])
