"""Measurements of pairs of models that are there already: used in any order, completed by new pairs alone."""

import json
from itertools import combinations

import numpy as np
import pytest
import xarray as xr

import jaxsim.study.run.measurement as measurement_module
from jaxsim.study import Study
from jaxsim.study.run.reuse import pairs_missing

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 6))
LAYERS = {
    "a": {"in": X, "mid": X + 0.3 * RNG.normal(size=X.shape), "out": X[:, :3] ** 2},
    "b": {"in": X, "out": X[:, :2]},
    "c": {"in": X[:, 1:], "out": np.tanh(X @ RNG.normal(size=(6, 4)))},
}
OPTIONS = {"k": (1, 3), "n_splits": 2, "labels": {"class": np.arange(80) % 4}, "spaces": {"axis": X[:, :2]}}
MORE = {"measures": ("cka", "mutual_knn"), "describe": "effective_rank"}


@pytest.fixture
def passes(monkeypatch) -> list[set[str]]:
    """The models that every pass over all samples measured."""
    seen: list[set[str]] = []
    real = measurement_module.measure_layers

    def noted(layers, *args, quiet=False, **more):
        if not quiet:
            seen.append({name.partition("/")[0] for name in layers if "/" in name})
        return real(layers, *args, quiet=quiet, **more)

    monkeypatch.setattr(measurement_module, "measure_layers", noted)
    return seen


def run(*models: str, **more) -> Study:
    return Study.from_layers({name: LAYERS[name] for name in models}, report=False, **(OPTIONS | more))


def assert_equal(one: Study, other: Study) -> None:
    assert list(one.measured) == list(other.measured)
    for name, part in one.measured.items():
        theirs = other.measured[name]
        assert set(part.variables) == set(theirs.variables), name
        for variable in part.variables:
            if part[variable].dtype.kind == "f":
                np.testing.assert_array_equal(part[variable].values, theirs[variable].values, err_msg=str(variable))
            elif variable != "source_flag":
                assert part[variable].values.tolist() == theirs[variable].values.tolist(), variable
    for name in ("models", "pool", "n_samples", "steps", "damaged", "warnings"):
        assert one.results.attrs[name] == other.results.attrs[name], name
    xr.testing.assert_equal(one.verdicts, other.verdicts)


@pytest.mark.slow
def test_a_third_model_measures_its_pairs_alone_and_equals_the_study_made_at_once(tmp_path, passes) -> None:
    run("a", "b", out=tmp_path)
    assert passes == [{"a", "b"}]
    grown = run("a", "b", "c", out=tmp_path)
    assert passes[1:] == [{"a", "c"}, {"b", "c"}]
    assert grown.reused == ("imbalance of a | b",)
    assert_equal(grown, run("a", "b", "c"))
    assert_equal(Study.load(tmp_path), grown)
    passes.clear()
    assert run("a", "b", "c", out=tmp_path).reused == ("imbalance",)
    assert passes == []


@pytest.mark.slow
def test_any_order_and_any_part_is_found(tmp_path, passes) -> None:
    run("a", "b", "c", out=tmp_path)
    passes.clear()
    turned = run("c", "a", "b", out=tmp_path)
    assert (turned.reused, turned.models) == (("imbalance",), ("c", "a", "b"))
    part, alone = run("c", "b", out=tmp_path), run("b", out=tmp_path)
    assert passes == []
    assert_equal(turned, run("c", "a", "b"))
    assert_equal(part, run("c", "b"))
    assert_equal(alone, run("b"))


@pytest.mark.slow
def test_further_measures_and_chosen_steps_are_completed_too(tmp_path, passes) -> None:
    chosen = {"steps": ("in", "mid"), "out": tmp_path, **MORE}
    run("b", "c", **(chosen | {"steps": "in"}))
    run("a", "b", **chosen)
    passes.clear()
    grown, once = run("a", "b", "c", **chosen), run("a", "b", "c", **(chosen | {"out": None}))
    assert passes == [{"a", "c"}, {"b", "c"}, {"a", "b", "c"}]
    assert grown.steps == {"a": ("in", "mid"), "b": ("in",), "c": ("in",)}
    assert json.loads(grown.results.attrs["steps"]) == {"steps": ["in", "mid"]}
    assert_equal(grown, once)
    for name, own in once.by_measure.items():
        for part, theirs in own.measured.items():
            xr.testing.assert_allclose(grown.by_measure[name].measured[part], theirs, 1e-9)
            assert grown.by_measure[name].results.attrs["measure"] == name


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1}, {"labels": None}, {"overwrite": True}, {"ids": [f"i{i}" for i in range(80)]},
        {"drop_duplicates": True},
    ],
    ids=str,
)  # fmt: skip
def test_what_was_measured_otherwise_is_not_used(tmp_path, passes, change) -> None:
    plain = {"n_splits": 0, "spaces": None}
    run("a", "b", out=tmp_path, **plain)
    passes.clear()
    run("a", "b", "c", out=tmp_path, **(plain | change))
    assert passes == [{"a", "b", "c"}]


@pytest.mark.slow
def test_other_features_of_the_same_name_are_measured_anew(tmp_path, passes) -> None:
    plain = {"n_splits": 0, "labels": None, "spaces": None, "report": False, "out": tmp_path}
    Study.from_layers({name: LAYERS[name] for name in "abc"}, **plain)
    passes.clear()
    other = {"a": LAYERS["a"], "b": {"in": 2 * X[:, ::-1] + X, "out": X[:, 3:]}, "c": LAYERS["c"]}
    found = Study.from_layers(other, **plain)
    assert passes == [{"a", "b"}, {"b", "c"}]
    plain["out"] = None
    np.testing.assert_array_equal(found.imbalance, Study.from_layers(other, **plain).imbalance)


def test_a_damaged_measurement_is_not_used(tmp_path, passes) -> None:
    plain = {"n_splits": 0, "labels": None, "spaces": None, "out": tmp_path}
    run("a", "b", **plain)
    for each in (tmp_path / "measurements").glob("imbalance-*.nc"):
        each.write_bytes(each.read_bytes()[:-7])
    passes.clear()
    run("a", "b", "c", **plain)
    assert passes == [{"a", "b", "c"}]


def test_pairs_that_are_missing() -> None:
    models = ["a", "b", "c", "d"]
    assert pairs_missing(models, []) == list(combinations(models, 2))
    assert pairs_missing(models, [["d", "b", "a"], ["c", "a", "d"]]) == [("b", "c")]
