"""Figures show every row, or say on their face how many they show: effects, spaces, names of steps, leaves, markers."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxsim.report import figures
from jaxsim.report.effects import KINDS, findings_of
from jaxsim.report.figures.canvas import figure_of
from jaxsim.report.figures.findings import MOST_ROWS
from jaxsim.report.findings import figure_names, finding_rows
from jaxsim.report.further import describe_plane, plane_counts
from jaxsim.study.constructed import constructed_findings, constructed_information, constructed_study

from .conftest import NOTE, changed

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
    pages = figures.finding_pages(large, kind)
    drawn, labels, scales = [], [], set()
    for page in pages:
        axes = figures.finding_panels(large, kind, page)
        assert figure_of(axes[0]).get_size_inches()[1] < 13
        for panel, ax in zip(page, axes, strict=True):
            values = measured(ax)
            assert (np.diff(np.abs(values)) <= 0).all()
            assert len(values) == len(ax.get_yticks()) == panel.count <= MOST_ROWS
            drawn += values.tolist()
            labels += [f"{label.get_text()} {panel.space}" for label in ax.get_yticklabels()]
            scales.add(ax.get_xlim())
    np.testing.assert_array_equal(np.sort(drawn), np.sort(rows["value"].values))
    assert len(set(labels)) == rows.sizes["finding"]
    assert len(scales) == 1
    assert len(figure_names(large, kind)) == len(pages)
    assert len(finding_rows(large, kind)) == rows.sizes["finding"]


def test_more_pairs_than_a_panel_holds_go_on_in_another_that_says_so():
    found = constructed_findings(tuple(f"m{place}" for place in range(10)), spaces=())
    ((first, second),) = (
        figures.finding_panels(found, "alignment", page) for page in figures.finding_pages(found, "alignment")
    )
    assert first.get_title(loc="left") == "Order of processing, 1 to 36 of 45 by size"
    assert second.get_title(loc="left") == "Order of processing, 37 to 45 of 45 by size"
    assert np.abs(measured(first)).min() >= np.abs(measured(second)).max()


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
    assert [text.get_text() for text in legend.get_texts()] == ["measured", "shuffled images"]
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
    found = changed(constructed_findings(NINE[:3], spaces=()), "smoothness", value=0.2)
    found["value"].values[0, np.flatnonzero(found["kind"].values == "smoothness")[0]] = np.nan
    assert np.isnan(measured(figures.finding_effects(found, "smoothness"))).tolist() == [False, False, True]


def test_all_spaces_are_drawn():
    results = constructed_study({"a": 3, "b": 3})[0]
    known = constructed_information(results, spaces=[f"space {place}" for place in range(14)])
    pages = figures.pages_of_spaces(known)
    drawn = [ax.get_title(loc="left") for page in pages for ax in figures.low_level_informations(known, spaces=page)]
    assert drawn == known["space"].values.tolist()
    assert len(figures.low_level_informations(known)) == 14


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


def test_pairs_that_a_sentence_leaves_out_are_in_the_table():
    from jaxsim.study import information_plane

    results = constructed_study(dict.fromkeys("abcd", 3))[0]
    plane = information_plane(results.imbalance, results.standard_error)
    assert describe_plane(plane).endswith("; the other 3 pairs of models are in the table.")
    rows = plane_counts(plane)
    assert [(a, b) for a, b, *_ in rows] == [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
    assert {of for *_, of in rows} == {9}
