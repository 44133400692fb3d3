"""Statistics of images kept like features: the same numbers as computed at once, and what is there is used."""

import json

import numpy as np
import pytest

from jaxsim.data import ArraySource, StatisticsView, image_statistics, open_images, statistics_view, thumbnails
from jaxsim.features import FeatureSet
from jaxsim.features.finished import holds_other
from jaxsim.features.folder_writer import REQUEST
from jaxsim.features.statistics import THUMBNAIL, StatisticsModel, extract_statistics, statistics_of

VIEW = StatisticsView(24, 24)


def photos(n=70, seed=0):
    rng = np.random.default_rng(seed)
    return ArraySource(rng.integers(0, 256, (n, 24, 24, 3), np.uint8))


def test_raw_values_of_every_group_and_a_thumbnail():
    images = photos()
    found = extract_statistics(images, VIEW)
    pixels = np.stack([images.load(i) for i in range(70)]).astype(np.float32) / 255
    expected = image_statistics(pixels)
    assert list(found) == [*expected, THUMBNAIL]
    assert found.sample_ids == images.ids
    for group, values in statistics_of(found).items():
        np.testing.assert_allclose(values, expected[group], atol=2e-4, err_msg=group)
    np.testing.assert_array_equal(statistics_of(found, np.array([5, 2]))["layout"], found["layout"][[5, 2]])
    cells = pixels.reshape(70, 12, 2, 12, 2, 3).mean((2, 4)).reshape(70, -1)
    np.testing.assert_allclose(found[THUMBNAIL], cells - cells.mean(1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("images", ["rendered:30", "digits"])
def test_the_thumbnail_is_nearly_that_of_the_decoded_image(images):
    source = open_images(images).subset(30)
    edge = min(12, source.image_size(0)[0])
    small = np.asarray(extract_statistics(source, statistics_view(source))[THUMBNAIL])
    direct = thumbnails(source, edge)
    assert small.shape == direct.shape
    assert np.corrcoef(small.ravel(), direct.ravel())[0, 1] > 0.98


def test_what_is_there_is_used_and_what_differs_is_replaced(tmp_path):
    first = extract_statistics(photos(), VIEW, out=tmp_path)
    again = extract_statistics(photos(), VIEW, out=tmp_path)
    assert (first.reused, again.reused) == (False, True)
    np.testing.assert_array_equal(again["colour"], first["colour"])
    for images, view in ((photos(seed=1), VIEW), (photos(seed=1), StatisticsView(16, 20))):
        other = extract_statistics(images, view, out=tmp_path)
        assert isinstance(other, FeatureSet)
        assert not other.reused
        assert other.manifest["preprocessing"] == view.description


def test_an_unfinished_run_of_other_images_is_replaced(tmp_path):
    assert not holds_other(tmp_path, {"a": 1})
    (tmp_path / REQUEST).write_text(json.dumps({"request": {"a": 1}, "block_rows": 4}))
    assert not holds_other(tmp_path, {"a": 1})
    assert holds_other(tmp_path, {"a": 2})
    assert not extract_statistics(photos(), VIEW, out=tmp_path).reused


def test_the_size_is_in_what_decides_the_numbers():
    hashes = {StatisticsModel(StatisticsView(*size)).weights_hash for size in ((16, 16), (16, 24), (24, 16))}
    assert len(hashes) == 3
