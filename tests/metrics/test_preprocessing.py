"""Clipping to quantiles and dropping duplicates: what is measured, and that it is recorded."""

import numpy as np
import pytest

from jaxsim import imbalance_matrix
from jaxsim.metrics import clip_quantiles, distinct_samples


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((120, 40))
    x[:, 0] *= 200
    return {"x": x.astype(np.float32), "y": rng.standard_normal((120, 8)) + x[:, 1:9]}


def test_every_sample_is_clipped_to_its_own_quantiles(layers):
    found = np.asarray(clip_quantiles(layers["y"], (0.1, 0.8)))
    for row, given in zip(found, layers["y"], strict=True):
        np.testing.assert_allclose(row, np.clip(given, *np.quantile(given, [0.1, 0.8])))
    np.testing.assert_array_equal(clip_quantiles(layers["y"], (0.1, 0.8))[7:9], found[7:9])


def test_the_matrix_is_that_of_clipped_layers(layers):
    clipped = {name: np.asarray(clip_quantiles(x)) for name, x in layers.items()}
    found = imbalance_matrix(layers, clip=(0.05, 0.95), verify=True)
    np.testing.assert_array_equal(found.values, imbalance_matrix(clipped).values)
    assert found.values[0, 1] < imbalance_matrix(layers).values[0, 1]
    assert found.clip == (0.05, 0.95)
    assert found.to_xarray().attrs["clip"] == "0.05 to 0.95"
    assert found.verification.changed_rows == 0


def test_dropping_duplicates_gives_the_matrix_of_distinct_samples(layers):
    order = np.r_[np.arange(120), 3, 5, 3]
    repeated = {name: x[order] for name, x in layers.items()}
    found = imbalance_matrix(repeated, drop_duplicates=True, keep_rows=True, n_queries=50)
    np.testing.assert_array_equal(found.values, imbalance_matrix(layers, n_queries=50).values)
    assert (found.n_samples, found.dropped, found.notes) == (
        120,
        (120, 121, 122),
        ("3 duplicated samples were dropped",),
    )
    assert set(found.queries) <= set(range(120))
    assert found.to_xarray().attrs["n_dropped"] == 3


def test_samples_that_differ_in_one_layer_stay():
    a = np.zeros((4, 2))
    assert distinct_samples({"a": a, "b": np.array([[0], [1], [0], [2]])}).tolist() == [0, 1, 3]


def test_middle_duplicates_are_skipped_where_the_layer_lies(tmp_path, layers):
    repeated = {name: np.insert(x, 2, x[0], axis=0) for name, x in layers.items()}
    np.save(tmp_path / "x.npy", repeated["x"])
    mapped = {"x": np.load(tmp_path / "x.npy", mmap_mode="r"), "y": repeated["y"]}
    found = imbalance_matrix(mapped, drop_duplicates=True)
    np.testing.assert_array_equal(found.values, imbalance_matrix(layers).values)
    assert found.dropped == (2,)


@pytest.mark.parametrize("clip", [(0.95, 0.05), (0.5,), (-0.1, 0.9), 0.9, ("a", "b"), (0.1, np.nan)])
def test_quantiles_that_are_refused(layers, clip):
    with pytest.raises(ValueError, match="two quantiles with 0 <= low < high <= 1"):
        imbalance_matrix(layers, clip=clip)


def test_distances_are_not_preprocessed():
    with pytest.raises(ValueError, match="work on representations"):
        imbalance_matrix([np.eye(5)], metric="precomputed", drop_duplicates=True)
