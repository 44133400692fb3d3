"""Spaces beside the steps: aligned by sample, measured in the same pass, and kept apart from the models."""

import json

import numpy as np
import pytest
import xarray as xr

from jaxsim.data import low_level_spaces, open_images
from jaxsim.features import extract
from jaxsim.metrics import imbalance_matrix
from jaxsim.study import StepLabel, Study, checked_settings, compare, label_information
from jaxsim.study.run.spaces import given_rows
from jaxsim.study.run.statistics import STATISTICS


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    """Coloured pictures of the size that the tiny models see."""
    rng = np.random.default_rng(3)
    tint = rng.uniform(0.2, 1.0, (40, 1, 1, 3))
    return (rng.uniform(0, 255, (40, 8, 8, 3)) * tint).astype(np.uint8)


@pytest.mark.slow
def test_statistics_are_spaces_of_their_own_and_leave_the_models_alone(random_vit, photos) -> None:
    models = [random_vit(0, "a"), random_vit(1, "b")]
    plain = compare(models, images=photos, k=(1, 3))
    study = compare(models, images=photos, k=(1, 3), statistics=True)
    known = study.information
    assert known is not None
    assert plain.information is None
    for name in ("imbalance", "standard_error"):
        xr.testing.assert_equal(study.results[name], plain.results[name])
    xr.testing.assert_equal(study.smoothness, plain.smoothness)
    xr.testing.assert_equal(study.between, plain.between)
    assert known.space.values.tolist() == list(STATISTICS)
    assert known.step.values.tolist() == study.imbalance.source.values.tolist()

    features = extract(models[0], open_images(photos))
    spaces = low_level_spaces(photos.astype(np.float32) / 255)  # pictures of one size are left as they are
    expected = imbalance_matrix(dict(features) | spaces, k=(1, 3))
    np.testing.assert_allclose(known.forward[:, :4], expected.values[:, :4, 4:], atol=2e-3)
    np.testing.assert_allclose(known.backward[:, :4], expected.values[:, 4:, :4].transpose(0, 2, 1), atol=2e-3)
    np.testing.assert_allclose(known.forward_se[:, :4], expected.standard_error[:, :4, 4:], atol=2e-3)
    np.testing.assert_allclose(known.among.values[0].diagonal(), 2 / 40)
    assert known.floor.values.tolist() == [2 / 40, 4 / 40]
    assert json.loads(known.attrs["pixels"]) == {
        "view": "decoded pixels, aspect kept, centre cropped",
        "image_size": [8, 8],
        "size": "the short edge of the images, at most 224",
        "resampling": "bicubic, antialiased (Pillow, 8 bits)",
    }


def test_constant_statistics_are_not_measured(random_vit) -> None:
    study = compare([random_vit(0)], images="digits", n_samples=40, statistics=True)
    known = study.information
    assert known is not None
    assert known.space.values[known.constant.values].tolist() == ["colour"]
    assert np.isnan(known.forward.sel(space="colour")).all()
    assert np.isfinite(known.forward.sel(space="all")).all()


@pytest.mark.slow
def test_kept_reused_saved_and_forgotten(random_vit, photos, tmp_path) -> None:
    def run(**options) -> Study:
        return compare([random_vit(0)], images=photos, out=tmp_path, report=False, **options)

    first = run(statistics=True)
    again = run(statistics=True)
    assert again.reused == ("features of vit", "imbalance")
    assert first.information is not None
    xr.testing.assert_identical(again.information, first.information)
    xr.testing.assert_identical(Study.load(tmp_path).information, first.information)
    table = (tmp_path / "information.csv").read_text().splitlines()
    assert table[0].startswith("k,step,space,")
    assert len(table) == 1 + 4 * len(STATISTICS)
    # Another size is another measurement.
    other = run(statistics=16)
    assert other.reused == ("features of vit",)
    assert other.information is not None
    assert json.loads(other.information.attrs["pixels"])["image_size"] == [16, 16]
    assert json.loads(other.information.attrs["pixels"])["size"] == "stated"
    assert run().information is None
    assert Study.load(tmp_path).information is None


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")  # means of 64 integers repeat
def test_given_spaces_follow_the_samples(random_vit) -> None:
    images = open_images("digits")
    means = np.array([images.load(i).mean() for i in range(len(images))])
    by_id = dict(zip(images.ids, means, strict=True))
    runs = []
    for value in (means, by_id, means[[images.ids.index(i) for i in images.subset(50, 4).ids]]):
        study = compare([random_vit(0)], images="digits", n_samples=50, seed=4, spaces={"mean": value})
        assert study.information is not None
        runs.append(study.information)
    xr.testing.assert_identical(runs[0], runs[1])
    xr.testing.assert_identical(runs[0], runs[2])
    assert runs[0].origin.values.tolist() == ["given"]
    # Mean pixels are what an untrained network sees best.
    assert runs[0].forward.max() < 0.8


