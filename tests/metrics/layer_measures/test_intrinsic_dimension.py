"""Intrinsic dimension: known answers, copies, offsets and scales, metrics, transformations and bad calls."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.metrics.inputs import TieWarning
from jaxsim.metrics.layer_measures import gride, mle_dimension, twonn
from jaxsim.metrics.layer_measures.gride import GRIDE, _at_scale
from jaxsim.metrics.layer_measures.mle_dimension import MLE_DIMENSION
from jaxsim.metrics.layer_measures.twonn import INTRINSIC_DIMENSION
from jaxsim.metrics.pair import layer_value
from jaxsim.metrics.statistics import NeighbourDistances, Statistics

from .dense_layers import sorted_distances

SINGLE = {
    "twonn": twonn,
    "likelihood": lambda x, **how: twonn(x, method="likelihood", **how),
    "mean": mle_dimension,
    "inverse": lambda x, **how: mle_dimension(x, average="inverse", **how),
    "median": lambda x, **how: mle_dimension(x, average="median", **how),
    "gride": lambda x, **how: gride(x, farthest=16, **how).dimensions,
}


def embedded(d, width, n=2000, seed=0, kind="normal"):
    """A flat sample of d dimensions in another number of features."""
    rng = np.random.default_rng(seed)
    flat = rng.standard_normal((n, d)) if kind == "normal" else rng.uniform(size=(n, d))
    return flat @ np.linalg.qr(rng.standard_normal((width, width)))[0][:d]


class TestKnownAnswers:
    @pytest.mark.parametrize("kind", ["normal", "uniform"])
    @pytest.mark.parametrize("d", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(5, marks=pytest.mark.slow)])
    def test_the_dimension_of_a_flat_sample(self, d, kind):
        x = embedded(d, 12, kind=kind)
        # Boundaries and curved densities make all of these a little small.
        assert abs(twonn(x) / d - 1) < 0.1
        assert abs(mle_dimension(x, average="inverse") / d - 1) < 0.1
        assert abs(gride(x, farthest=8).dimensions / d - 1).max() < 0.12

    def test_the_mean_of_levina_and_bickel_is_too_large_by_a_known_factor(self):
        """On independent ratios of powers, which have the dimension exactly."""
        k, n, d = 6, 200_000, 3.0
        radii = np.sort(np.random.default_rng(0).uniform(size=(1, n, k)), axis=-1) ** (1 / d)
        statistics = Statistics(n, (k,), (3,), {NeighbourDistances(): radii})
        # Of k distances within a fixed radius the farthest is one more than the likelihood has.
        ratio = MLE_DIMENSION.formula(statistics)[0, 0] / d
        assert abs(ratio - (k - 1) / (k - 2)) < 0.02

    def test_standard_errors_are_those_of_independent_ratios(self):
        """Of ratios that the model itself draws, estimates spread as their errors say."""
        near, n, d, rng = 4, 300, 5.0, np.random.default_rng(1)
        found = []
        for _ in range(200):
            # The ratio of two order statistics of a Poisson process in d dimensions.
            first = rng.gamma(near, size=n)
            mu = ((first + rng.gamma(near, size=n)) / first) ** (1 / d)
            distances = np.ones((1, n, 2 * near))
            distances[..., 2 * near - 1] = mu
            distances[..., near:-1] = 1
            found.append(_at_scale(distances, near, True))
        dimensions = np.array([each.dimension[0] for each in found])
        errors = np.array([each.standard_error[0] for each in found])
        assert abs(dimensions.mean() / d - 1) < 0.01
        assert abs(dimensions.std() / errors.mean() - 1) < 0.15

    def test_the_likelihood_has_its_maximum_there(self):
        x = embedded(4, 6, 300)
        found, distances = gride(x, farthest=16, plain=True), sorted_distances(x)
        for place, near in enumerate(found.neighbours):
            logs = np.log(distances[:, 2 * near - 1] / distances[:, near - 1])

            def likelihood(d, logs=logs, near=near):
                rising = (near - 1) * np.log(np.expm1(d * logs)).sum()
                return len(logs) * np.log(d) + rising - ((2 * near - 1) * d + 1) * logs.sum()

            d, step = found.dimensions[place], 1e-3
            low, middle, high = likelihood(d - step), likelihood(d), likelihood(d + step)
            assert middle > max(low, high)
            information = -(low - 2 * middle + high) / step**2
            assert abs(found.standard_errors[place] * np.sqrt(information) - 1) < 1e-3

    def test_scales_of_gride_grow_with_n(self):
        found = gride(embedded(3, 5, 500))
        assert found.neighbours == (1, 2, 4, 8, 16, 32)
        assert (np.diff(found.scales) > 0).all()
        assert (np.diff(found.standard_errors) < 0).all()

    def test_noise_counts_at_small_scales_only(self):
        x = np.random.default_rng(0).uniform(size=(4000, 1)) @ np.ones((1, 3))
        x = x + 1e-3 * np.random.default_rng(1).standard_normal(x.shape)
        found = gride(x, farthest=256).dimensions
        assert found[0] > 2
        assert found[-1] < 1.3


class TestInvariance:
    @pytest.mark.parametrize("name", SINGLE)
    @pytest.mark.parametrize("scale", [1e-20, pytest.param(1e20, marks=pytest.mark.slow)])
    def test_scale(self, name, scale):
        x = embedded(3, 5, 200)
        np.testing.assert_allclose(SINGLE[name](scale * x), SINGLE[name](x), rtol=1e-9)

    @pytest.mark.parametrize("name", SINGLE)
    def test_offset(self, name):
        x = embedded(3, 5, 200)
        # The offset itself rounds features to about 1e-12.
        np.testing.assert_allclose(SINGLE[name](x + 1e4), SINGLE[name](x), rtol=1e-8)

    def test_clusters_far_apart_in_float32(self):
        rng = np.random.default_rng(0)
        x = np.repeat(1e3 * np.eye(4), 100, axis=0)[:, :3] + 1e-2 * rng.standard_normal((400, 3))
        expected = sorted_distances(x.astype(np.float32))
        logs = np.log(expected[:, 1] / expected[:, 0])
        found = twonn(x.astype(np.float32), method="likelihood", discard=0)
        np.testing.assert_allclose(found, (len(x) - 1) / logs.sum(), rtol=1e-10)

    def test_directions_have_the_dimension_of_their_sphere(self):
        """Dissimilarities are squares of distances: taken for distances, they would halve it."""
        x = np.random.default_rng(0).standard_normal((2000, 4))
        assert abs(twonn(x, metric="cosine") - 3) < 0.3
        assert abs(twonn(x, metric="correlation") - 2) < 0.2
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        np.testing.assert_allclose(twonn(x, metric="cosine"), twonn(unit), rtol=1e-8)
        np.testing.assert_allclose(jax.jit(lambda x: twonn(x, metric="cosine"))(x), twonn(unit), rtol=1e-3)

    def test_precomputed(self):
        x = embedded(3, 5, 200)
        distances = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
        np.testing.assert_allclose(twonn(distances, metric="precomputed"), twonn(x), rtol=1e-9)


# The pass over the neighbours warns of ties, too.
@pytest.mark.filterwarnings("ignore:up to:jaxsim.metrics.inputs.TieWarning")
class TestCopies:
    def test_a_few_are_left_out_without_a_word(self):
        x = embedded(2, 3, 1000)
        copied = np.concatenate([x, x[:2]])
        distances = sorted_distances(copied)
        logs = np.log(distances[distances[:, 0] > 0][:, :2]) @ [-1, 1]
        found = twonn(copied, method="likelihood", discard=0)
        assert (distances[:, 0] == 0).sum() == 4
        np.testing.assert_allclose(found, (len(logs) - 1) / logs.sum(), rtol=1e-10)

    @pytest.mark.parametrize("name", SINGLE)
    def test_many_are_said(self, name):
        x = embedded(2, 3, 200)
        with pytest.warns(TieWarning, match=r"left out 9\.5% of the samples.*distinct_samples"):
            found = SINGLE[name](np.concatenate([x, x[:10]]))
        assert np.isfinite(found).all()

    @pytest.mark.parametrize("name", SINGLE)
    def test_copies_only(self, name):
        x = np.repeat(embedded(2, 3, 20), 40, axis=0)
        with pytest.raises(ValueError, match=r"at different distances.*100% of the samples.*distinct_samples"):
            SINGLE[name](x)

    @pytest.mark.slow
    def test_traced_it_is_nan(self):
        x = np.repeat(embedded(2, 3, 20), 40, axis=0)
        for of in SINGLE.values():
            assert np.isnan(jax.jit(of)(x)).all()

    @pytest.mark.slow
    def test_neighbours_all_equally_far(self):
        with pytest.raises(ValueError, match="equal or zero"):
            twonn(np.eye(8))
        with pytest.raises(ValueError, match="equal or zero"):
            mle_dimension(np.eye(20))

    def test_a_grid_has_a_dimension_at_the_scales_that_see_it(self):
        """All ratios of inner points are 2: no spread, and none of them an outlier."""
        distances = sorted_distances(np.arange(64.0)[:, None])[None]
        statistics = Statistics(64, (2,), (1,), {NeighbourDistances(times=2): distances})
        assert 1.0 < GRIDE.formula(statistics)[0, 0] < 2.0

    def test_each_layer_by_itself(self):
        """A layer without ratios leaves the others alone."""
        x = embedded(2, 3, 100)
        both = np.stack([sorted_distances(x)[:, :12], np.zeros((100, 12))])
        for measure in (INTRINSIC_DIMENSION, MLE_DIMENSION, GRIDE):
            need = next(iter(measure.needs))
            together = measure.formula(Statistics(100, (5,), (3, 3), {need: both}))
            alone = measure.formula(Statistics(100, (5,), (3,), {need: both[:1]}))
            np.testing.assert_array_equal(together[..., 0], alone[..., 0])
            assert np.isnan(together[..., 1]).all()


class TestTransformations:
    @pytest.mark.parametrize(
        "name", [pytest.param(name, marks=() if name == "twonn" else pytest.mark.slow) for name in SINGLE]
    )
    def test_jit_and_vmap(self, name):
        xs = np.stack([embedded(d, 6, 150, seed=d) for d in (2, 4)])
        plain = np.stack([SINGLE[name](x) for x in xs])
        np.testing.assert_allclose(np.stack([jax.jit(SINGLE[name])(x) for x in xs]), plain, rtol=2e-4)
        np.testing.assert_allclose(jax.vmap(SINGLE[name])(xs), plain, rtol=2e-4)
        with jax.enable_x64(True):
            wide = jnp.asarray(xs)
            np.testing.assert_allclose(jax.jit(jax.vmap(SINGLE[name]))(wide), plain, rtol=1e-9)

    def test_scale_in_float32(self):
        x = embedded(3, 5, 200).astype(np.float32)
        for scale in (np.float32(2.0**-66), np.float32(2.0**66)):
            np.testing.assert_allclose(jax.jit(twonn)(scale * x), jax.jit(twonn)(x), rtol=1e-5)

    @pytest.mark.slow
    def test_gride_is_a_tree(self):
        x = embedded(3, 5, 200)
        found, plain = jax.jit(gride)(x), gride(x)
        assert found.neighbours == plain.neighbours
        np.testing.assert_allclose(found.standard_errors, plain.standard_errors, rtol=2e-4)
        np.testing.assert_allclose(found.scales, plain.scales, rtol=1e-5)

    def test_too_few_samples_while_tracing(self):
        with pytest.raises(ValueError, match="16 neighbours, got 9 of 10 samples"):
            jax.jit(lambda x: layer_value(GRIDE, x, k=8))(np.random.default_rng(0).normal(size=(10, 2)))


class TestBadCalls:
    X = np.random.default_rng(0).normal(size=(50, 3))

    @pytest.mark.parametrize(
        ("call", "says"),
        [
            (lambda x: twonn(x, method="ml"), "'linear' or 'likelihood', got 'ml'"),
            (lambda x: twonn(x, discard=0), "from 0.001 to below 1 where method='linear', got 0"),
            (lambda x: twonn(x, discard=1.0), "below 1"),
            (lambda x: twonn(x, discard=0.9999, method="likelihood"), "below 1"),
            (lambda x: twonn(x, discard=True), "got True"),
            (lambda x: twonn(x, discard=np.nan), "got nan"),
            (lambda x: twonn(x[:3]), "at least 4 samples"),
            (lambda x: mle_dimension(x, average="max"), "'mean', 'inverse' or 'median', got 'max'"),
            (lambda x: mle_dimension(x, k=1), "k of at least 2"),
            (lambda x: mle_dimension(x, k=2, unbiased=True), "k of at least 3"),
            (lambda x: jax.jit(lambda x: mle_dimension(x, k=2, unbiased=True))(x), "k of at least 3"),
            (lambda x: mle_dimension(x, k=49), "51 samples, got 50"),
            (lambda x: gride(x, farthest=1), "farthest to be an integer of at least 2, got 1"),
            (lambda x: gride(x[:3]), "at least 4 samples"),
            (lambda x: gride(x[0]), r"\[n_samples, n_features\]"),
            (lambda x: twonn(np.where(x > 2, np.nan, x)), "NaN"),
        ],
    )
    def test_refused(self, call, says):
        with pytest.raises(ValueError, match=says):
            call(self.X)

    def test_fewer_samples_than_neighbours_asked_for(self):
        assert gride(self.X[:20]).neighbours == (1, 2, 4, 8)

    @pytest.mark.slow
    def test_a_tenth_is_a_tenth(self):
        """0.9 * 70 and the like are not rounded to below the whole number, in float32 either."""
        x = np.random.default_rng(0).normal(size=(70, 3))
        distances = sorted_distances(x)
        logs = np.sort(np.log(distances[:, 1] / distances[:, 0]))[:63]
        heights = -np.log(1 - np.arange(1, 64) / 70)
        expected = (logs @ heights) / (logs @ logs)
        np.testing.assert_allclose(twonn(x), expected, rtol=1e-10)
        np.testing.assert_allclose(jax.jit(twonn)(x), expected, rtol=1e-4)

    def test_no_warning_where_nothing_is_wrong(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            twonn(self.X)
            gride(self.X)
