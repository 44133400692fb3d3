"""The float64 reference against values of other programs: what everything else is tested against."""

import numpy as np
import pytest
from jaxsim_kernels import reference


def test_reference_reproduces_every_oracle_value(imbalance_oracle, recipe):
    checked = 0
    for entry in imbalance_oracle:
        if entry["N"] > 500:
            continue
        x, y = recipe(*(entry[key] for key in ("recipe", "seed", "N", "Dx", "Dy")))
        spaces = {"X": reference.squared_distances(x), "Y": reference.squared_distances(y)}
        for key, expected in entry["values"].items():
            if not key.startswith("ii_"):
                continue
            head, _, rules = key.partition("__")
            _, k, source, _, target = head.split("_")
            ties = "expected" if "fractional" in rules else "index"
            rank = "strict" if rules.endswith("min") else "mid"
            weights = reference.neighbour_weights(spaces[source], int(k[1:]), ties)
            ranks = reference.conditional_ranks(spaces[target], rank)
            value = 2 / (len(x) ** 2 * int(k[1:])) * (weights * ranks)[weights > 0].sum()
            assert value == pytest.approx(expected, abs=1e-9), (entry["recipe"], entry["seed"], key)
            checked += 1
    assert checked > 130


def test_ranks_of_a_row_are_a_permutation_without_ties():
    distances = reference.squared_distances(np.random.default_rng(0).normal(size=(40, 3)))
    ranks = reference.conditional_ranks(distances)
    for i, row in enumerate(ranks):
        assert sorted(np.delete(row, i)) == list(range(1, 40))
