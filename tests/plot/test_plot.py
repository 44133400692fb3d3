"""`jaxsim.plot`: every function draws the study's own numbers on the axes it is given."""

import dataclasses
import io

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jaxsim import plot
from jaxsim.study import Study
from jaxsim.study.constructed import (
    constructed_findings,
    constructed_information,
    constructed_labels,
    constructed_study,
)


@pytest.fixture(scope="module")
def study() -> Study:
    results, _, _ = constructed_study({"a": 6, "b": 5, "c": 4}, families={"a": "vit", "c": "vit"}, k=(1, 10))
    made = Study.from_results(results, information=constructed_information(results))
    made = dataclasses.replace(made, label_overlap=constructed_labels(results))
    # What is measured once is kept; here it is made up.
    vars(made)["all_findings"] = constructed_findings(("a", "b", "c"), k=(1, 10))
    return made


FIGURES = {
    "imbalance_heatmap": {},
    "smoothness": {},
    "best_match": {"model": "b"},
    "distance": {"model": "c"},
    "trajectories": {},
    "information_plane": {},
    "dendrogram": {},
    "low_level_information": {"space": "colour"},
    "label_overlap": {"label": "class"},
    "findings": {"kind": "alignment"},
    "sample_size": {"kind": "smoothness"},
}


@pytest.mark.parametrize("name", sorted(set(plot.__all__) - {"Look", "style"}))
def test_every_figure_draws_on_the_axes_it_is_given(study, name) -> None:
    ax = Figure().add_subplot()
    assert getattr(plot, name)(study, k=10, ax=ax, **FIGURES[name]) is ax
    assert ax.has_data()
    new = getattr(plot, name)(study, **{key: FIGURES[name][key] for key in ("kind",) if key in FIGURES[name]})
    assert new is not ax
    assert new.has_data()
    with pytest.raises(ValueError, match="k=7"):
        getattr(plot, name)(study, k=7, **FIGURES[name])


def test_lines_are_the_numbers(study) -> None:
    known = study.information
    ax = plot.low_level_information(study, "layout", direction="backward", k=10)
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 5]
    expected = known.backward.sel(k=10, space="layout").values[known.model.values == "b"]
    np.testing.assert_array_equal(drawn[0].get_ydata(), expected)
    assert plot.low_level_information(study).get_title(loc="left") == "all"
    overlay = plot.smoothness(study, k=10)
    own = study.smoothness.model.values == "c"
    np.testing.assert_array_equal(overlay.lines[2].get_ydata(), study.smoothness["mean"].sel(k=10).values[own])
    points = np.concatenate([each.get_offsets() for each in plot.information_plane(study).collections])
    assert len(points) == 6 * 5 + 6 * 4 + 5 * 4


def test_families_share_a_hue_and_unknown_ones_have_their_own(study) -> None:
    lines = plot.smoothness(study).lines
    assert lines[0].get_linestyle() != lines[2].get_linestyle()
    bare = Study.from_results(study.results.drop_attrs())
    assert len({line.get_color() for line in plot.smoothness(bare).lines}) == 3


def test_what_a_study_lacks_is_said(study) -> None:
    alone = Study.from_results(constructed_study({"only": 3})[0])
    for name in ("distance", "best_match"):
        with pytest.raises(ValueError, match="at least two models"):
            getattr(plot, name)(alone)
    with pytest.raises(ValueError, match="statistics=True"):
        plot.low_level_information(alone)
    with pytest.raises(ValueError, match="Run compare with labels="):
        plot.label_overlap(alone)
    for name in ("findings", "sample_size"):
        with pytest.raises(ValueError, match="64 samples or more"):
            getattr(plot, name)(alone, "smoothness")
    with pytest.raises(ValueError, match="source for the target"):
        plot.imbalance_heatmap(study, target="a")
    with pytest.raises(ValueError, match="Leave model out"):
        plot.smoothness(study, "a", fixed_step=True)
    with pytest.raises(ValueError, match="one of the spaces"):
        plot.low_level_information(study, "taste")
    with pytest.raises(ValueError, match="'forward' or 'backward'"):
        plot.low_level_information(study, direction="up")
    assert plot.imbalance_heatmap(alone, "only").has_data()
    assert plot.trajectories(alone).has_data()


