"""Random damage to pictures and arrays of images: each is read or ends in a sentence that names it."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.data import open_images

from ..damage import edited, edits, fuzzed
from ..sentences import outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 30, 3), np.uint8)
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP", "tiff": "TIFF", "gif": "GIF"}
MODES = {"png": ["RGB", "RGBA", "P", "1", "I;16"], "tiff": ["RGB", "CMYK", "L"], "jpg": ["RGB", "L", "CMYK"]}
SAID: Counter[str] = Counter()


def saved(suffix: str, mode: str) -> bytes:
    """A whole picture."""
    stream = io.BytesIO()
    picture = PIL.Image.fromarray(PIXELS)
    picture = PIL.Image.fromarray(PIXELS[..., 0].astype(np.uint16)) if mode == "I;16" else picture.convert(mode)
    picture.save(stream, FORMATS[suffix])
    return stream.getvalue()


@pytest.fixture(scope="module", autouse=True)
def figures():
    yield
    print(f"\n{dict(SAID)}")


@fuzzed(0.4)
@given(data=st.data())
def test_pictures(tmp_path_factory, data):
    suffix = data.draw(st.sampled_from(sorted(FORMATS)))
    whole = saved(suffix, data.draw(st.sampled_from(MODES.get(suffix, ["RGB"]))))
    folder = tmp_path_factory.mktemp("pictures")
    (folder / f"a.{suffix}").write_bytes(edited(whole, data.draw(edits(len(whole)))))
    said = outcome(lambda: open_images(folder).load(0), folder, memory=3 * 2**30)
    SAID["read" if said is None else "sentence"] += 1


@fuzzed(0.1)
@given(data=st.data())
def test_arrays_of_images(tmp_path_factory, data):
    suffix = data.draw(st.sampled_from([".npz", ".npy"]))
    path = tmp_path_factory.mktemp("arrays") / f"images{suffix}"
    images = np.stack([PIXELS] * 3)
    np.save(path, images) if suffix == ".npy" else np.savez(path, images=images)
    whole = path.read_bytes()
    path.write_bytes(edited(whole, data.draw(edits(len(whole)))))
    said = outcome(lambda: open_images(path).load(0), path)
    SAID["array read" if said is None else "array sentence"] += 1
