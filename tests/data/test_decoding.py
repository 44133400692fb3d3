import contextlib
import io
import os
import struct
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import PIL.PngImagePlugin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsim.data import DamagedImage, load_batches, open_images
from jaxsim.data.decode import read_image, read_size
from jaxsim.data.memory_budget import MemoryBudget
from jaxsim.pixels import rgb_pixels


@pytest.fixture
def photo():
    """A smooth colourful picture, 20 rows, 30 columns, that survives JPEG nearly unchanged."""
    rows, columns = np.mgrid[0:20, 0:30]
    return np.stack([rows * 12, columns * 8, 255 - rows * 6 - columns * 4], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "gif", "webp", "jpg"])
def test_every_format_gives_the_picture(tmp_path, photo, suffix):
    path = tmp_path / f"photo.{suffix}"
    options = {"webp": {"lossless": True}, "jpg": {"quality": 98, "subsampling": 0}}.get(suffix, {})
    PIL.Image.fromarray(photo).save(path, **options)
    pixels = read_image(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (20, 30, 3)
    tolerance = {"jpg": 6, "gif": 24}.get(suffix, 0)
    assert np.abs(pixels.astype(int) - photo).max() <= tolerance


def test_grey_is_repeated(tmp_path, photo):
    PIL.Image.fromarray(photo[..., 0]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.repeat(photo[..., :1], 3, axis=2))


def test_one_bit_is_black_and_white(tmp_path):
    bits = np.array([[True, False, True]])
    PIL.Image.fromarray(bits).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [255, 0, 255]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, suffix):
    values = np.array([[0, 128, 257, 300, 32768, 65535]], np.uint16)
    PIL.Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    expected = np.rint(values[0] / 65535 * 255).astype(int)
    assert read_image(tmp_path / f"a.{suffix}")[0, :, 2].tolist() == expected.tolist()


def test_big_endian_sixteen_bits(tmp_path):
    image = PIL.Image.frombytes("I;16B", (2, 1), struct.pack(">HH", 0, 65535))
    image.save(tmp_path / "a.tiff")
    assert read_image(tmp_path / "a.tiff")[0, :, 0].tolist() == [0, 255]


def tiff_with(tmp_path, sixteen_bits, **entries):
    """A 16-bit grey TIFF of two pixels some of whose header entries are changed afterwards."""
    path = tmp_path / "a.tiff"
    PIL.Image.frombytes("I;16", (2, 1), sixteen_bits).save(path)
    content = path.read_bytes()
    for tag, (old, new) in {258: entries.get("bits", (16, 16)), 262: entries.get("photometric", (1, 1))}.items():
        before, after = (struct.pack("<HHIHH", tag, 3, 1, value, 0) for value in (old, new))
        assert content.count(before) == 1
        content = content.replace(before, after)
    path.write_bytes(content)
    return path


def test_a_tiff_that_counts_darkness(tmp_path):
    path = tiff_with(tmp_path, struct.pack("<HH", 0, 65535), photometric=(1, 0))
    assert read_image(path)[0, :, 0].tolist() == [255, 0]


def test_twelve_bits_have_their_own_white(tmp_path):
    path = tiff_with(tmp_path, b"\xff\xf8\x00\x00", bits=(16, 12))
    assert read_image(path)[0, :, 0].tolist() == [255, round(0x800 / 4095 * 255)]


def test_transparent_pixels_are_white_and_half_transparent_ones_are_mixed(tmp_path):
    pixels = np.array([[[0, 0, 0, 0], [200, 0, 100, 255], [0, 0, 0, 128]]], np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0].tolist() == [[255, 255, 255], [200, 0, 100], [127, 127, 127]]


