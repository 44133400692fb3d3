"""Counting and sorting give the same integers as a comparison of everything with everything."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels import counting
from jaxsim_kernels.accelerator import tpu_counting
from jaxsim_kernels.accelerator.counting import (
    counts_by_groups,
    counts_of_columns_by_groups,
    scores_of_columns_by_groups,
)
from jaxsim_kernels.accelerator.gpu_counting import counts_by_triton
from jaxsim_kernels.accelerator.tpu_counting import counts_by_mosaic
from jaxsim_kernels.accelerator.tpu_ranks import counts_of_columns_by_mosaic
from jaxsim_kernels.host.sorting import distinct_columns, ranks_by_sorting


def _by_counting(count):
    count = jax.jit(count)

    def counts(strip, norms, columns):
        return counting.Counts(*count(strip, norms, np.take_along_axis(norms - strip, columns, axis=1)))

    return counts


def _by_sorting(strip, norms, columns):
    wanted = distinct_columns(columns, strip.shape[1] - 100)
    middle, first = (
        ranks_by_sorting(strip, norms, wanted, strip.shape[1] - 100, (1,), strict) for strict in (False, True)
    )
    less = (first.doubled[..., 0] - 2) // 2
    counts = counting.Counts(less, middle.doubled[..., 0] - 1 - less)
    np.testing.assert_array_equal(middle.tied[..., 0], counts.upto - less > 1)
    return counts


DEVICE_FORMS = {
    "groups": counts_by_groups,
    "mosaic": partial(counts_by_mosaic, interpret=True),
    "triton": partial(counts_by_triton, interpret=True),
}
OF_COLUMNS = {
    "on this platform": counting.count_below_columns,
    "groups": counts_of_columns_by_groups,
    "mosaic": partial(counts_of_columns_by_mosaic, interpret=True),
}
BACKENDS = {
    "registers": _by_counting(counting._count_in_registers),
    **{name: _by_counting(form) for name, form in DEVICE_FORMS.items()},
    "sorting": _by_sorting,
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n_thresholds", [pytest.param(33, marks=pytest.mark.slow), 300])
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


@pytest.mark.parametrize("backend", DEVICE_FORMS)
@pytest.mark.parametrize(
    ("n_rows", "n_columns", "n_thresholds"),
    [
        (17, 640, 130),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in [(1, 128, 1), (40, 2048, 24), (8, 256, 720)]),
    ],
)
def test_device_forms_take_any_number_of_rows_and_thresholds(backend, n_rows, n_columns, n_thresholds):
    """Blocks of rows that are not whole, thresholds that tie with each other, a row that is left out whole."""
    rng = np.random.default_rng(n_thresholds)
    strip = rng.integers(-9, 9, (n_rows, n_columns)).astype(np.float32)
    norms = rng.integers(0, 9, n_columns).astype(np.float32)
    norms[-28:], strip[-1] = np.inf, -np.inf
    scores = norms - strip
    columns = rng.integers(0, n_columns - 28, (n_rows, n_thresholds))
    thresholds = norms[columns] - rng.integers(-9, 9, columns.shape).astype(np.float32)
    less, upto = DEVICE_FORMS[backend](jnp.asarray(strip), jnp.asarray(norms), jnp.asarray(thresholds))
    np.testing.assert_array_equal(less, (scores[:, None] < thresholds[..., None]).sum(-1))
    np.testing.assert_array_equal(upto, (scores[:, None] <= thresholds[..., None]).sum(-1))


@pytest.mark.parametrize("backend", OF_COLUMNS)
@pytest.mark.parametrize(
    ("n_rows", "n_columns", "n_wanted"),
    [
        pytest.param(1, 512, 1, marks=pytest.mark.slow),
        pytest.param(17, 1536, 130, marks=pytest.mark.slow),
        (9, 2048, 24),
    ],
)
def test_counts_of_columns_are_counts_of_their_scores(backend, n_rows, n_columns, n_wanted):
    rng = np.random.default_rng(n_wanted)
    strip = rng.integers(-99, 99, (n_rows, n_columns)).astype(np.float32)
    norms = rng.integers(0, 99, n_columns).astype(np.float32)
    norms[-28:], strip[:, 7] = np.inf, -np.inf
    # From the last finite column back, so that every tile is picked from.
    columns = np.sort(rng.integers(8, n_columns - 28, (n_rows, n_wanted)).astype(np.int32))[:, ::-1].copy()
    scores = norms - strip
    bounds = np.take_along_axis(scores, columns, axis=1)[..., None]
    arrays = jnp.asarray(strip), jnp.asarray(norms), jnp.asarray(columns)
    less, upto = OF_COLUMNS[backend](*arrays)
    np.testing.assert_array_equal(less, (scores[:, None] < bounds).sum(-1))
    np.testing.assert_array_equal(upto, (scores[:, None] <= bounds).sum(-1))
    np.testing.assert_array_equal(scores_of_columns_by_groups(*arrays)[..., None], bounds)


def test_more_thresholds_than_the_chip_has_room_for_are_counted_in_parts(monkeypatch):
    monkeypatch.setattr(tpu_counting, "MOST_AT_ONCE", 2)
    norms, bounds = jnp.arange(128.0), jnp.array([[5.0, 1.0, 3.0, 0.0, 9.0]])
    less, upto = DEVICE_FORMS["mosaic"](jnp.zeros((1, 128)), norms, bounds)
    assert less.tolist() == [[5, 1, 3, 0, 9]]
    assert upto.tolist() == [[6, 2, 4, 1, 10]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_samples", [3, 40, 1000, 2**16 - 1, 2**16])
@pytest.mark.parametrize("scores", ["spread", "tied", "equal", "one far away", "tiny", "huge"])
def test_ranks_by_sorting_equal_brute_force(dtype, n_samples, scores):
    """Whatever the scores are like: buckets hold one, many or all of them, beside padding and the sample itself."""
    rng = np.random.default_rng(n_samples)
    values = rng.standard_normal((2, n_samples)).astype(dtype)
    match scores:
        case "tied":
            values = np.round(values)
        case "equal":
            values[:] = 3
        case "one far away":
            values[:, -1] = 1e9
        case "tiny":
            values *= np.finfo(dtype).tiny * 8
        case "huge":
            values *= np.finfo(dtype).max / 16
    norms = np.concatenate([np.zeros(n_samples, dtype), np.full(29, np.inf, dtype)])
    strip = np.concatenate([-values, np.zeros((2, 29), dtype)], axis=1)
    strip[[0, 1], [0, 1]] = -np.inf
    ks, columns = (1, 3), rng.integers(2, n_samples, (2, 6))
    expected = (norms - strip)[:, None], np.take_along_axis(values, columns, axis=1)[..., None]
    less, upto = (compare(*expected).sum(-1) for compare in (np.less, np.less_equal))
    for strict in (False, True):
        found = ranks_by_sorting(strip, norms, distinct_columns(columns, n_samples), n_samples, ks, strict)
        for sums, of_each in zip(found, (2 + 2 * less if strict else 1 + less + upto, upto - less > 1), strict=True):
            np.testing.assert_array_equal(sums, of_each.reshape(2, 2, 3).cumsum(-1)[..., [0, 2]])


def test_columns_that_are_wanted_twice_are_ranked_once():
    columns = np.random.default_rng(0).integers(0, 9, (50, 30))
    found = distinct_columns(columns, 9)
    np.testing.assert_array_equal(np.take_along_axis(found.distinct, found.places, axis=1), columns)
    assert [len(set(row)) for row in columns] == found.n_distinct.tolist()


def test_packed_counts_do_not_overflow(monkeypatch):
    monkeypatch.setattr(counting, "_MAX_COLUMNS", 1024)
    strip, norms = jnp.zeros((1, 4096)), jnp.zeros(4096)
    counts = counting.Counts(*counting._count_in_registers(strip, norms, jnp.zeros((1, 1))))
    assert (int(counts.less[0, 0]), int(counts.upto[0, 0])) == (0, 4096)
    # The real bound: a lane of 16 bits sees at most one column in 16.
    assert counting._LANES * (2**16 - 1) >= 1024 * 1000