def test_findings_and_sizes_are_the_numbers(study) -> None:
    found = study.all_findings.sel(k=10).isel(finding=study.findings.kind.values == "alignment")
    ax = plot.findings(study, "alignment", k=10)
    measured = next(line for line in ax.lines if line.get_label() == "measured")
    np.testing.assert_array_equal(measured.get_xdata(), np.sort(found.value.values)[::-1])
    few = plot.findings(study, "alignment", k=10, most=2)
    assert few.get_xlabel().endswith("(the 2 largest of 3, all in the table)")
    lines = [
        line.get_ydata() for line in plot.sample_size(study, "alignment", k=10).lines if len(line.get_xdata()) == 3
    ]
    np.testing.assert_array_equal(sorted(map(tuple, lines)), sorted(map(tuple, found.by_size.values)))


def test_axes_have_the_symbol_of_the_measure(study) -> None:
    declared = {"measure": "cka", "long_name": "debiased CKA", "symmetric": 1, "orientation": "similarity"}
    other = dataclasses.replace(study, results=study.results.assign_attrs(declared))
    vars(other)["all_findings"] = study.all_findings
    drawn = {
        plot.distance(other): "distance (debiased CKA, turned round)",
        plot.smoothness(other): "step change, debiased CKA, turned round",
        plot.low_level_information(other): "debiased CKA(step, all)",
        plot.information_plane(other): "debiased CKA(B, A)",
    }
    assert [ax.get_ylabel() for ax in drawn] == list(drawn.values())
    # What is the mean of two directions says so.
    assert plot.distance(study).get_ylabel() == "distance (mean Δ of both directions)"
    for fixed_step in (False, True):
        assert "mean Δ of both directions" in plot.smoothness(study, fixed_step=fixed_step).get_ylabel()
    assert "debiased CKA" in plot.dendrogram(other).get_xlabel()
    assert plot.findings(other, "smoothness").get_xlabel() == "mean debiased CKA between t and t + h"
    assert "Δ" not in plot.sample_size(other, "smoothness").get_ylabel()


def test_models_are_chosen_named_and_coloured(study) -> None:
    ax = plot.smoothness(study, models=["a", "c"], labels={"a": "first"}, colors={"c": "#123456"}, k=10)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["first", "c"]
    assert ax.lines[1].get_color() == "#123456"
    assert ax.lines[0].get_color() == plot.smoothness(study).lines[0].get_color()
    own = study.smoothness.model.values == "c"
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), study.smoothness["mean"].sel(k=10).values[own])
    heat = plot.imbalance_heatmap(study, "first", "c", labels={"a": "first"}, cmap="magma")
    assert heat.get_ylabel() == "from first"
    assert heat.get_images()[0].get_cmap().name == "magma"
    steps = plot.imbalance_heatmap(study, "a", labels={"embeddings": "patches"})
    assert steps.get_yticklabels()[0].get_text() == "patches"


@pytest.mark.parametrize(("width", "inches"), [("column", 3.3), ("page", 6.8), (5, 5.0), (None, 7.2)])
def test_a_new_figure_is_as_wide_as_asked_for(study, width, inches) -> None:
    ax = plot.smoothness(study, width=width)
    assert ax.figure.get_size_inches()[0] == pytest.approx(inches)
    # Notebooks and `pyplot.show()` show what pyplot knows.
    assert pyplot.get_fignums() == [ax.figure.number]
    given = Figure(figsize=(9, 3)).add_subplot()
    assert plot.smoothness(study, width=width, ax=given).figure.get_size_inches()[0] == 9
    assert len(pyplot.get_fignums()) == 1


def test_everything_lies_within_a_narrow_figure(study) -> None:
    for name, options in FIGURES.items():
        ax = getattr(plot, name)(study, width="column", **options)
        figure = ax.figure
        with plot.style():
            FigureCanvasAgg(figure).draw()
        frame = ax.get_window_extent()
        assert min(frame.width, frame.height) > 60, name
        names = [legend.get_window_extent() for legend in figure.legends]
        assert not any(frame.overlaps(each) for each in names), name


def test_words_stay_words_in_files_for_print(study) -> None:
    with plot.style():
        file = io.BytesIO()
        plot.distance(study, width="column").figure.savefig(file, format="pdf")
    assert b"/Type /Font" in file.getvalue()
    assert b"/FontFile2" in file.getvalue()
