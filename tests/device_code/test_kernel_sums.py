"""Sums of kernels over pairs of samples against NumPy in float64: strips, features, halves, groups, devices."""

import numpy as np
import pytest
from jaxsim_kernels import Kernel, Options, all_pairs, kernel_run, kernel_sums
from jaxsim_kernels.feature_stream import linear_sums
from scipy.spatial.distance import cdist

KERNELS = (Kernel("linear"), Kernel("squared_distance"), Kernel("distance"), Kernel("rbf", (9.0, 8.0, 7.0)))


def _layers(n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    found = [rng.normal(size=(n, 20 + 5 * i)) * 2 + 1 for i in range(3)]
    found[1][:, :20] += found[0]
    found[2] *= 1000
    return [x.astype(dtype) for x in found]


def _dense(kernel, layer, x):
    """The kernel of all pairs, features about any centre: sums of inner products are compared centred."""
    x = x.astype(np.float64)
    if kernel.name == "linear":
        return x @ x.T
    distances = cdist(x, x)
    if kernel.name == "rbf":
        return np.exp(-(distances**2) / 2 / kernel.bandwidths[layer] ** 2)
    return distances if kernel.name == "distance" else distances**2


def _unbiased(products, row_sums, n):
    """HSIC up to a factor: it does not depend on where the features are centred."""
    totals = row_sums.sum(1)
    return products + np.outer(totals, totals) / ((n - 1) * (n - 2)) - 2 / (n - 2) * row_sums @ row_sums.T


def _check(kernels, found, layers, tolerance):
    n = len(layers[0])
    for kernel, sums in zip(kernels, found, strict=True):
        dense = [_dense(kernel, number, x) for number, x in enumerate(layers)]
        off = np.stack([values - np.diag(np.diag(values)) for values in dense])
        products = np.einsum("aij,bij->ab", off, off)
        units = sums.units
        if kernel.name == "linear":
            found_value = _unbiased(sums.products * np.outer(units, units), sums.row_sums * units[:, None], n)
            value = _unbiased(products, off.sum(2), n)
            scale = np.sqrt(np.outer(np.diag(value), np.diag(value)))
            np.testing.assert_allclose(found_value / scale, value / scale, atol=tolerance)
            continue
        np.testing.assert_allclose(sums.products * np.outer(units, units), products, rtol=tolerance)
        np.testing.assert_allclose(sums.row_sums * units[:, None], off.sum(2), rtol=tolerance)
        np.testing.assert_array_equal(sums.diagonal, 1.0 if kernel.name == "rbf" else 0.0)


@pytest.fixture(scope="module")
def sides():
    from jaxsim.metrics import balanced_halves

    return balanced_halves(1100, 2)


def _check_halves(kernels, found, layers, sides, tolerance):
    for split, of_split in zip(sides, found, strict=True):
        for side, sums in zip((False, True), of_split, strict=True):
            _check(kernels, sums, [x[split == side] for x in layers], tolerance)


@pytest.mark.parametrize("options", [{}, {"passes": "two-pass"}, {"ties": "expected"}], ids=str)
def test_beside_ranks(options, sides):
    layers = _layers(1100, np.float32)
    found = all_pairs(layers, options=Options(kernels=KERNELS, **options), sides=sides)
    plain = all_pairs(layers, options=Options(**options), sides=sides)
    np.testing.assert_array_equal(found.values, plain.values)
    np.testing.assert_array_equal(found.halves, plain.halves)
    assert plain.kernels == ()
    _check(KERNELS, found.kernels, layers, 2e-6)
    _check_halves(KERNELS, found.half_kernels, layers, sides, 2e-6)


def test_float64():
    layers = _layers(300, np.float64)
    sides = np.arange(300)[None] % 3 == 1
    found = all_pairs(layers, options=Options(kernels=KERNELS), sides=sides)
    _check(KERNELS, found.kernels, layers, 1e-11)
    _check_halves(KERNELS, found.half_kernels, layers, sides, 1e-11)


def test_one_layer_in_float64():
    layers = _layers(1100, np.float32)
    found = all_pairs(layers, options=Options(kernels=KERNELS, float64_layers=(1,)))
    _check(KERNELS, found.kernels, layers, 2e-6)


def test_kernels_take_pairs_within_groups():
    """Samples of one group are not ranked among each other; sums of kernels are over all pairs."""
    layers, groups = _layers(300, np.float64), np.arange(300) // 3
    found = all_pairs(layers, options=Options(kernels=KERNELS), groups=groups)
    _check(KERNELS, found.kernels, layers, 1e-11)


@pytest.mark.parametrize("by_features", [False, True])
def test_alone(by_features, sides, monkeypatch):
    layers = _layers(1100, np.float32)
    monkeypatch.setattr(kernel_run, "in_feature_space", lambda *_: by_features)
    found = kernel_sums(layers, Options(kernels=KERNELS), sides=sides)
    _check(KERNELS, found.whole, layers, 2e-6)
    _check_halves(KERNELS, found.halves, layers, sides, 2e-6)


@pytest.mark.parametrize("offset", [0.0, 100.0])
@pytest.mark.parametrize("scale", [1.0, pytest.param(1e-25, marks=pytest.mark.slow), 1e25])
def test_read_once(offset, scale):
    """Many samples, few features: nothing is held centred."""
    layers = [(x + np.float32(offset)) * np.float32(scale) for x in _layers(5000, np.float32)[:2]]
    found = linear_sums(layers, ["euclidean"] * 2, np.dtype(np.float32))
    assert found is not None
    rescaled = [x.astype(np.float64) / scale for x in layers]
    units = found.units / scale**2
    value = _unbiased(found.products * np.outer(units, units), found.row_sums * units[:, None], 5000)
    dense = np.stack([x @ x.T for x in (x - x.mean(0) for x in rescaled)])
    off = dense * (1 - np.eye(5000))
    expected = _unbiased(np.einsum("aij,bij->ab", off, off), off.sum(2), 5000)
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_features_too_far_apart_in_size_are_left_to_the_other_way():
    x = np.ones((3000, 2), np.float32)
    # None of the rows that the centre is taken from.
    x[1500] = 1e30
    x[:1024] += np.random.default_rng(0).normal(size=(1024, 2)).astype(np.float32)
    assert linear_sums([x], ["euclidean"], np.dtype(np.float32)) is None
    found = kernel_sums([x], Options(kernels=(Kernel("linear"),))).whole[0]
    assert np.isfinite(found.products).all()


def test_given_distances():
    """Distances that are given, symmetric or not."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5))
    given = [cdist(x, x) * 7, rng.uniform(1, 2, (200, 200))]
    for distances in given:
        np.fill_diagonal(distances, 0)
    kernels = (Kernel("squared_distance"), Kernel("distance"), Kernel("rbf", (3.0, 1.5)))
    found = kernel_sums(given, Options(kernels=kernels, metric="precomputed")).whole
    for kernel, sums in zip(kernels, found, strict=True):
        off = []
        for number, distances in enumerate(given):
            values = {"distance": distances, "squared_distance": distances**2}.get(kernel.name)
            values = np.exp(-(distances**2) / 2 / kernel.bandwidths[number] ** 2) if values is None else values
            off.append(values * (1 - np.eye(200)))
        products = np.einsum("aij,bij->ab", np.stack(off), np.stack(off))
        np.testing.assert_allclose(sums.products * np.outer(sums.units, sums.units), products, rtol=1e-11)
        np.testing.assert_allclose(sums.row_sums * sums.units[:, None], np.stack(off).sum(2), rtol=1e-11)
    with pytest.raises(ValueError, match="expected features for the linear kernel"):
        kernel_sums(given, Options(kernels=(Kernel("linear"),), metric="precomputed"))


@pytest.mark.parametrize("n", [300, 1100])
def test_squares_and_cubes_of_rows(n):
    """Of kernels that ask for them, beside one that does not; samples with themselves are left out."""
    layers = _layers(n, np.float32)
    kernels = (Kernel("distance"), Kernel("squared_distance", powers=True), Kernel("rbf", KERNELS[3].bandwidths, True))
    for found in (
        kernel_sums(layers, Options(kernels=kernels)).whole,
        all_pairs(layers, options=Options(kernels=kernels)).kernels,
    ):
        assert found[0].powers is None
        for kernel, sums in zip(kernels[1:], found[1:], strict=True):
            for number, x in enumerate(layers):
                off = _dense(kernel, number, x) * (1 - np.eye(n))
                for power, own in zip((2, 3), sums.powers, strict=True):
                    expected = (off**power).sum(1)
                    np.testing.assert_allclose(own[number] * sums.units[number] ** power, expected, rtol=1e-5)