def test_grey_with_alpha(tmp_path):
    PIL.Image.fromarray(np.array([[[10, 0], [10, 255]]], np.uint8)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [255, 10]


@pytest.mark.parametrize("transparency", [None, 1, b"\xff\x00"])
def test_palette_with_and_without_transparency(tmp_path, transparency):
    image = PIL.Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    options = {} if transparency is None else {"transparency": transparency}
    image.save(tmp_path / "a.png", **options)
    second = [40, 50, 60] if transparency is None else [255, 255, 255]
    assert read_image(tmp_path / "a.png")[0].tolist() == [[10, 20, 30], second]


def test_colour_key_of_an_rgb_image(tmp_path):
    PIL.Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)).save(tmp_path / "a.png", transparency=(1, 2, 3))
    assert read_image(tmp_path / "a.png")[0].tolist() == [[255, 255, 255], [4, 5, 6]]


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_cmyk(tmp_path, suffix):
    PIL.Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / f"a.{suffix}")
    red, green, blue = read_image(tmp_path / f"a.{suffix}")[4, 4].astype(int)
    assert red > 250
    assert max(green, blue) < 5


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, photo, suffix, orientation):
    exif = PIL.Image.Exif()
    exif[274] = orientation
    options = {"jpg": {"quality": 98, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    PIL.Image.fromarray(photo).save(tmp_path / f"a.{suffix}", exif=exif, **options)
    # The definition of the tag: which side of the stored array is the top, and which is the left.
    expected = {
        1: photo,
        2: photo[:, ::-1],
        3: photo[::-1, ::-1],
        4: photo[::-1],
        5: photo.transpose(1, 0, 2),
        6: np.rot90(photo, -1),
        7: photo.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(photo),
    }[orientation]
    pixels = read_image(tmp_path / f"a.{suffix}")
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= (6 if suffix == "jpg" else 0)


@pytest.mark.parametrize(("suffix", "options"), [("gif", {}), ("tiff", {}), ("webp", {"lossless": True})])
def test_first_frame_of_several(tmp_path, suffix, options):
    frames = [PIL.Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    assert read_image(tmp_path / f"a.{suffix}")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_thirty_two_bits_are_refused_by_name(tmp_path, mode):
    PIL.Image.new(mode, (2, 2)).save(tmp_path / "a.tiff")
    with pytest.raises(DamagedImage, match=rf"a.tiff.*mode {mode}.*8 or 16 bits"):
        read_image(tmp_path / "a.tiff")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "gif", "webp", "bmp"])
@pytest.mark.parametrize("kept", [0, 7, 0.5, 0.9])
def test_truncated_files_are_damaged(tmp_path, suffix, kept):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = io.BytesIO()
    PIL.Image.fromarray(noise).save(whole, {"jpg": "jpeg"}.get(suffix, suffix))
    content = whole.getvalue()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(DamagedImage, match=f"cut.{suffix}") as caught:
        read_image(path)
    assert caught.value.image == str(path)
    assert isinstance(caught.value, ValueError)


def test_other_content_under_an_image_name_is_damaged(tmp_path):
    (tmp_path / "page.jpg").write_text("<html>404</html>")
    with pytest.raises(DamagedImage, match=r"not a whole image"):
        read_image(tmp_path / "page.jpg")


def test_too_many_pixels_are_refused(tmp_path, monkeypatch):
    PIL.Image.new("L", (100, 100)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DamagedImage, match=r"bomb.png.*MAX_IMAGE_PIXELS"):
        read_image(tmp_path / "bomb.png")


def test_a_missing_file_is_not_called_damaged(tmp_path):
    with pytest.raises(ValueError, match=r"cannot read the image file .*gone.png: No such file") as caught:
        read_image(tmp_path / "gone.png")
    assert not isinstance(caught.value, DamagedImage)


def test_more_pixels_than_are_decoded_are_told_from_the_header(tmp_path, monkeypatch):
    PIL.Image.new("L", (100, 100)).save(tmp_path / "large.png")
    monkeypatch.setattr("jaxsim.data.decode.MOST_PIXELS", 9_999)
    monkeypatch.setattr("jaxsim.data.decode.rgb_pixels", lambda image: pytest.fail("decoded"))
    for read in (read_image, read_size):
        with pytest.raises(DamagedImage, match=r"large\.png: it has 100 x 100 pixels, and at most 9,999 are decoded"):
            read(tmp_path / "large.png")


def test_want_of_memory_is_no_damage(tmp_path, monkeypatch):
    PIL.Image.new("L", (4, 4)).save(tmp_path / "a.png")

    def full(image):
        raise MemoryError

    monkeypatch.setattr("jaxsim.data.decode.rgb_pixels", full)
    with pytest.raises(MemoryError, match=r"no memory to decode .*a\.png"):
        read_image(tmp_path / "a.png")


def test_a_file_that_may_not_be_read_is_listed_like_damage(tmp_path, monkeypatch):
    PIL.Image.new("L", (4, 4)).save(tmp_path / "a.png")

    def refuse(*_args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("jaxsim.files.reading.os.open", refuse)
    with pytest.raises(DamagedImage, match=r"a\.png: cannot be read: Permission denied"):
        read_image(tmp_path / "a.png")


def test_a_file_larger_than_any_image_is_listed_like_damage_and_not_read(tmp_path):
    with (tmp_path / "b.png").open("wb") as file:
        file.truncate(40_000_000_000)
    PIL.Image.new("L", (4, 4)).save(tmp_path / "a.png")
    images = open_images(tmp_path)
    begun = time.monotonic()
    batches = list(load_batches(images, lambda given: np.stack(given) / 255, 2))
    ((position, error),) = batches[0].damaged
    assert (position, images.ids[position]) == (1, "b.png")
    assert "b.png: it has 40,000,000,000 bytes, and files of at most 715,827,880 are decoded" in str(error)
    with pytest.raises(DamagedImage, match=r"b\.png: it has 40,000,000,000 bytes"):
        images.image_size(1)
    assert len(images.description["fingerprint"]) > 8
    assert time.monotonic() - begun < 5


def test_the_file_is_counted_with_its_pixels(tmp_path, monkeypatch):
    path = tmp_path / "a.webp"
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(path, lossless=True)
    taken, size = [], path.stat().st_size

    class Counted(MemoryBudget):
        def taken(self, count):
            taken.append(count)
            return super().taken(count)

    monkeypatch.setattr("jaxsim.data.decode.MEMORY", Counted(10**6))
    assert read_image(path).shape == (20, 30, 3)
    assert taken == [size, size + 24 * 20 * 30]


def test_a_pipe_is_no_picture(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DamagedImage, match=r"a\.png: cannot be read: expected a regular file, got a pipe"):
        read_image(tmp_path / "a.png")


def test_threads_share_the_memory_for_decoding():
    budget, most, lock = MemoryBudget(100), [0, 0], threading.Lock()

    def work(size):
        with budget.taken(size):
            with lock:
                most[0] += size
                most[1] = max(most)
            time.sleep(0.002)
            with lock:
                most[0] -= size

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [60, 10, 50, 100, 30] * 8))
    assert 50 < most[1] <= 100
    assert budget.left == 100
    with budget.taken(10**9):
        assert budget.left == 0


