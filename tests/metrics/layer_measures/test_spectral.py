"""Spectra and what is made from them: known answers, accuracy, memory, halves, transformations and bad calls."""

import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.metrics import describe, measure, spectra
from jaxsim.metrics.inputs import DegenerateLayerWarning
from jaxsim.metrics.layer_measures import effective_rank, matrix_entropy, participation_ratio, renyi2_entropy
from jaxsim.metrics.spectra import spectra_of

from .dense_layers import shares

SINGLE = {each.__name__: each for each in (effective_rank, matrix_entropy, participation_ratio, renyi2_entropy)}


def sample(n, d, seed=0, decay=1.0):
    return np.random.default_rng(seed).standard_normal((n, d)) * decay ** np.arange(d)


class Sliced:
    """An array on disk: nothing but row slices."""

    def __init__(self, x):
        self.x, self.shape, self.dtype, self.most = x, x.shape, x.dtype, 0

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        chunk = self.x[rows]
        self.most = max(self.most, len(chunk))
        return chunk


class TestSpectra:
    @pytest.mark.parametrize("shape", [(300, 20), (20, 300), (50, 50), (51, 50), (3, 2)])
    @pytest.mark.parametrize("offset", [0.0, 1e4])
    @pytest.mark.parametrize("scale", [1e-20, 1.0, 1e200])
    def test_equal_to_singular_values(self, shape, offset, scale):
        x = sample(*shape) + offset
        expected = shares(x)[: min(shape[0] - 1, shape[1])]
        found = spectra_of(x * scale)
        assert len(found) == min(shape[0] - 1, shape[1])
        np.testing.assert_allclose(found, expected, rtol=1e-9 if offset else 1e-11, atol=1e-15)

    def test_error_is_relative_to_the_largest(self):
        x = sample(400, 40, decay=0.6)
        found, expected = spectra_of(x), shares(x)
        assert expected[-1] < 1e-17
        np.testing.assert_allclose(found, expected, atol=1e-14)
        large = expected > 1e-8
        np.testing.assert_allclose(found[large], expected[large], rtol=1e-6)

    @pytest.mark.parametrize("shape", [(2000, 60), (60, 2000)])
    @pytest.mark.parametrize("offset", [0.0, 30.0])
    def test_directions_that_are_not_there_are_zero(self, shape, offset):
        n, d = shape
        x = sample(n, 3) @ sample(3, d, 1) + offset
        found = spectra_of(x)
        assert (found[3:] == 0).all()
        np.testing.assert_allclose(effective_rank(x), np.exp(_entropy(np.sqrt(found[:3]))), rtol=1e-10)

    @pytest.mark.parametrize("shape", [(700, 40), (64, 900)])
    def test_in_blocks_of_rows(self, shape, monkeypatch):
        x = sample(*shape)
        whole = spectra_of(x)
        monkeypatch.setattr("jaxsim_kernels.centring._CHUNK_BYTES", 8 * shape[1] * 7)
        monkeypatch.setattr(spectra, "_BLOCK_BYTES", 8 * shape[1] * 20)
        sliced = Sliced(x)
        np.testing.assert_allclose(spectra_of(sliced), whole, rtol=1e-12)
        assert sliced.most == 7

    @pytest.mark.parametrize("shape", [(300, 20), (60, 100)])
    def test_of_some_samples(self, shape, monkeypatch):
        x, some = sample(*shape), np.random.default_rng(1).permutation(shape[0])[: shape[0] // 2]
        monkeypatch.setattr("jaxsim_kernels.centring._CHUNK_BYTES", 8 * shape[1] * 7)
        np.testing.assert_allclose(spectra_of(Sliced(x), np.sort(some)), spectra_of(x[some]), rtol=1e-10)
        first = np.arange(shape[0] // 2)
        np.testing.assert_allclose(spectra_of(Sliced(x), first), spectra_of(x[first]), rtol=1e-10)

    @pytest.mark.parametrize("shape", [(200_000, 32), (48, 120_000)])
    def test_memory(self, shape):
        x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        tracemalloc.start()
        spectra_of(x)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # Chunks of 16 MB as they are read and as they are worked on; in sample space a block of them.
        assert peak < (120 if shape[0] > shape[1] else 300) * 2**20

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint64])
    def test_dtypes(self, dtype):
        x = (10 * sample(50, 6) + 60).astype(dtype)
        np.testing.assert_allclose(spectra_of(x), shares(x.astype(np.float64)), rtol=1e-11)


def _entropy(values):
    p = values / values.sum()
    return -(p * np.log(p)).sum()


