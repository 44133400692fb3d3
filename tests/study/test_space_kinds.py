"""Spaces that are dissimilarities, spaces that should be labels, and what ties leave attainable."""

import json
import warnings

import numpy as np
import pytest

from jaxsim import Dissimilarities, imbalance_matrix
from jaxsim.data import open_images
from jaxsim.features import extract
from jaxsim.metrics import TieWarning, tie_bounds
from jaxsim.study import checked_settings, compare
from jaxsim.study.run.space_kinds import explain_categories, given_dissimilarities
from jaxsim.study.run.spaces import check_spaces, open_spaces


def distances(x):
    return np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(60, 5))


@pytest.fixture(scope="module")
def images():
    return open_images("digits").subset(60)


def test_dissimilarities_beside_features_give_the_values_of_the_features(x) -> None:
    other = np.random.default_rng(1).normal(size=(60, 3)) + x[:, :3]
    features = imbalance_matrix({"x": x, "other": other}, k=(1, 3))
    mixed = imbalance_matrix({"x": x, "other": Dissimilarities(distances(other))}, k=(1, 3), verify=True)
    np.testing.assert_allclose(mixed.values, features.values, rtol=1e-12)
    assert mixed.verification.changed_rows == 0
    both = {"x": Dissimilarities(distances(x)), "other": Dissimilarities(distances(other))}
    np.testing.assert_allclose(imbalance_matrix(both, k=(1, 3)).values, features.values, rtol=1e-12)
    cosine = imbalance_matrix({"x": x, "other": Dissimilarities(distances(other))}, metric="cosine").values
    assert cosine[1, 1] == 2 / 60
    assert cosine[0, 1] == imbalance_matrix([x / np.linalg.norm(x, axis=1, keepdims=True), other]).values[0, 1]


def test_a_study_with_dissimilarities_of_a_subset(random_vit, images, x) -> None:
    model = random_vit(0, "a")
    space = Dissimilarities(distances(x), images.ids)
    options = {"n_samples": 40, "seed": 2, "n_splits": 0}
    study = compare(model, images, spaces={"brain": space, "features": x}, **options)
    by_order = compare(model, images, spaces={"brain": Dissimilarities(distances(x))}, **options)
    forward, backward = study.information.forward.sel(k=1), study.information.backward.sel(k=1)
    np.testing.assert_allclose(forward.sel(space="brain"), forward.sel(space="features"), rtol=1e-12)
    np.testing.assert_allclose(backward.sel(space="brain"), backward.sel(space="features"), rtol=1e-12)
    np.testing.assert_array_equal(by_order.information.forward.sel(k=1, space="brain"), forward.sel(space="brain"))
    assert study.information.n_features.values.tolist() == [0, 5]
    subset = images.subset(40, 2)
    own = x[[list(images.ids).index(each) for each in subset.ids]]
    expected = imbalance_matrix({"norm": extract(model, subset)["norm"], "x": own}).values
    assert forward.sel(space="brain", step="a/norm") == pytest.approx(expected[0, 1])


def test_halves_quarters_and_shuffled_images_take_rows_and_columns(random_vit, images, x) -> None:
    spaces = {"brain": Dissimilarities(distances(x)), "features": x}
    study = compare(random_vit(0, "a"), images, spaces=spaces, n_splits=2)
    for dataset in (study.halves, study.shuffled):
        for name in [str(each) for each in dataset.data_vars if "ward" in str(each)]:
            known = dataset[name]
            np.testing.assert_allclose(known.sel(space="brain"), known.sel(space="features"), rtol=1e-12)


def test_alignment_of_dissimilarities() -> None:
    matrix = np.arange(16.0).reshape(4, 4)
    rows = given_dissimilarities("d", Dissimilarities(matrix, list("dcba")), ids=["a", "c"], source_ids=list("abcd"))
    assert rows[:].tolist() == [[0.0, 13.0], [7.0, 0.0]]
    with pytest.raises(ValueError, match="'x' is not among its ids"):
        given_dissimilarities("d", Dissimilarities(matrix, list("dcba")), ids=["x"], source_ids=["x"])
    with pytest.raises(ValueError, match=r"between the 2 samples of the study or the 3 it was drawn from .* got 4 x 4"):
        given_dissimilarities("d", Dissimilarities(matrix), ids=["a", "b"], source_ids=["a", "b", "c"])
    a, b = (
        open_spaces({"d": Dissimilarities(each)}, statistics=None, ids=list("abcd"), source_ids=list("abcd"))
        for each in (matrix, matrix + 1)
    )
    assert a.key != b.key


