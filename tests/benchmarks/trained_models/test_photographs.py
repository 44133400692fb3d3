"""Tiles of scenes, objects on grey, and which pictures are taken."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.trained_models.photographs import EDGE, GREY, STAMPS, gather_photographs, scene_tiles


@pytest.fixture
def packages(tmp_path):
    """Small stand-ins for two packages."""
    stamps = tmp_path / "stamps"
    red = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    red.paste((255, 0, 0, 255), (10, 10, 50, 30))
    for name in ("animals/fox", "animals/cartoon/fox", "food/pizza", "symbols/music/note", "vehicles/bus_mirror"):
        path = stamps / "usr/share/tuxpaint/stamps" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        red.save(path)
    pictures = tmp_path / "sklearn" / "datasets" / "images"
    pictures.mkdir(parents=True)
    for name in ("china", "flower"):
        Image.new("RGB", (600, 448), (0, 0, 255)).save(pictures / f"{name}.jpg")
    return {STAMPS: stamps, "sklearn": tmp_path / "sklearn"}


def test_one_folder_for_each_photograph(packages, tmp_path):
    assert gather_photographs(packages, tmp_path / "out") == 1 + 2 * 5
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    tiles = {f"sklearn-{name}/{i}.png" for name in ("china", "flower") for i in range(5)}
    assert found == tiles | {"stamp-animals-fox/0.png"}


def test_an_object_lies_in_the_middle_of_a_grey_square(packages, tmp_path):
    gather_photographs(packages, tmp_path / "out")
    with Image.open(tmp_path / "out" / "stamp-animals-fox" / "0.png") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (EDGE, EDGE, 3)
    red = (pixels == (255, 0, 0)).all(axis=2)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert len(columns) == pytest.approx(0.9 * EDGE, abs=3)
    assert len(rows) == pytest.approx(0.45 * EDGE, abs=3)
    assert abs(rows.mean() - EDGE / 2) < 2
    assert tuple(pixels[0, 0]) == GREY


def test_tiles_of_a_scene_do_not_overlap_and_keep_its_order():
    scene = np.zeros((500, 800, 3), np.uint8)
    scene[:250, :, 0] = 255
    scene[:, :250, 1] = 255
    tiles = [np.asarray(tile) for tile in scene_tiles(Image.fromarray(scene))]
    assert len(tiles) == 7
    corners = [tuple(int(value) for value in tile.mean(axis=(0, 1)).round()) for tile in tiles[1:]]
    assert corners == [(255, 255, 0), (255, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 0), (0, 0, 0)]


def test_a_package_without_a_photograph_of_the_list_is_an_error(packages, tmp_path):
    (packages["sklearn"] / "datasets" / "images" / "flower.jpg").unlink()
    with pytest.raises(ValueError, match=r"expected datasets/images/flower.jpg in sklearn, found none"):
        gather_photographs(packages, tmp_path / "out")
    with pytest.raises(ValueError, match="expected stamps below"):
        gather_photographs({STAMPS: tmp_path / "nothing"}, tmp_path / "out")
