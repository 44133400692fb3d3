"""Steps that are the same for all images are named, not measured, and left out of whatever is derived."""

import json

import numpy as np
import pytest
import xarray as xr

from jaxsim.data import open_images
from jaxsim.features import extract
from jaxsim.metrics import DegenerateLayerWarning, imbalance_matrix
from jaxsim.study import (
    StepLabel,
    Study,
    between_models,
    compare,
    depth_alignment,
    information_plane,
    label_imbalance,
    label_information,
    smoothness_profile,
    step_embedding,
    step_linkage,
)
from jaxsim.study.derived.constant_steps import with_missing
from jaxsim.study.derived.findings import Effect, effects
from jaxsim.study.derived.unchanged_steps import UnchangedStepWarning, describe_equal, unchanged_steps
from jaxsim.study.results import tables


@pytest.fixture
def marked(step_labels, depth_imbalance):
    """Makes the results of two models in which the given steps of the first are constant, and their values NaN."""

    def make(constant, n_steps=5, others=4) -> xr.Dataset:
        labels = step_labels("vit", n_steps) + step_labels("cnn", others)
        labels = [StepLabel(each.model, each.step, each.depth, constant=i in constant) for i, each in enumerate(labels)]
        kept = np.array([i for i in range(len(labels)) if i not in constant])
        values = depth_imbalance(labels).imbalance.values[:, kept[:, None], kept]
        return label_imbalance(with_missing(values, kept, len(labels)), labels, n_samples=1000)

    return make


@pytest.fixture
def without(marked):
    """The same results with the steps away altogether."""

    def make(constant, n_steps=5, others=4) -> xr.Dataset:
        kept = [i for i in range(n_steps + others) if i not in constant]
        found = marked(constant, n_steps, others).isel(source=kept, target=kept)
        return found.drop_vars(["source_constant", "target_constant"])

    return make


@pytest.mark.parametrize("constant", [(0,), (4,), (2,), (0, 1, 4)])
def test_what_is_derived_is_as_if_the_steps_were_not_there(marked, without, constant) -> None:
    results, expected = marked(constant).imbalance, without(constant).imbalance
    for derive in (smoothness_profile, between_models, depth_alignment, step_linkage, information_plane):
        xr.testing.assert_identical(derive(results), derive(expected))
    found, wanted = step_embedding(results), step_embedding(expected)
    xr.testing.assert_identical(found, wanted)
    assert effects(results).keys() == effects(expected).keys()
    for name, values in effects(expected).items():
        np.testing.assert_array_equal(effects(results)[name], values)


def test_consecutive_steps_that_change_nothing_are_told() -> None:
    rng = np.random.default_rng(0)
    first, third = rng.normal(size=(2, 40, 6)).astype(np.float32)
    # The second is the first, scaled; the fourth and the fifth are the third; the sixth has one sample elsewhere.
    moved = third.copy()
    moved[7] = third[8] + 1e-3
    layers = {"a": first, "b": 2 * first, "c": third, "d": third, "e": third, "f": moved}
    models = {"m": layers, "n": {"x": third, "y": first}}
    with pytest.warns(UnchangedStepWarning) as caught:
        study = compare(models, n_splits=0, k=(1, 3))
    (text,) = [str(each.message) for each in caught]
    assert text.startswith("steps 'm/c', 'm/d' and 'm/e' are equal for every sample")
    assert json.loads(study.results.attrs["warnings"]) == [text]
    flags = dict(zip(study.results["source"].values, study.results["source_flag"].values, strict=True))
    assert [name for name, flag in flags.items() if flag] == ["m/c", "m/d", "m/e"]
    (note,) = json.loads(study.results.attrs["notes"])
    assert note.startswith("steps 'm/a' and 'm/b' differ, but the information imbalance between them is that of equal")
    # With these left out there is nothing to tell; that another model has an equal step is no change of a model.
    study = compare(models, n_splits=0, k=(1, 3), drop_steps=("m/b", "m/d", "m/e"))
    assert json.loads(study.results.attrs["notes"]) == []


def test_a_step_without_a_change_has_no_sampling_error() -> None:
    # 100 samples make halves of unequal size, in which equal steps have other values.
    x = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    with pytest.warns(UnchangedStepWarning):
        study = compare({"m": {"a": x, "b": x.copy(), "c": x[:, :3]}}, n_splits=4)
    assert study.halves is not None
    first, second = study.smoothness["mean_sampling_error"].isel(k=0).values
    assert first == 0 < second
    assert study.results["sampling_error"].sel(source="m/a", target="m/b").item() == 0
    assert study.halves["imbalance"].sel(source="m/a", target="m/b").std() > 0


def test_a_long_run_without_a_change_is_told_by_its_ends(step_labels) -> None:
    labels = step_labels("m", 9)
    values = np.where(np.arange(9)[:, None] < 1, 0.5, 0.1) * np.ones((9, 9))
    values[0, 0] = 0.1
    (run,) = unchanged_steps(label_imbalance(values, labels).imbalance)
    assert run == tuple(f"m/block{i:02d}" for i in range(1, 9))
    assert "'m/block01' to 'm/block08' (8 consecutive steps) are" in describe_equal(run)


