"""Every form of the neighbours of a strip gives the start of a stable sort."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.accelerator.gpu_neighbours import nearest_by_triton
from jaxsim_kernels.accelerator.neighbours import nearest_by_readings
from jaxsim_kernels.accelerator.tpu_neighbours import nearest_by_mosaic
from jaxsim_kernels.neighbours import merged, nearest


def _in_interpreter(kernel):
    return lambda strip, norms, k, axis=1: kernel(strip, norms, k, interpret=True)


BACKENDS = {
    "on this platform": nearest,
    "readings": nearest_by_readings,
    "mosaic": _in_interpreter(nearest_by_mosaic),
    "triton": _in_interpreter(nearest_by_triton),
}
KERNELS = ("mosaic", "triton")
ANY_AXIS = ("on this platform", "readings")


def strip_and_norms(n_rows, n_columns, levels, seed=0, n_padding=60):
    """Scores with padding, one column left out in every row and, with levels, many ties."""
    rng = np.random.default_rng(seed)
    strip = rng.standard_normal((n_rows, n_columns)).astype(np.float32)
    norms = rng.standard_normal(n_columns).astype(np.float32)
    if levels:
        strip, norms = np.round(strip * levels), np.round(norms)
    norms[n_columns - n_padding :] = np.inf
    strip[np.arange(n_rows), np.arange(n_rows) * 3 % n_columns] = -np.inf
    return strip, norms


@pytest.mark.parametrize(("backend", "axis"), [(name, 1) for name in BACKENDS] + [(name, 0) for name in ANY_AXIS])
@pytest.mark.parametrize("k", [1, pytest.param(2, marks=pytest.mark.slow), 7, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize("levels", [0, 2])
def test_nearest_is_a_stable_sort_cut_off(backend, k, levels, axis):
    strip, norms = strip_and_norms(13, 512, levels, seed=k)
    order = np.argsort(norms - strip, axis=1, kind="stable")[:, :k]
    search = jax.jit(BACKENDS[backend], static_argnums=(2, 3))
    scores, columns = search(strip if axis == 1 else strip.T.copy(), norms, k, axis)
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(scores, np.take_along_axis(norms - strip, order, axis=1))


@pytest.mark.parametrize("backend", BACKENDS)
def test_where_candidates_run_out_scores_are_infinite_and_columns_exist(backend):
    strip, norms = strip_and_norms(2, 128, 0, n_padding=123)
    scores, columns = BACKENDS[backend](jnp.asarray(strip), jnp.asarray(norms), 9)
    assert np.isfinite(scores).sum() == 8
    assert ((np.asarray(columns) >= 0) & (np.asarray(columns) < 64)).all()


FURTHER_SIZES = [(1, 128, 30), (300, 640, 5), (5, 4096, 10), (24, 2048, 30)]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("n_rows", "n_columns", "k"),
    [
        (8, 1024, 3),
        (257, 128, 1),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in FURTHER_SIZES),
    ],
)
def test_kernels_take_any_number_of_rows_and_tiles(kernel, n_rows, n_columns, k):
    """More than one block of rows, the last one not whole; one tile and several; few values, so that many tie."""
    strip, norms = strip_and_norms(n_rows, n_columns, 1, seed=k)
    # Neighbours that come last in a row, so that every tile displaces the ones before.
    strip[0] = np.where(np.isinf(strip[0]), strip[0], np.arange(n_columns))
    order = np.argsort(norms - strip, axis=1, kind="stable")[:, :k]
    scores, columns = BACKENDS[kernel](jnp.asarray(strip), jnp.asarray(norms), k)
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(scores, np.take_along_axis(norms - strip, order, axis=1))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_row_that_is_left_out_whole_disturbs_no_other(kernel):
    strip, norms = strip_and_norms(9, 256, 2)
    strip[4] = -np.inf
    scores, columns = BACKENDS[kernel](jnp.asarray(strip), jnp.asarray(norms), 4)
    others = np.arange(9) != 4
    order = np.argsort(norms - strip[others], axis=1, kind="stable")[:, :4]
    np.testing.assert_array_equal(np.asarray(columns)[others], order)
    assert np.isinf(scores[4]).all()


def test_merged_orders_by_score_then_column():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (50, 12)).astype(np.float32)
    columns = np.stack([rng.permutation(12) for _ in range(50)]).astype(np.int32)
    got_scores, got_columns = merged(jnp.asarray(scores), jnp.asarray(columns), 5)
    for i in range(50):
        order = np.lexsort((columns[i], scores[i]))[:5]
        np.testing.assert_array_equal(got_columns[i], columns[i][order])
        np.testing.assert_array_equal(got_scores[i], scores[i][order])
