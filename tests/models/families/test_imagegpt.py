import json

import numpy as np
import pytest
import transformers
from PIL import Image
from safetensors.numpy import load_file, save_file

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {"vocab_size": 12, "n_positions": 36, "n_embd": 24, "n_layer": 3, "n_head": 3, "num_labels": 5}
# A head of 8 has no whole square root; scales that differ from block to block; odd widths inside.
CASES = {
    "ImageGPTModel": {"n_inner": 20},
    "ImageGPTForImageClassification": {
        "activation_function": "gelu_new",
        "scale_attn_by_inverse_layer_idx": True,
        "layer_norm_epsilon": 1e-2,
    },
    "ImageGPTForCausalImageModeling": {"scale_attn_weights": False, "reorder_and_upcast_attn": True, "n_positions": 40},
}


@pytest.fixture(autouse=True)
def _whole_scale(monkeypatch):
    """Before 5.21, transformers' ImageGPT divides scores by the integer part of the root of a head's width."""
    monkeypatch.setattr("transformers.models.imagegpt.modeling_imagegpt.torch_float", float)


def hooks(config, base=""):
    last = config.n_layer - 1
    return {f"block{last:02d}": f"{base}h.{last}"}


@pytest.mark.parametrize(
    ("model_class", "changes"), first_every_day({name: (name, changes) for name, changes in CASES.items()})
)
def test_states(parity, model_class, changes):
    config = transformers.ImageGPTConfig(**{**BASE, **changes})
    base = "" if model_class == "ImageGPTModel" else "transformer."
    model = parity(getattr(transformers, model_class), config, hooks=hooks(config, base))
    assert [step.name for step in model.steps] == ["embeddings", "block00", "block01", "block02", "norm"]
    assert model.steps[0].layout.grid == (6, 6)


def test_smaller_images_that_are_not_square(parity):
    config = transformers.ImageGPTConfig(**BASE)
    parity(transformers.ImageGPTModel, config, hooks=hooks(config), image_size=(4, 7))


@pytest.fixture
def checkpoint(tmp_path):
    transformers.ImageGPTModel(transformers.ImageGPTConfig(**BASE)).save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def colours():
    return np.random.default_rng(0).uniform(-1, 1, (11, 3)).tolist()


def write_processor(directory, **settings):
    (directory / "preprocessor_config.json").write_text(json.dumps(settings))


def pictures(n=3):
    return [np.random.default_rng(i).integers(0, 256, (20 + i, 30, 3), np.uint8) for i in range(n)]


def test_preprocess_numbers_pixels_by_the_nearest_colour(checkpoint, colours):
    processor = transformers.ImageGPTImageProcessorPil(clusters=colours, size={"height": 6, "width": 5})
    processor.save_pretrained(checkpoint)
    model = load_model(checkpoint)
    ids = model.preprocess(pictures())
    expected = processor(images=[Image.fromarray(picture) for picture in pictures()], return_tensors="np")
    np.testing.assert_array_equal(ids.reshape(3, -1), expected["input_ids"])
    assert ids.dtype == np.int32
    assert ids.shape == (3, 6, 5) == (3, *model.image_size)
    states = model(ids)
    assert [state.shape for state in states.values()] == [(3, 30, 24)] * 5
    json.dumps(model.preprocessing)


def test_settings_of_old_files_and_an_image_size(checkpoint, colours):
    write_processor(checkpoint, clusters=colours, do_normalize=True, do_resize=True, resample=2, size=6)
    assert load_model(checkpoint).image_size == (6, 6)
    assert load_model(checkpoint, image_size=(3, 9)).preprocess(pictures()).shape == (3, 3, 9)


def test_palettes_are_told_apart(checkpoint, colours):
    described = []
    for palette in (colours, colours[::-1]):
        write_processor(checkpoint, clusters=palette, size=6)
        described.append(load_model(checkpoint).preprocessing)
    assert described[0] != described[1]
    assert described[0]["n_colours"] == 11


def test_token_ids_out_of_range(checkpoint):
    model = load_model(checkpoint)
    for wrong in (12, -1):
        ids = np.full((1, 6, 6), wrong)
        with pytest.raises(ValueError, match="token ids out of range: expected 0 to 11, got"):
            model(ids)
        with pytest.raises(ValueError, match="token ids out of range"):
            model.outputs(ids)


def test_pixels_are_no_token_ids(checkpoint):
    with pytest.raises(ValueError, match=r"expected token ids \[B, H, W\].*float32 \(1, 6, 6, 3\)"):
        load_model(checkpoint)(np.zeros((1, 6, 6, 3), np.float32))


def test_more_pixels_than_positions(checkpoint):
    with pytest.raises(ValueError, match="images of 6 x 7 pixels have more tokens than the model has positions, 36"):
        load_model(checkpoint)(np.zeros((1, 6, 7), np.int32))


def test_no_colours(checkpoint):
    with pytest.raises(ValueError, match=r"no colours to number the pixels by: add its preprocessor_config\.json"):
        load_model(checkpoint).preprocess(pictures())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clusters": [[0.0, 0.0]]}, "expected one finite"),
        ({"clusters": [[0.0, 0.0, 0.0]] * 13}, "at most 12"),
        ({"do_color_quantize": False}, "do_color_quantize=False is not supported"),
        ({"size": {"shortest_edge": 6}}, "expected height and width"),
    ],
)
def test_processor_files_that_do_not_fit(checkpoint, colours, changes, message):
    write_processor(checkpoint, **{"clusters": colours, "size": 6, **changes})
    with pytest.raises(ValueError, match=message):
        load_model(checkpoint)


def test_masks_of_old_files_stay_unused(checkpoint):
    tensors = {f"transformer.{name}": value for name, value in load_file(checkpoint / "model.safetensors").items()}
    mask = {"transformer.h.0.attn.bias": np.ones((1, 1, 36, 36), bool), "transformer.h.0.attn.masked_bias": np.zeros(1)}
    save_file({**tensors, **mask}, checkpoint / "model.safetensors")
    load_model(checkpoint)
