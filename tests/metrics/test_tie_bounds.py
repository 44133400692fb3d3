import itertools

import numpy as np
import pytest
from jaxsim_kernels.reference import conditional_ranks, squared_distances

from jaxsim import imbalance_matrix
from jaxsim.metrics import Dissimilarities, tie_bounds


def brute_force(distances, k, strict=False):
    """Over all ways to choose k other samples for every one."""
    n = len(distances)
    ranks = conditional_ranks(distances, "strict" if strict else "mid")
    best, worst = [], []
    for i in range(n):
        means = [ranks[i, list(c)].mean() for c in itertools.combinations(np.delete(np.arange(n), i), k)]
        best.append(min(means))
        worst.append(max(means))
    return 2 / n * np.mean(best), 2 / n * np.mean(worst)


SPACES = {
    "one-hot": np.eye(3)[[0, 0, 0, 1, 1, 2, 2, 2, 2]],
    "a line": np.array([0, 0, 1, 1, 1, 3, 3, 0, 1.0])[:, None],
    "few points": np.array([[0, 0], [0, 1], [1, 0], [1, 1]])[[0, 0, 1, 1, 1, 2, 3, 3, 0]],
    "no ties": np.random.default_rng(0).normal(size=(9, 2)),
    "most apart": np.array([0, 0, 1, 2, 4, 8, 9, 11, 12.0])[:, None],
}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_bounds_by_brute_force(space, strict):
    found = tie_bounds(space, k=(1, 2, 4), strict=strict)
    expected = [brute_force(squared_distances(space), k, strict) for k in (1, 2, 4)]
    np.testing.assert_allclose(np.stack([found.floor, found.ceiling], axis=1), expected, atol=1e-12)


def test_without_ties_they_are_the_floor_and_its_mirror():
    found = tie_bounds(np.random.default_rng(1).normal(size=(50, 3)), k=(1, 5))
    assert found.floor == pytest.approx([2 / 50, 6 / 50])
    assert found.ceiling == pytest.approx([2 - 2 / 50, 2 - 6 / 50])
    assert found.n_distinct == 50


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
@pytest.mark.parametrize("ties", ["index", "expected"])
@pytest.mark.parametrize("n_queries", [None, pytest.param(300, marks=pytest.mark.slow)])
def test_the_floor_is_what_the_space_gives_of_itself(ties, n_queries):
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 40, 55)
    classes = np.repeat(np.arange(55), sizes)
    layers = {
        "one-hot": np.eye(55)[classes],
        "integer": classes[:, None],
        "grid": rng.integers(0, 4, (len(classes), 3)),
    }
    found = imbalance_matrix(layers, k=(1, 3), ties=ties, n_queries=n_queries, keep_rows=True, precision="float64")
    for place, x in enumerate(layers.values()):
        bounds = tie_bounds(x, k=(1, 3), queries=found.queries)
        np.testing.assert_allclose(bounds.floor, found.values[:, place, place], rtol=1e-12)
    # Classes say less than (k + 1) / N: the example of 55 classes.
    assert found.values[0, 0, 0] > 10 * 2 / len(classes)
    worse = {"one-hot": layers["one-hot"], "unrelated": rng.normal(size=(len(classes), 2))}
    value = imbalance_matrix(worse).values[1, 0]
    bounds = tie_bounds(layers["one-hot"])
    assert bounds.floor[0] < value < bounds.ceiling[0]


def test_dissimilarities_and_other_metrics():
    rng = np.random.default_rng(3)
    matrix = rng.integers(1, 4, (9, 9)).astype(float)
    off = np.where(np.eye(9, dtype=bool), np.inf, matrix)
    found = tie_bounds(Dissimilarities(matrix), k=2)
    assert (found.floor[0], found.ceiling[0]) == pytest.approx(brute_force(off, 2))
    # Rows in the same direction are one point by cosine.
    x = np.array([[1, 0], [2, 0], [4, 0], [0, 1], [0, 3], [0, 8], [5, 0.0]])
    assert tie_bounds(x, metric="cosine").floor == pytest.approx(tie_bounds(np.sign(x)).floor)


def test_bounds_of_many_samples_come_from_some_rows():
    x = np.random.default_rng(4).normal(size=(3000, 2))
    assert tie_bounds(x).floor == pytest.approx(2 / 3000)
    assert tie_bounds(x).ceiling == pytest.approx(2 - 2 / 3000)
