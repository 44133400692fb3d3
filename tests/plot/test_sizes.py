"""How N matters: what is drawn of effects at N/4, N/2 and N."""

import numpy as np
import pytest

from jaxsim.plot import figures
from jaxsim.plot.figures.sample_size import CHANGING
from jaxsim.report.effects import changing, findings_of
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


def test_half_of_the_images_is_enough_to_compare_with(found):
    two = found.isel(size=[1, 2])
    ticks = [tick.get_text() for tick in figures.sample_size(two, "alignment").get_xticklabels()]
    assert ticks == ["200 (N/2)", "400 (N)"]


def test_kinds_whose_sign_says_nothing_change_by_their_order(found):
    rows = findings_of(found, "smoothness")
    rows["by_size"].values[:] = [[0.1, 0.2, 0.2], [0.2, 0.1, 0.3], [0.9, 0.9, 0.9]]
    assert changing(rows).tolist() == [True, True, False]


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
