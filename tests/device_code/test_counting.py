"""Counting and sorting give the same integers as a comparison of everything with everything."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels import counting
from jaxsim_kernels.sorting import counts_by_sorting


def _by_sorting(strip, norms, thresholds):
    return counts_by_sorting(np.asarray(norms - strip), np.asarray(thresholds))


BACKENDS = {
    "registers": jax.jit(counting._count_in_registers),
    "reduction": jax.jit(counting._count_by_reduction),
    "sorting": _by_sorting,
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("levels", [0, 5])
def test_counts_equal_brute_force(backend, levels):
    rng = np.random.default_rng(1)
    strip = rng.standard_normal((9, 1024)).astype(np.float32)
    norms = rng.standard_normal(1024).astype(np.float32)
    if levels:  # heavy ties
        strip, norms = np.round(strip * levels), np.round(norms * levels)
    strip[np.arange(9), np.arange(9)] = -np.inf
    norms[-100:] = np.inf
    scores = norms - strip
    thresholds = np.take_along_axis(scores, rng.integers(9, 900, (9, 33)), axis=1)
    counts = BACKENDS[backend](jnp.asarray(strip), jnp.asarray(norms), jnp.asarray(thresholds))
    np.testing.assert_array_equal(counts.less, (scores[:, None] < thresholds[..., None]).sum(-1))
    np.testing.assert_array_equal(counts.upto, (scores[:, None] <= thresholds[..., None]).sum(-1))


def test_packed_counts_do_not_overflow(monkeypatch):
    monkeypatch.setattr(counting, "_MAX_COLUMNS", 1024)
    strip, norms = jnp.zeros((1, 4096)), jnp.zeros(4096)
    counts = counting._count_in_registers(strip, norms, jnp.zeros((1, 1)))
    assert (int(counts.less[0, 0]), int(counts.upto[0, 0])) == (0, 4096)
    # The real bound: a lane of 16 bits sees at most one column in 16.
    assert counting._LANES * (2**16 - 1) >= 1024 * 1000
