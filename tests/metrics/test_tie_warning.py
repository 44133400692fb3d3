"""What the warning of ties says is true: real ties are not called rounding because the few rows looked at have none."""

import numpy as np
import pytest

import jaxsim
from jaxsim.metrics import TieWarning


@pytest.mark.parametrize("seed", range(4))
def test_ties_of_whole_numbers_are_real(seed):
    rng = np.random.default_rng(seed)
    whole = np.round(4 * rng.normal(size=(1100, 5))).astype(np.int32)
    with pytest.warns(TieWarning) as caught:
        jaxsim.imbalance_matrix([whole, rng.normal(size=(1100, 16)).astype(np.float32)])
    said = [str(each.message) for each in caught if "neighbours are tied" in str(each.message)]
    assert len(said) == 1
    assert "several samples are equally near" in said[0]


def test_the_expectation_over_ties_is_no_cause_to_warn():
    # Warnings are errors in tests.
    rng = np.random.default_rng(0)
    jaxsim.imbalance_matrix([rng.integers(0, 3, (200, 4)), rng.normal(size=(200, 4))], ties="expected")
