"""Exact moments over pairings, against all permutations of small samples and many of larger ones."""

import itertools

import numpy as np
import pytest
from jaxsim_kernels import kernel_run, kernels_alone
from jaxsim_kernels.prepare import prepared_rows
from scipy.stats import kstest

from jaxsim.metrics import calibrate, cka_measure, measure
from jaxsim.metrics.calibration.centred_kernels import centred_kernel, spread_of_kernel, with_norm
from jaxsim.metrics.calibration.closed_form import null_of, product_of
from jaxsim.metrics.calibration.inner_products import entry_sums, feature_rows, mean_kernel, spread_of_features
from jaxsim.metrics.calibration.permutation_moments import SECOND, THIRD, moment
from jaxsim.metrics.gathered import gather
from jaxsim.metrics.request import check_request
from jaxsim.metrics.statistics import KernelSums

BY_MOMENTS = (
    "cka", "cka_biased", "cka_angular", "rv", "cka_rbf", "cka_rbf_biased", "distance_correlation",
    "distance_correlation_corrected",
)  # fmt: skip


def centred(n, width, seed, power=1):
    x = np.random.default_rng(seed).standard_normal((n, width)) ** power
    return x - x.mean(0)


def all_products(a, b):
    orders = map(list, itertools.permutations(range(len(a))))
    return np.array([(a * b[np.ix_(order, order)]).sum() for order in orders])


def _by_features(monkeypatch, answer):
    for module in (kernels_alone, kernel_run):
        monkeypatch.setattr(module, "in_feature_space", lambda *_: answer)


@pytest.mark.parametrize("n", [6, 7])
@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_moments_of_all_permutations(n, debiased, wide):
    x, y = centred(n, 9 if wide else 3, 0), centred(n, 2, 1, 3)
    a, b = (centred_kernel(z @ z.T, debiased) for z in (x, y))
    products = all_products(a, b)
    for spread in (
        lambda z: spread_of_features(z, debiased),
        lambda z: spread_of_kernel(centred_kernel(z @ z.T, debiased)),
    ):
        found = null_of([spread(x)], [spread(y)], n)
        apart = products - products.mean()
        assert found.mean[0, 0] == pytest.approx(products.mean(), rel=1e-11, abs=1e-14)
        assert found.deviation[0, 0] == pytest.approx(np.sqrt((apart**2).mean()), rel=1e-10)
        assert found.skewness[0, 0] == pytest.approx((apart**3).mean() / (apart**2).mean() ** 1.5, rel=1e-9)


