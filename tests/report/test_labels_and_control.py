"""Labels, spaces full of ties, and the control of random weights: what is drawn and told of them."""

import numpy as np
import pytest

from jaxsim.report import Control, figures
from jaxsim.report.control import checked_control, control_rows, describe_missing_intervals
from jaxsim.report.information import describe_spaces, limit_rows
from jaxsim.report.labels import checked_labels, describe_label_overlap
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
    assert [ax.get_title(loc="left") for ax in figures.label_overlaps(labels)] == [
        "class, 10 classes",
        "shape, 3 classes",
    ]
    with pytest.raises(ValueError, match="'taste' came"):
        figures.label_overlap(labels, "taste")


def test_what_is_told_of_labels(results):
    labels = constructed_labels(results)
    labels["overlap"].values[0, 3, 0], labels["standard_error"].values[:] = 0.9, 0.01
    said = describe_label_overlap(labels, k=1).replace("\u00a0", " ")
    assert said.startswith(
        "Of the nearest neighbour, 0.100 would share its class (10 classes) by chance and at most 0.980"
    )
    assert "to 0.900 ± 0.010" in said
    assert said.endswith("The last step of vit separates it best and that of resnet least.")
    assert describe_label_overlap(labels, k=10).startswith("Of the 10 nearest neighbours, ")
    labels["overlap"].values[:, :4] = np.nan
    assert "vit has no step that tells images apart" in describe_label_overlap(labels)
    with pytest.raises(ValueError, match="labels dataset to have chance"):
        checked_labels(labels.drop_vars("chance"))


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
    place = known["space"].values.tolist().index("colour")
    least, most = limit_rows(known)
    assert (least[place], most[place], most[0]) == ("0.035", "1.010", "–")
    assert "Because of ties, Δ to colour cannot reach the floor" in describe_spaces(known)
    plain = constructed_information(results)
    assert len(limit_rows(plain)) == 1
    assert "ties" not in describe_spaces(plain)


def test_a_missing_interval_is_explained_by_the_number_of_images():
    assert "need at least 64 images (16 groups of 4), and this study has 63" in describe_missing_intervals(63)
    assert describe_missing_intervals(64).endswith("no half-samples were measured in this study.")


def test_the_control_s_values_stand_beside_those_of_the_study(results):
    study, other = (constructed_study({"vit": 4, "resnet": 5}, seed=seed) for seed in (0, 5))
    own = Control(*study, constructed_information(study[0]), constructed_labels(study[0]))
    control = checked_control(Control(*other, constructed_information(other[0], seed=3)), study[0])
    rows = {(row[0], row[1]): row[2:] for row in control_rows(own, control)}
    fixed = (float(np.nanmean(each[1]["fixed_step"].values[0, 0])) for each in (study, other))
    assert rows["Change over equal stretches", "vit"] == [f"{value:.3f}" for value in fixed]
    known = own.information["forward"].sel(space="all").values[0]
    assert rows["Δ(step → all), last step minus first", "resnet"][0] == f"{known[8] - known[4]:.3f}"
    assert rows["Overlap with class, last step minus first", "vit"][1] == "undefined"
    middle = study[2]["distance"].sel(t=slice(0.25, 0.75)).values[0, 0].mean()
    assert rows["Half way, Δ at the same depth, 0.25 to 0.75", "vit, resnet"][0] == f"{middle:.3f}"
    assert checked_control(None, study[0]) is None
    with pytest.raises(ValueError, match=r"control of the same models \(vit, resnet\)"):
        checked_control(Control(*constructed_study({"a": 3, "b": 3})), study[0])


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
