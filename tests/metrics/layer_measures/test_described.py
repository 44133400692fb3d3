"""Measures of one layer beside each other in `describe`, of all samples and within halves."""

import numpy as np
import pytest

from jaxsim.metrics import balanced_halves, describe, effective_rank, gride, mle_dimension, participation_ratio, twonn

NAMES = ("intrinsic_dimension", "mle_dimension", "gride", "effective_rank", "participation_ratio")


@pytest.fixture(scope="module")
def layers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((160, 6))
    return {"wide": x + 7, "flat": x[:, :2] @ rng.standard_normal((2, 9))}


@pytest.fixture(scope="module")
def found(layers):
    return describe(layers, NAMES, k=(2, 8), n_splits=2)


def values_of(x):
    scales = gride(x, farthest=16).dimensions
    return {
        "intrinsic_dimension": twonn(x),
        "mle_dimension": mle_dimension(x, k=(2, 8)),
        "gride": scales[[1, 3]],
        "effective_rank": effective_rank(x),
        "participation_ratio": participation_ratio(x),
    }


@pytest.mark.parametrize("layer", ["wide", "flat"])
def test_equal_to_the_functions_of_one_array(found, layers, layer):
    for name, expected in values_of(layers[layer]).items():
        np.testing.assert_allclose(found[name].sel(layer=layer), expected, rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("layer", ["wide", "flat"])
def test_halves_are_measured_as_samples_of_their_own(found, layers, layer):
    sides = balanced_halves(160, 2, seed=0)
    for split, side in enumerate(sides):
        for half, members in enumerate((~side, side)):
            for name, expected in values_of(layers[layer][members]).items():
                at = found[f"{name}_halves"].sel(layer=layer).isel(split=split, half=half)
                np.testing.assert_allclose(at, expected, rtol=1e-9, err_msg=name)


def test_the_dimension_of_a_flat_layer(found):
    assert abs(found.intrinsic_dimension.sel(layer="flat") - 2) < 0.4
    assert abs(found.intrinsic_dimension.sel(layer="wide") - 6) < 1.5
    assert (found.intrinsic_dimension_sampling_error > 0).all()


def test_groups_that_leave_too_few_neighbours():
    x = np.random.default_rng(0).standard_normal((40, 3))
    groups = np.repeat([0, 1], [36, 4])
    describe([x], "hubness", k=3, groups=groups)
    with pytest.raises(ValueError, match=r"at least 7 samples outside of every group .* got 4: one group holds 36"):
        describe([x], "gride", k=3, groups=groups)
