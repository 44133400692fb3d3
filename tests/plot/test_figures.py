"""Figures: what is drawn is what the dataset holds, and colours keep their meaning."""

import re
import sys

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from jaxsim.plot import figures
from jaxsim.plot.figures.canvas import plain, thinned
from jaxsim.report.errors import errors_of
from jaxsim.report.palette import FAMILY_HUES, IMBALANCE_COLOURS, for_dark_paper, lightness, model_styles
from jaxsim.report.schema import indistinguishable
from jaxsim.study.constructed import constructed_information, constructed_labels, constructed_study


@pytest.fixture(scope="module")
def study():
    steps = {"a": 4, "b": 9, "c": 5}
    return constructed_study(steps, families={"a": "vit", "b": "resnet", "c": "vit"}, k=(1, 10))


def test_heat_map_draws_the_block_and_marks_cells_like_independent(study):
    results = study[0].copy(deep=True)
    rows = np.flatnonzero(results["source_model"].values == "a")
    columns = np.flatnonzero(results["target_model"].values == "b")
    results["imbalance"].values[1, rows[2], columns[5]] = 0.999
    ax = figures.heatmap(results, "a", "b", k=10)
    block = results["imbalance"].values[1][np.ix_(rows, columns)]
    error = results["standard_error"].values[1][np.ix_(rows, columns)]
    np.testing.assert_array_equal(ax.get_images()[0].get_array(), block)
    dots = {tuple(map(int, offset)) for offset in np.asarray(ax.collections[0].get_offsets())}
    assert dots == {(int(c), int(r)) for r, c in np.argwhere(indistinguishable(block, error))}
    assert (5, 2) in dots
    assert [label.get_text() for label in ax.get_yticklabels()] == results["source_step"].values[rows].tolist()
    assert [label.get_text() for label in ax.get_xticklabels()] == results["target_step"].values[columns].tolist()
    assert ax.get_images()[0].get_clim() == (0, 1)


def test_overview_has_a_boundary_between_any_two_models(study):
    ax = figures.overview(study[0])
    vertical = {line.get_xdata()[0] for line in ax.lines if line.get_xdata()[0] == line.get_xdata()[1]}
    assert vertical == {3.5, 12.5}


def test_smoothness_profile_shows_three_lines_a_band_and_the_marks(study):
    _, smoothness, _ = study
    ax = figures.smoothness_profile(smoothness, "b", k=10)
    own = smoothness.isel(k=1, change=smoothness["model"].values == "b")
    for line, name in zip(ax.lines, ("forward", "backward", "mean"), strict=True):
        np.testing.assert_allclose(line.get_ydata(), own[name].values)
        np.testing.assert_allclose(line.get_xdata(), own["depth"].values)
    edges = ax.collections[0].get_paths()[0].vertices
    top = (own["mean"] + 2 * own["mean_se"]).max()
    assert edges[:, 1].max() == pytest.approx(float(top))
    unmarked, marked = (np.asarray(points.get_offsets()) for points in ax.collections[1:])
    np.testing.assert_allclose(marked[:, 0], own["depth"].values[own["marked"].values])
    assert len(unmarked) + len(marked) == own.sizes["change"]


def test_fixed_step_keeps_gaps(study):
    smoothness = study[1].copy(deep=True)
    smoothness["fixed_step"].values[0, 1, 3] = np.nan
    ax = figures.fixed_step_profile(smoothness, k=1)
    drawn = np.asarray(ax.lines[1].get_ydata(), dtype=float)
    np.testing.assert_array_equal(drawn, smoothness["fixed_step"].values[0, 1])
    assert np.isnan(drawn).any()
    assert "t + 0.333" in ax.get_ylabel()


def test_between_draws_the_curve_of_each_other_model_and_its_peak(study):
    _, _, between = study
    ax = figures.between_model_distance(between, "b", k=10)
    curves = [line for line in ax.lines if len(line.get_xdata()) > 1]
    np.testing.assert_allclose(curves[0].get_ydata(), between["distance"].sel(pair="a | b").isel(k=1))
    np.testing.assert_allclose(curves[1].get_ydata(), between["distance"].sel(pair="b | c").isel(k=1))
    peaks = [float(line.get_xdata()[0]) for line in ax.lines if len(line.get_xdata()) == 1]
    assert set(peaks) == {float(between["peak_t"].sel(pair=pair)[1]) for pair in ("a | b", "b | c")}