class TestKnownAnswers:
    def test_equal_directions(self):
        x = np.concatenate([np.eye(7), -np.eye(7)]) + 3
        np.testing.assert_allclose([effective_rank(x), participation_ratio(x)], 7, rtol=1e-12)
        np.testing.assert_allclose([matrix_entropy(x), renyi2_entropy(x)], np.log(7), rtol=1e-12)

    def test_one_direction(self):
        x = np.arange(9.0)[:, None] @ np.ones((1, 4))
        np.testing.assert_allclose([effective_rank(x), participation_ratio(x)], 1, rtol=1e-12)
        np.testing.assert_allclose([matrix_entropy(x), renyi2_entropy(x)], 0, atol=1e-12)

    def test_two_directions_of_singular_values_three_and_one(self):
        x = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])
        np.testing.assert_allclose(effective_rank(x), np.exp(_entropy(np.array([3.0, 1.0]))), rtol=1e-12)
        np.testing.assert_allclose(matrix_entropy(x), _entropy(np.array([9.0, 1.0])), rtol=1e-12)
        np.testing.assert_allclose(participation_ratio(x), 100 / 82, rtol=1e-12)
        np.testing.assert_allclose(renyi2_entropy(x), np.log(100 / 82), rtol=1e-12)


class TestInvariance:
    @pytest.mark.parametrize("name", SINGLE)
    def test_offset_scale_and_rotation(self, name):
        x, of = sample(100, 8, decay=0.7), SINGLE[name]
        for changed in (x + 1e4, x * 1e-20, x * 1e20, x @ np.linalg.qr(sample(8, 8, 3))[0], x[::-1]):
            np.testing.assert_allclose(of(changed), of(x), rtol=1e-9)
        assert abs(of(x * np.arange(1, 9)) / of(x) - 1) > 1e-3


class TestTransformations:
    @pytest.mark.parametrize(
        "name", [pytest.param(name, marks=() if name == "effective_rank" else pytest.mark.slow) for name in SINGLE]
    )
    @pytest.mark.parametrize("shape", [pytest.param((60, 7), marks=pytest.mark.slow), (9, 30)])
    def test_jit_and_vmap(self, name, shape):
        of, xs = SINGLE[name], np.stack([sample(*shape, seed, 0.8) + 5 for seed in (0, 1)])
        plain = np.stack([of(x) for x in xs])
        np.testing.assert_allclose(np.stack([jax.jit(of)(x) for x in xs]), plain, rtol=1e-5)
        np.testing.assert_allclose(jax.vmap(of)(xs), plain, rtol=1e-5)
        with jax.enable_x64(True):
            np.testing.assert_allclose(jax.jit(jax.vmap(of))(jnp.asarray(xs)), plain, rtol=1e-10)

    @pytest.mark.parametrize("scale", [2.0**-66, 2.0**66])
    def test_scale_in_float32(self, scale):
        x = sample(60, 7).astype(np.float32)
        np.testing.assert_allclose(jax.jit(effective_rank)(x * np.float32(scale)), effective_rank(x), rtol=1e-5)

    def test_directions_that_are_not_there_in_float32(self):
        x = (sample(500, 3) @ sample(3, 40, 1)).astype(np.float32)
        np.testing.assert_allclose(jax.jit(effective_rank)(x), effective_rank(x), rtol=1e-3)

    def test_no_variance_is_nan(self):
        assert all(np.isnan(jax.jit(of)(np.ones((5, 3)))) for of in SINGLE.values())


class TestBadCalls:
    @pytest.mark.filterwarnings("ignore::jaxsim.metrics.inputs.DegenerateLayerWarning")
    @pytest.mark.parametrize("name", SINGLE)
    def test_no_variance(self, name):
        assert issubclass(DegenerateLayerWarning, UserWarning)
        with pytest.raises(ValueError, match=f"features that vary for '{name}'"):
            SINGLE[name](np.full((5, 3), 0.1))

    def test_too_few_samples(self):
        with pytest.raises(ValueError, match=r"at least 3 samples.* got 2"):
            effective_rank(np.eye(2))

    def test_not_a_number(self):
        x = sample(6, 3)
        x[4, 1] = np.nan
        with pytest.raises(ValueError, match=r"layer 'x' holds NaN.*first in sample 4"):
            effective_rank(x)
        with pytest.raises(ValueError, match=r"layer 'b' holds infinity.*first in sample 4"):
            describe({"a": sample(6, 3), "b": np.where(np.isnan(x), np.inf, x)}, "effective_rank")
        with pytest.raises(ValueError, match=r"layer 'b' holds NaN.*first in sample 4"):
            measure({"a": sample(6, 3), "b": x}, "rsa_euclidean_spearman")
