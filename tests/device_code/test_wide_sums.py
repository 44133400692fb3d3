"""Sums of integers beyond 32 bits, against Python's own."""

import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.wide_sums import BITS, MOST_ADDENDS, carried, wide_sum, wide_sum_of_squares, wide_value

LARGEST = 2**31 - 1


def _exact(limbs):
    return [sum(int(limb) << (BITS * place) for place, limb in enumerate(each)) for each in np.asarray(limbs).T]


@pytest.mark.parametrize("largest", [1, 2**15, 2**17 - 1, LARGEST])
def test_as_many_as_a_block_may_have(largest):
    rng = np.random.default_rng(largest)
    values = rng.integers(0, largest, (MOST_ADDENDS, 3), dtype=np.int32, endpoint=True)
    values[:, 0] = largest
    sums, squares = wide_sum(jnp.asarray(values)), wide_sum_of_squares(jnp.asarray(values))
    for found, power in ((sums, 1), (squares, 2)):
        expected = [sum(value**power for value in column) for column in values.T.tolist()]
        assert _exact(found) == expected
        assert _exact(carried(found)) == expected
        assert all(0 <= limb < 2**BITS for limb in np.asarray(carried(found))[:-1].ravel())
    # So much room is left for adding parts of several devices.
    assert np.asarray(squares).max() < 2**31 >> 11


def test_one_is_rounded_once():
    value = wide_sum_of_squares(jnp.array([[LARGEST]], jnp.int32))
    assert wide_value(np.asarray(value)).item() == float(LARGEST**2)
