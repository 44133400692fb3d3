"""Figures show every row, or say on their face how many they show: effects, spaces, names of steps, leaves, markers."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxsim.plot import figures
from jaxsim.plot.figures.canvas import figure_of
from jaxsim.report.effects import KINDS, findings_of
from jaxsim.study.constructed import constructed_findings, constructed_study

NOTE = "half-samples hold the truth too seldom for this kind"

NINE = tuple(f"model{place}" for place in range(9))


@pytest.fixture(scope="module")
def large():
    """Nine models and six spaces: 36 pairs, 216 differences of last steps."""
    spaces = ("luminance", "colour", "frequency", "orientation", "layout", "all")
    return constructed_findings(NINE, spaces=spaces, labels=("class",))


def measured(ax):
    return next(line.get_xdata() for line in ax.lines if line.get_label() == "measured")


@pytest.mark.parametrize("kind", KINDS)
def test_every_effect_is_drawn_once_the_largest_first(large, kind):
    rows = findings_of(large, kind)
    ax = figures.finding_effects(large, kind)
    values = measured(ax)
    assert (np.diff(np.abs(values)) <= 0).all()
    assert len(values) == len(ax.get_yticks())
    np.testing.assert_array_equal(np.sort(values), np.sort(rows["value"].values))
    assert len({label.get_text() for label in ax.get_yticklabels()}) == rows.sizes["finding"]


def test_a_figure_of_the_largest_says_of_how_many(large):
    ax = figures.finding_effects(large, "information_change", most=20)
    assert ax.get_xlabel().endswith("(the 20 largest of 54, all in the table)")
    values = np.abs(findings_of(large, "information_change")["value"].values)
    np.testing.assert_allclose(np.abs(measured(ax)), np.sort(values)[::-1][:20])
    whole = figures.finding_effects(large, "information_change")
    assert len(measured(whole)) == 54
    assert "largest" not in whole.get_xlabel()


def test_figures_show_every_effect_its_interval_and_its_controls():
    found = constructed_findings()
    ax = figures.finding_effects(found, "information_change", space="colour")
    rows = found.isel(k=0, finding=(found.kind == "information_change") & (found.space == "colour"))
    drawn = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"])
    np.testing.assert_allclose(np.sort(drawn), np.sort(np.concatenate([rows.value, rows.control])))
    crosses = np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "x"])
    np.testing.assert_allclose(np.sort(crosses), np.sort(rows.shuffled))
    ends = np.concatenate([np.array(bars.get_segments())[:, :, 0] for bars in ax.collections])
    np.testing.assert_allclose(np.sort(ends[: len(rows.finding), 0]), np.sort(rows.low))
    with pytest.raises(ValueError, match="'alignment of colour'"):
        figures.finding_effects(found, "alignment", space="colour")
    without = constructed_findings(control=False)
    legend = figures.finding_effects(without, "alignment").get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["measured", "shuffled samples"]
    neither = constructed_findings(control=False, shuffled=False)
    assert figures.finding_effects(neither, "alignment").get_legend() is None


def test_an_effect_without_an_interval_is_a_point_and_the_axis_says_why():
    found = constructed_findings(notes={"smoothness": NOTE})
    ax = figures.finding_effects(found, "smoothness")
    np.testing.assert_array_equal(np.sort(measured(ax)), np.sort(findings_of(found, "smoothness")["value"].values))
    assert not np.isfinite(np.concatenate([np.ravel(bars.get_segments()) for bars in ax.collections[:1]])[::2]).any()
    assert " ".join(ax.get_xlabel().split()).endswith(f"no interval: {NOTE}")
    assert "no interval" not in figures.finding_effects(found, "alignment").get_xlabel()


def test_undefined_effects_come_last():
    found = constructed_findings(NINE[:3], spaces=())
    found["value"].values[0, np.flatnonzero(found["kind"].values == "smoothness")[0]] = np.nan
    assert np.isnan(measured(figures.finding_effects(found, "smoothness"))).tolist() == [False, False, True]


def test_heat_maps_grow_with_their_steps_or_say_how_many_are_named():
    results = constructed_study({"long": 70, "b": 3})[0]
    ax = figures.heatmap(results, "long", "b")
    assert len(ax.get_yticks()) == 70
    assert figure_of(ax).get_size_inches()[1] > 8
    assert ax.get_ylabel() == "from long"
    given = figures.heatmap(results, "long", "b", ax=Figure().add_subplot())
    assert len(given.get_yticks()) <= 24
    assert given.get_ylabel() == "from long (1 in 3 steps named)"
    assert given.get_xlabel() == "to b"


def test_the_overview_says_when_dots_are_left_out():
    few, many = (constructed_study({"a": count, "b": count})[0] for count in (5, 61))
    assert figures.overview(few).get_xlabel() == "to"
    assert figures.overview(many).get_xlabel() == "to (cells too small for dots)"


def test_trees_name_every_leaf_or_say_how_many():
    from jaxsim.study import step_linkage

    tree = step_linkage(constructed_study({"a": 60, "b": 50})[0].imbalance)
    assert len(figures.dendrogram(tree).get_yticks()) == 110
    tree = step_linkage(constructed_study({"a": 70, "b": 60})[0].imbalance)
    ax = figures.dendrogram(tree)
    assert len(ax.get_yticks()) < 130
    assert ax.get_xlabel().endswith("(1 in 2 steps named)")


def test_every_step_has_a_marker():
    _, _, between = constructed_study({"a": 50, "b": 50})
    assert figures.best_match(between, "a").lines[-1].get_markevery() is None
