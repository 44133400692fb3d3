"""Files and pictures handed to a model go by one rule for modes, transparency, 16 bits and orientation."""

import struct

import numpy as np
import PIL.Image
import pytest

from jaxsim.data.decode import read_image, read_size
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor, as_rgb, preprocessed
from jaxsim.pixels import rgb_pixels

PHOTO = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def pictures():
    photo = PIL.Image.fromarray(PHOTO)
    alpha = PIL.Image.fromarray(PHOTO[..., 0])
    clear = photo.copy()
    clear.putalpha(alpha)
    palette = photo.quantize(7)
    keyed = palette.copy()
    keyed.info["transparency"] = 3
    dim = PIL.Image.fromarray((PHOTO[..., 0].astype(np.uint16)) // 2)
    return {
        "RGB": photo,
        "L": photo.convert("L"),
        "1": photo.convert("1"),
        "CMYK": photo.convert("CMYK"),
        "YCbCr": photo.convert("YCbCr"),
        "P": palette,
        "P, a colour transparent": keyed,
        "RGBA": clear,
        "RGBa": clear.convert("RGBa"),
        "LA": clear.convert("LA"),
        "La": clear.convert("LA").convert("La"),
        "PA": clear.convert("LA").convert("PA"),
        "I;16, dim": dim,
        "I;16": PIL.Image.fromarray(PHOTO[..., 0].astype(np.uint16) * 257),
    }


SAVED = {"RGB": "png", "L": "png", "1": "png", "CMYK": "tiff", "P": "png", "P, a colour transparent": "png"}
SAVED |= {"RGBA": "png", "LA": "png", "I;16, dim": "png", "I;16": "tiff"}


@pytest.mark.parametrize("mode", pictures())
def test_a_picture_and_its_file_are_the_same(tmp_path, mode):
    picture = pictures()[mode]
    pixels = as_rgb(picture)
    np.testing.assert_array_equal(pixels, rgb_pixels(picture))
    assert pixels.shape == (6, 9, 3)
    if mode in SAVED:
        options = {"transparency": 3} if "transparent" in mode else {}
        picture.save(tmp_path / f"a.{SAVED[mode]}", **options)
        np.testing.assert_array_equal(read_image(tmp_path / f"a.{SAVED[mode]}"), pixels)
        with PIL.Image.open(tmp_path / f"a.{SAVED[mode]}") as opened:
            np.testing.assert_array_equal(as_rgb(opened), pixels)


def test_sixteen_bits_do_not_depend_on_the_image_itself():
    values = np.array([[0, 128, 255]], np.uint16)
    assert as_rgb(PIL.Image.fromarray(values))[0, :, 0].tolist() == [0, 0, 1]
    brighter = np.array([[0, 128, 255, 65535]], np.uint16)
    assert as_rgb(PIL.Image.fromarray(brighter))[0, :, 0].tolist() == [0, 0, 1, 255]


def test_transparency_is_composited_on_white():
    clear = np.zeros((1, 3, 4), np.uint8)
    clear[0, :, 3] = 0, 255, 51
    assert as_rgb(PIL.Image.fromarray(clear))[0, :, 0].tolist() == [255, 0, 204]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_no_defined_white(mode):
    with pytest.raises(ValueError, match=f"image 1: mode {mode} .* no defined white"):
        preprocessed([PHOTO, PIL.Image.new(mode, (2, 2))], PlainPreprocessor((4, 4)))


def exif(*entries, extra=b""):
    body = b"".join(
        struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in entries
    )
    start = struct.pack("<I", 8) + struct.pack("<H", len(entries))
    return b"Exif\0\0II*\0" + start + body + struct.pack("<I", 0) + extra


TURN = (0x112, 3, 1, struct.pack("<H", 6))
BEYOND = struct.pack("<I", 8 + 2 + 24 + 4)
DAMAGED = {
    "none": exif(TURN),
    "maker as rational": exif((0x10F, 5, 1, BEYOND), TURN, extra=struct.pack("<II", 1, 2)),
    "resolution unit as float": exif(TURN, (0x128, 11, 1, struct.pack("<f", 1.5))),
    "date that points nowhere": exif(TURN, (0x132, 2, 900, struct.pack("<I", 10**6))),
    "unknown type": exif(TURN, (0x10F, 99, 1, b"")),
    "division by zero": exif(TURN, (0x11A, 5, 1, BEYOND), extra=struct.pack("<II", 1, 0)),
    "sub-block that points nowhere": exif(TURN, (0x8769, 4, 1, struct.pack("<I", 10**6))),
}


@pytest.mark.filterwarnings("ignore:Tag data larger than file", "ignore:Truncated File Read")
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("tag", DAMAGED)
def test_a_damaged_tag_keeps_orientation_and_picture(tmp_path, tag, suffix):
    path = tmp_path / f"a.{suffix}"
    PIL.Image.fromarray(PHOTO).save(path, exif=DAMAGED[tag], **({"lossless": True} if suffix == "webp" else {}))
    with PIL.Image.open(path) as opened:
        stored = np.asarray(opened.convert("RGB"))
    with PIL.Image.open(path) as opened:
        np.testing.assert_array_equal(as_rgb(opened), np.rot90(stored, -1))
    np.testing.assert_array_equal(read_image(path), np.rot90(stored, -1))
    assert read_size(path) == (9, 6)


@pytest.mark.parametrize(
    "block", [b"Exif\0\0II*\0", b"Exif\0\0", b"Exif\0\0nonsense" * 3, exif((0x112, 3, 1, b"\x63"))]
)
def test_a_block_that_says_nothing_leaves_the_picture_upright(tmp_path, block):
    PIL.Image.fromarray(PHOTO).save(tmp_path / "a.png", exif=block)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), PHOTO)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_a_picture_in_memory(orientation):
    picture = PIL.Image.fromarray(PHOTO[..., 0].astype(np.uint16) * 257)
    picture.getexif()[274] = orientation
    expected = {
        1: PHOTO,
        2: PHOTO[:, ::-1],
        3: PHOTO[::-1, ::-1],
        4: PHOTO[::-1],
        5: PHOTO.transpose(1, 0, 2),
        6: np.rot90(PHOTO, -1),
        7: PHOTO.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(PHOTO),
    }[orientation][..., 0]
    # Twice: the picture itself is not turned.
    for _ in range(2):
        np.testing.assert_array_equal(as_rgb(picture)[..., 1], expected)
