"""Low-level statistics of a study: the same numbers whichever model runs first, cached or not, control or not."""

import json

import numpy as np
import pytest
import xarray as xr

import jaxsim.study.run.statistics as statistics_module
from jaxsim.data import ArraySource, DamagedImage, open_images
from jaxsim.features import extract, open_features
from jaxsim.study import Study, checked_settings, compare
from jaxsim.study.run.measurement import measure
from jaxsim.study.run.statistics import open_statistics


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    """Coloured pictures that no tiny model sees as they are."""
    rng = np.random.default_rng(3)
    tint = rng.uniform(0.2, 1.0, (60, 1, 1, 3))
    return (rng.uniform(0, 255, (60, 12, 20, 3)) * tint).astype(np.uint8)


@pytest.fixture
def measured(monkeypatch) -> list[dict[str, np.ndarray]]:
    """The spaces that every measurement was made against, in the order of the measurements."""
    seen: list[dict[str, np.ndarray]] = []

    def noted(features, ids, settings, *, spaces, **options):
        seen.append(spaces.make(np.arange(len(ids))))
        return measure(features, ids, settings, spaces=spaces, **options)

    monkeypatch.setattr("jaxsim.study.run.comparison.measure", noted)
    return seen


def known(study: Study, *names: str) -> xr.Dataset:
    """What the steps of some models know, model after model."""
    assert study.information is not None
    parts = [study.information.isel(step=np.flatnonzero(study.information.model.values == name)) for name in names]
    return xr.concat([part[["forward", "backward"]] for part in parts], "step")


@pytest.mark.slow
def test_the_same_study_four_ways_has_the_same_statistics_and_values(random_vit, photos, measured, tmp_path) -> None:
    models = {"a": random_vit(0, "a"), "b": random_vit(1, "b")}
    study = compare(models, images=photos, statistics=True, untrained=True)
    swapped = compare({"b": models["b"], "a": models["a"]}, images=photos, statistics=True)
    cached = [compare(models, images=photos, statistics=True, out=tmp_path, overwrite=i == 0) for i in range(2)]
    features = {name: open_features(tmp_path / "features" / name) for name in models}
    opened = compare(features, images=photos, statistics=True)
    assert len(measured) == 6  # one of them the control
    for spaces in measured[1:]:
        assert list(spaces) == list(measured[0])
        for name, space in spaces.items():
            np.testing.assert_array_equal(space, measured[0][name], err_msg=name)
    expected = known(study, "a", "b")
    for other in (swapped, *cached, opened):
        xr.testing.assert_identical(known(other, "a", "b"), expected)
    assert study.untrained is not None
    assert study.untrained.information is not None
    np.testing.assert_array_equal(study.untrained.information.among, study.information.among)


@pytest.mark.slow
def test_a_later_run_needs_no_images(random_vit, photos, tmp_path, monkeypatch) -> None:
    first = compare([random_vit(0)], images=photos, statistics=True, out=tmp_path)
    stored = open_features(tmp_path / "statistics" / "own-size")
    assert stored.sample_ids == open_images(photos).ids
    assert stored["luminance"].shape == (60, 5)

    def fail(*args, **options):
        raise AssertionError("computed again")

    monkeypatch.setattr(statistics_module, "extract_statistics", fail)
    features = extract(random_vit(0), open_images(photos))
    again = compare([features], statistics=True, out=tmp_path, k=2)
    assert first.information is not None
    assert again.information is not None
    assert again.information.attrs["pixels"] == first.information.attrs["pixels"]
    with pytest.raises(ValueError, match=r"none from an earlier run; give images="):
        compare([features], statistics=9, out=tmp_path)
    more = extract(random_vit(0), open_images(np.concatenate([photos, photos[:1]])))
    with pytest.raises(ValueError, match=r"in the statistics in .*'000060' is missing"):
        compare([more], statistics=True, out=tmp_path)


@pytest.mark.slow
def test_scores_are_of_the_samples_that_are_measured(random_vit, photos, tmp_path) -> None:
    compare([random_vit(0)], images=photos, statistics=True, out=tmp_path)
    settings = checked_settings(k=1, statistics=True)
    ids = open_images(photos).ids[10:40]
    spaces = open_statistics(settings, images=None, ids=ids, out=tmp_path).spaces(ids[::-1])
    alone = open_statistics(settings, images=open_images(photos), ids=ids, out=None).spaces(ids)
    for name, space in spaces.items():
        np.testing.assert_allclose(space.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(space[::-1], alone[name], atol=2e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
def test_a_control_without_the_dropped_duplicates_has_the_same_statistics(random_vit, photos) -> None:
    doubled = np.concatenate([photos, photos[:20]])
    study = compare([random_vit(0)], images=doubled, statistics=True, drop_duplicates=True, untrained=True)
    assert study.untrained is not None
    assert study.results.attrs["n_samples"] == study.untrained.results.attrs["n_samples"] == 60
    assert study.information is not None
    assert study.untrained.information is not None
    np.testing.assert_array_equal(study.untrained.information.among, study.information.among)


def test_other_images_replace_what_the_folder_has(photos, tmp_path) -> None:
    settings = checked_settings(k=1, statistics=True)
    for images in (open_images(photos), open_images(255 - photos)):
        found = open_statistics(settings, images=images, ids=images.ids, out=tmp_path)
        stored = np.asarray(found.features["luminance"])
    middle = 255 - photos[:, :, 4:16].astype(np.float64)
    means = (middle / 255 @ [0.2126, 0.7152, 0.0722]).mean((1, 2))
    np.testing.assert_allclose(stored[:, 0], means, atol=1e-6)


def test_images_of_all_samples_are_needed(random_vit, photos) -> None:
    features = extract(random_vit(0), open_images(photos))
    with pytest.raises(ValueError, match="got none; give images="):
        compare([features], statistics=True)
    with pytest.raises(ValueError, match="in the images, but '000020' is missing"):
        compare([features], images=open_images(photos).select(range(20)), statistics=8)


def test_a_damaged_image_is_an_error_where_a_sample_needs_it(photos) -> None:
    class Broken(ArraySource):
        def load(self, index: int) -> np.ndarray:
            raise DamagedImage(self.ids[index], "cut off")

    images = Broken(photos)
    found = open_statistics(checked_settings(k=1, statistics=8), images=images, ids=images.ids, out=None)
    assert json.dumps(found.key)
    with pytest.raises(ValueError, match="damaged image"):
        _ = found.features
