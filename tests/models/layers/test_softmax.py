"""The softmax of attention, as it is done on CPU, against NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.models.layers.softmax import softmax_mean


def expected(scores, value):
    weights = np.exp(scores.astype(np.float64) - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ value


def drawn(n_keys, n_queries=5):
    rng = np.random.default_rng(n_keys)
    scores = rng.normal(0, 8, (2, 3, n_queries, n_keys)).astype(np.float32)
    return scores, rng.normal(size=(2, 3, n_keys, 6)).astype(np.float32)


@pytest.mark.parametrize("n_keys", [1, 15, 16, 17, 31, 32, 49, 257, 511, 1023, 1100])
def test_any_number_of_keys(n_keys):
    scores, value = drawn(n_keys)
    np.testing.assert_allclose(jax.jit(softmax_mean)(scores, value), expected(scores, value), atol=3e-6)


def test_masks_and_large_scores():
    scores, value = drawn(40)
    scores[..., 7:] = -np.inf
    scores[:, :, 0] += 1e4
    mixed = softmax_mean(jnp.asarray(scores), jnp.asarray(value))
    np.testing.assert_allclose(mixed, expected(scores, value), atol=3e-6)


def test_gradients_are_those_of_the_plain_softmax():
    scores, value = drawn(37)

    def plain(scores, value):
        return (jax.nn.softmax(scores, -1) @ value)[..., 0].sum()

    own = jax.grad(lambda *given: softmax_mean(*given)[..., 0].sum(), argnums=(0, 1))(scores, value)
    for a, b in zip(own, jax.grad(plain, argnums=(0, 1))(scores, value), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_values_keep_their_dtype():
    scores, value = drawn(40)
    mixed = softmax_mean(jnp.asarray(scores), jnp.asarray(value, jnp.bfloat16))
    assert mixed.dtype == jnp.bfloat16
    np.testing.assert_allclose(mixed.astype(jnp.float32), expected(scores, value), atol=0.03)
