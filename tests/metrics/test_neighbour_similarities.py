"""Inner products with neighbours: on the host and traced, of all samples, of some rows and of halves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.metrics.neighbour_similarities import similarities_at, traced_similarities
from jaxsim.metrics.reading import Rows
from jaxsim.metrics.statistics import SimilaritiesAtNeighbours

from .dense_neighbours import unit_rows

N, K = 60, 4
METRICS = ["euclidean", "cosine", "correlation"]


@pytest.fixture(scope="module")
def layers():
    draw = np.random.default_rng(0)
    return [draw.normal(size=(N, 5)) * 3 + 1, draw.normal(size=(N, 7)).astype(np.float32), draw.integers(0, 9, (N, 6))]


@pytest.fixture(scope="module")
def columns():
    return np.random.default_rng(1).integers(0, N, size=(3, N, K))


def expected(layers, columns, rows, metric):
    units = [unit_rows(x, metric) for x in layers]
    across = np.array([[np.einsum("rd,rkd->rk", own[rows], own[lists]) for lists in columns] for own in units])
    return across, np.array([(own[rows] @ own[rows].T).mean(1) for own in units])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("rows", [np.arange(N), np.array([2, 3, 17, 59])], ids=["all rows", "some rows"])
def test_on_the_host(layers, columns, metric, rows):
    given = [layers[0], Rows(layers[1], layers[1].shape, np.float32, np.asarray), layers[2]]
    found = similarities_at(given, columns[:, rows], rows, metric, across=True)
    across, means = expected(layers, columns[:, rows], rows, metric)
    assert found.own.dtype == found.across.dtype == np.float64
    np.testing.assert_allclose(found.across, across, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(found.row_means, means, rtol=1e-11, atol=1e-13)
    alone = similarities_at(given, columns[:, rows], rows, metric)
    assert alone.across is None
    for other in (found.own, alone.own):
        np.testing.assert_allclose(other, across[[0, 1, 2], [0, 1, 2]], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("across", [pytest.param(False, marks=pytest.mark.slow), True])
def test_traced(layers, columns, metric, across):
    @jax.jit
    def run(lists, *given):
        found = traced_similarities(given, lists, metric, across)
        return found.own, found.across, found.row_means

    found = SimilaritiesAtNeighbours(*run(columns, *layers))
    products, means = expected(layers, columns, np.arange(N), metric)
    np.testing.assert_allclose(found.own, products[[0, 1, 2], [0, 1, 2]], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.row_means, means, rtol=1e-5, atol=1e-5)
    assert (found.across is None) is not across
    if across:
        np.testing.assert_allclose(found.across, products, rtol=1e-5, atol=1e-5)


def test_traced_in_more_blocks_than_one():
    draw = np.random.default_rng(2)
    x, columns = draw.normal(size=(300, 3)), draw.integers(0, 300, size=(1, 300, 2))
    found = traced_similarities([jnp.asarray(x)], jnp.asarray(columns), "euclidean")
    products, _ = expected([x], columns, np.arange(300), "euclidean")
    np.testing.assert_allclose(found.own, products[0], rtol=1e-5, atol=1e-5)


def test_distances_have_no_inner_products(columns):
    square = np.zeros((N, N))
    with pytest.raises(ValueError, match="expected features where inner products are needed"):
        similarities_at([square], columns[:1], np.arange(N), "precomputed")
    with pytest.raises(ValueError, match="expected features where inner products are needed"):
        traced_similarities([jnp.asarray(square)], jnp.asarray(columns[:1]), "precomputed")
