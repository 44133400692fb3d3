"""Balanced half-samples: balance, whole groups, the variance they estimate, and what is refused."""

import numpy as np
import pytest

from jaxsim import imbalance_matrix, measure
from jaxsim.metrics import balanced_halves, half_sample_error
from jaxsim.metrics.half_samples import at_equal_sizes, equal_in_halves, half_sample_quantile

LOPSIDED = np.where(np.arange(200) < 90, 0, np.arange(200))


class TestBalance:
    def test_halves_are_equal_and_splits_are_orthogonal(self):
        sides = balanced_halves(800, 15, seed=3)
        assert (sides.sum(axis=1) == 400).all()
        signs = 2.0 * sides - 1
        np.testing.assert_array_equal(signs @ signs.T, 800 * np.eye(15))

    @pytest.mark.parametrize("n", [32, 33, 47, 500, 741])
    def test_any_number_of_samples(self, n):
        sizes = balanced_halves(n).sum(axis=1)
        assert (np.abs(2 * sizes - n) <= 16).all()

    def test_the_seed_says_which(self):
        np.testing.assert_array_equal(balanced_halves(100, seed=1), balanced_halves(100, seed=1))
        assert (balanced_halves(100, seed=1) != balanced_halves(100, seed=2)).any()

    def test_groups_stay_whole(self):
        rng = np.random.default_rng(0)
        groups = np.array([f"photo {i}" for i in np.where(np.arange(600) < 40, 0, rng.integers(0, 80, 600))])
        sides = balanced_halves(600, groups=groups)
        for group in np.unique(groups):
            assert len(np.unique(sides[:, groups == group], axis=1).T) == 1
        assert (np.abs(sides.mean(axis=1) - 0.5) <= 0.1).all()


def test_the_error_of_a_mean_is_that_of_a_mean():
    """For a linear statistic half-samples are unbiased."""
    rng = np.random.default_rng(0)
    estimates = []
    for seed in range(300):
        x = rng.normal(size=160)
        sides = balanced_halves(160, seed=seed)
        first, second = (np.array([x[side == half].mean() for side in sides]) for half in (False, True))
        estimates.append(half_sample_error(first, second) ** 2)
    assert np.mean(estimates) == pytest.approx(1 / 160, rel=0.06)


def test_quantiles():
    assert half_sample_quantile(0.95, 8) > half_sample_quantile(0.9, 8) > 1.6
    assert half_sample_quantile(0.95, 3) > half_sample_quantile(0.95, 8)


