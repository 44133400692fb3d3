"""Float32 that loses neighbours is noticed by default and mended; warnings tell ties from lost precision."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from jaxsim_kernels import Options, Placement, all_pairs

from jaxsim import imbalance_matrix, information_imbalance
from jaxsim.metrics import PrecisionWarning, TieWarning
from jaxsim.metrics.precision_check import LOST, settle_precision
from jaxsim.metrics.rounding import rounding_loss

from .exact_delta import delta, squared

N = 1100


@pytest.fixture(scope="module")
def spreads():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, 16)).astype(np.float32)
    y = x[:, :4] + 0.3 * rng.standard_normal((N, 4)).astype(np.float32)
    return x, y


def clusters(x, apart, n_clusters=10):
    rng = np.random.default_rng(1)
    of = rng.integers(0, n_clusters, len(x))
    return x + apart * rng.standard_normal((n_clusters, x.shape[1]))[of]


class TestRepair:
    @pytest.mark.parametrize("apart", [100, 1000, 10_000])
    def test_clusters_far_apart(self, spreads, apart):
        x, y = clusters(spreads[0], apart).astype(np.float32), spreads[1]
        expected = delta(squared(x), squared(y))
        found = information_imbalance(x, y)
        assert found.forward == pytest.approx(expected, abs=1e-6)
        assert "float64" in found.notes[0]
        assert "layer 'x'" in found.notes[0]
        # Float32 alone is off.
        assert abs(all_pairs([x, y]).values[0, 0, 1] - expected) > 1e-4

    @pytest.mark.parametrize("passes", ["one-pass", pytest.param("two-pass", marks=pytest.mark.slow)])
    def test_one_layer_can_fail_alone(self, spreads, passes):
        x, y = spreads
        layers = {"a": x, "far": clusters(x, 3000), "b": y, "line": x[:, :1]}
        matrix = imbalance_matrix(layers, k=(1, 5), plan=passes)
        wide = imbalance_matrix(layers, k=(1, 5), precision="float64")
        assert matrix.notes[0].endswith("layers 'far', 'line'")
        np.testing.assert_allclose(matrix.values, wide.values, atol=2e-6)
        # The others keep the bits of float32.
        plain = imbalance_matrix({"a": x, "b": y}, k=(1, 5), plan=passes)
        np.testing.assert_array_equal(matrix.values[:, ::2, ::2], plain.values)
        assert plain.notes == ()

    @pytest.mark.slow
    def test_expected_ties_and_given_distances(self, spreads):
        x, y = clusters(spreads[0], 5000), spreads[1]
        found = information_imbalance(x, y, ties="expected")
        assert found.forward == pytest.approx(delta(squared(x), squared(y)), abs=1e-6)
        # Distances with an offset of a million spreads.
        far, near = np.sqrt(squared(x)) + 1e8, np.sqrt(squared(y))
        with warnings.catch_warnings():
            warnings.simplefilter("error", TieWarning)
            found = information_imbalance(far, near, metric="precomputed")
        assert found.forward == pytest.approx(delta(far, near), abs=1e-6)
        assert "layer 'x'" in found.notes[0]

    def test_cosine_within_a_narrow_cone(self, spreads):
        x = spreads[0].astype(float) * 1e-4 + np.linspace(1, 2, 16)
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        target = spreads[1] / np.linalg.norm(spreads[1], axis=1, keepdims=True)
        found = information_imbalance(x, spreads[1], metric="cosine")
        assert found.forward == pytest.approx(delta(squared(unit), squared(target)), abs=1e-5)


class TestNoFalseAlarm:
    @pytest.mark.parametrize("n_features", [2, 16, 384])
    def test_well_behaved(self, n_features):
        rng = np.random.default_rng(n_features)
        x = rng.standard_normal((4096, n_features))
        narrow, positive = (x * np.geomspace(1, 1e-3, n_features), np.maximum(x + 0.5, 0)) if n_features > 2 else (x, x)
        for each in (x, x + 30, narrow, positive):
            assert rounding_loss(each.astype(np.float32), "euclidean", 1).largest < LOST / 2

    @pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
    def test_true_ties_are_no_loss(self):
        rng = np.random.default_rng(0)
        for x in (rng.integers(0, 2, (N, 20)), rng.integers(0, 9, (N, 2)) / 10, np.eye(40)[rng.integers(0, 40, N)]):
            for dtype in (np.float32, np.float64):
                for metric in ("euclidean", "cosine"):
                    given = (x + (metric == "cosine")).astype(dtype)
                    assert settle_precision({"x": given}, {"x": metric}, 1, "highest", Placement()).float64_layers == ()

    def test_seeds_agree(self, spreads):
        x = clusters(spreads[0], 300).astype(np.float32)
        for seed in range(10):
            assert rounding_loss(spreads[0], "euclidean", 1, seed=seed).largest < LOST / 10
            assert rounding_loss(x, "euclidean", 1, seed=seed).largest > 10 * LOST
            assert rounding_loss(x, "euclidean", 1, float64=True, seed=seed).largest < LOST / 10


class TestWarning:
    @pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
    def test_what_float64_does_not_hold(self, spreads):
        rng = np.random.default_rng(0)
        x = spreads[0][:400].astype(float)
        x[200:] += 1e10
        with pytest.warns(PrecisionWarning, match=r"layer 'x': rounding in float64 .* metric='precomputed'"):
            information_imbalance(x, rng.standard_normal((400, 3)))
        # The cure that it names.
        distances = np.sqrt(squared(x))
        found = information_imbalance(distances, np.sqrt(squared(spreads[1][:400])), metric="precomputed")
        assert found.forward == pytest.approx(delta(distances, squared(spreads[1][:400])), abs=1e-9)

    @pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
    @pytest.mark.parametrize("precision", ["high", "fast"])
    def test_lower_precision_by_choice(self, spreads, precision):
        x = clusters(spreads[0], 3000).astype(np.float32)
        with pytest.warns(PrecisionWarning, match=f"layer 'far': .*'{precision}'.*precision='highest'"):
            imbalance_matrix({"far": x, "y": spreads[1]}, precision=precision)
        imbalance_matrix({"x": spreads[0], "y": spreads[1]}, precision=precision)

    def test_tpu_has_no_float64(self, spreads):
        class Tpu(Placement):
            platform = "tpu"

        x = clusters(spreads[0], 3000).astype(np.float32)
        with pytest.warns(PrecisionWarning, match="on CPU or GPU with precision='float64'"):
            assert settle_precision({"x": x}, {"x": "euclidean"}, 1, "highest", Tpu()).float64_layers == ()


class TestTies:
    def test_true_ties_name_layers_and_options(self):
        rng = np.random.default_rng(0)
        layers = {"steps": rng.integers(0, 3, (N, 4)), "plain": rng.standard_normal((N, 4))}
        with pytest.warns(TieWarning) as caught:
            imbalance_matrix(layers)
        for warning in caught:
            text = str(warning.message)
            assert "tied in layer 'steps':" in text
            assert "ties='expected' (--ties expected)" in text
            assert "drop_duplicates=True" in text
            assert "precision" not in text
        information_imbalance(*layers.values(), ties="expected")

    @pytest.mark.parametrize("ties", ["index", "expected"])
    def test_lost_precision_is_called_that(self, spreads, ties):
        from jaxsim.metrics.tie_warning import warn_of_ties

        layers = {"x": clusters(spreads[0], 20_000).astype(np.float32), "y": spreads[1]}
        found = all_pairs(list(layers.values()))
        with pytest.warns(TieWarning) as caught:
            warn_of_ties(layers, found, Options(ties=ties), "imbalance_matrix")
        for warning in caught:
            assert "layer 'x'" in str(warning.message)
            assert "precision='float64' (--precision float64)" in str(warning.message)
            assert "ties='expected'" not in str(warning.message)
        wide = replace(Options(), float64_layers=(0,))
        assert all_pairs(list(layers.values()), options=wide).tied_ranks.max() < 0.01
