"""Every form of the neighbours of a strip gives the start of a stable sort."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.accelerator.neighbours import nearest_by_readings
from jaxsim_kernels.neighbours import merged, nearest

BACKENDS = {"on this platform": nearest, "readings": nearest_by_readings}


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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("k", [1, 2, 7, 40])
@pytest.mark.parametrize("levels", [0, 2])
@pytest.mark.parametrize("axis", [1, 0])
def test_nearest_is_a_stable_sort_cut_off(backend, k, levels, axis):
    strip, norms = strip_and_norms(13, 512, levels, seed=k)
    order = np.argsort(norms - strip, axis=1, kind="stable")[:, :k]
    search = jax.jit(BACKENDS[backend], static_argnums=(2, 3))
    scores, columns = search(strip if axis == 1 else strip.T.copy(), norms, k, axis)
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(scores, np.take_along_axis(norms - strip, order, axis=1))


@pytest.mark.parametrize("backend", BACKENDS)
def test_where_candidates_run_out_scores_are_infinite_and_columns_exist(backend):
    strip, norms = strip_and_norms(2, 64, 0)
    scores, columns = BACKENDS[backend](jnp.asarray(strip), jnp.asarray(norms), 9)
    assert np.isfinite(scores).sum() == 6
    assert ((np.asarray(columns) >= 0) & (np.asarray(columns) < 64)).all()


def test_merged_orders_by_score_then_column():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (50, 12)).astype(np.float32)
    columns = np.stack([rng.permutation(12) for _ in range(50)]).astype(np.int32)
    got_scores, got_columns = merged(jnp.asarray(scores), jnp.asarray(columns), 5)
    for i in range(50):
        order = np.lexsort((columns[i], scores[i]))[:5]
        np.testing.assert_array_equal(got_columns[i], columns[i][order])
        np.testing.assert_array_equal(got_scores[i], scores[i][order])