def test_a_matrix_of_dissimilarities_is_no_space_of_features(x) -> None:
    settings = checked_settings(k=1)
    with pytest.raises(ValueError, match=r"looks like a dissimilarity matrix \(60 x 60.*wrap it in jaxsim.Dissimil"):
        check_spaces({"brain": distances(x)}, settings)
    square = np.random.default_rng(2).normal(size=(60, 60))
    check_spaces({"brain": Dissimilarities(distances(x)), "square": square, "symmetric": square + square.T}, settings)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (np.eye(4)[np.arange(20) % 4], "one-hot, with 4 classes"),
        (np.eye(4)[np.arange(20) % 3], "one-hot, with 3 classes"),
        (np.arange(20)[:, None] % 5.0, "holds 5 different integers, which are taken for positions on a line"),
        (np.arange(20)[:, None] % 9.0, ""),  # as many as numbers may have
        (np.arange(20)[:, None] / 2 % 2, ""),
        (np.arange(40).reshape(20, 2) % 2.0 * 1.0 + 1, ""),
        (np.ones((20, 1)), ""),
        (np.eye(20), "one-hot, with 20 classes"),
    ],
)
def test_categories_given_as_positions(space, said) -> None:
    found = explain_categories("class", space)
    assert said in found
    assert bool(said) == bool(found)
    assert not found or "--labels class=FILE" in found


@pytest.mark.filterwarnings("ignore:up to:jaxsim.metrics.TieWarning")  # by the kernels, of the ties themselves
def test_the_warning_is_given_and_recorded_with_what_is_attainable(random_vit, images) -> None:
    classes = np.arange(60) % 7
    one_hot = np.eye(7)[classes]
    spaces = {"class": one_hot, "plain": np.random.default_rng(3).normal(size=(60, 2)), "same": np.ones((60, 1))}
    with pytest.warns(TieWarning, match="the space 'class' is one-hot, with 7 classes"):
        study = compare(random_vit(0), images, spaces=spaces, k=(1, 4), n_splits=0)
    assert any("'class' is one-hot" in each for each in json.loads(study.results.attrs["warnings"]))
    known = study.information
    bounds = tie_bounds(one_hot, k=(1, 4))
    np.testing.assert_allclose(known.floor_forward.sel(space="class"), bounds.floor, rtol=1e-12)
    np.testing.assert_allclose(known.ceiling_forward.sel(space="class"), bounds.ceiling, rtol=1e-12)
    np.testing.assert_allclose(known.floor_forward.sel(space="plain"), known.floor, rtol=1e-12)
    np.testing.assert_allclose(known.ceiling_forward.sel(space="plain"), 2 - known.floor, rtol=1e-12)
    assert np.isnan(known.floor_forward.sel(space="same")).all()
    assert np.isnan(known.ceiling_forward.sel(space="same")).all()
    for space in ("class", "plain"):
        own = known.sel(space=space)
        assert (own.forward >= own.floor_forward - 1e-12).all()
        assert (own.forward <= own.ceiling_forward + 1e-12).all()


def test_bounds_with_groups_of_samples() -> None:
    rng = np.random.default_rng(4)
    space, groups = rng.integers(0, 3, (48, 2)).astype(float), np.arange(48) // 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TieWarning)
        values = imbalance_matrix({"x": space, "y": rng.normal(size=(48, 2))}, groups=groups, k=(1, 3)).values
    bounds = tie_bounds(space, k=(1, 3), groups=groups)
    np.testing.assert_allclose(bounds.floor, values[:, 0, 0], rtol=1e-12)
    assert (values[:, 1, 0] < bounds.ceiling).all()
