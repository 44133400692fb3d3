"""Measures of one layer against values of other projects' code and published ones."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from jaxsim.metrics.layer_measures import MEASURES, gride, mle_dimension, twonn
from jaxsim.metrics.layer_measures.spectral import EFFECTIVE_RANK, MATRIX_ENTROPY, PARTICIPATION_RATIO, RENYI2_ENTROPY
from jaxsim.metrics.spectra import spectra_of
from jaxsim.metrics.statistics import NeighbourDistances, Statistics

from ...conftest import make_recipe
from .dense_layers import layer_value, of_spectrum, shares, sorted_distances

ORACLES = Path(__file__).parents[1] / "oracles"
PUBLISHED = Path(__file__).parents[4] / "shared" / "oracles" / "published"
RTOL = 1e-10
BY_NAME = {measure.name: measure for measure in MEASURES}

# What each key is, and how well the program behind it solves its equation.
DIMENSIONS = {
    "skdim_twonn_linear": (lambda x: twonn(x), RTOL),
    "skdim_twonn_mle": (lambda x: twonn(x, method="likelihood"), RTOL),
    "own_twonn_mle_all": (lambda x: twonn(x, method="likelihood", discard=0), RTOL),
    "own_twonn_mle_N": (lambda x: twonn(x, method="likelihood", discard=0) * len(x) / (len(x) - 1), RTOL),
    "id_2nn_linear0.9": (lambda x: twonn(x), 1e-7),
    "id_2nn_ml": (lambda x: twonn(x, method="likelihood", discard=0), RTOL),
    "skdim_gride": (lambda x: gride(x).dimensions, RTOL),
    "id_gride": (lambda x: gride(x).dimensions, 1e-7),
    "id_gride_err": (lambda x: gride(x).standard_errors, 1e-7),
    "id_gride_scale": (lambda x: gride(x).scales, RTOL),
}
for _k in (10, 20):
    DIMENSIONS[f"mle_k{_k}_mackay"] = (lambda x, k=_k: mle_dimension(x, k=k, average="inverse"), RTOL)
    DIMENSIONS[f"mle_k{_k}_mean"] = (lambda x, k=_k: mle_dimension(x, k=k), RTOL)
    DIMENSIONS[f"mle_k{_k}_median"] = (lambda x, k=_k: mle_dimension(x, k=k, average="median"), RTOL)
    DIMENSIONS[f"mle_k{_k}_unbiased_mean"] = (lambda x, k=_k: mle_dimension(x, k=k, unbiased=True), RTOL)

SPECTRAL = {
    "vn_entropy": (MATRIX_ENTROPY, lambda value: value),
    "vn_effective_rank": (MATRIX_ENTROPY, np.exp),
    "effective_rank_roy_vetterli": (EFFECTIVE_RANK, lambda value: value),
    "participation_ratio": (PARTICIPATION_RATIO, lambda value: value),
    "renyi2_entropy": (RENYI2_ENTROPY, lambda value: value),
}


def entries(name):
    for entry in json.loads((ORACLES / f"{name}.json").read_text())["entries"]:
        yield pytest.param(entry, id=f"{entry['recipe']}-{entry['seed']}")


def layers_of(entry):
    return dict(zip("XY", make_recipe(*(entry[key] for key in ("recipe", "seed", "N", "Dx", "Dy"))), strict=True))


@pytest.mark.parametrize("entry", list(entries("intrinsic_dimension")))
def test_every_dimension_of_other_projects(entry, monkeypatch):
    layers = layers_of(entry)
    distances = {which: sorted_distances(x)[:, :64] for which, x in layers.items()}
    seen = 0
    for key, expected in entry["values"].items():
        name, which = key.rsplit("_", 1)
        for module in ("twonn", "mle_dimension", "gride"):
            path = importlib.import_module(f"jaxsim.metrics.layer_measures.{module}")
            monkeypatch.setattr(path, "layer_value", layer_value(distances[which]))
        of, rtol = DIMENSIONS[name]
        np.testing.assert_allclose(of(layers[which]), expected, rtol=rtol, err_msg=key)
        seen += 1
    assert seen == 2 * len(DIMENSIONS)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(*entry.values, marks=pytest.mark.slow if place else (), id=entry.id)
        for place, entry in enumerate(list(entries("intrinsic_dimension"))[3:18:7])
    ],
)
def test_declared_measures_and_the_way_through_streaming(entry):
    for which, x in layers_of(entry).items():
        values = {key[:-2]: value for key, value in entry["values"].items() if key.endswith(which)}
        np.testing.assert_allclose(twonn(x), values["skdim_twonn_linear"], rtol=RTOL)
        np.testing.assert_allclose(
            mle_dimension(x, k=(20, 10)), [values["mle_k20_mean"], values["mle_k10_mean"]], rtol=RTOL
        )
        np.testing.assert_allclose(gride(x).dimensions, values["skdim_gride"], rtol=RTOL)
        distances, ks = sorted_distances(x)[None, :, :64], (10, 20)

        def formula(name, ks=ks, distances=distances, x=x):
            measure = BY_NAME[name]
            found = {need: distances for need in measure.needs if isinstance(need, NeighbourDistances)}
            return measure.formula(Statistics(len(x), ks, (x.shape[1],), found))[..., 0]

        np.testing.assert_allclose(formula("intrinsic_dimension"), values["skdim_twonn_linear"], rtol=RTOL)
        np.testing.assert_allclose(formula("twonn_likelihood"), values["id_2nn_ml"], rtol=RTOL)
        np.testing.assert_allclose(formula("mle_dimension"), [values[f"mle_k{k}_mean"] for k in ks], rtol=RTOL)
        mackay = [values[f"mle_k{k}_mackay"] for k in ks]
        np.testing.assert_allclose(formula("mle_dimension_mackay"), mackay, rtol=RTOL)
        np.testing.assert_allclose(formula("gride", (1, 4, 32)), np.take(values["skdim_gride"], [0, 2, 5]), rtol=RTOL)


@pytest.mark.parametrize("entry", list(entries("spectra")))
def test_every_spectral_value_of_other_projects(entry):
    """Those of features that are not centred by the formulas alone: measures take features about their mean."""
    seen = 0
    for which, x in layers_of(entry).items():
        spectra = {"centred": spectra_of(x), "raw": shares(x, centred=False)}
        for kind, values in spectra.items():
            for name, (measure, change) in SPECTRAL.items():
                expected = entry["values"][f"{name}_{kind}_{which}"]
                np.testing.assert_allclose(change(of_spectrum(measure, values)), expected, rtol=RTOL, err_msg=name)
                seen += 1
    assert seen == len(entry["values"])


@pytest.mark.skipif(not PUBLISHED.exists(), reason="published data are not part of the project")
class TestPublished:
    """What DADApy's own tests expect of its data, to the digits given: some of them are cut off, some rounded."""

    def test_twonn(self):
        assert abs(twonn(np.load(PUBLISHED / "2gaussians_in_2d.npy")) - 1.85) < 0.01

    def test_gride(self):
        found = gride(np.load(PUBLISHED / "2gaussians_in_2d.npy"))
        assert found.neighbours == (1, 2, 4, 8, 16, 32)
        np.testing.assert_allclose(
            found.dimensions, [2.0007, 2.0321, 1.9118, 2.0005, 1.6747, 0.7208], rtol=0, atol=1e-4
        )
        errors = [0.2001, 0.1466, 0.0976, 0.0722, 0.0427, 0.0130]
        np.testing.assert_allclose(found.standard_errors, errors, rtol=0, atol=1e-4)
