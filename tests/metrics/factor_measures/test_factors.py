"""Factors of layers: digits, ranks, halves, memory, and what is refused."""

import jax
import numpy as np
import pytest
from scipy.optimize import linprog

from jaxsim.metrics import (
    balanced_halves,
    gulp,
    gulp_measure,
    hard_matching,
    mean_cca,
    measure,
    procrustes,
    soft_matching,
    svcca_measure,
)
from jaxsim.metrics.factor_measures.nuclear import nuclear_norm
from jaxsim.metrics.factor_measures.transport import best_transport, check_transport
from jaxsim.metrics.factors import check_factors, factors_of
from jaxsim.metrics.registry import pair_measures
from jaxsim.metrics.statistics import FactorPairs

NAMES = tuple(
    name for name, each in pair_measures().items() if any(isinstance(need, FactorPairs) for need in each.needs)
)


def layers(n=200, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 12)) * np.geomspace(1, 1e-3, 12)
    return x, x[:, :8] @ rng.standard_normal((8, 20)) + 0.3 * rng.standard_normal((n, 20))


def rotated_spectrum(values, seed=0):
    rng = np.random.default_rng(seed)
    n = len(values)
    left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in range(2))
    return (left * values) @ right


class TestNuclearNorm:
    @pytest.mark.parametrize("least", [1e-1, 1e-3, 1e-5, 1e-8, 1e-12])
    def test_digits_whatever_the_spectrum(self, least):
        values = np.geomspace(1, least, 60)
        assert nuclear_norm(rotated_spectrum(values)) == pytest.approx(values.sum(), rel=2e-12)

    def test_eigenvalues_alone_would_not_do(self):
        values = np.concatenate([[1.0], np.full(59, 1e-8)])
        matrix = rotated_spectrum(values)
        from_gram = np.sqrt(np.maximum(np.linalg.eigvalsh(matrix @ matrix.T), 0)).sum()
        assert abs(from_gram / values.sum() - 1) > 1e-9
        assert nuclear_norm(matrix) == pytest.approx(values.sum(), rel=1e-12)

    def test_no_vectors_where_digits_allow(self, monkeypatch):
        matrix = rotated_spectrum(np.geomspace(1, 1e-2, 30))[:20]
        expected = np.linalg.svd(matrix, compute_uv=False).sum()
        monkeypatch.setattr(np.linalg, "svd", lambda *_, **__: pytest.fail("singular values were worked out as such"))
        assert nuclear_norm(matrix) == pytest.approx(expected, rel=1e-13)

    def test_rank_deficient(self):
        matrix = np.outer(np.arange(1.0, 5), np.ones(6))
        assert nuclear_norm(matrix) == pytest.approx(np.linalg.norm(matrix), rel=1e-14)


class TestFactors:
    def test_decomposition(self):
        x = layers()[0] + 1e5
        found = factors_of(x)
        np.testing.assert_allclose(
            found.unit * (found.left * found.singular) @ found.right, x - x.mean(0), atol=1e-10 * np.abs(x).max()
        )
        np.testing.assert_allclose(found.left.T @ found.left, np.eye(12), atol=1e-13)

    @pytest.mark.parametrize(("n", "width"), [(30, 50), (30, 30), (50, 30)])
    def test_rank_is_that_of_centred_features(self, n, width):
        x = np.random.default_rng(0).standard_normal((n, width)) + 100
        assert factors_of(x).rank == min(n - 1, width)
        assert factors_of(x, centre=False).rank == min(n, width)

    def test_copies_of_features_add_nothing(self):
        x, y = layers()
        twice = np.concatenate([x, x, np.full((len(x), 1), 7.0)], axis=1)
        assert factors_of(twice).rank == 12
        assert mean_cca(twice, y) == pytest.approx(mean_cca(x, y), rel=1e-12)
        assert jax.jit(mean_cca)(twice, y) == pytest.approx(mean_cca(x, y), rel=1e-3)

    def test_distances_of_equal_layers_keep_their_digits(self):
        x, _ = layers()
        rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((12, 12)))[0]
        far = 3 * x @ rotation - 2
        assert procrustes(x, far) < 1e-13
        assert gulp(x, far) < 1e-11
        noise = 1e-7 * np.random.default_rng(2).standard_normal(x.shape)
        assert 1e-8 < procrustes(x, far + noise) < 1e-6

    def test_a_layer_that_does_not_vary(self):
        x, y = layers()
        with pytest.warns(match="no variance"):
            found = measure({"x": x, "same": np.ones((len(x), 3)), "y": y}, NAMES)
        for name in NAMES:
            values = found[name].values
            if name != "eigenspace_overlap":
                assert np.isnan(values[1]).all(), name
                assert np.isnan(values[:, 1]).all(), name
            assert np.isfinite(values[[0, 0, 2, 2], [0, 2, 0, 2]]).all(), name


