"""Scaled copies of a row are one direction: their ties under cosine and correlation are ties, not rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.directions import direction_tolerance, first_alike, first_of_direction

from jaxsim import imbalance_matrix, information_imbalance

from .exact_delta import angles, delta

pytestmark = pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")


def scaled_copies(n, dtype, factors, n_patterns=10, n_features=12, seed=0):
    rng = np.random.default_rng(seed)
    patterns = rng.integers(-9, 10, (n_patterns, n_features)).astype(float)
    of = rng.integers(0, n_patterns, n)
    x = (patterns[of] * rng.choice(factors, (n, 1))).astype(dtype)
    y = np.c_[patterns[of] * 0.2, np.zeros(n)] + rng.standard_normal((n, n_features + 1))
    return x, patterns[of], y, of


@pytest.mark.parametrize(
    ("n", "dtype"),
    [
        (300, "float64"),
        pytest.param(1100, "float64", marks=pytest.mark.slow),
        pytest.param(300, "float32", marks=pytest.mark.slow),
        (1100, "float32"),
    ],
)
@pytest.mark.parametrize(
    "factors",
    [
        pytest.param([1, 2, 3, 5], marks=pytest.mark.slow),
        pytest.param([3, 7, 0.1], marks=pytest.mark.slow),
        [1e-30, 1, 1e30],
        pytest.param([1 / 3, np.pi, 0.7], marks=pytest.mark.slow),
    ],
)
def test_scaled_copies_tie(n, dtype, factors):
    x, same, y, of = scaled_copies(n, dtype, factors)
    first = first_of_direction(x, "cosine")
    # One group a pattern, whatever the factors.
    assert len(np.unique(first)) == len(np.unique(of))
    assert all(len(np.unique(first[of == pattern])) == 1 for pattern in np.unique(of))
    expected = delta(angles(same), angles(y), expected=True)
    found = imbalance_matrix({"x": x, "y": y}, metric="cosine", ties="expected", verify=4)
    assert found.values[0, 1] == pytest.approx(expected, abs=1e-9 if n == 300 else 1e-6)
    assert found.verification.largest_deviation < 1e-6


@pytest.mark.parametrize("dtype", ["int64", "float16", "float32", "float64"])
def test_integer_multiples_and_shifts_under_correlation(dtype):
    x, same, y, _ = scaled_copies(300, "float64", [1, 2, 3, 7])
    shifted = (x + np.random.default_rng(1).integers(0, 50, (300, 1))).astype(dtype)
    of_pattern, target = same - same.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    found = information_imbalance(shifted, y, metric="correlation", ties="expected")
    assert found.forward == pytest.approx(delta(angles(of_pattern), angles(target), expected=True), abs=1e-9)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_inside_jit(dtype):
    x, same, y, _ = scaled_copies(300, dtype, [3, 7, 0.1])
    with jax.enable_x64(dtype == "float64"):
        found = jax.jit(lambda a, b: information_imbalance(a, b, metric="cosine"))(
            jnp.asarray(x), jnp.asarray(y, dtype)
        )
        assert float(found.tied_neighbours_x) == float(found.tied_ranks_backward) == 1.0
        assert float(found.forward) == pytest.approx(delta(angles(same), angles(y)), abs=1e-4)


def test_rows_that_only_nearly_agree_stay_apart():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.standard_normal((20, 6)), 3, axis=0)
    for dtype in (np.float64, np.float32):
        apart = (x * (1 + 100 * direction_tolerance(dtype) * rng.standard_normal(x.shape))).astype(dtype)
        assert len(np.unique(first_of_direction(apart, "cosine"))) == 60


def test_first_alike_is_told_by_all_columns():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 40, 500)
    seen = rng.standard_normal((40, 3))[labels]
    seen[:, 0] = 1.0
    first = first_alike(seen + 1e-12 * rng.standard_normal(seen.shape), 1e-10)
    np.testing.assert_array_equal(first, [np.flatnonzero(labels == label)[0] for label in labels])


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_binary_rows_stay_apart(metric):
    """Their differences add up to 0 under many choices of signs, so that a product with signs does not tell them."""
    x = (np.random.default_rng(7).standard_normal((1500, 20)) > 0).astype(float)
    shown = x - x.mean(1, keepdims=True) if metric == "correlation" else x
    unit = shown / np.linalg.norm(shown, axis=1, keepdims=True)
    # A row and its first of the same direction.
    np.testing.assert_allclose(unit[first_of_direction(x, metric)], unit, atol=1e-12)