def test_the_fixed_step_is_taken_where_all_models_have_steps(marked) -> None:
    profile = smoothness_profile(marked((0,)).imbalance)
    # Depths 0.25 to 1 of vit, 0 to 1 of cnn, whose spacing is the widest.
    assert profile.attrs["h"] == pytest.approx(1 / 3)
    assert profile.t.values[[0, -1]] == pytest.approx([0.25, 2 / 3])
    assert not np.isnan(profile.fixed_step).any()
    assert (profile.fixed_step_span > 0).all()
    # Asked for all the same, it is not a step's own floor.
    outside = smoothness_profile(marked((0,)).imbalance, grid=[0.0, 0.3]).fixed_step.sel(k=1, model_name="vit").values
    assert np.isnan(outside).tolist() == [True, False]


@pytest.mark.parametrize("left", [0, 1])
def test_a_model_left_with_no_or_one_step_is_nan(marked, left, tmp_path) -> None:
    results = marked(tuple(range(left, 5)))
    study = Study.from_results(results)
    smooth = study.smoothness.sel(model_name="vit")
    for name in ("mean_change", "max_change", "roughness", "fixed_step"):
        assert np.isnan(smooth[name]).all()
        assert not np.isnan(study.smoothness[name].sel(model_name="cnn")).any()
    assert np.isnan(study.between.distance).all() == (left == 0)
    assert np.isnan(study.between.peak_t).all() == (left == 0)
    assert np.isnan(study.between.alignment_offset).all() == (left == 0)
    assert study.between.direction.values.tolist() == ["vit -> cnn", "cnn -> vit"]
    found = effects(results.imbalance)
    assert np.isnan(found[Effect("smoothness", "vit")]).all()
    assert np.isnan(found[Effect("smoothness_difference", "vit", "cnn")]).all()
    assert np.isnan(found[Effect("alignment", "vit", "cnn")]).all() == (left == 0)
    study.save(tmp_path)
    xr.testing.assert_identical(Study.load(tmp_path).smoothness.load(), study.smoothness)
    assert len(tables(study)["imbalance"]) == 9 * 9


def test_changes_of_information_go_from_the_first_to_the_last_informative_step() -> None:
    def known(constant):
        labels = [StepLabel("m", f"s{i}", i / 3, constant=i in constant) for i in range(4)]
        kept = np.array([i for i in range(5) if i not in constant])
        values = np.linspace(0.1, 0.9, 25).reshape(1, 5, 5)
        values = with_missing(values[:, kept[:, None], kept], kept, 5)
        information = label_information(values, values, labels, {"colour": 2}, k=(1,), n_samples=50)
        found = effects(label_imbalance(values[:, :4, :4], labels).imbalance, information)
        return found, information.forward.values[0, :, 0]

    found, forward = known({0, 3})
    assert found[Effect("information_change", "m", space="colour")] == forward[2] - forward[1]
    found, _ = known({0, 1, 3})
    assert np.isnan(found[Effect("information_change", "m", space="colour")]).all()


def test_older_results_without_the_mark_are_read(marked) -> None:
    results = marked(()).drop_vars(["source_constant", "target_constant"])
    xr.testing.assert_identical(smoothness_profile(results.imbalance), smoothness_profile(marked(()).imbalance))


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")  # samples in a row
def test_the_class_token_before_the_first_block_is_named_and_not_measured(random_vit) -> None:
    model, images = random_vit(0, "a"), open_images("digits").subset(60)
    with pytest.warns(DegenerateLayerWarning, match=r"'a/embeddings'.*pool='cls'.*--pool mean"):
        study = compare([model], images=images, pool="cls", k=(1, 3), spaces={"row": np.arange(60.0)}, n_splits=2)
    assert study.results.source_constant.values.tolist() == [True, False, False, False]
    assert np.isnan(study.imbalance.isel(source=0)).all()
    assert np.isnan(study.imbalance.isel(target=0)).all()
    features = extract(model, images, pool="cls")
    layers = {name: x for name, x in features.items() if name != "embeddings"} | {"row": np.arange(60.0)[:, None]}
    expected = imbalance_matrix(layers, k=(1, 3)).values
    np.testing.assert_array_equal(study.imbalance[:, 1:, 1:], expected[:, :3, :3])
    np.testing.assert_array_equal(study.information.forward[:, 1:, 0], expected[:, :3, 3])
    assert study.information.step_constant.values.tolist() == [True, False, False, False]
    assert study.smoothness.step_from.values.tolist() == ["block00", "block01"]
    assert any("'a/embeddings'" in each for each in json.loads(study.results.attrs["warnings"]))


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.DegenerateLayerWarning")
@pytest.mark.filterwarnings("ignore::jaxsim.study.run.groups.NearDuplicateWarning")
def test_images_that_are_all_the_same_are_refused(random_vit) -> None:
    with pytest.raises(ValueError, match="are the samples copies of one"):
        compare([random_vit(0)], images=np.full((20, 8, 8), 100, np.uint8))


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.DegenerateLayerWarning")
@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
@pytest.mark.filterwarnings("ignore::jaxsim.study.run.groups.NearDuplicateWarning")
def test_a_page_is_written_all_the_same(random_vit, tmp_path) -> None:
    compare([random_vit(0, "a"), random_vit(1, "b")], images="digits", n_samples=40, pool="cls", out=tmp_path)
    assert (tmp_path / "index.html").is_file()
    assert "embeddings" not in (tmp_path / "smoothness.csv").read_text()
