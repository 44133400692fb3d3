"""Every value of other programs for kernels and distances, from dense statistics and from the public functions."""

import numpy as np
import pytest

from jaxsim.metrics.kernel_measures import cka_measure, rsa_measure
from jaxsim.metrics.kernel_measures.cka import CKA_ANGULAR
from jaxsim.metrics.kernel_measures.distance_correlation import (
    DISTANCE_CORRELATION,
    DISTANCE_CORRELATION_CORRECTED,
    DISTANCE_COVARIANCE,
)
from jaxsim.metrics.kernel_measures.hsic import HSIC, HSIC_BIASED
from jaxsim.metrics.kernel_measures.rv import RV
from jaxsim.metrics.pair import pair_value

from .dense_sums import dense_statistics, median_square

MEASURES = {
    "cka_linear_biased": cka_measure(debiased=False),
    "cka_linear_debiased": cka_measure(),
    "cka_linear_biased_angular": CKA_ANGULAR,
    "hsic_linear_biased": HSIC_BIASED,
    "hsic_linear_unbiased": HSIC,
    "cka_rbf_median_offdiag_biased": cka_measure("rbf", debiased=False),
    "distance_correlation": DISTANCE_CORRELATION,
    "distance_correlation_squared_bias_corrected": DISTANCE_CORRELATION_CORRECTED,
    "distance_covariance_squared": DISTANCE_COVARIANCE,
    "rsm_norm_difference_frobenius": rsa_measure("euclidean", "difference"),
    **{
        f"rsa_{short}_{comparison}": rsa_measure(dissimilarity, comparison)
        for short, dissimilarity in (
            ("euclidean", "euclidean"),
            ("sqeuclidean", "squared_euclidean"),
            ("correlation", "correlation"),
            ("cosine", "cosine"),
        )
        for comparison in ("pearson", "cosine", "spearman", "kendall_tau_a", "kendall_tau_b")
    },
}
# One bandwidth for both layers, or that of the median of all N^2 entries, is no multiple of the median distance.
BANDWIDTHS = {
    "cka_rbf_sigma10": lambda x: 100.0,
    "cka_rbf_median_thr0.5": lambda x: 0.25 * median_square(x, with_itself=True),
    "cka_rbf_median_thr1.0": lambda x: median_square(x, with_itself=True),
}
# Noise of the programs that the values come from, on binary rows above all; angles near 0 hold half of the digits.
ABSOLUTE = {"cka_rbf_sigma10": 5e-9, "cka_linear_biased_angular": 1e-7}
PUBLIC_RECIPES = (("R2", 21), ("R5", 51), ("R6", 61), ("R7", 71), ("R8", 81))


def _stored(entries):
    for entry in entries:
        key = tuple(entry[name] for name in ("recipe", "seed", "N", "Dx", "Dy"))
        for name, value in entry["values"].items():
            yield key, name, value


def _of_copies(x, y):
    """How far distances of copies, a root of rounding instead of 0, move the distance covariance of x and y.

    `mean(A * B)` of the centred distances: each copy's error `root` in one layer meets about the mean distance of the
    other.
    """
    n = len(x)
    share = sum(count * (count - 1) for count in np.unique(x, axis=0, return_counts=True)[1]) / n**2
    squares = [np.mean(((layer - layer.mean(0)) ** 2).sum(1)) for layer in (x, y)]
    root_x, root_y = np.sqrt(np.multiply(np.finfo(x.dtype).eps, squares))
    distance_x, distance_y = np.sqrt(np.multiply(2, squares))
    return share * (root_x * distance_y + root_y * distance_x)


def _close(found, value, name, key, copies=1e-9):
    # Distances of copies from products of features are a root of rounding, not 0.
    of_copies = key[0] == "R8" and name.startswith(("distance", "rsm", "rsa_euclidean"))
    noise = [each for start, each in ABSOLUTE.items() if name.startswith(start)]
    absolute = max([copies if of_copies else 1e-11, *noise])
    if name == "distance_covariance_squared":
        found = found**2
    assert found == pytest.approx(value, rel=1e-10, abs=absolute), (key, name)


def _measure(name):
    if name in MEASURES:
        return MEASURES[name], None
    start, debiased = name.rsplit("_", 1)
    return cka_measure("rbf", debiased=debiased == "debiased"), BANDWIDTHS[start]


def test_dense(kernel_oracle, recipe):
    pairs, made, checked = {}, {}, 0
    for key, name, value in _stored(kernel_oracle):
        if key not in pairs:
            pairs, made = {key: recipe(*key)}, {}
        layers = pairs[key]
        measure, square = _measure(name)
        squares = None if square is None else [square(x) for x in layers]
        values = measure.formula(dense_statistics(layers, measure, squares, made))
        _close(values[0, 1], value, name, key)
        assert values.shape == (2, 2)
        assert values[0, 1] == pytest.approx(values[1, 0], abs=1e-12)
        checked += 1
    assert checked > 500


@pytest.mark.parametrize("name", MEASURES)
def test_public(name, kernel_oracle, recipe):
    for key, stored, value in _stored(kernel_oracle):
        if stored == name and key[:2] in PUBLIC_RECIPES:
            layers = recipe(*key)
            # The one measure of distances that has a unit.
            copies = _of_copies(*layers) if name == "distance_covariance_squared" else 1e-9
            _close(pair_value(MEASURES[name], *layers), value, name, key, copies)


def test_rv_is_biased_alignment(kernel_oracle, recipe):
    for key, name, value in _stored(kernel_oracle):
        if name == "cka_linear_biased" and key[2] == 200:
            x, y = recipe(*key)
            found = RV.formula(dense_statistics([x, y], RV))[0, 1]
            assert found == pytest.approx(value, rel=1e-10)
            x, y = x - x.mean(0), y - y.mean(0)
            cross, own_x, own_y = x.T @ y, x.T @ x, y.T @ y
            assert found == pytest.approx((cross**2).sum() / np.sqrt((own_x**2).sum() * (own_y**2).sum()), rel=1e-10)
