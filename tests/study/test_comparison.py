import inspect
import json
import warnings
from typing import Any

import numpy as np
import pytest
import xarray as xr

import jaxsim.study.run.extraction as extraction_module
import jaxsim.study.run.measurement as measurement_module
from jaxsim.data import open_images
from jaxsim.features import extract
from jaxsim.metrics import imbalance_matrix
from jaxsim.study import Study, checked_settings, compare, prepare_comparison
from jaxsim.study.run.inputs import unique_names
from jaxsim.study.run.settings import SETTINGS
from jaxsim.study.run.surroundings import SURROUNDINGS

STEPS = ["embeddings", "block00", "block01", "norm"]


def test_values_are_those_of_the_metric_on_the_features(random_vit) -> None:
    models = [random_vit(0, "a"), random_vit(1, "b")]
    images = open_images("digits")
    study = compare(models, images=images, n_samples=60, k=(1, 5), seed=2)
    layers = {}
    for model in models:
        features = extract(model, images.subset(60, 2))
        layers |= {f"{model.name}/{step}": features[step] for step in features}
    expected = imbalance_matrix(layers, k=(1, 5))
    assert study.imbalance.source.values.tolist() == [f"{m}/{s}" for m in "ab" for s in STEPS]
    np.testing.assert_array_equal(study.imbalance, np.asarray(expected.values))
    np.testing.assert_array_equal(study.standard_error, np.asarray(expected.standard_error))
    np.testing.assert_allclose(np.diagonal(study.imbalance.sel(k=5)), 6 / 60)
    assert study.results.floor.values.tolist() == [2 / 60, 6 / 60]


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")  # few features, clipped
def test_preprocessing_is_done_to_every_step_and_recorded(random_vit) -> None:
    model = random_vit(0, "a")
    pixels = np.stack([open_images("digits").load(i) for i in [*range(40), 3, 7]])
    study = compare(
        [model], images=pixels, clip=(0.1, 0.9), drop_duplicates=True, spaces={"row": np.arange(42.0)[:, None]}
    )
    features = extract(model, open_images(pixels[:40]))
    expected = imbalance_matrix(dict(features), clip=(0.1, 0.9))
    np.testing.assert_array_equal(study.imbalance.sel(k=1), expected.values)
    attrs = study.results.attrs
    assert (attrs["n_samples"], attrs["clip"]) == (40, "quantiles 0.1 to 0.9")
    assert attrs["duplicates"] == "2 dropped: 000040, 000041"
    assert study.information.attrs["n_samples"] == 40
    with pytest.raises(ValueError, match="expected two quantiles"):
        compare([model], images=pixels, clip=(0.9, 0.1))


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.DegenerateLayerWarning")  # the class token starts constant
@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
def test_results_record_how_they_came_about(random_vit) -> None:
    study = compare([random_vit(0, "a")], images="digits", n_samples=40, pool="cls", n_queries=20, seed=7)
    attrs = study.results.attrs
    assert (attrs["n_samples"], attrs["n_queries"], attrs["seed"]) == (40, 20, 7)
    assert (attrs["pool"], attrs["metric"], attrs["ties"]) == ("cls", "euclidean", "index")
    (model,) = json.loads(attrs["models"])
    assert model["name"] == "a"
    assert model["family"] == "vit"
    assert model["n_steps"] == 4
    assert model["weights_hash"] == random_vit(0, "a").weights_hash
    assert json.loads(attrs["images"])["n_images"] == 40
    assert json.loads(attrs["versions"])["numpy"] == np.__version__
    assert json.loads(attrs["damaged"]) == []
    assert study.results.source_grid.values.tolist() == ["2x2"] * 4
    assert study.results.source_channels.values.tolist() == [8] * 4
    assert not study.smoothness.marked.any()
    assert study.reused == ()


def test_a_model_against_itself_is_at_the_floor(random_vit) -> None:
    study = compare([random_vit(0), random_vit(0)], images="digits", n_samples=40)
    assert study.between.pair.values.tolist() == ["vit | vit-2"]
    np.testing.assert_allclose(study.between.distance, 2 / 40)
    assert (study.between.best_value == study.results.floor.item()).all()


def test_a_mapping_names_the_models(random_vit) -> None:
    study = compare({"first": random_vit(0), "second": random_vit(1)}, images="digits", n_samples=20)
    assert list(dict.fromkeys(study.imbalance.source_model.values)) == ["first", "second"]


def test_equal_names_get_numbers() -> None:
    assert unique_names(["vit", "vit", "vit-2", "vit"]) == ("vit", "vit-3", "vit-2", "vit-4")


