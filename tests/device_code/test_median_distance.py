"""The median distance, found digit by digit, against NumPy's of all distances."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh
from jaxsim_kernels import Placement, make_placement, median_distances
from jaxsim_kernels.host.machine_code import n_workers
from scipy.spatial.distance import cdist

ON_HOST = Placement()
# One device as a mesh: what is done on devices.
ON_DEVICES = Placement(mesh=Mesh(np.array(jax.devices()[:1]), ("samples",)))


def _median(distances, with_itself=False):
    squares = distances**2
    return np.sqrt(np.median(squares if with_itself else squares[~np.eye(len(squares), dtype=bool)]))


@pytest.mark.parametrize("placement", [ON_HOST, ON_DEVICES], ids=["host", "devices"])
class TestMedian:
    @pytest.mark.parametrize("n", [2, 3, 4, 5, 60, 700])
    @pytest.mark.parametrize("with_itself", [False, True])
    def test_float64(self, placement, n, with_itself):
        rng = np.random.default_rng(n)
        layers = [rng.normal(size=(n, 7)) * 1e20 + 1e20, rng.normal(size=(n, 1)) * 1e-20]
        found = median_distances(layers, "euclidean", placement, with_itself=with_itself)
        expected = [_median(cdist(x, x), with_itself) for x in layers]
        np.testing.assert_allclose(found, expected, rtol=1e-11)

    def test_float32(self, placement):
        x = np.random.default_rng(0).normal(size=(1500, 40)).astype(np.float32) + 30
        found = median_distances([x], "euclidean", placement)
        np.testing.assert_allclose(found, _median(cdist(x, x)), rtol=1e-6)

    def test_a_layer_that_float32_does_not_hold(self, placement):
        """Two clusters far apart, each of which is what half of the distances are about."""
        x = np.random.default_rng(0).normal(size=(1100, 2))
        x[:300] += 1e4
        found = median_distances([x, x], "euclidean", placement, float64_layers=(1,))
        expected = _median(cdist(x, x))
        np.testing.assert_allclose(found[1], expected, rtol=1e-8)
        assert abs(found[0] / expected - 1) > 1e-6

    @pytest.mark.parametrize("n_features", [1, 9])
    def test_whole_numbers_exactly(self, placement, n_features):
        """Many distances tie, many are zero, and whole numbers round nothing."""
        x = np.random.default_rng(1).integers(0, 4, (1500, n_features)).astype(np.float32)
        assert median_distances([x], "euclidean", placement)[0] == _median(cdist(x, x))

    def test_middle_between_far_numbers(self, placement):
        """One half of the squares is tiny and one huge: the two in the middle share no digit."""
        distances = np.full((12, 12), 1e-3)
        distances[np.triu_indices(12, 1)] = 1e3
        np.fill_diagonal(distances, 0)
        found = median_distances([distances], "precomputed", placement)
        np.testing.assert_allclose(found, np.sqrt((1e6 + 1e-6) / 2), rtol=1e-12)

    def test_middle_between_neighbouring_numbers(self, placement):
        """The two in the middle differ in the last digit alone."""
        low, high = 1.0, 1 + 2.0**-40
        distances = np.full((12, 12), low)
        distances[np.triu_indices(12, 1)] = high
        np.fill_diagonal(distances, 0)
        assert median_distances([distances], "precomputed", placement)[0] == np.sqrt((low**2 + high**2) / 2)

    @pytest.mark.parametrize("metric", ["cosine", "correlation"])
    def test_rows_of_length_one(self, placement, metric):
        x = np.random.default_rng(2).normal(size=(200, 6)) + 1
        found = median_distances([x, x * 7], (metric, "euclidean"), placement)
        shown = x - x.mean(1, keepdims=True) if metric == "correlation" else x
        unit = shown / np.linalg.norm(shown, axis=1, keepdims=True)
        np.testing.assert_allclose(found, [_median(cdist(unit, unit)), 7 * _median(cdist(x, x))], rtol=1e-11)

    def test_given_distances(self, placement):
        given = np.random.default_rng(3).uniform(1, 2, (150, 150)) * 1e6
        np.fill_diagonal(given, 0)
        np.testing.assert_allclose(median_distances([given], "precomputed", placement), _median(given), rtol=1e-12)

    def test_no_middle_but_zero(self, placement):
        x = np.zeros((50, 3))
        x[:5] = 1
        assert median_distances([x], "euclidean", placement)[0] == 0


def test_blocks_and_cores(monkeypatch):
    """Rows come in blocks, and a block is shared by the cores."""
    from jaxsim_kernels import median_distance

    x = np.random.default_rng(4).integers(0, 9, (1200, 5)).astype(np.float32)
    monkeypatch.setattr(median_distance, "rows_at_a_time", lambda *_: 8 * n_workers() + 8)
    assert median_distances([x], "euclidean")[0] == _median(cdist(x, x))


def test_make_placement_is_one_device():
    x = np.random.default_rng(5).normal(size=(100, 3))
    np.testing.assert_array_equal(
        median_distances([x], "euclidean", make_placement()), median_distances([x], "euclidean")
    )
