import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from jaxsim_kernels.reference import neighbour_weights, squared_distances

from jaxsim import Dissimilarities, label_overlap
from jaxsim.metrics import TieWarning
from jaxsim.metrics.label_overlap import label_bounds, neighbour_overlap

ORACLE = Path(__file__).parents[1] / "oracles" / "neighbour_overlap.json"
ENTRIES = [
    each for each in json.loads(ORACLE.read_text())["entries"] if "label_overlap_k1_unweighted_X" in each["values"]
]


def four_classes(x):
    a = x[:, 0] > x[:, 0].mean()
    b = x[:, 1] > x[:, 1].mean() + 0.5 * x[:, 1].std()
    return a.astype(int) + 2 * b.astype(int)


def by_definition(distances, codes, k, ties="index"):
    weights = neighbour_weights(distances, k, ties)
    return ((codes[:, None] == codes) * weights).sum(1) / k


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(each, id=f"{each['recipe']}-{each['seed']}", marks=pytest.mark.slow if place % 3 else ())
        for place, each in enumerate(ENTRIES)
    ],
)
def test_values_of_the_oracle(recipe, entry):
    x, y = recipe(entry["recipe"], entry["seed"], entry["N"], entry["Dx"], entry["Dy"])
    codes = four_classes(x)
    for space, side in ((x, "X"), (y, "Y")):
        found = label_overlap(space, codes, k=(30, 1))
        expected = [entry["values"][f"label_overlap_k{k}_unweighted_{side}"] for k in (30, 1)]
        np.testing.assert_allclose(found.value, expected, rtol=1e-9)
    assert found.n_classes == 4


