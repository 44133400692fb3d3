"""Measures in the form of the ReSi benchmark: its attributes, its shapes, its values."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from jaxsim.metrics import measure, pair_measures, resi_measures

from ..conftest import make_recipe

ORACLES = json.loads((Path(__file__).parent / "oracles" / "factors.json").read_text())["entries"]
# Those of its own measures that are the same as ours.
SAME = {
    "procrustes_distance_centred_normalised": "procrustes",
    "angular_shape_distance": "angular_shape",
    "hard_correlation_match": "hard_matching",
    "eigenspace_overlap": "eigenspace_overlap",
}


def test_values_of_resi():
    entry = next(each for each in ORACLES if each["recipe"] == "R2")
    x, y = make_recipe(*(entry[key] for key in ("recipe", "seed", "N", "Dx", "Dy")))
    for key, name in SAME.items():
        (each,) = resi_measures(name)
        assert each(x, y, "nd") == pytest.approx(entry["values"][key], rel=1e-9)
        assert each(torch.from_numpy(x), torch.from_numpy(y), "nd") == pytest.approx(entry["values"][key], rel=1e-9)


def test_every_measure_has_the_attributes():
    for each in resi_measures(tuple(pair_measures())):
        declared = each.measure
        assert each.larger_is_more_similar == (declared.orientation == "similarity")
        assert each.is_symmetric == declared.symmetric
        assert each.invariant_to_translation == ("translation" in declared.invariances)


def test_order_of_features_changes_nothing():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 5))
    y = x[:, :4] + rng.standard_normal((60, 4))
    for each in resi_measures(tuple(name for name in pair_measures() if not name.startswith("rsa_"))):
        assert each(x[:, ::-1], y[:, ::-1]) == pytest.approx(each(x, y), rel=1e-6, abs=1e-9), each.name


def test_tokens_and_positions():
    rng = np.random.default_rng(1)
    tokens = rng.standard_normal((10, 6, 4))
    (cka,) = resi_measures("cka")
    expected = measure([tokens.reshape(60, 4), tokens.reshape(60, 4)[:, :2]], "cka").cka[0, 1]
    assert cka(tokens, tokens[..., :2], "ntd") == pytest.approx(float(expected), rel=1e-12)
    fine, coarse = rng.standard_normal((10, 4, 7, 6)), rng.standard_normal((10, 3, 3, 4))
    pooled = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(fine), (3, 4)).numpy()
    flat = [x.transpose(0, 2, 3, 1).reshape(120, -1) for x in (pooled, coarse)]
    assert cka(fine, coarse, "nchw") == pytest.approx(float(measure(flat, "cka").cka[0, 1]), rel=1e-9, abs=1e-12)


def test_bad_calls():
    (cka,) = resi_measures("cka")
    with pytest.raises(ValueError, match="expected an array of 3 dimensions for shape='ntd', got 2"):
        cka(np.ones((4, 2)), np.ones((4, 2)), "ntd")
    with pytest.raises(ValueError, match="shape"):
        cka(np.ones((4, 2)), np.ones((4, 2)), "nhwc")
    with pytest.raises(ValueError, match="unknown measure 'kca'"):
        resi_measures("kca")
