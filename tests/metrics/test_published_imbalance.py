"""Other conventions of the information imbalance, against the numbers of the programs that have them."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from jaxsim.metrics import published_imbalance

from ..conftest import make_recipe

ORACLES = json.loads((Path(__file__).parent / "oracles" / "published_imbalance.json").read_text())


def layers(entry):
    return make_recipe(*(entry[key] for key in ("recipe", "seed", "N", "Dx", "Dy")))


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(each, id=f"{each['recipe']}-k{each['k']}", marks=pytest.mark.slow if each["k"] == 1 else ())
        for each in ORACLES["subsets"]
    ],
)
def test_mean_over_subsets(entry):
    x, y = layers(entry)
    found = published_imbalance(x, y, "subsets", k=entry["k"], subset_size=entry["N"] // 5, seed=3)
    for key in ("forward", "backward", "forward_error", "backward_error"):
        assert getattr(found, key) == pytest.approx(entry[key], rel=1e-10), key
    assert found.n_samples == entry["N"] // 5


@pytest.mark.parametrize("entry", ORACLES["disjoint_halves"], ids=lambda each: f"{each['recipe']}-k{each['k']}")
def test_disjoint_halves(entry):
    x, y = layers(entry)
    n = entry["N"]
    halves = np.arange(n // 2), np.arange(n // 2, n)
    found = published_imbalance(x, y, "disjoint_halves", k=entry["k"], halves=halves)
    assert (found.forward, found.backward) == pytest.approx((entry["forward"], entry["backward"]), rel=1e-10)


@pytest.mark.parametrize("k", [pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow), 7])
def test_the_kth_neighbour_alone(k):
    x, y = make_recipe("R2", 21, 200, 16, 24)
    ranks = []
    for layer in (x, y):
        distances = cdist(layer, layer)
        np.fill_diagonal(distances, np.inf)
        ranks.append(rankdata(distances, axis=1))
    found = published_imbalance(x, y, "kth_neighbour", k=k)
    assert found.forward == pytest.approx(2 / 200 * ranks[1][ranks[0] == k].mean(), rel=1e-12)
    assert found.backward == pytest.approx(2 / 200 * ranks[0][ranks[1] == k].mean(), rel=1e-12)


def test_halves_are_drawn_by_the_seed():
    x, y = make_recipe("R2", 21, 200, 16, 24)
    first, again, other = (published_imbalance(x, y, "disjoint_halves", seed=seed).forward for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("convention", "options", "said"),
    [
        ("zero_based", {}, "convention"),
        ("subsets", {}, "expected subset_size for convention='subsets' and for no other, got None"),
        ("kth_neighbour", {"subset_size": 10}, "and for no other, got 10"),
        ("subsets", {"subset_size": 25}, "at most half of the 40 samples, got 25"),
        ("subsets", {"subset_size": 13}, "samples that 3 subsets divide evenly, got 40"),
        ("subsets", {"subset_size": 2}, "subset_size"),
        ("disjoint_halves", {"halves": ([0, 1], [1, 2, 3])}, "share no sample"),
        ("disjoint_halves", {"halves": ([0, 1], [40, 41, 42])}, "sample numbers from 0 to 39"),
        ("disjoint_halves", {"halves": 3}, "two sequences of sample numbers, got int"),
        ("disjoint_halves", {"halves": ([0, 1], [2, 3])}, "at least 3 samples that are ranked, got 2"),
        ("kth_neighbour", {"halves": ([0], [1, 2, 3])}, "expected halves for convention='disjoint_halves' alone"),
        ("kth_neighbour", {"metric": "precomputed"}, "got distances"),
        ("kth_neighbour", {"k": 39}, "k=39 needs at least 41 samples"),
    ],
    ids=str,
)
def test_bad_calls(convention, options, said):
    x = np.random.default_rng(0).standard_normal((40, 3))
    with pytest.raises(ValueError, match=said):
        published_imbalance(x, x, convention, **options)
