"""Offsets, constant features and scales of any size change no value, whatever the dtype, inside jit and out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim import imbalance_matrix, information_imbalance

from .exact_delta import delta, squared

N, N_FLOAT32 = 300, 1100


def sample(n):
    rng = np.random.default_rng(7)
    x = rng.standard_normal((n, 7))
    return x, x[:, :3] + 0.2 * rng.standard_normal((n, 3))


def with_column(x, value, dtype):
    return np.column_stack([x, np.full(len(x), value)]).astype(dtype)


@pytest.mark.parametrize("n", [N, N_FLOAT32])
@pytest.mark.parametrize(
    ("dtype", "constant"),
    [
        ("float64", 1.7e9), ("float64", -1e300), ("float32", -1e30), ("float16", 6e4),
        pytest.param("float32", 1e5, marks=pytest.mark.slow), pytest.param("float64", 0.1, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_a_constant_feature_vanishes(n, dtype, constant):
    x, y = sample(n)
    x = x.astype(dtype)
    expected = delta(squared(x), squared(y))
    found = information_imbalance(with_column(x, constant, dtype), y)
    assert found.forward == pytest.approx(expected, abs=1e-6 if n > 1024 else 1e-12)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint64", "uint8"])
def test_a_constant_feature_of_integers_vanishes(dtype):
    x, y = sample(N)
    x = np.round(x * 30 + 128).clip(0, 255).astype(dtype)
    constant = {"int32": 2**31 - 1, "int64": -(2**62) - 1, "uint64": 2**64 - 1, "uint8": 255}[dtype]
    wide = np.column_stack([x, np.full(N, constant, dtype)])
    found = information_imbalance(wide, y, ties="expected")
    assert found.forward == pytest.approx(delta(squared(x), squared(y), expected=True), abs=1e-12)


@pytest.mark.parametrize(
    ("dtype", "constant"),
    [
        ("float32", 1e5),
        pytest.param("float32", 1e30, marks=pytest.mark.slow),
        pytest.param("int32", 1_700_000_000, marks=pytest.mark.slow),
    ],
)
def test_a_constant_feature_vanishes_inside_jit(dtype, constant):
    x, y = sample(N)
    x = (np.round(x * 1000) if dtype == "int32" else x).astype(dtype)
    wide = np.column_stack([x, np.full(N, constant, dtype)])
    found = jax.jit(information_imbalance)(jnp.asarray(wide), jnp.asarray(y, jnp.float32))
    assert float(found.forward) == pytest.approx(delta(squared(x), squared(y)), abs=1e-5)


@pytest.mark.slow
def test_an_array_beside_a_traced_one_is_centred_before_it_is_cut():
    x, y = sample(N)
    far = y * 1e-3 + 1e4
    found = jax.jit(lambda a: information_imbalance(a, far))(jnp.asarray(x, jnp.float32))
    assert float(found.forward) == pytest.approx(delta(squared(x.astype(np.float32)), squared(far)), abs=1e-5)


@pytest.mark.parametrize("n", [N, N_FLOAT32])
@pytest.mark.parametrize(("dtype", "offset", "spread"), [("float64", 1.7e9, 1e-3), ("float32", 1e5, 3.0)])
def test_a_nearly_constant_feature_keeps_its_bits(n, dtype, offset, spread):
    x, y = sample(n)
    x = (offset + spread * x).astype(dtype)
    found = information_imbalance(x, y, ties="expected")
    expected = delta(squared(x), squared(y), expected=True)
    assert found.forward == pytest.approx(expected, abs=1e-6 if n > 1024 else 1e-12)


def test_an_outlier_in_the_first_sample_costs_nothing():
    x, y = sample(N_FLOAT32)
    x[0] = 1e6
    x = x.astype(np.float32)
    assert information_imbalance(x, y).forward == pytest.approx(delta(squared(x), squared(y)), abs=1e-6)


@pytest.mark.parametrize("n", [N, N_FLOAT32])
@pytest.mark.parametrize(
    "scale", [1e-310, *(pytest.param(s, marks=pytest.mark.slow) for s in (1e-300, 1e-160, 1e-40, 1e40, 1e160)), 1e306]
)
def test_scales_of_float64(n, scale):
    x, y = sample(n)
    # Whole numbers of the smallest step there is: subnormal numbers hold them exactly.
    x = np.round(x * 1e9) * (scale / 1e9)
    matrix = imbalance_matrix({"x": x, "y": y}, verify=8)
    tiny = np.ldexp(x, 1000) if scale < 1 else np.ldexp(x, -900)
    assert matrix.values[0, 1] == pytest.approx(delta(squared(tiny), squared(y)), abs=1e-6 if n > 1024 else 1e-12)
    assert matrix.verification.largest_deviation < 1e-6


@pytest.mark.parametrize("scale", [1e-42, 1e-38, 1e-25, 1e25, 1e37])
def test_scales_of_float32(scale):
    x, y = sample(N_FLOAT32)
    x = (np.round(x * 100) * (np.float64(scale) / 100)).astype(np.float32)
    expected = delta(squared(x), squared(y), expected=True)
    assert information_imbalance(x, y, ties="expected").forward == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("n", [N, N_FLOAT32])
def test_correlation_of_rows_with_an_offset(n):
    x, y = sample(n)
    x = np.concatenate([x, x**2], axis=1)
    far = 1.7e6 + 1e-3 * x
    unit = far - far.mean(1, keepdims=True)
    unit = np.longdouble(unit - unit.mean(1, keepdims=True))
    unit /= np.sqrt((unit**2).sum(1, keepdims=True))
    y_unit = y - y.mean(1, keepdims=True)
    y_unit /= np.linalg.norm(y_unit, axis=1, keepdims=True)
    found = information_imbalance(far, y, metric="correlation")
    assert found.forward == pytest.approx(delta(squared(unit), squared(y_unit)), abs=1e-4 if n > 1024 else 1e-12)


def test_ties_of_integer_and_binary_features_stay_ties():
    rng = np.random.default_rng(3)
    for x in (rng.integers(0, 2, (N_FLOAT32, 12)), 1000 + rng.integers(-3, 4, (N_FLOAT32, 3))):
        y = rng.standard_normal((N_FLOAT32, 4))
        expected = delta(squared(x), squared(y), k=2, expected=True)
        for dtype in (np.float32, np.float64, np.int64):
            found = information_imbalance(x.astype(dtype), y, k=2, ties="expected").forward
            assert found == pytest.approx(expected, abs=1e-6)
