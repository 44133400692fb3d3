"""Reductions over features: the same as NumPy's, for every width."""

import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.folding import folded_features


@pytest.mark.parametrize("n_features", [1, 15, 16, 17, 40, 512, 520, 1024, 1540])
def test_folds_are_those_of_numpy(n_features):
    x = np.random.default_rng(n_features).integers(-50, 50, (7, n_features)).astype(np.float32)
    squares = folded_features(jnp.add, jnp.square, jnp.asarray(x))
    np.testing.assert_array_equal(squares.sum(1), (x * x).sum(1))
    largest = folded_features(jnp.maximum, jnp.abs, jnp.asarray(x))
    np.testing.assert_array_equal(largest.max(1), np.abs(x).max(1))