def test_a_given_copy_of_a_step_is_at_the_floor(random_vit, photos) -> None:
    features = extract(random_vit(0), open_images(photos))
    study = compare([features], spaces={"copy": np.asarray(features["block01"])})
    known = study.information
    assert known is not None
    row = known.sel(k=1, step="vit/block01", space="copy")
    assert row.forward.item() == row.backward.item() == pytest.approx(2 / 40)
    shuffled = np.random.default_rng(0).permutation(np.asarray(features["block01"]))
    independent = compare([features], spaces={"shuffled": shuffled}).information
    assert independent is not None
    assert (np.abs(independent.forward - 1) < 4.5 * 0.577 / np.sqrt(40)).all()


def test_bad_spaces_are_refused_with_advice(random_vit, photos) -> None:
    def run(**options):
        return compare([random_vit(0)], **({"images": photos, "n_samples": 30} | options))

    with pytest.raises(ValueError, match=r"30 samples of the study or the 40 it was drawn from.*got 7"):
        run(spaces={"short": np.zeros((7, 2))})
    with pytest.raises(ValueError, match="has none"):
        run(spaces={"some": {"000000": [1.0]}})
    with pytest.raises(ValueError, match="row 2 has NaN"):
        run(spaces={"odd": np.where(np.arange(30) == 2, np.nan, 1.0)})
    with pytest.raises(ValueError, match="without '/'"):
        run(spaces={"a/b": np.arange(30.0)})
    with pytest.raises(ValueError, match="low-level statistic; rename"):
        run(spaces={"colour": np.arange(30.0)}, statistics=True)
    with pytest.raises(ValueError, match="mapping from name to array"):
        run(spaces=[np.arange(30.0)])
    with pytest.raises(ValueError, match="expected numbers"):
        run(spaces={"text": ["a"] * 30})
    with pytest.raises(ValueError, match="array \\[n_samples, n_features\\]"):
        given_rows("deep", np.zeros((3, 2, 2)), "abc", "abc")
    with pytest.raises(ValueError, match="8 to 8192 pixels, got 4"):
        checked_settings(k=1, statistics=4)


def test_what_is_dropped_along_the_way_is_known_less_and_less() -> None:
    rng = np.random.default_rng(5)
    factor, rest = rng.normal(size=(200, 1)), rng.normal(size=(200, 3))
    strengths = (4.0, 1.0, 0.25, 0.0)
    layers = {f"m/s{i}": np.hstack([rest, strength * factor]) for i, strength in enumerate(strengths)}
    labels = [StepLabel("m", f"s{i}", i / 3) for i in range(4)]
    matrix = imbalance_matrix(layers | {"factor": factor})
    known = label_information(
        np.asarray(matrix.values)[None],
        np.asarray(matrix.standard_error)[None],
        labels,
        {"factor": 1},
        k=(1,),
        n_samples=200,
    ).sel(k=1, space="factor")
    assert (np.diff(known.forward) > 0).all()
    assert abs(known.forward.values[-1] - 1) < 4.5 * known.forward_se.values[-1]
    assert abs(known.backward.values[-1] - 1) < 4.5 * known.backward_se.values[-1]
    assert known.forward.values[0] < 0.3
