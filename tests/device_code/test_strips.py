"""What a strip leaves out: every platform's way gives the same scores."""

import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.strips import _without_itself, _without_itself_by_mask


@pytest.mark.parametrize("leave_out", [_without_itself, _without_itself_by_mask])
def test_a_sample_is_left_out_of_its_own_row_where_this_device_owns_it(leave_out):
    strip = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    found = leave_out(jnp.asarray(strip), jnp.array([5, -1, 0, 5], jnp.int32))
    expected = strip.copy()
    expected[[0, 2, 3], [5, 0, 5]] = -np.inf
    np.testing.assert_array_equal(found, expected)
