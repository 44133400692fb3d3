"""Measures from sums over batches, against the same measures of all samples at once."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsim
from jaxsim.metrics import accumulators, measure, pair_measures
from jaxsim.metrics.statistics import FactorPairs

ROOT = Path(jaxsim.__file__).parent.parent
OF_KERNELS = ("cka", "cka_biased", "cka_angular", "rv", "hsic", "hsic_biased")
OF_FACTORS = tuple(
    name
    for name, each in pair_measures().items()
    if all(isinstance(need, FactorPairs) and need.centred for need in each.needs)
    and "matching" not in name
    and "permutation" not in name
)
WIDTHS = (7, 5, 3)


def layers(n=240):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 7)) + 3
    return x, x[:, :4] @ rng.standard_normal((4, 5)) + 0.5 * rng.standard_normal((n, 5)), rng.standard_normal((n, 3))


def summed(arrays, size, about=None):
    state = accumulators.empty(WIDTHS, about)
    for start in range(0, len(arrays[0]), size):
        state = accumulators.update(state, *(x[start : start + size] for x in arrays))
    return state


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("cka", "rv", "mean_cca", "procrustes") else pytest.mark.slow)
        for name in OF_KERNELS + OF_FACTORS
    ],
)
def test_equal_to_all_samples_at_once(name):
    arrays = layers()
    expected = measure(list(arrays), name)[name].values
    found = accumulators.compute(summed(arrays, 60), name)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)
    # About the mean of a batch sums keep more digits.
    near = accumulators.compute(summed(arrays, 60, [x[:40].mean(0) for x in arrays]), name)
    np.testing.assert_allclose(near, expected, rtol=5e-6, atol=5e-6)


@pytest.mark.parametrize(
    "name",
    ["cka", "mean_cca", *(pytest.param(name, marks=pytest.mark.slow) for name in ("rv", "linear_regression", "gulp"))],
)
def test_inside_jit(name):
    arrays = layers()
    state = summed(arrays, 60)
    jitted = jax.jit(lambda state: accumulators.compute(state, name))(state)
    np.testing.assert_allclose(np.asarray(jitted)[0], accumulators.compute(state, name)[0], atol=2e-3)


def test_states_of_parts_are_merged():
    arrays = layers()
    first, second = (summed([x[rows] for x in arrays], 40) for rows in (slice(0, 100), slice(100, 240)))
    merged = accumulators.merge(first, second)
    whole = summed(arrays, 240)
    for one, other in zip(jax.tree.leaves(merged), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-2)
    assert float(merged.count) == 240


def test_a_padded_batch():
    arrays = layers(50)
    padded = [np.concatenate([x, np.full((14, x.shape[1]), np.nan)]) for x in arrays]
    state = accumulators.update(accumulators.empty(WIDTHS), *padded, mask=np.arange(64) < 50)
    expected = measure(list(arrays), "cka").cka.values
    np.testing.assert_allclose(accumulators.compute(state, "cka"), expected, atol=2e-5)


def test_states_in_a_scan():
    arrays = [jnp.asarray(x, jnp.float32).reshape(6, 40, -1) for x in layers()]

    def add(state, batch):
        return accumulators.update(state, *batch), None

    state = jax.jit(lambda: jax.lax.scan(add, accumulators.empty(WIDTHS), tuple(arrays))[0])()
    np.testing.assert_allclose(accumulators.compute(state, "rv"), measure(list(layers()), "rv").rv.values, atol=2e-5)


@pytest.mark.slow
def test_a_training_step_on_eight_devices():
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")])}
    program = Path(__file__).with_name("accumulated_training.py")
    done = subprocess.run([sys.executable, str(program)], env=env, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "equal 8" in done.stdout


@pytest.mark.parametrize("name", ["mutual_knn", "cka_rbf", "distance_correlation", "eigenspace_overlap", "rsa"])
def test_measures_of_more_than_sums(name):
    state = summed(layers(), 60)
    with pytest.raises(ValueError, match=f"sums over features, such as .* got '{name}'; jaxsim.measure"):
        accumulators.compute(state, name)


def test_bad_calls():
    state = accumulators.empty((3, 2))
    with pytest.raises(ValueError, match=r"layers? of widths \(3, 2\), got shapes"):
        accumulators.update(state, np.ones((4, 3)))
    with pytest.raises(ValueError, match="of the same samples"):
        accumulators.update(state, np.ones((4, 3)), np.ones((5, 2)))
    with pytest.raises(ValueError, match="a mask for each of the 4 samples"):
        accumulators.update(state, np.ones((4, 3)), np.ones((4, 2)), mask=np.ones(3))
    with pytest.raises(ValueError, match="a point for each layer"):
        accumulators.empty((3, 2), [np.zeros(3)])
    with pytest.raises(ValueError, match="widths"):
        accumulators.empty((0,))
    with pytest.raises(ValueError, match="at least 4 samples for 'cka', got 0"):
        accumulators.compute(state, "cka")
