"""Distance matrices in place of representations."""

import jax
import numpy as np
import pytest
from jaxsim_kernels.reference import information_imbalance as reference
from jaxsim_kernels.reference import squared_distances

from jaxsim import imbalance_matrix, information_imbalance


def distances(x):
    found = np.sqrt(squared_distances(x))
    np.fill_diagonal(found, 0)
    return found


@pytest.fixture(scope="module")
def spaces():
    x = np.random.default_rng(0).normal(size=(300, 6))
    return {"all": x, "some": x[:, :3], "other": np.random.default_rng(1).normal(size=(300, 4))}


@pytest.mark.parametrize("k", [pytest.param(1, marks=pytest.mark.slow), (3, 1)])
def test_distances_of_a_representation_give_its_values(spaces, k):
    given = {name: distances(x) for name, x in spaces.items()}
    expected, found = imbalance_matrix(spaces, k=k), imbalance_matrix(given, k=k, metric="precomputed", verify=True)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.verification.changed_rows == 0
    pair = information_imbalance(given["all"], given["other"], k=k, metric="precomputed")
    np.testing.assert_array_equal(pair.forward, expected.values[..., 0, 2])


@pytest.mark.parametrize(
    "diagonal", [np.inf, pytest.param(np.nan, marks=pytest.mark.slow), pytest.param(-1.0, marks=pytest.mark.slow)]
)
def test_the_diagonal_is_not_looked_at(spaces, diagonal):
    given = [distances(x) for x in spaces.values()]
    expected = imbalance_matrix(given, metric="precomputed")
    for d in given:
        np.fill_diagonal(d, diagonal)
    found = imbalance_matrix(given, metric="precomputed", verify=True)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.verification.changed_rows == 0
    traced = jax.jit(lambda a, b: information_imbalance(a, b, metric="precomputed").forward)(*given[:2])
    assert traced == pytest.approx(expected.values[0, 1], abs=2e-5)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_scale_does_not_matter(spaces, scale):
    given = [distances(x) for x in spaces.values()]
    expected = imbalance_matrix(given, metric="precomputed").values
    np.testing.assert_array_equal(imbalance_matrix([d * scale for d in given], metric="precomputed").values, expected)


def test_asymmetric_matrices_are_read_row_by_row():
    rng = np.random.default_rng(2)
    a, b = rng.random((2, 80, 80))
    off = np.where(np.eye(80, dtype=bool), np.inf, 0)
    order, ranks = np.argmin(a + off, axis=1), (b + off).argsort(1).argsort(1) + 1
    expected = 2 / 80 * ranks[np.arange(80), order].mean()
    for plan in ("one-pass", "two-pass"):
        found = imbalance_matrix([a, b], metric="precomputed", plan=plan, precision="float64").values
        assert found[0, 1] == pytest.approx(expected, abs=1e-15)


def test_ties_among_more_samples_than_float64_is_worth():
    x = np.random.default_rng(3).integers(0, 30, (1100, 3)).astype(np.float64)
    found = information_imbalance(distances(x), distances(x[:, :2]), metric="precomputed", ties="expected")
    assert found.forward == pytest.approx(reference(x, x[:, :2], ties="expected"), abs=1e-12)


def test_inside_jit(spaces):
    a, b = distances(spaces["all"]), distances(spaces["some"])
    found = jax.jit(lambda a, b: information_imbalance(a, b, k=3, metric="precomputed"))(a, b)
    expected = information_imbalance(a, b, k=3, metric="precomputed")
    assert found.forward == pytest.approx(expected.forward, abs=2e-5)
    assert found.backward == pytest.approx(expected.backward, abs=2e-5)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((5, 4)), r"distances \[n_samples, n_samples\], layer 'x' has shape \(5, 4\)"),
        (np.eye(5) - 1, "layer 'x' holds a negative value, first in row 0"),
        (np.full((5, 5), np.nan), "NaN"),
    ],
)
def test_what_is_refused(x, message):
    with pytest.raises(ValueError, match=message):
        information_imbalance(x, np.ones((5, 5)) - np.eye(5), metric="precomputed")