def test_an_out_folder_gets_everything_and_a_second_run_reuses_it(random_vit, tmp_path, monkeypatch) -> None:
    models, out = [random_vit(0, "a"), random_vit(1, "b")], tmp_path / "run"
    first = compare(models, images="digits", n_samples=40, k=(1, 3), out=out)
    assert first.reused == ()
    names = {
        "study.nc",
        "smoothness.nc",
        "between.nc",
        "imbalance.csv",
        "smoothness.csv",
        "between.csv",
        "index.html",
    }
    assert names <= {path.name for path in out.iterdir()}
    xr.testing.assert_identical(Study.load(out).results, first.results)

    def refuse(*args, **kwargs):
        raise AssertionError("measured again")

    with monkeypatch.context() as patch:
        patch.setattr(measurement_module, "measure_layers", refuse)
        second = compare(models, images="digits", n_samples=40, k=(1, 3), out=out, report=False)
    assert second.reused == ("features of a", "features of b", "imbalance")
    xr.testing.assert_identical(second.results, first.results)

    # Another k needs another measurement, of the same features.
    third = compare(models, images="digits", n_samples=40, k=3, out=out, report=False)
    assert third.reused == ("features of a", "features of b")
    np.testing.assert_array_equal(third.imbalance.sel(k=3), first.imbalance.sel(k=3))
    # The first one is still there.
    again = compare(models, images="digits", n_samples=40, k=(1, 3), out=out, report=False)
    assert "imbalance" in again.reused


def test_a_killed_run_goes_on_where_it_was(random_vit, tmp_path) -> None:
    models, out = [random_vit(0, "a"), random_vit(1, "b")], tmp_path / "run"

    def die(done: int, total: int, what: str) -> None:
        if what == "features of b" and done > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(models, images="digits", n_samples=40, out=out, report=False, progress=die)
    seen: list[tuple[int, int, str]] = []
    study = compare(
        models, images="digits", n_samples=40, out=out, report=False, progress=lambda *each: seen.append(each)
    )
    # Both had the first batch of 32, from one reading of the images, and neither starts anew.
    assert study.reused == ()
    assert seen[0][2] == "features of a"
    assert {what for _, _, what in seen} == {"features of a", "features of b", "imbalance"}
    assert seen[-1][0] == seen[-1][1]
    np.testing.assert_array_equal(study.imbalance, compare(models, images="digits", n_samples=40).imbalance)


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.DegenerateLayerWarning")
@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
def test_overwrite_uses_nothing_that_is_there(random_vit, tmp_path) -> None:
    def run(pool: str, **options: bool) -> Study:
        return compare([random_vit(0)], images="digits", n_samples=30, out=tmp_path, report=False, pool=pool, **options)

    run("mean")
    study = run("cls", overwrite=True)
    assert study.reused == ()
    assert study.results.attrs["pool"] == "cls"


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.DegenerateLayerWarning")
@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
def test_poolings_lie_side_by_side_and_are_found_whatever_the_order(random_vit, tmp_path) -> None:
    def run(*models: int, **options: Any) -> Study:
        chosen = {f"vit{seed}": random_vit(seed) for seed in models}
        return compare(chosen, images="digits", n_samples=30, out=tmp_path, report=False, n_splits=0, **options)

    first = run(0, 1, pool="mean")
    run(0, pool="cls")
    assert sorted(each.name for each in (tmp_path / "features").iterdir()) == ["vit0", "vit0-cls", "vit1"]
    again = run(1, 0, pool="mean")
    assert {"features of vit0", "features of vit1"} <= set(again.reused)
    order = again.imbalance.source.values
    np.testing.assert_array_equal(again.imbalance, first.imbalance.sel(source=order, target=order))
    mixed = run(0, 1, pool={"vit0": "cls"})
    assert {"features of vit0", "features of vit1"} <= set(mixed.reused)
    assert mixed.results.attrs["pool"] == "cls (vit0), mean (vit1)"
    renamed = compare({"other": random_vit(0)}, images="digits", n_samples=30, out=tmp_path, report=False, n_splits=0)
    assert renamed.reused[0] == "features of other"


def test_pooling_of_a_model_that_is_not_compared_is_refused(random_vit) -> None:
    with pytest.raises(ValueError, match=r"pool to name models of the comparison \(vit\), got 'vit1'"):
        compare({"vit": random_vit(0)}, images="digits", pool={"vit1": "cls"})


def test_an_option_that_there_is_not_is_refused_with_the_nearest(random_vit) -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword 'n_sample'.* did you mean n_samples"):
        compare(random_vit(0), images="digits", n_sample=3)


