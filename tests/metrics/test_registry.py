"""What the registry promises of each metric, checked for all of them at once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsim.metrics.registry import METRICS

# One shape, so that one program serves all examples.
N, DX, DY = 60, 5, 3
seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=15, deadline=None)


def _pair(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, DX))
    return rng, x, x[:, :DY] + 0.5 * rng.standard_normal((N, DY))


@pytest.mark.parametrize("name", METRICS)
class TestPromises:
    @quick
    @given(seed=seeds)
    def test_sample_permutation(self, name, seed):
        rng, x, y = _pair(seed)
        order = rng.permutation(N)
        assert METRICS[name].compute(x[order], y[order]) == METRICS[name].compute(x, y)

    @quick
    @given(seed=seeds)
    def test_rotation(self, name, seed):
        rng, x, y = _pair(seed)
        rotation, _ = np.linalg.qr(rng.standard_normal((DX, DX)))
        assert METRICS[name].compute(x @ rotation, y) == pytest.approx(METRICS[name].compute(x, y), abs=1e-12)

    @quick
    @given(seed=seeds, shift=st.floats(-1e6, 1e6))
    def test_translation(self, name, seed, shift):
        rng, x, y = _pair(seed)
        moved = x + shift * rng.standard_normal(DX)
        # A large shift rounds the data themselves: a neighbour or two may swap.
        assert METRICS[name].compute(moved, y) == pytest.approx(METRICS[name].compute(x, y), abs=2e-3)

    @quick
    @given(seed=seeds, power=st.integers(-60, 60))
    def test_scale(self, name, seed, power):
        _, x, y = _pair(seed)
        assert METRICS[name].compute(x * 2.0**power, y) == METRICS[name].compute(x, y)

    @quick
    @given(seed=seeds)
    def test_equal_spaces_and_lower_bound(self, name, seed):
        promise = METRICS[name]
        _, x, y = _pair(seed)
        assert promise.compute(x, x) == promise.equal(N)
        assert promise.compute(x, y) >= promise.lower(N)
        assert (promise.compute(x, y) == promise.compute(y, x)) is promise.symmetric

    def test_independent_spaces(self, name):
        values = []
        for seed in range(30):
            rng = np.random.default_rng(seed)
            values.append(METRICS[name].compute(rng.standard_normal((N, DX)), rng.standard_normal((N, DY))))
        standard_error = np.std(values, ddof=1) / np.sqrt(len(values))
        assert abs(np.mean(values) - METRICS[name].independent) < 2.5 * standard_error
