import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.neighbours import merged, nearest


@pytest.mark.parametrize("k", [1, 2, 7, 40])
@pytest.mark.parametrize("levels", [0, 2])
def test_nearest_is_a_stable_sort_cut_off(k, levels):
    rng = np.random.default_rng(k)
    strip = rng.standard_normal((13, 512)).astype(np.float32)
    norms = rng.standard_normal(512).astype(np.float32)
    if levels:
        strip, norms = np.round(strip * levels), np.round(norms)
    norms[-60:] = np.inf
    strip[np.arange(13), np.arange(13) * 3] = -np.inf
    order = np.argsort(norms - strip, axis=1, kind="stable")[:, :k]
    scores, columns = jax.jit(nearest, static_argnums=2)(strip, norms, k)
    np.testing.assert_array_equal(columns, order)
    np.testing.assert_array_equal(scores, np.take_along_axis(norms - strip, order, axis=1))


def test_merged_orders_by_score_then_column():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (50, 12)).astype(np.float32)
    columns = np.stack([rng.permutation(12) for _ in range(50)]).astype(np.int32)
    got_scores, got_columns = merged(jnp.asarray(scores), jnp.asarray(columns), 5)
    for i in range(50):
        order = np.lexsort((columns[i], scores[i]))[:5]
        np.testing.assert_array_equal(got_columns[i], columns[i][order])
        np.testing.assert_array_equal(got_scores[i], scores[i][order])
