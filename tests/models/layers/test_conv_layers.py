"""Depthwise convolutions on CPU equal XLA's own, whatever stride, padding and dilation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.models.layers.conv_layers import convolved


def random(rng: np.random.Generator, *shape: int) -> jax.Array:
    return jnp.asarray(rng.standard_normal(shape), jnp.float32)


STRIDES_AND_DILATIONS = [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 1)), ((2, 2), (1, 2))]
PADDINGS = ["SAME", "VALID", ((1, 2), (0, 3))]


@pytest.mark.parametrize(
    ("stride", "dilation", "padding"),
    [
        # Every stride, dilation and padding once each day, every combination with the slow tests.
        pytest.param(*both, padding, marks=() if place % 3 == at % 3 else pytest.mark.slow)
        for place, both in enumerate(STRIDES_AND_DILATIONS)
        for at, padding in enumerate(PADDINGS)
    ],
)
def test_sums_of_shifts_are_the_convolution(stride, dilation, padding):
    rng = np.random.default_rng(0)
    images, kernel = random(rng, 2, 11, 14, 6), random(rng, 3, 5, 1, 6)
    layout = jax.lax.conv_dimension_numbers(images.shape, kernel.shape, ("NHWC", "HWIO", "NHWC"))
    options = {"rhs_dilation": dilation, "dimension_numbers": layout, "feature_group_count": 6, "precision": "highest"}
    expected = jax.lax.conv_general_dilated(images, kernel, stride, padding, **options)
    found = convolved(images, kernel, stride, padding, **options)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_other_convolutions_are_left_alone():
    rng = np.random.default_rng(0)
    images, kernel = random(rng, 1, 6, 6, 4), random(rng, 3, 3, 2, 4)
    layout = jax.lax.conv_dimension_numbers(images.shape, kernel.shape, ("NHWC", "HWIO", "NHWC"))
    options = {"dimension_numbers": layout, "feature_group_count": 2}
    expected = jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", **options)
    np.testing.assert_array_equal(convolved(images, kernel, (1, 1), "SAME", **options), expected)
