"""What neighbour lists have in common: machine code and JAX against sets and lists in plain Python."""

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.host import neighbour_overlap
from jaxsim_kernels.host.neighbour_products import products_at

from jaxsim.metrics.neighbour_measures import traced_overlap
from jaxsim.metrics.neighbour_measures.overlap import overlap_of

N_LAYERS, N, K_MAX = 3, 23, 7
KS = (5, 1, 6)


@pytest.fixture(scope="module")
def columns():
    """Lists of which the second keeps most of the first; more neighbours than any k asks for."""
    draw = np.random.default_rng(3)
    first = np.array([draw.permutation(np.delete(np.arange(N), row))[:K_MAX] for row in range(N)])
    second = np.array([draw.permutation(row) for row in first])
    third = np.array([draw.permutation(np.delete(np.arange(N), row))[:K_MAX] for row in range(N)])
    return np.stack([first, second, third])


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(4).normal(size=(N_LAYERS, N, K_MAX))


@pytest.fixture(params=["machine code", "JAX", "JAX under jit"])
def overlap(request):
    """The functions with their arrays moved to where they belong."""
    if request.param == "machine code":
        return lambda name, *arrays, **options: getattr(neighbour_overlap, name)(*arrays, **options)

    def call(name, *arrays, **options):
        function = getattr(traced_overlap, name)
        moved = [jnp.asarray(each) for each in arrays]
        run = jax.jit(lambda *each: function(*each, **options)) if "jit" in request.param else None
        return np.asarray(run(*moved) if run else function(*moved, **options))

    return call


def of_all(value):
    """`value(a, b, k)`, for every k and pair."""
    layers = range(N_LAYERS)
    return np.array([[[value(a, b, k) for b in layers] for a in layers] for k in KS])


def common(columns, a, b, k):
    return [set(x[:k].tolist()) & set(y[:k].tolist()) for x, y in zip(columns[a], columns[b], strict=True)]


def test_counts_of_common_neighbours(columns, overlap):
    expected = of_all(lambda a, b, k: np.bincount([len(each) for each in common(columns, a, b, k)], minlength=7))
    np.testing.assert_array_equal(overlap("common_counts", columns, ks=KS), expected)


def test_counts_for_a_single_k_and_fewer_rows_than_samples(columns, overlap):
    rows = columns[:, 4:9]
    found = overlap("common_counts", rows, ks=(6,))
    assert found.sum(-1).tolist() == np.full((1, N_LAYERS, N_LAYERS), 5).tolist()
    assert found[0, 0, 1].tolist() == np.bincount([len(each) for each in common(rows, 0, 1, 6)], minlength=7).tolist()


def test_weights_of_common_neighbours(columns, overlap):
    weights = np.add.outer(np.arange(6.0), np.arange(6.0)) + 1

    def by_count(a, b, k):
        sums = np.zeros(7)
        for row, shared in enumerate(common(columns, a, b, k)):
            places = [(columns[a, row].tolist().index(j), columns[b, row].tolist().index(j)) for j in shared]
            sums[len(shared)] += sum(weights[place] for place in places)
        return sums

    options = {"ks": KS, "weights": weights}
    np.testing.assert_allclose(overlap("common_weights", columns, **options), of_all(by_count), rtol=1e-6)


def test_longest_common_subsequences(columns, overlap):
    def longest(x, y):
        return max(
            n
            for n in range(len(x) + 1)
            for chosen in combinations(x, n)
            if list(chosen) == [each for each in y if each in chosen]
        )

    def total(a, b, k):
        return sum(longest(x[:k].tolist(), y[:k].tolist()) for x, y in zip(columns[a], columns[b], strict=True))

    np.testing.assert_array_equal(overlap("common_subsequences", columns, ks=KS), of_all(total))


def test_cycles(columns, overlap):
    def count(a, b, k):
        return sum(any(i in columns[a, j, :k] for j in columns[b, i, :k]) for i in range(N))

    found = overlap("cycles", columns, ks=KS)
    np.testing.assert_array_equal(found, of_all(count))
    assert (found != found.swapaxes(1, 2)).any()


@pytest.mark.parametrize("returning", [pytest.param(False, marks=pytest.mark.slow), True])
def test_sums_over_masked_matrices(columns, values, overlap, returning):
    def matrices(a, b, k):
        masks, dense = np.zeros((2, N, N), bool), np.zeros((2, N, N))
        for place, layer in enumerate((a, b)):
            np.put_along_axis(masks[place], columns[layer, :, :k], True, 1)
            np.put_along_axis(dense[place], columns[layer, :, :k], values[layer, :, :k], 1)
        mask = masks.all(0)
        return dense * mask, mask & (mask.T | (not returning))

    def sums(a, b, k):
        (of_a, of_b), mask = matrices(a, b, k)
        return (of_a * of_b * mask).sum(), of_a.sum(), of_b.sum(), (of_a @ of_b).sum()

    found = overlap("masked_sums", columns, values, ks=KS, returning=returning)
    np.testing.assert_allclose(np.moveaxis(found, 0, -1), of_all(sums), rtol=1e-5, atol=1e-5)


def test_cosines_over_the_neighbours_of_either(columns, overlap):
    points = np.random.default_rng(5).normal(size=(N_LAYERS, N, N))
    across = np.array([[np.take_along_axis(near, lists, 1) for lists in columns] for near in points])
    own = np.array([across[place, place] for place in range(N_LAYERS)])

    def total(a, b, k):
        cosines = []
        for row in range(N):
            union = sorted({*columns[a, row, :k].tolist(), *columns[b, row, :k].tolist()})
            u, v = points[a, row, union], points[b, row, union]
            cosines.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
        return sum(cosines)

    found = overlap("second_order_cosines", columns, own, across, ks=KS)
    np.testing.assert_allclose(found, of_all(total), rtol=1e-5, atol=1e-5)


def test_occurrences(columns, overlap):
    expected = np.array([[np.bincount(lists[:, :k].ravel(), minlength=N) for lists in columns] for k in KS])
    np.testing.assert_array_equal(overlap("occurrences", columns, ks=KS, n_samples=N), expected)


def test_the_array_decides_which_functions_are_taken(columns):
    assert overlap_of(columns) is neighbour_overlap
    assert overlap_of(jnp.asarray(columns)) is traced_overlap
    taken = []
    jax.jit(lambda lists: taken.append(overlap_of(lists)))(columns)
    assert taken == [traced_overlap]


def test_products_of_rows_in_chunks(monkeypatch):
    monkeypatch.setattr("jaxsim_kernels.host.neighbour_products._CHUNK_BYTES", 500)
    draw = np.random.default_rng(0)
    features, rows = draw.normal(size=(40, 9)), np.array([3, 5, 6, 20, 39])
    columns = draw.integers(0, 40, size=(4, 5, 6))
    expected = np.einsum("rd,lrkd->lrk", features[rows], features[columns])
    np.testing.assert_allclose(products_at(features, rows, columns), expected, rtol=1e-12)
