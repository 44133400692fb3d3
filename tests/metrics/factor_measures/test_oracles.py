"""Measures of factors and of units against values of other projects' code, in float64 and of float32 features."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.metrics import (
    angular_shape,
    angular_shape_measure,
    eigenspace_overlap,
    gulp,
    gulp_measure,
    linear_regression,
    mean_cca,
    measure,
    procrustes,
    pwcca,
    r2_cca,
    size_and_shape,
    svcca,
    svcca_measure,
)

from ...conftest import make_recipe

ORACLES = json.loads((Path(__file__).parents[1] / "oracles" / "factors.json").read_text())["entries"]

# What each key is: a measure, whether from y to x, and what is made of its value.
KEYS = {
    "mean_cca": ("mean_cca", False, None),
    "r2_cca": ("r2_cca", False, None),
    "pwcca_weights_X": ("pwcca", False, None),
    "pwcca_weights_Y": ("pwcca", True, None),
    "svcca_0.99": ("svcca", False, None),
    "svcca_0.99_unsquared": (svcca_measure(of="singular_values"), False, None),
    "linreg_r2_X_to_Y": ("linear_regression", False, None),
    "linreg_r2_Y_to_X": ("linear_regression", True, None),
    "linreg_r2_uniform_average_X_to_Y": ("linear_regression_features", False, None),
    "linreg_r2_uniform_average_Y_to_X": ("linear_regression_features", True, None),
    "hard_correlation_match": ("hard_matching", False, None),
    "semi_correlation_match_resi_soft": ("semi_matching", False, None),
    "soft_matching_correlation_score": ("soft_matching", False, None),
    "soft_matching_distance_unitnorm": ("soft_matching", False, lambda score: np.sqrt(max(2 - 2 * score, 0))),
    "soft_matching_distance_centred_raw": ("soft_matching_distance", False, None),
    "eigenspace_overlap": ("eigenspace_overlap", False, None),
    "gulp_squared_lambda0.0": (gulp_measure(0.0), False, np.square),
    "gulp_squared_lambda0.01": ("gulp", False, np.square),
    "gulp_squared_lambda1.0": (gulp_measure(1.0), False, np.square),
    "procrustes_distance_centred_normalised": ("procrustes", False, None),
    "procrustes_size_and_shape_distance": ("size_and_shape", False, None),
    "angular_shape_distance": ("angular_shape", False, None),
    "netrep_linear_alpha0_angular": ("angular_shape_whitened", False, None),
    "netrep_linear_alpha0.5_angular": (angular_shape_measure(0.5), False, None),
    "permutation_procrustes_centred": ("permutation_procrustes", False, None),
    "permutation_angular_centred": ("permutation_angular_shape", False, None),
}
# Where the other programs are off: distances near 0 are roots of their rounding, and netrep clips eigenvalues at 1e-7.
NOISE = {
    "procrustes": 1e-7, "angular": 1e-7, "netrep": 1e-7, "soft_matching_distance": 3e-7, "permutation": 1e-6,
    "gulp": 1e-9,
}  # fmt: skip


def entry_layers(entry):
    return make_recipe(*(entry[key] for key in ("recipe", "seed", "N", "Dx", "Dy")))


def cases():
    for entry in ORACLES:
        # Transport of 300 to 256 units takes seconds; all else of the wide ones is quick.
        yield pytest.param(entry, id=f"{entry['recipe']}-{entry['seed']}")


def noise(key, value):
    near = abs(value) < 1e-4
    return next((bound for start, bound in NOISE.items() if near and key.startswith(start)), 1e-12)


@pytest.mark.parametrize("entry", list(cases()))
def test_through_the_registry(entry):
    x, y = entry_layers(entry)
    wide = entry["Dx"] * entry["Dy"] > 10_000 and entry["Dx"] != entry["Dy"] and 150 not in (entry["Dx"], entry["Dy"])
    wanted = {key: value for key, value in entry["values"].items() if not (wide and key.startswith("soft"))}
    assert set(wanted) <= set(KEYS)
    measures = {getattr(KEYS[key][0], "name", KEYS[key][0]): KEYS[key][0] for key in wanted}
    found = measure({"x": x, "y": y}, tuple(measures.values()))
    for key, value in wanted.items():
        each, backward, made = KEYS[key]
        values = found[getattr(each, "name", each)]
        got = float(values.sel(source="y", target="x") if backward else values.sel(source="x", target="y"))
        got = got if made is None else float(made(got))
        assert got == pytest.approx(value, rel=1e-10, abs=noise(key, value)), key


@pytest.mark.slow
@pytest.mark.parametrize("entry", [each for each in ORACLES if each["Dx"] == 300 and each["Dy"] == 256][:2])
def test_transport_that_no_assignment_solves(entry):
    found = measure(entry_layers(entry), ("soft_matching", "soft_matching_distance"))
    for key in ("soft_matching_correlation_score", "soft_matching_distance_centred_raw"):
        assert float(found[KEYS[key][0]][0, 1]) == pytest.approx(entry["values"][key], rel=1e-10)


TRACED = {
    "mean_cca": mean_cca,
    "r2_cca": r2_cca,
    "pwcca_weights_X": pwcca,
    "svcca_0.99": svcca,
    "linreg_r2_X_to_Y": linear_regression,
    "linreg_r2_uniform_average_X_to_Y": lambda x, y: linear_regression(x, y, by_feature=True),
    "eigenspace_overlap": eigenspace_overlap,
    "gulp_squared_lambda0.01": lambda x, y: gulp(x, y) ** 2,
    "procrustes_distance_centred_normalised": procrustes,
    "procrustes_size_and_shape_distance": size_and_shape,
    "angular_shape_distance": angular_shape,
    "netrep_linear_alpha0.5_angular": lambda x, y: angular_shape(x, y, alpha=0.5),
}


@pytest.mark.parametrize(
    "key",
    [pytest.param(key, marks=() if key == "mean_cca" else pytest.mark.slow) for key in TRACED],
)
def test_float32_inside_jit(key):
    jitted = jax.jit(TRACED[key])
    for entry in ORACLES:
        if entry["recipe"] in ("R1", "R2", "R3") and entry["N"] == 200 and entry["Dx"] < 100:
            x, y = (jnp.asarray(layer, jnp.float32) for layer in entry_layers(entry))
            assert float(jitted(x, y)) == pytest.approx(entry["values"][key], rel=2e-5, abs=1e-5)
