import numpy as np
import pytest

from jaxsim.metrics import Dissimilarities
from jaxsim.metrics.dissimilarities import select_samples


@pytest.fixture
def matrix():
    return np.random.default_rng(0).random((6, 6))


def test_rows_are_read_with_an_empty_diagonal(matrix):
    np.fill_diagonal(matrix, np.nan)
    space = Dissimilarities(matrix)
    assert (space.shape, len(space), space.dtype) == ((6, 6), 6, np.float64)
    expected = np.where(np.eye(6, dtype=bool), 0, matrix)
    np.testing.assert_array_equal(np.asarray(space), expected)
    np.testing.assert_array_equal(space[2:4], expected[2:4])
    assert np.isnan(matrix[0, 0]), "what was given is left as it is"


def test_samples_are_selected_along_both_axes(matrix):
    space, rows = Dissimilarities(matrix, ids=list("abcdef")), [4, 0, 3]
    found = space.select(rows)
    assert found.ids == ("e", "a", "d")
    np.testing.assert_array_equal(found[:], space[:][np.ix_(rows, rows)])
    np.testing.assert_array_equal(select_samples(space, np.array(rows))[:], found[:])
    np.testing.assert_array_equal(select_samples(matrix, np.array(rows))[:], matrix[rows])


def test_constant_dissimilarities_tell_nothing_apart(matrix):
    assert not Dissimilarities(matrix).constant
    assert Dissimilarities(np.where(np.eye(5, dtype=bool), 9.0, 1.0)).constant


@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
def test_any_real_numbers(dtype):
    given = (np.random.default_rng(1).random((4, 4)) * 3).astype(dtype)
    np.testing.assert_array_equal(Dissimilarities(given)[:], given * ~np.eye(4, dtype=bool))


@pytest.mark.parametrize(
    ("given", "ids", "message"),
    [
        (np.ones((3, 4)), None, r"a square matrix \[n_samples, n_samples\], got \[3, 4\]"),
        (np.eye(3) - 1, None, "there is a negative value between samples 0 and 1; for similarities s give 1 - s"),
        (np.array([[0, 1, 1], [1, 0, np.nan], [1, 1, 0]]), None, "NaN or infinity between samples 1 and 2"),
        (np.where(np.eye(3) == 0, np.inf, 0), None, "NaN or infinity between samples 0 and 1"),
        (np.ones(4), None, "must have shape"),
        (np.array([["a"]]), None, "must hold real numbers"),
        (np.ones((3, 3)), ["a", "b"], "expected 3 different ids, one for each row, got 2"),
        (np.ones((3, 3)), ["a", "b", "a"], "got 3 of which 2 differ"),
    ],
)
def test_what_is_refused(given, ids, message):
    with pytest.raises(ValueError, match=message):
        Dissimilarities(given, ids)
