"""Steps without information and steps with a warning: named, hatched, left out of curves, marked wherever they
stand."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from jaxsim.plot import figures
from jaxsim.report.alignment import alignments, peaks
from jaxsim.report.steps import Flags, constant_mask, describe_constant, read_flags
from jaxsim.study.constructed import constructed_information, constructed_study

EMPTY = ("a/embeddings", "b/stage0.block1")


@pytest.fixture(scope="module")
def study():
    return constructed_study({"a": 4, "b": 5}, constant=EMPTY, pool="cls", flags={"a/block01": "ties"})


def hatches(ax):
    return [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_hatch()]


def test_steps_without_information_are_named_with_the_reason(study):
    lines = describe_constant(study[0])
    assert len(lines) == 2
    assert lines[0].startswith("a/embeddings: the class token before the first block is the same for every sample")
    assert lines[1].startswith("b/stage0.block1: the representation is the same for every sample")
    assert "left out of every curve and summary" in lines[0]
    both = constructed_study({"a": 3, "c": 3}, constant=("a/embeddings", "c/stem"), pool="mean")[0]
    (line,) = describe_constant(both)
    assert line.startswith("a/embeddings, c/stem: the representation is the same for every sample")
    assert describe_constant(constructed_study()[0]) == []
    assert not constant_mask(constructed_study()[0].drop_vars("source_constant")).any()


def test_heat_maps_hatch_their_rows_and_columns(study):
    ax = figures.heatmap(study[0], "a", "b")
    row, column = hatches(ax)
    assert (row.get_x(), row.get_y(), row.get_width(), row.get_height()) == (-0.5, -0.5, 5, 1)
    assert (column.get_x(), column.get_y(), column.get_width(), column.get_height()) == (1.5, -0.5, 1, 4)
    assert ax.get_images()[0].get_clim() == (0, 1)
    assert len(hatches(figures.overview(study[0]))) == 4
    assert hatches(figures.heatmap(constructed_study()[0], "vit", "vit")) == []


def test_changes_and_matches_without_a_value_count_nowhere():
    results, smoothness, between = (each.copy(deep=True) for each in constructed_study({"a": 4, "b": 5}))
    for name in ("mean", "forward", "backward", "mean_se"):
        smoothness[name].values[:, 0] = np.nan
    figures.smoothness_overlay(smoothness)
    between["best_depth"].values[:, 0] = np.nan
    between["distance"].values[:, 0, :3] = np.nan
    rows = alignments(between, results)
    assert [row.n_steps for row in rows] == [3, 5]
    assert all(np.isfinite(row.offset) for row in rows)
    (peak,) = peaks(between)
    assert np.isfinite([peak.distance, peak.lowest]).all()
    figures.between_model_distance(between, "a")
    figures.best_match(between, "a")


def test_what_steps_know_starts_at_the_first_that_tells_images_apart(study):
    known = constructed_information(study[0])
    line = figures.low_level_information(known, "all").lines[2]
    assert np.isnan(line.get_ydata()).tolist() == [True, False, False, False]


def test_flags_mark_steps_on_axes_and_in_footnotes(study):
    flags = read_flags(study[0])
    assert flags.texts == {"a/block01": "ties"}
    labels = [label.get_text() for label in figures.heatmap(study[0], "a", "b").get_yticklabels()]
    assert labels == ["embeddings", "block00", "block01 †", "block02"]
    assert flags.notes(["b/stem"]) == []
    assert flags.notes() == ["† a/block01: ties"]
    assert read_flags(study[0].drop_vars("source_flag")) == Flags()


def test_each_warning_has_a_sign_of_its_own():
    flags = Flags({f"m/{place}": f"warning {place}" for place in range(6)} | {"m/x": "warning 1"})
    assert [flags.sign(f"m/{place}") for place in range(6)] == ["†", "‡", "§", "¶", "†5", "†6"]
    assert flags.sign("m/x") == "‡"
    assert flags.notes()[1] == "‡ m/1, m/x: warning 1"
    assert flags.marked("m", "x") == "x ‡"
    assert flags.marked("m", "other") == "other"


def test_trees_mark_flagged_steps():
    from jaxsim.study import step_linkage

    tree = step_linkage(constructed_study()[0].imbalance)
    labels = [
        text.get_text() for text in figures.dendrogram(tree, flags=Flags({"vit/block01": "ties"})).get_yticklabels()
    ]
    assert "vit/block01 †" in labels
    assert sum("†" in label for label in labels) == 1


def test_an_even_spread_of_matches_is_over_the_steps_that_can_be_matched(study):
    results, _, between = study
    row = next(row for row in alignments(between, results) if (row.source, row.target) == ("a", "b"))
    own, other = np.array([1, 2, 3]) / 3, np.array([0, 1, 3, 4]) / 4
    assert row.spread == pytest.approx(np.abs(own[:, None] - other).mean())
