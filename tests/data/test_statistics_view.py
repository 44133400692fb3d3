import numpy as np
import PIL.Image
import pytest

from jaxsim.data import ArraySource, DamagedImage, ImageSource, StatisticsView, open_images, own_edge, statistics_view
from jaxsim.data.statistics_view import LARGE_ENOUGH, LEAST_EDGE, MOST_EDGE


class Sized(ImageSource):
    """Grey images of given sizes; a size of None is damaged."""

    def __init__(self, sizes):
        self.sizes = sizes

    @property
    def ids(self):
        return tuple(f"{i:05d}" for i in range(len(self.sizes)))

    @property
    def description(self):
        return {"kind": "sized", "n_images": len(self.sizes), "fingerprint": str(self.sizes)}

    def load(self, index):
        if self.sizes[index] is None:
            raise DamagedImage(self.ids[index], "cut off")
        return np.full((*self.sizes[index], 3), 128, np.uint8)


class TestSize:
    @pytest.mark.parametrize(
        ("sizes", "edge"),
        [
            ([(8, 8)] * 3, 8),
            ([(32, 32)] * 3, 32),
            ([(300, 500), (640, 480)], MOST_EDGE),
            ([(100, 500), (120, 80)], 80),
            ([(4, 5)], LEAST_EDGE),
            # One small picture in twenty takes nothing from the others, two do.
            ([(20, 30)] + [(150, 180)] * 39, 150),
            ([(20, 30)] * 2 + [(150, 180)] * 18, 20),
            ([None, (40, 30), None], 30),
        ],
    )
    def test_is_the_short_edge_of_the_images_within_bounds(self, sizes, edge):
        assert own_edge(Sized(sizes)) == edge

    def test_of_many_images_some_are_measured(self):
        source = Sized([(16 + i % 100, 300) for i in range(5000)])
        seen = []
        source.image_size = lambda index: seen.append(index) or source.sizes[index]
        edge = own_edge(source)
        assert len(seen) == 1000
        share = np.mean([min(size) >= edge for size in source.sizes])
        assert abs(share - LARGE_ENOUGH) < 0.02

    def test_all_damaged(self):
        with pytest.raises(ValueError, match="none of 2 images could be decoded"):
            own_edge(Sized([None, None]))

    def test_stated(self):
        assert statistics_view(Sized([(40, 40)]), 96).description["image_size"] == [96, 96]
        view = statistics_view(Sized([(40, 40)]), (20, 30))
        assert (view.height, view.width, view.chosen_by) == (20, 30, "stated")
        with pytest.raises(ValueError, match="at least 8 pixels for the statistics, came 20 x 4"):
            statistics_view(Sized([(40, 40)]), (20, 4))

    def test_sources_know_their_sizes_without_decoding(self, tmp_path, monkeypatch):
        exif = PIL.Image.Exif()
        exif[274] = 6  # on its side
        for name, mode, options in (("a.jpg", "RGB", {"exif": exif}), ("b.png", "L", {}), ("c.tif", "I;16", {})):
            PIL.Image.new(mode, (30, 20)).save(tmp_path / name, **options)
        (tmp_path / "d.png").write_bytes(b"no picture")
        source = open_images(tmp_path)
        shapes = [source.load(i).shape[:2] for i in range(3)]
        monkeypatch.setattr("jaxsim.data.folder.read_image", None)
        assert [source.image_size(i) for i in range(3)] == shapes == [(30, 20), (20, 30), (20, 30)]
        assert source.select([2, 0]).image_size(1) == (30, 20)
        with pytest.raises(DamagedImage, match=r"d\.png"):
            source.image_size(3)
        for small in ("digits", "rendered:3", np.zeros((2, 9, 11), np.uint8)):
            opened = open_images(small)
            monkeypatch.setattr(type(opened), "load", None)
            assert opened.image_size(1) == {"digits": (8, 8), "rendered:3": (32, 32)}.get(str(small), (9, 11))


class TestPixels:
    def test_of_the_size_already_are_left_as_they_are(self):
        images = np.random.default_rng(0).integers(0, 256, (3, 12, 17, 3), np.uint8)
        np.testing.assert_array_equal(StatisticsView(12, 17).prepare(list(images)), images.astype(np.float32) / 255)

    @pytest.mark.parametrize("shape", [(64, 64), (64, 160), (160, 64), (65, 131), (16, 40)])
    def test_keep_the_aspect_and_the_middle(self, shape):
        """A disc in the middle stays a disc in the middle, whatever the format."""
        height, width = shape
        rows, columns = np.mgrid[0:height, 0:width]
        distance = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
        disc = (255 * np.clip(0.3 * min(shape) - distance + 0.5, 0, 1)).astype(np.uint8)
        pixels = StatisticsView(32, 32).prepare([np.repeat(disc[..., None], 3, axis=2)])[0, :, :, 0]
        np.testing.assert_allclose(pixels, pixels[::-1], atol=0.09)
        np.testing.assert_allclose(pixels, pixels.T, atol=0.09)
        assert pixels.sum() == pytest.approx(np.pi * (0.3 * 32) ** 2, rel=0.02)

    def test_shrinking_averages_and_does_not_alias(self):
        stripes = np.zeros((128, 128, 3), np.uint8)
        stripes[:, ::2] = 255
        pixels = StatisticsView(32, 32).prepare([stripes])
        np.testing.assert_allclose(pixels[:, :, 1:-1], 0.5, atol=0.02)

    def test_have_one_size_and_a_range(self):
        rng = np.random.default_rng(1)
        images = [rng.integers(0, 256, (*size, 3), np.uint8) for size in ((9, 40), (33, 21), (100, 100))]
        pixels = StatisticsView(16, 24).prepare(images)
        assert pixels.shape == (3, 16, 24, 3)
        assert pixels.dtype == np.float32
        assert 0 <= pixels.min() <= pixels.max() <= 1

    def test_description_says_all(self):
        described = statistics_view(ArraySource(np.zeros((2, 50, 60), np.uint8))).description
        assert described["image_size"] == [50, 50]
        assert "224" in described["size"]
        assert "bicubic" in described["resampling"]
        assert "centre cropped" in described["view"]