@pytest.fixture(scope="module")
def tied():
    """Samples on a small grid, sorted by class: every neighbour ties."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 3, (80, 2)).astype(float), np.repeat([0, 1, 2, 3], 20)


@pytest.mark.parametrize("ties", ["index", "expected"])
@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
def test_ties_by_definition(tied, ties):
    x, codes = tied
    found = label_overlap(x, codes, k=(1, 4), ties=ties)
    shares = np.stack([by_definition(squared_distances(x), codes, k, ties) for k in (1, 4)], axis=1)
    np.testing.assert_allclose(found.value, shares.mean(0), atol=1e-12)
    np.testing.assert_allclose(found.standard_error, shares.std(0, ddof=1) / np.sqrt(80), atol=1e-12)
    assert found.tied_neighbours.max() > 0.5


def test_expected_ties_do_not_depend_on_the_order_of_samples(tied):
    x, codes = tied
    order = np.random.default_rng(1).permutation(80)
    values = [label_overlap(x[rows], codes[rows], ties="expected").value for rows in (slice(None), order)]
    assert values[0] == pytest.approx(values[1], abs=1e-12)
    # Points of the grid say nothing of the class.
    assert abs(values[0] - label_overlap(x, codes, ties="expected").chance) < 0.05
    with pytest.warns(TieWarning, match="in the order of the samples"):
        label_overlap(x, codes)


def test_more_samples_than_float64_is_worth_and_some_queries():
    rng = np.random.default_rng(2)
    x, codes = rng.normal(size=(1500, 8)), rng.integers(0, 5, 1500)
    x[:, 0] += codes
    shares = by_definition(squared_distances(x), codes, 3)
    assert label_overlap(x, codes, k=3).value == pytest.approx(shares.mean(), abs=1e-12)
    few = label_overlap(x, codes, k=3, n_queries=200, seed=1)
    assert few.n_queries == 200
    assert abs(few.value - shares.mean()) < 4 * few.standard_error


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_other_metrics(metric):
    rng = np.random.default_rng(3)
    x, codes = rng.normal(size=(120, 5)) + 1, rng.integers(0, 3, 120)
    rows = x - x.mean(1, keepdims=True) if metric == "correlation" else x
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert label_overlap(x, codes, k=2, metric=metric).value == by_definition(squared_distances(rows), codes, 2).mean()


def test_dissimilarities_need_not_be_symmetric():
    rng = np.random.default_rng(4)
    matrix, codes = rng.random((60, 60)), rng.integers(0, 3, 60)
    off = np.where(np.eye(60, dtype=bool), np.inf, matrix)
    assert label_overlap(Dissimilarities(matrix), codes, k=2).value == by_definition(off, codes, 2).mean()


@pytest.mark.parametrize("groups", [None, np.array([0, 0, 1, 2, 2, 3, 4, 5])])
def test_bounds_by_definition(groups):
    codes, n, ks = np.array([0, 0, 0, 1, 1, 1, 1, 2]), 8, (1, 3, 5)
    others = ~np.eye(n, dtype=bool) if groups is None else groups[:, None] != groups
    same = (codes[:, None] == codes) & others
    chance, ceiling = label_bounds(codes, ks, groups=groups)
    assert chance == pytest.approx([(same.sum(1) / others.sum(1)).mean()] * 3)

    def most(i, k):
        return max(same[i, list(c)].mean() for c in itertools.combinations(np.flatnonzero(others[i]), k))

    best = [np.mean([most(i, k) for i in range(n)]) for k in ks]
    assert ceiling == pytest.approx(best)
    if groups is None:
        assert chance[0] == pytest.approx((3 * 2 + 4 * 3) / (8 * 7))


def test_the_chance_level_is_that_of_unrelated_neighbours():
    rng = np.random.default_rng(5)
    codes = rng.choice(4, 400, p=[0.6, 0.2, 0.15, 0.05])
    values = [label_overlap(rng.normal(size=(400, 4)), codes).value for _ in range(20)]
    assert abs(np.mean(values) - label_bounds(codes, (1,))[0][0]) < 4 * np.std(values) / np.sqrt(20)


def test_known_neighbours_of_several_layers_at_once():
    rng = np.random.default_rng(6)
    codes, queries = rng.integers(0, 3, 50), np.array([3, 7, 20])
    neighbours = rng.integers(0, 50, (4, 3, 5))
    overlap, error = neighbour_overlap(neighbours, codes, (1, 5), queries)
    assert overlap.shape == error.shape == (4, 2)
    for layer in range(4):
        same = codes[neighbours[layer]] == codes[queries][:, None]
        assert overlap[layer].tolist() == pytest.approx([same[:, 0].mean(), same.mean()])


def test_strings_and_integers_are_categories():
    x = np.random.default_rng(7).normal(size=(30, 3))
    codes = np.arange(30) % 3
    expected = label_overlap(x, codes).value
    for labels in (["ant", "bee", "cow"] * 10, codes.astype(np.uint8), (codes * 100 - 7).tolist(), codes.astype(float)):
        assert label_overlap(x, labels).value == expected
    assert isinstance(label_overlap(x, codes).value, float)
    assert label_overlap(x, codes, k=(2,)).value.shape == (1,)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", None, *"ab" * 4], r"for every sample in 'labels', but sample 1 has none \(None\)"),
        (["a", "b", "", *"ab" * 3, "a"], "sample 2 has none"),
        ([0.0, 1.0, 0.0, float("nan"), *[1.0] * 6], r"sample 3 has none \(nan\)"),
        ([0.5, *[1.0] * 9], "sample 0 has 0.5; labels are categories"),
        (["a"] * 10, "all 10 samples are 'a': every neighbour shares the label"),
        (list(range(10)), "all 10 labels differ: no neighbour can share"),
        (["a", "b"] * 4, "one label in 'labels' for each of the 10 samples, got 8"),
        (np.eye(10)[[0, 1] * 5], r"array of shape \[10, 10\]; of vectors with a single 1 take the argmax"),
        ("ababababab", "one string or integer for each sample, got 'abab"),
        (None, "got None"),
    ],
)
def test_labels_that_are_none(labels, message):
    with pytest.raises(ValueError, match=message):
        label_overlap(np.random.default_rng(0).normal(size=(10, 2)), labels)
