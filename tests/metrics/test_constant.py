import ml_dtypes
import numpy as np
import pytest

from jaxsim.metrics import is_constant


class OneBlock:
    """Rows that may only be read in slices, and how many were."""

    def __init__(self, x):
        self.x, self.shape, self.dtype, self.read = x, x.shape, x.dtype, 0

    def __getitem__(self, rows):
        found = self.x[rows]
        self.read += len(found)
        return found


@pytest.fixture
def token():
    return np.random.default_rng(0).normal(size=96).astype(np.float32)


@pytest.fixture
def noise():
    return np.random.default_rng(1).normal(size=(200, 96))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64, np.int64, bool])
def test_equal_rows_are_constant(token, dtype):
    assert is_constant(np.tile(token.astype(dtype), (50, 1)))


def test_rounding_is_no_difference(token, noise):
    # Terms of size 1 that cancel leave rounding of their size in small features, too.
    assert is_constant((token + 1e-7 * noise).astype(np.float32))
    assert is_constant((token * (1 + 2.0**-23 * np.sign(noise))).astype(np.float32))
    # The same numbers, read from float64.
    assert is_constant((token + 1e-7 * noise).astype(np.float32).astype(np.float64))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_one_step_of_a_coarse_dtype_is_a_difference(noise, dtype):
    steps = 1.0 + (noise > 0) * float(ml_dtypes.finfo(dtype).eps) * (1 if np.dtype(dtype).itemsize < 4 else 64)
    assert not is_constant(steps.astype(dtype))


@pytest.mark.parametrize(("offset", "spread"), [(1e4, 1e-2), (1e3, 1e-3), (1e2, 1e-4)])
def test_a_small_signal_on_a_large_offset_is_a_difference(noise, offset, spread):
    assert not is_constant((offset + spread * noise).astype(np.float32))
    assert not is_constant(offset + spread * 1e-6 * noise)  # float64 still holds it


@pytest.mark.parametrize("n_large", [1, 60])
def test_large_constant_features_hide_no_small_ones(noise, n_large):
    x = 1 + 1e-3 * noise
    x[:, :n_large] = 1.7e7
    assert not is_constant(x.astype(np.float32))


def test_integers_are_exact():
    assert not is_constant(2**60 + np.arange(2)[:, None])
    assert not is_constant(np.array([[False], [True]]))


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_scale_does_not_matter(noise, scale):
    assert not is_constant(noise * scale)
    assert is_constant(np.full((9, 3), scale))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_left_to_the_checks_of_values(value):
    x = np.zeros((5, 2))
    x[3, 1] = value
    assert not is_constant(x)
    assert not is_constant(np.full((5, 2), value))


def test_one_sample_that_differs_counts_wherever_it_is(token):
    for row in (0, 40, 99):
        x = np.tile(token, (100, 1))
        x[row] += 1
        assert not is_constant(x)


def test_no_more_is_read_than_settles_it():
    x = OneBlock(np.random.default_rng(2).normal(size=(64, 1 << 18)).astype(np.float32))
    assert not is_constant(x)
    assert x.read <= 1 + 2 * 8