def test_best_match_draws_depth_against_depth(study):
    _, _, between = study
    ax = figures.best_match(between, "a")
    rows = (between["match_model_from"] == "a") & (between["match_model_to"] == "c")
    np.testing.assert_allclose(ax.lines[-1].get_ydata(), between["best_depth"].isel(k=0)[rows.values])
    assert len(ax.lines) == 3


def test_figures_draw_on_given_axes_and_make_no_other(study):
    figure = Figure()
    given = figure.add_subplot()
    assert figures.fixed_step_profile(study[1], ax=given) is given
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_long_names_are_shortened():
    long = "a-model-with-a-name-that-does-not-end-" + "x" * 60
    results, _, _ = constructed_study({long: 7, "b": 3})
    ax = figures.heatmap(results, long, "b")
    assert len(ax.get_ylabel()) < 40
    assert "…" in ax.get_ylabel()


def test_bad_arguments_are_refused(study):
    with pytest.raises(ValueError, match="'nobody' came"):
        figures.heatmap(study[0], "nobody", "a")
    with pytest.raises(ValueError, match="'nobody' came"):
        figures.best_match(study[2], "nobody")
    with pytest.raises(ValueError, match="'nobody' came"):
        figures.smoothness_profile(study[1], "nobody")
    with pytest.raises(ValueError, match=r"Expected a style for every model, but 'b', 'c' has none"):
        figures.fixed_step_profile(study[1], styles=model_styles({"a": "vit"}))


def test_families_keep_their_hue_and_siblings_differ():
    styles = model_styles({"a": "vit", "b": "resnet", "c": "vit", "d": "vit"})
    assert styles["b"].colour == FAMILY_HUES[1]
    assert len({(style.colour, style.line) for style in styles.values()}) == 4
    many = model_styles({str(place): str(place) for place in range(10)})
    assert len({(style.colour, style.line) for style in many.values()}) == 10


def test_the_scale_reads_when_printed_grey():
    colours = IMBALANCE_COLOURS(np.linspace(0, 1, 64))[:, :3]
    grey = lightness(colours)
    assert (np.diff(grey) > 0).all()
    assert grey[0] < 15
    assert grey[-1] > 93


@pytest.mark.parametrize("hue", FAMILY_HUES)
def test_lines_stand_out_on_light_and_dark_paper(hue):
    def luminance(colour):
        grey = float(lightness(np.array([to_rgb(colour)]))[0])
        return ((grey + 16) / 116) ** 3 if grey > 8 else grey * 27 / 24389

    assert 1.05 / (luminance(hue) + 0.05) >= 3
    assert (luminance(for_dark_paper(hue)) + 0.05) / (luminance("#171a1f") + 0.05) >= 3


def test_thinned_labels_keep_both_ends():
    for count in range(1, 70):
        for most in (3, 8, 24):
            places = thinned(count, most)
            assert places[0] == 0
            assert places[-1] == count - 1
            assert len(places) <= most
            assert places == sorted(set(places))


def test_text_is_drawn_as_given():
    assert re.fullmatch(r"a \\\$x\\\$ b", plain("a $x$\n b"))


def test_bands_are_two_errors():
    results, smoothness, between = constructed_study({"a": 4, "b": 4}, sampling=True)
    known, labels = constructed_information(results), constructed_labels(results)
    own = smoothness["model"].values == "a"
    drawn = [
        (figures.smoothness_profile(smoothness, "a"), smoothness.isel(change=own), "mean"),
        (figures.between_model_distance(between, "a"), between, "distance"),
        (figures.low_level_information(known, "all"), known.sel(space="all", step=known.model == "a"), "forward"),
        (figures.label_overlap(labels, "class"), labels.sel(step=labels.model == "a"), "overlap"),
        (figures.fixed_step_profile(smoothness), smoothness.isel(model_name=0), "fixed_step"),
    ]
    for ax, chosen, of in drawn:
        edges = ax.collections[0].get_paths()[0].vertices[:, 1]
        top = np.nanmax(chosen[of].values + 2 * errors_of(chosen, of))
        assert edges.max() == pytest.approx(float(top)), of
