import json

import numpy as np
import pytest
import xarray as xr

from jaxsim.data import open_images
from jaxsim.features import extract, open_features
from jaxsim.metrics import imbalance_matrix
from jaxsim.study import Study, checked_settings, compare, label_information, prepare_comparison
from jaxsim.study.globs import checked_globs
from jaxsim.study.selection import choose_of_every_model, choose_steps, with_steps

STEPS = {"vit": ["embeddings", "block00", "block01", "norm"], "net/cnn": ["stem", "block00", "blocks[0]"]}


@pytest.mark.parametrize(
    ("wanted", "dropped", "expected"),
    [
        ("norm", None, {"vit": ("norm",), "net/cnn": ()}),
        (["block0?", "stem"], None, {"vit": ("block00", "block01"), "net/cnn": ("stem", "block00")}),
        (None, "block00", {"vit": ("embeddings", "block01", "norm"), "net/cnn": ("stem", "blocks[0]")}),
        (None, "vit/*", {"vit": (), "net/cnn": ("stem", "block00", "blocks[0]")}),
        ("blocks[0]", None, {"vit": (), "net/cnn": ("blocks[0]",)}),
        ({"vit": "n*"}, {"net/cnn": ["stem"]}, {"vit": ("norm",), "net/cnn": ("block00", "blocks[0]")}),
        ("*", "vit/[!b]*", {"vit": ("block00", "block01"), "net/cnn": ("stem", "block00", "blocks[0]")}),
    ],
)
def test_names_and_globs(wanted, dropped, expected) -> None:
    found = choose_steps(STEPS, checked_globs("steps", wanted), checked_globs("drop_steps", dropped))
    assert found == expected


@pytest.mark.parametrize(
    ("wanted", "dropped", "message"),
    [
        ("blok00", None, "steps to match steps, but 'blok00' matches none; nearest are: block00"),
        (
            None,
            ["norm", "embedings*"],
            "drop_steps to match steps, but 'embedings\\*' matches none; nearest are: embedd",
        ),
        ({"vit": "stem"}, None, "'stem' matches none; "),
        ("qqqq", None, "matches none; there are: embeddings, block00"),
        ({"vat": "norm"}, None, r"to name models of the comparison \(vit, net/cnn\), got 'vat'"),
        (None, "*", "none remains"),
        ((), None, "expected steps as names of steps or globs"),
        ({}, None, "at least one model"),
        (3, None, "expected steps as the name of a step, a glob, or several of them, got 3"),
        (["norm", 3], None, "expected steps as names of steps or globs"),
    ],
)
def test_what_matches_nothing_is_refused(wanted, dropped, message) -> None:
    with pytest.raises(ValueError, match=message):
        choose_steps(STEPS, checked_globs("steps", wanted), checked_globs("drop_steps", dropped))


def test_a_model_to_be_run_needs_a_step() -> None:
    with pytest.raises(ValueError, match=r"no step of 'net/cnn' \(it has: stem, block00, blocks\[0\]\)"):
        choose_of_every_model(STEPS, ("norm",), None)


def test_only_the_steps_asked_for_are_measured_and_all_are_kept(random_vit, tmp_path) -> None:
    model, images = random_vit(0, "a"), open_images("digits").subset(40)
    found = compare([model], images, out=tmp_path, report=False, drop_steps=["embeddings", "a/norm"])
    assert found.imbalance.source.values.tolist() == ["a/block00", "a/block01"]
    assert found.imbalance.source_depth.values.tolist() == [1 / 3, 2 / 3]
    features = extract(model, images)
    expected = imbalance_matrix({name: features[name] for name in ("block00", "block01")})
    np.testing.assert_array_equal(found.imbalance[0], expected.values)
    assert json.loads(found.results.attrs["steps"]) == {"drop_steps": ["embeddings", "a/norm"]}
    assert json.loads(found.results.attrs["models"])[0]["n_steps"] == 2
    assert len(open_features(tmp_path / "features" / "a")) == 4
    # Another choice is another measurement of the same features.
    whole = compare([model], images, out=tmp_path, report=False)
    assert whole.reused == ("features of a",)
    xr.testing.assert_equal(whole.select_steps(steps="block*").imbalance, found.imbalance)


def test_the_plan_counts_the_steps_asked_for(random_vit) -> None:
    settings = checked_settings(k=1, n_samples=50, steps="block*")
    plan = prepare_comparison([random_vit(0), random_vit(1)], "digits", settings=settings).plan
    assert (plan.n_layers, plan.feature_bytes) == (4, 4 * 50 * 8 * 8)
    with pytest.raises(ValueError, match="'blocks' matches none; nearest are"):
        prepare_comparison(random_vit(0), "digits", settings=checked_settings(k=1, steps="blocks"))


@pytest.fixture
def saved(step_labels, depth_imbalance, tmp_path) -> Study:
    """A study with all that is measured beside the imbalance of the steps."""
    labels = step_labels("vit", 4) + step_labels("cnn", 3)
    results = depth_imbalance(labels)
    rng = np.random.default_rng(0)
    information = label_information(*rng.random((2, 1, 8, 8)), labels, {"colour": 2}, k=(1,), n_samples=50)
    known = information[["forward", "backward"]].drop_vars("floor")
    one = xr.merge([results[["imbalance"]].drop_vars("floor"), known])
    factors = xr.DataArray(rng.uniform(0.9, 1.1, (3, 2)), dims=("split", "side"))
    halves = (one * factors).transpose("split", "side", "k", ...)
    halves.attrs = {"n_splits": 3, "n_groups": 16, "n_samples": 50, "seed": 0}
    control = Study.from_results(results * 1.1, halves=halves, information=information)
    study = Study.from_results(results, seed=3, information=information, halves=halves, untrained=control)
    study.save(tmp_path)
    return Study.load(tmp_path)


def test_steps_of_a_saved_study(saved) -> None:
    kept = ["vit/block01", "vit/block02", "cnn/block01", "cnn/block02"]
    found = saved.select_steps(steps=["block01", "block02"])
    assert found.imbalance.source.values.tolist() == found.imbalance.target.values.tolist() == kept
    expected = Study.from_results(with_steps(saved.results, kept), seed=3)
    for name in ("smoothness", "between"):
        derived = getattr(found, name)
        xr.testing.assert_equal(
            derived.drop_vars([each for each in derived if each.endswith("sampling_error")]), getattr(expected, name)
        )
    assert found.between.attrs["alignment_seed"] == 3
    assert found.information.step.values.tolist() == kept
    assert found.halves.sizes["step"] == found.halves.sizes["target"] == 4
    assert found.untrained.imbalance.source.values.tolist() == kept
    # Findings go from the first to the last step that is left.
    change = found.findings.value.sel(k=1, finding="information_change: vit (colour)")
    forward = saved.information.forward.sel(k=1, space="colour")
    assert change == forward.sel(step="vit/block02") - forward.sel(step="vit/block01")


@pytest.mark.slow
def test_one_model_of_a_saved_study(saved, tmp_path) -> None:
    found = saved.select_steps(steps="vit/*")
    assert found.between.sizes["pair"] == 0
    assert set(found.findings["a"].values) == {"vit"}
    found.save(tmp_path / "vit")
    assert Study.load(tmp_path / "vit").imbalance.sizes["source"] == 4
    with pytest.raises(ValueError, match="'blok' matches none"):
        saved.select_steps(drop_steps="blok")
