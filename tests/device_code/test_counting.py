"""Counting and sorting give the same integers as a comparison of everything with everything."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels import counting
from jaxsim_kernels.scores import ordered_bits
from jaxsim_kernels.sorting import RowSorter


def _by_counting(count):
    count = jax.jit(count)
    return lambda strip, norms, columns: count(strip, norms, np.take_along_axis(norms - strip, columns, axis=1))


def _bits(scores):
    with jax.enable_x64(scores.dtype == np.float64):
        return np.asarray(ordered_bits(jnp.asarray(scores)))


def _by_sorting(strip, norms, columns):
    bits = _bits(norms - strip)
    middle, first = (np.take_along_axis(RowSorter(strict)(bits).table, columns, 1) for strict in (False, True))
    less = (first // 2 - 2) // 2
    counts = counting.Counts(less, middle // 2 - 1 - less)
    np.testing.assert_array_equal(middle % 2, counts.upto - less > 1)
    return counts


BACKENDS = {
    "registers": _by_counting(counting._count_in_registers),
    "reduction": _by_counting(counting._count_by_reduction),
    "sorting": _by_sorting,
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_thresholds", [33, 300])
@pytest.mark.parametrize("levels", [0, 5])
def test_counts_equal_brute_force(backend, levels, n_thresholds):
    rng = np.random.default_rng(1)
    strip = rng.standard_normal((9, 1024)).astype(np.float32)
    norms = rng.standard_normal(1024).astype(np.float32)
    if levels:  # heavy ties
        strip, norms = np.round(strip * levels), np.round(norms * levels)
    strip[np.arange(9), np.arange(9)] = -np.inf
    norms[-100:] = np.inf
    scores = norms - strip
    columns = rng.integers(9, 900, (9, n_thresholds))
    thresholds = np.take_along_axis(scores, columns, axis=1)
    counts = BACKENDS[backend](strip, norms, columns)
    np.testing.assert_array_equal(counts.less, (scores[:, None] < thresholds[..., None]).sum(-1))
    np.testing.assert_array_equal(counts.upto, (scores[:, None] <= thresholds[..., None]).sum(-1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sorting_gives_the_nearest_in_index_order(dtype):
    scores = np.round(np.random.default_rng(0).standard_normal((70, 300)) * 4).astype(dtype)
    scores[:, 5] = -0.0
    scores[:, 290:] = np.inf
    scores[::2] -= 3
    found = RowSorter()(_bits(scores), 40)
    expected = np.argsort(scores, axis=1, kind="stable")[:, :40]
    np.testing.assert_array_equal(found.columns, expected)
    np.testing.assert_array_equal(found.scores, np.take_along_axis(scores, expected, 1))


def test_packed_counts_do_not_overflow(monkeypatch):
    monkeypatch.setattr(counting, "_MAX_COLUMNS", 1024)
    strip, norms = jnp.zeros((1, 4096)), jnp.zeros(4096)
    counts = counting._count_in_registers(strip, norms, jnp.zeros((1, 1)))
    assert (int(counts.less[0, 0]), int(counts.upto[0, 0])) == (0, 4096)
    # The real bound: a lane of 16 bits sees at most one column in 16.
    assert counting._LANES * (2**16 - 1) >= 1024 * 1000


@pytest.mark.parametrize("n_columns", [2**15 - 1, 2**15])
def test_sorting_of_rows_at_the_limit_of_the_short_keys(n_columns):
    scores = np.random.default_rng(0).integers(0, 10**6, (3, n_columns)).astype(np.float32)
    ordered = np.sort(scores, axis=1)
    for row, table in enumerate(RowSorter()(_bits(scores)).table):
        below, upto = (np.searchsorted(ordered[row], scores[row], side) for side in ("left", "right"))
        np.testing.assert_array_equal(table // 2, 1 + below + upto)
        np.testing.assert_array_equal(table % 2, upto - below > 1)