def test_moments_of_any_matrices_of_zero_rows_and_trace():
    # Of a kernel that is no product of features: of both signs, with a diagonal.
    n, rng = 6, np.random.default_rng(3)
    matrices = []
    for _ in range(2):
        a = rng.standard_normal((n, n))
        a = centred_kernel(a + a.T, False)
        matrices.append(a - np.trace(a) / (n - 1) * (np.eye(n) - 1 / n))
    spreads = [spread_of_kernel(a) for a in matrices]
    products = all_products(*matrices)
    for power, name, names in ((2, "second", SECOND), (3, "third", THIRD)):
        sums = [getattr(each, name)[None] for each in spreads]
        assert sums[0].shape == (1, len(names))
        assert moment(*sums, n)[0, 0] == pytest.approx((products**power).mean(), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("debiased", [False, True])
@pytest.mark.parametrize("n", [900, 1500])
def test_features_and_matrices_agree(debiased, n):
    x = centred(n, 30, 0) + 0.5 * centred(n, 1, 1)
    x -= x.mean(0)
    found = spread_of_features(x, debiased)
    expected = spread_of_kernel(centred_kernel(x @ x.T, debiased))
    assert found.mean == pytest.approx(expected.mean, rel=1e-10, abs=1e-14)
    np.testing.assert_allclose(found.second, expected.second, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.third, expected.third, rtol=1e-3 if n > 1024 else 1e-9, atol=1e-9)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(("n", "offset"), [(200, 0.0), pytest.param(1500, 0.0, marks=pytest.mark.slow), (1500, 300.0)])
@pytest.mark.parametrize("debiased", [False, True])
def test_a_pass_adds_up_what_moments_need(metric, n, offset, debiased, monkeypatch):
    """Strips about a coarse centre, in another unit, against the products of samples about their mean."""
    _by_features(monkeypatch, False)
    layers = [(5 * centred(n, 30, 0) ** 3 + offset).astype(np.float32), centred(n, 20, 1).astype(np.float32)]
    need = KernelSums("linear")
    own = metric if offset == 0 else "euclidean"
    found = gather(lambda _: check_request(layers, metric=own), own, frozenset({need}), "measure", frozenset({need}))
    for layer, x in enumerate(layers):
        entries = entry_sums(found.whole[need], layer)
        assert entries is not None
        spread = spread_of_features(feature_rows(x, own), debiased, entries)
        rows = prepared_rows(x, own)[0]
        rows -= rows.mean(0)
        expected = spread_of_kernel(centred_kernel(rows @ rows.T, debiased))
        rounding = 1e-9 if n <= 1024 else 1e-5
        assert spread.mean == pytest.approx(expected.mean, rel=rounding, abs=1e-14)
        np.testing.assert_allclose(spread.second, expected.second, rtol=rounding, atol=rounding)
        np.testing.assert_allclose(spread.third, expected.third, rtol=20 * rounding, atol=rounding)


@pytest.mark.parametrize("n", [300, 1200])
@pytest.mark.parametrize("debiased", [False, True])
def test_mean_over_layers_from_features_and_from_matrices(n, debiased):
    """A layer of more features than samples and a constant one among them; in float32 for many samples."""
    layers = [centred(n, 8, 0) ** 3, 7 * centred(n, 20, 1) + 2, centred(n, n + 1, 2), np.ones((n, 2))]
    found, norm = with_norm(mean_kernel([x.astype(np.float32) for x in layers], "euclidean", debiased), debiased)
    expected = sum(centred_kernel((x - x.mean(0)) @ (x - x.mean(0)).T, debiased) for x in layers) / 4
    assert norm == pytest.approx(np.linalg.norm(expected), rel=1e-6)
    np.testing.assert_allclose(found, expected, atol=2e-5 * abs(expected).max())
    spread, of_expected = spread_of_kernel(found / norm), spread_of_kernel(expected / np.linalg.norm(expected))
    np.testing.assert_allclose(spread.second, of_expected.second, rtol=1e-5, atol=1e-10)
    np.testing.assert_allclose(spread.third, of_expected.third, rtol=1e-4, atol=1e-8)


def test_sums_that_no_pass_adds_up_are_worked_out(monkeypatch):
    """With few features and many samples CKA comes from products of features, without a strip."""
    layers = {"x": centred(400, 3, 0), "y": centred(400, 2, 1, 3)}
    found = []
    for by_features in (False, True):
        _by_features(monkeypatch, by_features)
        found.append(calibrate(layers, over_layers=False))
    passed, alone = found
    for name in passed.data_vars:
        np.testing.assert_allclose(passed[name], alone[name], rtol=1e-8, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("name", BY_MOMENTS)
def test_against_shuffled_pairings(name):
    rng = np.random.default_rng(5)
    x = rng.standard_normal((60, 4)) ** 3
    sources = {"x": x, "small": x[:, :1]}
    targets = {"y": x + 9 * rng.standard_normal(x.shape), "other": rng.standard_normal((60, 80))}
    exact = calibrate(sources, targets, name, level=0.1)
    drawn = calibrate(sources, targets, name, null="permutations", n_permutations=3000, level=0.1)
    assert name in exact.attrs["null_by_moments"]
    assert name in drawn.attrs["null_by_permutations"]
    np.testing.assert_allclose(exact[name], drawn[name], rtol=1e-6, atol=1e-9)
    # Monte Carlo error of a share of 3,000, and of a quantile.
    p, q = exact[f"{name}_p"].values, drawn[f"{name}_p"].values
    assert (abs(p - q) < 4 * np.sqrt(q * (1 - q) / 3000) + 0.01).all(), (p, q)
    spread = abs(exact[f"{name}_threshold"] - exact[f"{name}_null_mean"]).values
    assert (abs(exact[f"{name}_threshold"] - drawn[f"{name}_threshold"]).values < 0.12 * spread + 1e-3).all()
    if name not in ("cka_angular", "distance_correlation"):
        # The mean of a function is not the function of the mean.
        np.testing.assert_allclose(
            exact[f"{name}_null_mean"], drawn[f"{name}_null_mean"], atol=6 * spread.max() / np.sqrt(3000)
        )
        over, other = exact[f"{name}_over_layers_p"].values, drawn[f"{name}_over_layers_p"].values
        assert over[1] == pytest.approx(other[1], abs=0.05)
        assert over[0] >= other[0] - 0.03, "a bound"


def test_one_set_of_layers_is_paired_with_itself():
    layers = {"x": centred(50, 4, 0), "y": centred(50, 7, 1)}
    alone, twice = calibrate(layers), calibrate(layers, layers)
    assert set(alone.data_vars) == set(twice.data_vars)
    for name in alone.data_vars:
        np.testing.assert_allclose(alone[name], twice[name], rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(alone.cka, measure(layers, "cka").cka, rtol=1e-12, atol=1e-12)


def test_independent_layers_have_uniform_p_values():
    rng = np.random.default_rng(11)
    sources = {f"{i}": rng.standard_normal((40, 6)) * np.geomspace(1, 0.1, 6) for i in range(15)}
    targets = {f"{i}": rng.exponential(size=(40, 4)) for i in range(15)}
    found = calibrate(sources, targets, ("cka", "rv"), over_layers=False)
    for name in ("cka", "rv"):
        # Layers of one call share samples: only cells without a layer in common are independent.
        assert kstest(found[f"{name}_p"].values.diagonal(), "uniform").pvalue > 0.01
        assert (found[f"{name}_calibrated"] > 0).mean() < 0.12


def test_which_measures_have_moments():
    assert product_of(cka_measure("rbf", bandwidth=0.3)).kernel.bandwidth == 0.3
    with pytest.raises(ValueError, match=r"expected a product of centred kernels .* got 'mutual_knn'"):
        calibrate([np.eye(8)], measures="mutual_knn", null="moments")


def test_a_layer_that_does_not_vary():
    with pytest.warns(match="no variance"):
        found = calibrate({"x": centred(30, 3, 0), "same": np.ones((30, 2))}, measures=("cka", "rv"))
    for name in ("cka", "rv"):
        assert np.isnan(found[f"{name}_p"].values[1]).all()
        assert np.isfinite(found[f"{name}_p"].values[0, 0])
        assert np.isnan(found[f"{name}_calibrated"].values[0, 1])


def test_what_moments_do_not_give_is_said_of_the_variable():
    rng = np.random.default_rng(0)
    layers = {name: rng.normal(size=(30, 5)) for name in "ab"}
    names = ("cka", "cka_biased", "distance_correlation")
    found = calibrate(layers, measures=names, null="moments")
    for name in names:
        every = [each for each in found.data_vars if str(each).startswith(f"{name}_over") or each == name]
        # NaN is explained wherever there is one, and nowhere else.
        for each in every:
            assert ("undefined" in found[each].attrs) == bool(np.isnan(found[each].values).any()), each
        assert found[f"{name}_over_layers_null_mean"].sel(over="best").isnull().all()
    assert np.isfinite(found["cka_biased_over_layers_null_mean"].sel(over="mean").values).all()
    assert found["cka_threshold"].attrs["what"] == "1 - level quantile over shuffled pairings"
    drawn = calibrate(layers, measures="cka", null="permutations", n_permutations=20)
    assert np.isfinite(drawn["cka_over_layers_null_mean"].values).all()
    assert "undefined" not in drawn["cka_over_layers_null_mean"].attrs
