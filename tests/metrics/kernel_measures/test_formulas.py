"""Formulas of kernel measures by themselves: degenerate layers, tracing, gradients, bad arguments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from jaxsim.metrics.declaration import Case
from jaxsim.metrics.kernel_measures import (
    MEASURES,
    cka,
    cka_angular,
    cka_measure,
    distance_correlation,
    distance_covariance,
    hsic,
    hsic_measure,
    rsa,
    rsa_measure,
    rv,
)
from jaxsim.metrics.kernel_measures.centred import centred_products, u_centred_products
from jaxsim.metrics.kernel_measures.cka import gaussian_alignment
from jaxsim.metrics.kernel_measures.hsic import biased_hsic, unbiased_hsic
from jaxsim.metrics.pair import pair_value

from .dense_sums import dense_statistics, sums_of

BY_NAME = {each.name: each for each in MEASURES}


def pair(seed=0, n=40):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    return x, x[:, :3] ** 2 + 0.5 * rng.normal(size=(n, 3))


def u_centred(matrix):
    """As Szekely and Rizzo write it."""
    n = len(matrix)
    rows, total = matrix.sum(1), matrix.sum()
    out = matrix - rows[:, None] / (n - 2) - rows[None, :] / (n - 2) + total / ((n - 1) * (n - 2))
    np.fill_diagonal(out, 0)
    return out


@pytest.mark.parametrize("n", [4, 5, 30])
def test_centred_products(n):
    rng = np.random.default_rng(n)
    matrices = [(m + m.T) / 2 for m in rng.normal(size=(3, n, n)) + 2]
    units = [1.0, 8.0, 0.5]
    sums = sums_of(matrices, units)
    h = np.eye(n) - 1 / n
    off = [m - np.diag(np.diag(m)) for m in matrices]
    for a in range(3):
        for b in range(3):
            share = units[a] * units[b]
            biased = np.trace(matrices[a] @ h @ matrices[b] @ h)
            unbiased = (u_centred(off[a]) * u_centred(off[b])).sum()
            assert centred_products(sums)[a, b] * share == pytest.approx(biased, rel=1e-11, abs=1e-11)
            assert u_centred_products(sums)[a, b] * share == pytest.approx(unbiased, rel=1e-11, abs=1e-11)
            assert biased_hsic(sums)[a, b] == pytest.approx(biased / (n - 1) ** 2, rel=1e-11, abs=1e-11)
            k, m, one = off[a], off[b], np.ones(n)
            song = np.trace(k @ m) + k.sum() * m.sum() / (n - 1) / (n - 2) - 2 / (n - 2) * one @ k @ m @ one
            assert unbiased_hsic(sums)[a, b] == pytest.approx(song / n / (n - 3), rel=1e-10, abs=1e-10)


def everyday(chosen, names):
    """One of them; each of the others takes as long."""
    return [pytest.param(name, marks=() if name == chosen else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", everyday("cka", BY_NAME))
def test_inside_transformations(name):
    measure, layers = BY_NAME[name], pair()
    value = pair_value(measure, *layers)
    for x64, dtype, tolerance in ((False, np.float32, 2e-5), (True, np.float64, 1e-9)):
        with jax.enable_x64(x64):
            x, y = (jnp.asarray(layer, dtype) for layer in layers)
            found = jax.jit(lambda a, b: pair_value(measure, a, b))(x, y)
            assert found.shape == ()
            assert found.dtype == dtype
            np.testing.assert_allclose(found, value, rtol=tolerance, atol=tolerance)
            stacked = jnp.stack([x, y[:, jnp.array([0, 1, 2, 0, 1])]]), jnp.stack([y, y])
            several = jax.vmap(lambda a, b: pair_value(measure, a, b))(*stacked)
            np.testing.assert_allclose(several[0], found, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", everyday("rsa", [n for n in BY_NAME if "spearman" not in n and "kendall" not in n]))
def test_gradients(name):
    x, y = (jnp.asarray(layer, jnp.float32) for layer in pair())
    # Two equal samples: the slope of their distance is infinite.
    x = x.at[1].set(x[0])
    slope = jax.grad(lambda a: pair_value(BY_NAME[name], a, y))(x)
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 0


OF_DISTANCES = [name for name in BY_NAME if not name.startswith(("cka_rbf", "rsa_correlation", "rsa_cosine"))]


@pytest.mark.parametrize("name", OF_DISTANCES)
def test_a_layer_of_equal_samples(name):
    """NaN, and no warning, where a value is not defined; the other layers keep theirs."""
    x, y = pair()
    values = BY_NAME[name].formula(dense_statistics([x, y, np.ones((40, 3))], BY_NAME[name]))
    assert np.isfinite(values[:2, :2]).all()
    if name in ("hsic", "hsic_biased", "distance_covariance", "rsa_euclidean_kendall_tau_a"):
        np.testing.assert_allclose(values[2], 0, atol=1e-12)
    elif name == "rsa_euclidean_difference":
        # The norm of the other matrix.
        assert values[2, 2] == 0 < values[0, 2] == pytest.approx(np.linalg.norm(cdist(x, x)))
    else:
        assert np.isnan(values[2]).all()
        assert np.isnan(values[:, 2]).all()


def test_no_bandwidth_from_equal_samples():
    x, _ = pair()
    with pytest.raises(ValueError, match="bandwidth of layer 'y' from its median distance, which is 0"):
        cka(x, np.where(np.arange(40)[:, None] < 2, x, 0), kernel="rbf")


def test_equally_far_apart_is_not_correlated():
    corners = np.eye(12)
    for measure in (rsa_measure(), rsa_measure("euclidean", "spearman"), BY_NAME["distance_correlation_corrected"]):
        values = measure.formula(dense_statistics([corners, pair(n=12)[0]], measure))
        assert np.isnan(values[0, 1])
        assert values[1, 1] == 1


def test_debiased_values_are_not_clamped():
    rng = np.random.default_rng(0)
    values = [cka(rng.normal(size=(20, 30)), rng.normal(size=(20, 30))) for _ in range(20)]
    assert min(values) < -0.01
    assert abs(np.mean(values)) < 0.03


def test_an_offset_changes_nothing():
    x, y = pair()
    assert cka(x + 1e6, y) == pytest.approx(cka(x, y), rel=1e-8)
    assert cka(x * 1e-30, x) == pytest.approx(1, abs=1e-12)
    assert cka(x * 1e30, y) == pytest.approx(cka(x, y), rel=1e-12)
    assert hsic(x * 1e3, y) == pytest.approx(1e6 * hsic(x, y), rel=1e-10)


def test_expected_value_of_biased_alignment():
    n, p, q = 60, 40, 90
    rng = np.random.default_rng(0)
    values = [cka(rng.normal(size=(n, p)), rng.normal(size=(n, q)), debiased=False) for _ in range(20)]
    assert np.mean(values) == pytest.approx(
        gaussian_alignment(Case(n, 1, (p, q))), abs=4 * np.std(values) / np.sqrt(20)
    )


def test_given_distances():
    x, y = pair()
    near, far = cdist(x, x), cdist(y, y)
    for call in (rsa, distance_correlation, distance_covariance):
        assert call(near, far, metric="precomputed") == pytest.approx(call(x, y), rel=1e-10)
    assert rsa(near, far, metric="precomputed", comparison="spearman") == pytest.approx(
        rsa(x, y, comparison="spearman")
    )
    wide = cka(x, y, kernel="rbf", bandwidth=0.7)
    assert cka(near, far, kernel="rbf", bandwidth=0.7, metric="precomputed") == pytest.approx(wide, rel=1e-10)
    with pytest.raises(ValueError, match="expected features for 'cka'"):
        cka(near, far, metric="precomputed")


def test_variants_of_pair_functions():
    x, y = pair()
    assert cka(x, y, debiased=False) == rv(x, y) == pytest.approx(np.cos(cka_angular(x, y)))
    assert cka(x, y, kernel="rbf", bandwidth=1.0) == cka(x, y, kernel="rbf") != cka(x, y, kernel="rbf", bandwidth=2.0)
    assert distance_correlation(x, y, corrected=True) < distance_correlation(x, y) ** 2
    assert hsic(x, y, debiased=False) != hsic(x, y)
    assert 0 < hsic(x, y, kernel="rbf") < 1
    assert cka_measure() is cka_measure("linear", True) is BY_NAME["cka"]
    assert hsic_measure("rbf", False).name == "hsic_rbf_biased"


def test_names_and_orientation():
    assert len(BY_NAME) == len(MEASURES)
    assert {name for name, each in BY_NAME.items() if each.orientation == "dissimilarity"} == {
        "cka_angular", "rsa_euclidean_difference", "rsa_euclidean_normalised_difference"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x: cka(x, x, kernel="cosine"), "kernel to be one of.*'cosine'"),
        (lambda x: cka(x, x, bandwidth=1.0), "no bandwidth for the linear kernel"),
        (lambda x: cka(x, x, kernel="rbf", bandwidth=0.0), "positive number of median distances, got 0.0"),
        (lambda x: cka(x, x, kernel="rbf", bandwidth=np.nan), "positive number of median distances, got nan"),
        (lambda x: cka(x[:3], x[:3]), "at least 4 samples for 'cka'"),
        (lambda x: hsic(x[:3], x[:3]), "at least 4 samples for 'hsic'"),
        (lambda x: rsa(x, x, dissimilarity="manhattan"), "dissimilarity to be one of.*'manhattan'"),
        (lambda x: rsa(x, x, comparison="ccc"), "comparison to be one of.*'ccc'"),
        (lambda x: rsa(x[:, :1], x, dissimilarity="correlation"), "at least two features"),
        (lambda x: distance_correlation(x, x[:10]), "samples"),
    ],
)
def test_bad_arguments(call, says):
    with pytest.raises(ValueError, match=says):
        call(pair()[0])
