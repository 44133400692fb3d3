import importlib

import numpy as np
import pytest
from jaxsim_kernels import nearest_samples

SIZES = [
    (9, 4, 8),
    (600, 20, 32),
    pytest.param(3, 1, 2, marks=pytest.mark.slow),
    pytest.param(130, 7, 5, marks=pytest.mark.slow),
]


def oracle(x, k):
    """Columns and distances by definition, in float64."""
    x = x.astype(np.float64)
    distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
    np.fill_diagonal(distances, np.inf)
    columns = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return columns, np.take_along_axis(distances, columns, axis=1)


@pytest.mark.parametrize(("n_samples", "n_features", "k"), SIZES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_to_the_oracle(n_samples, n_features, k, dtype):
    x = np.random.default_rng(n_samples).normal(size=(n_samples, n_features)) + 50
    columns, distances = nearest_samples(x, k, dtype)
    expected_columns, expected = oracle(x, k)
    np.testing.assert_array_equal(columns, expected_columns)
    np.testing.assert_allclose(distances, expected, rtol=2e-5 if dtype is np.float32 else 1e-7)


def test_blocks_of_rows_cover_all_samples(monkeypatch):
    # The function has the name of its module.
    monkeypatch.setattr(importlib.import_module("jaxsim_kernels.nearest_samples"), "_STRIP_BYTES", 4 * 1024 * 100)
    x = np.random.default_rng(0).normal(size=(777, 6))
    np.testing.assert_array_equal(nearest_samples(x, 4)[0], oracle(x, 4)[0])


def test_ties_are_in_index_order_and_a_copy_is_a_neighbour():
    x = np.repeat(np.arange(5.0), 2)[:, None]
    columns, distances = nearest_samples(x, 3, np.float64)
    assert columns[:, 0].tolist() == [1, 0, 3, 2, 5, 4, 7, 6, 9, 8]
    np.testing.assert_allclose(distances[:, 0], 0, atol=1e-7)
    assert columns[4, 1:].tolist() == [2, 3]


def test_float64_keeps_what_float32_loses():
    """Clusters 1e6 spreads apart: in float32 every neighbour within a cluster is lost."""
    rng = np.random.default_rng(1)
    x = np.repeat(np.arange(4) * 1e3, 50)[:, None] + 1e-3 * rng.normal(size=(200, 5))
    # Squared distances come from products as large as the squared length of a sample, and with their rounding.
    rounding = 4 * np.finfo(np.float64).eps * np.max(((x - x.mean(0)) ** 2).sum(1))

    def surplus(dtype):
        found = ((x[:, None] - x[nearest_samples(x, 3, dtype)[0]]) ** 2).sum(-1)
        return np.max(np.abs(found - oracle(x, 3)[1] ** 2))

    assert surplus(np.float64) < rounding
    assert surplus(np.float32) > 100 * rounding
