"""The suite that judges measures: right where the relation is made, chance where there is none."""

import numpy as np
import pytest

from benchmarks.judging import ARCHITECTURES, RECIPES, TESTS, judged, model_names
from benchmarks.tables import table
from jaxsim.metrics.registry import find_measures

N, WIDTH, STEPS = 80, 6, 5


def states_of(rng, *, related):
    """Steps that walk away from where they began, towards one end for each recipe, or steps of noise."""
    start, ends = rng.standard_normal((N, WIDTH)), {recipe: rng.standard_normal((N, WIDTH)) for recipe in RECIPES}

    def step(recipe, i):
        if not related:
            return rng.standard_normal((N, WIDTH))
        mean = (1 - i / STEPS) * start + i / STEPS * ends[recipe]
        return mean + 0.05 * rng.standard_normal((N, WIDTH))

    found = {}
    for name in model_names():
        steps = [step(name.split("_")[1], i) for i in range(1, STEPS + 1)]
        noise = [
            steps[-1] + far * rng.standard_normal((N, WIDTH)) if related else step("", 0) for far in (0.2, 0.5, 1, 2)
        ]
        found[name] = {"steps": steps, "noise": noise, "crops": noise[::-1]}
    return found


@pytest.mark.parametrize("name", ["cka", pytest.param("mutual_knn", marks=pytest.mark.slow), "information_imbalance"])
def test_relations_are_seen_and_chance_is_a_half(name):
    rng = np.random.default_rng(0)
    seen = judged(find_measures(name), states_of(rng, related=True), 5)[name]
    assert set(seen) == set(TESTS)
    assert seen["layers"] > 0.9
    assert seen["recipe"] > 0.95
    assert seen["noise"] > 0.95
    # What is less changed comes last here.
    assert seen["crops"] < 0.05
    none = judged(find_measures(name), states_of(rng, related=False), 5)[name]
    assert abs(none["layers"] - 0.5) < 0.15
    assert none["recipe"] < 0.65


def test_models_are_those_that_are_shipped():
    from jaxsim.models.embedded import embedded_names

    assert len(model_names()) == 2 * len(ARCHITECTURES) * len(RECIPES)
    assert set(model_names()) <= set(embedded_names())


@pytest.mark.slow
def test_judging(lines_of):
    lines = lines_of("judging", "--samples", "80", "--measures", "cka,information_imbalance", "--k", "5")
    assert [line["key"]["measure"] for line in lines] == ["cka", "information_imbalance"]
    assert all(0.5 < line["found"]["layers"] <= 1 for line in lines)
    assert "one recipe (AUPRC)" in table("judging", lines)