class TestHalves:
    def test_halves_are_those_of_their_samples(self):
        x, y = layers()
        found = measure({"x": x, "y": y}, NAMES, n_splits=2)
        sides = balanced_halves(len(x), 2)
        for name in NAMES:
            assert (found[f"{name}_sampling_error"].values[[0, 1], [1, 0]] > 0).all(), name
        for split, side in ((0, 0), (1, 1)):
            members = np.flatnonzero(sides[split] == bool(side))
            alone = measure({"x": x[members], "y": y[members]}, NAMES)
            for name in NAMES:
                np.testing.assert_allclose(
                    found[f"{name}_halves"].values[split, side], alone[name].values, rtol=1e-9, atol=1e-9, err_msg=name
                )

    def test_progress_counts_to_the_end(self):
        seen = []
        measure(layers(), ("mean_cca", "eigenspace_overlap"), progress=lambda *told: seen.append(told), n_splits=1)
        assert [done for done, _, _ in seen] == list(range(1, len(seen) + 1))
        assert {total for _, total, _ in seen} == {len(seen)} == {3 * 2 * 3}


class TestRefused:
    def test_memory(self):
        with pytest.raises(ValueError, match=r"all layers to fit 1,000 bytes.*take [0-9,]+; give a"):
            measure(layers(), "procrustes", budget=1000)
        check_factors(4096, (384,) * 24, 1 << 30)
        with pytest.raises(ValueError, match="24 layers of up to 384 features"):
            check_factors(4096, (384,) * 24, 1 << 28)

    def test_query_rows(self):
        with pytest.raises(ValueError, match="'mean_cca' takes all samples together, expected no n_queries, got 20"):
            measure(layers(), "mean_cca", n_queries=20)

    def test_distances(self):
        with pytest.raises(ValueError, match="expected features for 'procrustes'"):
            measure([np.ones((8, 8))], "procrustes", metric="precomputed")

    def test_matching_inside_a_transformation(self):
        x, y = layers()
        with pytest.raises(ValueError, match="no traced form"):
            jax.jit(hard_matching)(x, y)

    def test_widths_that_no_solver_fits(self):
        check_transport(1024, 768)
        check_transport(300, 256)
        with pytest.raises(ValueError, match=r"got layers of 1,024 and 1,000 features"):
            check_transport(1024, 1000)
        rng = np.random.default_rng(0)
        with pytest.raises(ValueError, match="exact soft matching"):
            soft_matching(rng.standard_normal((5, 1024)), rng.standard_normal((5, 1000)))

    @pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
    def test_shares(self, share):
        with pytest.raises(ValueError, match="expected share to be above 0 and at most 1"):
            svcca_measure(share)

    @pytest.mark.parametrize("regularisation", [-1.0, float("nan"), float("inf")])
    def test_regularisations(self, regularisation):
        with pytest.raises(ValueError, match="expected regularisation"):
            gulp_measure(regularisation)


@pytest.mark.parametrize(("n", "m"), [(4, 4), (6, 4), (7, 5), (3, 9), (25, 17)])
def test_transport_is_a_plan_and_the_best(n, m):
    gains = np.random.default_rng(n * m).standard_normal((n, m))
    rows, columns, weights = best_transport(gains)
    np.testing.assert_allclose(np.bincount(rows, weights, n), 1 / n)
    np.testing.assert_allclose(np.bincount(columns, weights, m), 1 / m)
    marginals = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    best = linprog(-gains.ravel(), A_eq=marginals, b_eq=np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)]))
    assert (gains[rows, columns] * weights).sum() == pytest.approx(-best.fun, rel=1e-9)
