"""Labels, spaces full of ties, and curves of random weights: what is drawn of them."""

import numpy as np
import pytest

from jaxsim.plot import figures
from jaxsim.study.constructed import constructed_information, constructed_labels, constructed_study


@pytest.fixture(scope="module")
def results():
    return constructed_study({"vit": 4, "resnet": 5}, k=(1, 10))[0]


def dashes(ax, level):
    """The lines that lie level at a height."""
    level_lines = [line for line in ax.lines if len(set(line.get_ydata())) == 1]
    return [line for line in level_lines if line.get_ydata()[0] == pytest.approx(level)]


def test_overlap_is_drawn_with_chance_and_ceiling(results):
    labels = constructed_labels(results, n_classes={"class": 10, "shape": 3})
    ax = figures.label_overlap(labels, "shape", k=10)
    own = labels.sel(k=10, label="shape")
    np.testing.assert_array_equal(ax.lines[2].get_ydata(), own["overlap"].values[own["model"].values == "vit"])
    assert len(dashes(ax, 1 / 3)) == len(dashes(ax, 0.98)) == 1
    assert ax.get_title(loc="left") == "shape, 3 classes"
    with pytest.raises(ValueError, match="'taste' came"):
        figures.label_overlap(labels, "taste")


def test_spaces_full_of_ties_have_a_floor_and_a_ceiling_of_their_own(results):
    known = constructed_information(results, tied=("colour",))
    ax = figures.low_level_information(known, "colour")
    assert dashes(ax, 0.035)
    assert dashes(ax, 1.01)
    assert not dashes(ax, float(known["floor"][0]))
    usual = figures.low_level_information(known, "layout")
    assert dashes(usual, float(known["floor"][0]))
    assert not dashes(usual, 2.0)
    assert not dashes(figures.low_level_information(known, "colour", direction="backward"), 0.035)


def test_curves_of_random_weights_are_thin_and_have_no_band():
    study, other = (constructed_study({"a": 4, "b": 5, "c": 4}, seed=seed) for seed in (0, 5))
    ax = figures.fixed_step_profile(study[1], control=other[1])
    thin = [line for line in ax.lines if line.get_linewidth() < 1]
    np.testing.assert_array_equal(thin[1].get_ydata(), other[1]["fixed_step"].values[0, 1])
    assert len(ax.collections) == 3
    ax = figures.between_model_distance(study[2], "b", control=other[2])
    thin = [line for line in ax.lines if line.get_linewidth() < 1]
    np.testing.assert_array_equal(thin[0].get_ydata(), other[2]["distance"].sel(pair="a | b").values[0])
    np.testing.assert_array_equal(thin[1].get_ydata(), other[2]["distance"].sel(pair="b | c").values[0])
