"""Half squared norms, in the form of every platform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.scores import _squared_norms_by_lanes, _squared_norms_in_registers, half_squared_norms

FORMS = [_squared_norms_by_lanes, _squared_norms_in_registers]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n_features", [1, 16, 130, 384, 1000])
def test_squared_norms_are_those_of_float64(form, n_features):
    x = np.random.default_rng(n_features).standard_normal((50, n_features)).astype(np.float32)
    found = form(jnp.asarray(x))
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, (x.astype(np.float64) ** 2).sum(1), rtol=2e-6)


@pytest.mark.parametrize("form", FORMS)
def test_equal_samples_have_equal_norms(form):
    x = np.random.default_rng(0).standard_normal((300, 200)).astype(np.float32)
    x[[7, 255, 299]] = x[3]
    found = np.asarray(jax.jit(form)(x))
    assert (found[[7, 255, 299]] == found[3]).all()


def test_padding_is_infinitely_far_away():
    assert half_squared_norms(jnp.ones((3, 4)), 2).tolist() == [2.0, 2.0, np.inf]
