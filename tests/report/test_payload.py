"""Packing keeps numbers to the stated decimals, marks undefined ones, and fits the largest studies."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.report.facts import read_facts
from jaxsim.report.packing import fits_floats, packed, packed_floats
from jaxsim.report.palette import model_styles
from jaxsim.report.payload import as_script_text, study_payload
from jaxsim.report.schema import checked_results
from jaxsim.study.constructed import constructed_study

from .conftest import unpacked, unpacked_floats


@given(st.lists(st.floats(0, 2) | st.just(float("nan")), max_size=30))
def test_packing_keeps_five_decimals(values):
    given_values = np.array(values, dtype=float)
    back = unpacked(packed(given_values, decimals=5, digits=3), decimals=5, digits=3)
    np.testing.assert_allclose(back, given_values, rtol=0, atol=0.5e-5 + 1e-12)


@pytest.mark.parametrize("value", [-0.1, 2.7])
def test_numbers_that_do_not_fit_are_refused(value):
    with pytest.raises(ValueError, match="between 0 and 2"):
        packed(np.array([0.5, value]), decimals=5, digits=3)


@given(st.lists(st.floats(-99_999, 99_999).map(lambda value: float(f"{value:.5g}")) | st.none(), max_size=30))
def test_packed_floats_keep_five_digits_of_any_size(values):
    back = unpacked_floats(packed_floats(values))
    assert [each is None for each in back] == [each is None for each in values]
    # What lies below 1e-60 is 0.
    known = [(a, b) for a, b in zip(back, values, strict=True) if b is not None]
    assert all(math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-56) for a, b in known)


def test_whole_numbers_and_ends_of_packed_floats_are_exact():
    values = [0, 1, -1, 99_999, -99_999, 0.99999, 9.9999, 12_345, 0.00047, 1e-12]
    assert unpacked_floats(packed_floats(values)) == values
    assert not fits_floats([100_000])
    with pytest.raises(ValueError, match="at most five digits"):
        packed_floats([100_000])


def test_decimals_grow_with_the_number_of_samples():
    results, _, _ = constructed_study(n_samples=1_000_000)
    facts = read_facts(results)
    payload = study_payload(checked_results(results), facts, model_styles(facts.families))
    values = unpacked(payload["imbalance"][0], decimals=payload["decimals"], digits=payload["digits"])
    own = values.reshape(11, 11).diagonal()
    np.testing.assert_allclose(own, 2e-6, rtol=0.01)


def test_eight_models_of_sixty_steps_stay_small():
    results, _, _ = constructed_study({f"model {place}": 60 for place in range(8)}, n_samples=2000)
    facts = read_facts(results)
    payload = study_payload(checked_results(results), facts, model_styles(facts.families))
    assert len(as_script_text(payload)) < 1_600_000


def test_an_all_undefined_study_is_packed():
    results, _, _ = constructed_study()
    results["imbalance"][:] = np.nan
    results["standard_error"][:] = np.nan
    facts = read_facts(results)
    payload = study_payload(checked_results(results), facts, model_styles(facts.families))
    assert np.isnan(unpacked(payload["imbalance"][0], decimals=payload["decimals"], digits=payload["digits"])).all()


def test_script_text_cannot_end_its_element():
    text = as_script_text({"name": "</script><!-- & é \u2028"})
    assert not set("<>&") & set(text)
    assert text.isascii()
    assert json.loads(text) == {"name": "</script><!-- & é \u2028"}