def test_the_signature_has_every_option() -> None:
    parameters = inspect.signature(compare).parameters
    assert list(parameters)[:3] == ["models", "images", "n_samples"]
    assert {name: each.default for name, each in parameters.items() if name in SETTINGS} == {
        name: each.default for name, each in SETTINGS.items()
    }
    assert all(f"\n    {name}: " in (compare.__doc__ or "") for name in (*SETTINGS, *SURROUNDINGS))


def test_damaged_images_are_left_out_for_all_and_listed(random_vit, photos) -> None:
    damaged = photos / "deep" / "07.jpg"
    damaged.write_bytes(damaged.read_bytes()[:50])
    study = compare([random_vit(0, "a"), random_vit(1, "b")], images=photos)
    assert study.results.attrs["n_samples"] == 29
    assert json.loads(study.results.attrs["damaged"]) == ["deep/07.jpg"]
    with pytest.raises(ValueError, match=r"07\.jpg"):
        compare([random_vit(0, "a")], images=photos, strict=True)


def test_features_from_memory_and_from_disk_are_compared(random_vit, tmp_path) -> None:
    images = open_images("digits").subset(30)
    a = extract(random_vit(0, "a"), images)
    extract(random_vit(1, "b"), images, out=tmp_path / "b")
    study = compare([a, tmp_path / "b"], n_samples=None)
    direct = compare([random_vit(0, "a"), random_vit(1, "b")], images=images)
    np.testing.assert_array_equal(study.imbalance, direct.imbalance)
    assert compare(a).imbalance.sizes["source"] == 4
    half = compare([a, random_vit(1, "b")], images=images, n_samples=15)
    subset = compare([random_vit(0, "a"), random_vit(1, "b")], images=images, n_samples=15)
    np.testing.assert_array_equal(half.imbalance, subset.imbalance)


def test_features_of_other_samples_are_refused(random_vit) -> None:
    images = open_images("digits")
    a, b = extract(random_vit(0, "a"), images.subset(20)), extract(random_vit(1, "b"), images.subset(21))
    with pytest.raises(ValueError, match="expected the same samples for all"):
        compare([a, b])
    with pytest.raises(ValueError, match="expected the same samples for all"):
        compare([a, random_vit(1, "b")], images=images.subset(20, 1))


def test_what_can_be_known_before_the_work_is_refused_before_it(random_vit, tmp_path, monkeypatch) -> None:
    def refuse(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr(extraction_module, "extract_together", refuse)
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "empty").mkdir()
    model = random_vit(0)
    cases = [
        (
            {"models": [model], "images": "digits", "out": tmp_path / "file"},
            "cannot write to the output folder",
        ),
        ({"models": [model], "images": "digits", "pool": "median"}, "median"),
        ({"models": [model], "images": "digits", "k": 0}, "at least 1"),
        ({"models": [model], "images": "digits", "n_samples": 5, "k": 4}, r"at least k \+ 2 = 6 samples"),
        ({"models": [model], "images": "digits", "n_samples": 5000}, "5000"),
        ({"models": [model], "images": tmp_path / "empty"}, "empty"),
        ({"models": [model]}, "expected images to run the model 'vit'"),
        ({"models": [], "images": "digits"}, "at least one model"),
        ({"models": [tmp_path / "empty"], "images": "digits"}, "empty"),
    ]
    for arguments, message in cases:
        with pytest.raises(ValueError, match=message):
            compare(**arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]


def test_the_plan_counts_what_will_be_done(random_vit) -> None:
    settings = checked_settings(k=(1, 2), n_samples=50, n_queries=10)
    plan = prepare_comparison([random_vit(0), random_vit(1)], "digits", settings=settings).plan
    assert [model.name for model in plan.models] == ["vit", "vit-2"]
    assert [model.widths for model in plan.models] == [(8,) * 4] * 2
    assert (plan.n_samples, plan.n_queries, plan.n_layers, plan.n_cells) == (50, 10, 8, 64)
    assert plan.distance_evaluations == 10 * 50 * 8
    assert plan.feature_bytes == 4 * 50 * 8 * 8


def test_warnings_of_the_measurement_are_recorded_and_given(random_vit) -> None:
    # Two pictures many times over: every neighbour ties.
    images = np.tile(np.array([50, 200], np.uint8)[:, None, None], (10, 8, 8))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        study = compare([random_vit(0)], images=images)
    recorded = json.loads(study.results.attrs["warnings"])
    assert recorded
    assert set(recorded) <= {str(each.message) for each in caught}
