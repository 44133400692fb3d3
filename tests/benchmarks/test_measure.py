"""Turn-taking, spreads, compile clocks and fitted exponents."""

import jax
import numpy as np
import pytest

from benchmarks import measure


@pytest.mark.slow
def test_sides_take_turns():
    calls = []
    timings = measure.interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, runs=3, warm_ups=2)
    assert "".join(calls) == "aabb" + "ab" * 3
    assert all(len(t.runs) == 3 for t in timings.values())
    assert not timings["a"].as_json()["enough_runs"]


@pytest.mark.slow
def test_compiling_is_timed_apart():
    side = jax.jit(lambda x: (x @ x.T).sum() + 41)
    timing = measure.interleaved({"side": lambda: side(np.ones((7, 7), np.float32))}, runs=5)["side"]
    assert timing.programs >= 1
    assert 0 < timing.compile_seconds <= timing.first
    with measure.compile_clock() as clock:
        side(np.ones((7, 7), np.float32))
    assert clock.programs == 0


def test_exponent_of_a_power_law_with_noise():
    sizes = np.array([100, 200, 400, 800, 1600])
    noise = np.exp(np.random.default_rng(0).normal(0, 0.03, 5))
    fit = measure.exponent(sizes, 2e-6 * sizes**2 * noise)
    assert fit["interval"][0] < 2 < fit["interval"][1]
    assert fit["exponent"] == pytest.approx(2, abs=0.1)
    assert measure.exponent([1, 2], [1, 8])["interval"] is None


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: measure.exponent([5, 5], [1, 2]), "two different sizes"),
        (lambda: measure.interleaved({"a": lambda: None}, runs=0), "runs=0"),
    ],
)
def test_bad_requests(call, said):
    with pytest.raises(ValueError, match=said):
        call()
