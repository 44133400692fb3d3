"""What a checkpoint's images become is what its own image processor makes of them, for every family that has one."""

import re
from pathlib import Path

import numpy as np
import pytest
import transformers
from PIL import Image
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

import jaxsim
from jaxsim.models.preprocessing.preprocessors import TransformersPreprocessor
from jaxsim.models.supported import supported

PAGE = Path(jaxsim.__file__).parent.parent / "docs" / "explanation" / "exactness.md"

# Towers and variants without an entry of their own bring the processor of these.
SAME = {"clip_vision_model": "clip", "dinov2_with_registers": "dinov2", "siglip_vision_model": "siglip"}

#: Type of model -> name of its image processor on Pillow, for those that transformers' processor prepares.
PROCESSORS = {
    kind: IMAGE_PROCESSOR_MAPPING_NAMES[SAME.get(kind, kind)]["pil"]
    for row in supported()
    if row.processor.startswith("transformers")
    for kind in row.model_types
}


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    sizes = [(300, 400), (400, 300), (224, 224), (64, 48), (257, 511), (500, 333), (33, 40), (640, 480), (256, 256)]
    found = []
    for height, width in sizes:
        smooth = Image.fromarray(rng.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), np.uint8))
        found.append(smooth.resize((width, height), Image.Resampling.BICUBIC))
    return found


@pytest.mark.parametrize("kind", PROCESSORS)
def test_equal_to_the_image_processor_to_the_last_bit(kind, pictures, tmp_path):
    processor = getattr(transformers, PROCESSORS[kind])()
    processor.save_pretrained(tmp_path)
    ours = TransformersPreprocessor(tmp_path)(list(map(np.asarray, pictures)))  # together, as the pipeline does
    for picture, own in zip(pictures, ours, strict=True):
        expected = processor(images=picture, return_tensors="np")["pixel_values"][0].transpose(1, 2, 0)
        assert np.abs(own - expected).max() == 0


def test_the_page_names_every_processor_and_every_family():
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+Pil)` \| (.+) \| 0 \|$", text, re.MULTILINE)
    told = {kind: name for name, kinds in rows for kind in re.findall(r"`([\w-]+)`", kinds)}
    assert told == PROCESSORS
    own = [row.family for row in supported() if row.processor == "own" and row.model_types]
    assert [family for family in own if f"| {family} |" not in text] == []