class TestMatrix:
    def layers(self, n=200):
        x = np.random.default_rng(0).normal(size=(n, 4))
        return {"x": x, "some": x[:, :2]}

    def test_halves_are_the_metric_on_these_samples(self):
        layers = self.layers()
        found = imbalance_matrix(layers, k=(5, 1), n_splits=4, seed=2)
        sides = balanced_halves(200, 4, seed=2)
        np.testing.assert_array_equal(found.sides, sides)
        assert found.halves.shape == (4, 2, 2, 2, 2)
        for split, side in ((0, 1), (3, 0)):
            part = {name: x[sides[split] == side] for name, x in layers.items()}
            np.testing.assert_array_equal(found.halves[split, side], imbalance_matrix(part, k=(5, 1)).values)
        difference = found.halves[:, 0] - found.halves[:, 1]
        np.testing.assert_allclose(found.sampling_error, np.sqrt((difference**2).mean(0) / 4))
        np.testing.assert_array_equal(found.to_xarray().sampling_error.sel(k=5), found.sampling_error[0])
        one = imbalance_matrix(layers, k=5, n_splits=4, seed=2)
        np.testing.assert_array_equal(one.halves, found.halves[:, :, 0])
        np.testing.assert_array_equal(one.sampling_error, found.sampling_error[0])

    def test_without_splits_there_are_none(self):
        found = imbalance_matrix(self.layers())
        assert found.halves is None
        assert found.sampling_error is None
        assert "sampling_error" not in found.to_xarray()

    def test_groups_and_their_floor(self):
        x = np.random.default_rng(0).normal(size=(120, 4))
        groups = np.repeat(np.arange(40), 3)
        found = imbalance_matrix({"x": x, "again": 2 * x}, k=(1, 3), groups=groups, n_splits=2)
        np.testing.assert_allclose(found.values[:, 0, 1], found.floor, rtol=1e-14)
        np.testing.assert_allclose(found.floor, np.array([2, 4]) / 118, rtol=1e-14)
        assert found.to_xarray().attrs["n_groups"] == 40

    def test_groups_of_the_samples_that_are_kept(self):
        x = np.random.default_rng(0).normal(size=(100, 3))
        twice = np.concatenate([x, x[:7]])
        groups = np.concatenate([np.arange(100) // 2, np.full(7, 50)])
        found = imbalance_matrix([twice, twice[:, :1]], groups=groups, drop_duplicates=True)
        plain = imbalance_matrix([x, x[:, :1]], groups=groups[:100])
        np.testing.assert_array_equal(found.values, plain.values)

    @pytest.mark.parametrize(
        ("message", "options"),
        [
            ("n_splits to be an integer from 1 to 15, got 16", {"n_splits": 16}),
            ("n_splits to be an integer of at least 0, got True", {"n_splits": True}),
            ("at least 2 groups|at least two groups", {"groups": np.zeros(200, int)}),
            ("at least 16 groups for half-samples, got 10", {"groups": np.arange(200) % 10, "n_splits": 2}),
            ("one half would hold .* of the samples", {"groups": LOPSIDED, "n_splits": 8}),
            (r"one entry for each of the 200 samples, got shape \(3,\)", {"groups": [1, 2, 3]}),
            ("integers or text, got dtype float64", {"groups": np.arange(200.0)}),
            ("at least k \\+ 1 = 51 samples outside of every group", {"groups": np.arange(200) // 160, "k": 50}),
            ("halves of at least 102 samples", {"n_splits": 2, "k": 100}),
            ("2 query rows", {"n_splits": 8, "n_queries": 3}),
        ],
    )
    def test_what_cannot_be_measured(self, message, options):
        with pytest.raises(ValueError, match=message):
            imbalance_matrix(self.layers(), **options)

    def test_too_few_samples(self):
        with pytest.raises(ValueError, match="at least 32 samples for half-samples, got 20"):
            imbalance_matrix(self.layers(20), n_splits=2)


@pytest.mark.parametrize("n", [96, 97, 100, 130])
@pytest.mark.parametrize("groups", [None, 3])
def test_a_layer_with_itself_has_no_sampling_error_whatever_n_is(n, groups):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 4))
    layers = {"x": x, "scaled": 2 * x, "other": rng.normal(size=(n, 4))}
    groups = None if groups is None else np.arange(n) // groups
    found = imbalance_matrix(layers, k=(1, 5), n_splits=8, groups=groups)
    assert (found.sampling_error[:, :2, :2] == 0).all()
    assert (found.sampling_error[:, 2, :2] > 0).all()
    measured = measure(layers, "information_imbalance", k=(1, 5), n_splits=8, groups=groups)
    np.testing.assert_allclose(measured.information_imbalance_sampling_error, found.sampling_error, rtol=1e-9, atol=0)
    # What halves gave is kept as it is: the imbalance at their own sizes.
    if groups is None:
        sizes = np.stack([found.sides.sum(axis=1), n - found.sides.sum(axis=1)], axis=1)
        np.testing.assert_allclose(np.sort(found.halves[:, :, 0, 0, 0]), np.sort(2 / sizes), rtol=1e-12)


def test_halves_of_unequal_size_err_no_more_than_those_of_equal_size():
    # With 7 samples in some strata and 6 in others, a split has halves of 48 and 52: not of another error.
    rng = np.random.default_rng(1)
    errors = {}
    for n in (96, 100, 112):
        found = [
            imbalance_matrix({"x": x, "y": x + 0.3 * rng.normal(size=x.shape)}, n_splits=15).sampling_error[0, 1] ** 2
            for x in (rng.normal(size=(n, 4)) for _ in range(40))
        ]
        errors[n] = np.sqrt(np.mean(found))
    assert errors[112] * 0.85 < errors[100] < errors[96] * 1.15


def test_halves_are_moved_between_equal_and_independent_layers():
    halves = np.array([[[[0.1, 0.55, 1.0]] * 3, [[0.2, 0.6, 1.0]] * 3]])
    halves[..., np.arange(3), np.arange(3)] = [[[0.1] * 3, [0.2] * 3]]
    moved = at_equal_sizes(halves, equal_in_halves(halves))
    np.testing.assert_allclose(moved[0, 0], moved[0, 1])
    np.testing.assert_allclose(moved[0, 0, 0], [0.15, 0.575, 1.0])
    # Ties or a layer that does not vary: there is no one number for equal layers.
    halves[0, 0, 1, 1] = 0.3
    np.testing.assert_array_equal(at_equal_sizes(halves, equal_in_halves(halves)), halves)
    halves[0, 0, 1, 1] = np.nan
    np.testing.assert_allclose(np.diagonal(at_equal_sizes(halves, equal_in_halves(halves))[0, 0])[[0, 2]], 0.15)