@pytest.mark.parametrize("threads", [0, 4])
def test_a_warning_of_the_decoder_names_the_picture(tmp_path, monkeypatch, threads):
    for i in range(8):
        PIL.Image.new("L", (4, 4), i).save(tmp_path / f"{i}.png")

    def odd(image):
        warnings.warn_explicit("odd tag", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")
        return rgb_pixels(image)

    monkeypatch.setattr("jaxsim.data.decode.rgb_pixels", odd)

    def as_floats(images):
        return np.stack(images).astype(np.float32)

    shown = warnings.showwarning
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        batches = list(load_batches(open_images(tmp_path), as_floats, 8, threads=threads))
    assert len(batches[0].positions) == 8
    assert {str(each.message) for each in caught} == {f"odd tag (in {tmp_path / f'{i}.png'})" for i in range(8)}
    assert warnings.showwarning is shown


@pytest.mark.slow
def test_any_header_is_a_picture_or_damage(tmp_path):
    whole = {}
    for suffix in ("png", "jpg", "bmp", "gif", "tif", "webp"):
        PIL.Image.new("L", (5, 4), 77).save(tmp_path / f"a.{suffix}")
        whole[suffix] = (tmp_path / f"a.{suffix}").read_bytes()

    @settings(max_examples=600, deadline=None)
    @given(suffix=st.sampled_from(sorted(whole)), at=st.integers(0, 120), noise=st.binary(min_size=1, max_size=8))
    def check(suffix, at, noise):
        content = whole[suffix]
        path = tmp_path / f"b.{suffix}"
        path.write_bytes(content[:at] + noise + content[at + len(noise) :])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.suppress(DamagedImage):
                assert read_image(path).dtype == np.uint8

    check()
