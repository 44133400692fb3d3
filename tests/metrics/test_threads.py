"""Linear algebra of several layers at a time: the same values, in order, and what is raised reaches the caller."""

import numpy as np
import pytest

from jaxsim.metrics import describe, linear_probe, threads
from jaxsim.metrics.threads import of_each


def test_in_the_order_of_the_items():
    assert of_each(lambda each: 2 * each, list(range(7))) == [0, 2, 4, 6, 8, 10, 12]


def test_nothing_of_nothing():
    assert of_each(lambda each: each, []) == []


@pytest.mark.parametrize("together", [True, False])
def test_errors_reach_the_caller(together):
    def refuse(each):
        raise ValueError(f"not {each}")

    with pytest.raises(ValueError, match="not"):
        of_each(refuse, [1, 2], together)


def test_one_thread_is_left_to_each_and_all_come_back():
    def used(_):
        return {each["num_threads"] for each in threads._libraries().info() if each["user_api"] == "blas"}

    before = used(None)
    if threads.n_workers() > 1:
        assert of_each(used, [0, 1]) == [{1}, {1}]
    assert of_each(used, [0, 1], together=False) == [before, before]
    assert used(None) == before


def test_values_are_those_of_one_after_the_other(monkeypatch):
    rng = np.random.default_rng(0)
    layers = {str(place): rng.standard_normal((80, 5 + place)) for place in range(4)}
    labels = rng.integers(0, 3, 80)

    def found():
        probe = linear_probe(layers, labels, baseline=layers["0"])
        return probe, describe(layers, "effective_rank")

    together = found()
    monkeypatch.setattr(threads, "n_workers", lambda: 1)
    for one, other in zip(together, found(), strict=True):
        for name in one.data_vars:
            np.testing.assert_allclose(one[name].values, other[name].values, rtol=1e-10, err_msg=name)
