"""Measures of neighbours against values of other projects' code, by statistics worked out densely in float64."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from jaxsim.metrics.neighbour_measures import MEASURES

from ..conftest import make_recipe
from .dense_neighbours import statistics

HERE = Path(__file__).parent
FILES = (HERE / "oracles" / "neighbours.json", HERE.parent / "oracles" / "neighbour_overlap.json")
PUBLISHED = Path(__file__).parents[3] / "shared" / "oracles" / "published"
BY_NAME = {measure.name: measure for measure in MEASURES}
NAMES = {
    "data_overlap": "mutual_knn",
    "knn_overlap": "mutual_knn",
    "jaccard": "knn_jaccard",
    "cknna_paperformula": "cknna_paper",
    "second_order_cosine_similarityvec": "second_order_cosine",
}
# Cosine distances in the place of the similarities that the papers take: see the note in `neighbours.json`.
OTHER_DEFINITION = "second_order_cosine_k10"


def entries():
    for file in FILES:
        for entry in json.loads(file.read_text())["entries"]:
            yield pytest.param(entry, id=f"{file.stem}-{entry['recipe']}-{entry['seed']}")


def parsed(key):
    """Measure, metric, k and whether x and y are swapped."""
    found = re.fullmatch(r"(.+?)(?:_(cosine|euclidean|innerproduct))?_k(\d+)(_X_Y|_Y_X)?(__index_order)?", key)
    assert found is not None, key
    name, metric, k, swapped, _ = found.groups()
    if key.startswith("second_order_cosine"):
        name, metric = "second_order_cosine_similarityvec", "cosine"
    metric = {"innerproduct": "inner product", None: "euclidean"}.get(metric, metric)
    return BY_NAME[NAMES.get(name, name)], metric, int(k), swapped == "_Y_X"


@pytest.mark.parametrize("entry", list(entries()))
def test_every_value_of_other_projects(entry):
    layers = make_recipe(entry["recipe"], entry["seed"], entry["N"], entry["Dx"], entry["Dy"])
    built, checked = {}, 0
    for key, expected in entry["values"].items():
        if key == OTHER_DEFINITION or key.startswith("label_overlap"):
            continue
        measure, metric, k, swapped = parsed(key)
        if (metric, k) not in built:
            built[metric, k] = statistics(layers, (k,), metric)
        value = measure.formula(built[metric, k])[0][(1, 0) if swapped else (0, 1)]
        np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12, err_msg=key)
        checked += 1
    assert checked >= 3


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the data of DADApy's tests are not part of the project")
def test_overlap_that_dadapy_expects_of_its_own_data():
    x = np.load(PUBLISHED / "2gaussians_in_2d_overlap.npy")
    found = statistics([x, x[:, 1:]], (30,), "euclidean")
    assert round(float(BY_NAME["mutual_knn"].formula(found)[0, 0, 1]), 3) == 0.78
