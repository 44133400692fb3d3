"""Rank correlations of distances against SciPy, on the host and inside a transformation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxsim.metrics.kernel_measures import rsa
from jaxsim.metrics.kernel_measures.distance_ranks import concordance, kendall_tau_a, kendall_tau_b, spearman


def of_concordance(correlate):
    return lambda distances: correlate(concordance(distances))


def lists(n_pairs, n_values, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, n_values, n_pairs) + 1.0
    return np.stack([a, rng.integers(0, n_values, n_pairs) + 1.0, np.round(a + rng.normal(size=n_pairs) * 2) ** 2])


def tau_a(a, b):
    upper = np.triu_indices(len(a), 1)
    return (np.sign(a[:, None] - a) * np.sign(b[:, None] - b))[upper].mean()


# On a device every size is compiled.
SLOW = [("float64", 6), ("float64", 45), ("float32", 3), ("float32", 6), ("float32", 45)]
SIZES = [
    pytest.param(where, n_pairs, marks=pytest.mark.slow if (where, n_pairs) in SLOW else ())
    for where in ("host", "float64", "float32")
    for n_pairs in (3, 6, 45, 435)
]


@pytest.mark.parametrize(("where", "n_pairs"), SIZES)
@pytest.mark.parametrize("n_values", [2, pytest.param(9, marks=pytest.mark.slow), 10**6])
def test_against_scipy(n_pairs, n_values, where):
    distances = lists(n_pairs, n_values)
    with jax.enable_x64(where == "float64"):

        def on(correlate):
            if where == "host":
                return correlate(distances)
            return np.asarray(jax.jit(correlate)(jnp.asarray(distances, where)))

        of_spearman, of_tau_a, of_tau_b = (
            on(each) for each in (spearman, of_concordance(kendall_tau_a), of_concordance(kendall_tau_b))
        )
    tolerance = 2e-6 if where == "float32" else 1e-13
    for a in range(3):
        for b in range(3):
            varies = np.ptp(distances[a]) > 0 < np.ptp(distances[b])
            assert of_tau_a[a, b] == pytest.approx(tau_a(distances[a], distances[b]), abs=tolerance)
            if not varies:
                assert np.isnan(of_spearman[a, b])
                assert np.isnan(of_tau_b[a, b])
                continue
            rho = stats.spearmanr(distances[a], distances[b]).statistic
            assert of_spearman[a, b] == pytest.approx(rho, abs=tolerance)
            assert of_tau_b[a, b] == pytest.approx(
                stats.kendalltau(distances[a], distances[b]).statistic, abs=tolerance
            )


def test_rounding_breaks_no_ties():
    rng = np.random.default_rng(1)
    distances = lists(400, 12)
    rounded = distances * (1 + 1e-14 * rng.standard_normal(distances.shape))
    for correlate in (spearman, of_concordance(kendall_tau_a), of_concordance(kendall_tau_b)):
        np.testing.assert_array_equal(correlate(rounded), correlate(distances))


def test_near_numbers_that_differ_are_ranked():
    distances = np.stack([1 + 1e-10 * np.arange(30.0), np.arange(30.0)])
    assert spearman(distances)[0, 1] == pytest.approx(1, abs=1e-14)
    assert kendall_tau_a(concordance(distances))[0, 1] == 1


@pytest.mark.parametrize("dissimilarity", ["correlation", "cosine"])
def test_binary_rows_tie(dissimilarity):
    """Dissimilarities of binary rows tie in exact arithmetic, and hardly ever in floating point."""
    rng = np.random.default_rng(2)
    x, y = (rng.standard_normal((2, 60, 9)) > 0).astype(float)
    x[:, 0], x[:, 1], y[:, 0], y[:, 1] = 1, 0, 1, 0

    def exact(z):
        z = z - z.mean(1, keepdims=True) if dissimilarity == "correlation" else z
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
        return np.round((1 - z @ z.T)[np.triu_indices(60, 1)], 9)

    expected = stats.spearmanr(exact(x), exact(y)).statistic
    assert rsa(x, y, dissimilarity=dissimilarity, comparison="spearman") == pytest.approx(expected, abs=1e-12)
    expected = stats.kendalltau(exact(x), exact(y)).statistic
    assert rsa(x, y, dissimilarity=dissimilarity, comparison="kendall_tau_b") == pytest.approx(expected, abs=1e-12)


def test_both_correlations_of_kendall_look_once(monkeypatch):
    from jaxsim.metrics import measure
    from jaxsim.metrics.kernel_measures import distance_ranks

    seen = []
    count = distance_ranks.inversions
    monkeypatch.setattr(distance_ranks, "inversions", lambda values: seen.append(len(values)) or count(values))
    x = np.random.default_rng(0).normal(size=(12, 3))
    found = measure([x, x**3, x[:, :1]], ("rsa_euclidean_kendall_tau_a", "rsa_euclidean_kendall_tau_b"))
    assert len(seen) == 3, "of three pairs of layers"
    np.testing.assert_allclose(*found.to_array().values, atol=1e-12)


def test_more_pairs_than_the_memory_holds():
    from jaxsim.metrics.condensed import condensed_bytes
    from jaxsim.metrics.kernel_measures import rsa_measure
    from jaxsim.metrics.measure_checks import check_measures
    from jaxsim.metrics.request import check_request

    x = np.random.default_rng(0).normal(size=(100, 3))
    measure = rsa_measure("euclidean", "spearman")
    check_measures([measure], check_request([x, x], budget=condensed_bytes(100, 2)))
    with pytest.raises(ValueError, match=r"ranks of the distances of 100 samples in 2 layers take .*\(rsa\)"):
        check_measures([measure], check_request([x, x], budget=condensed_bytes(100, 2) - 1))
    check_measures([rsa_measure()], check_request([x, x], budget=condensed_bytes(100, 2) - 1))
