import json

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file, save_file

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "image_size": 32,
    "patch_size": 8,
    "num_register_tokens": 3,
}
CASES = {
    "plain": ({}, None),
    "gated_larger": ({"use_gated_mlp": True, "hidden_act": "silu", "rope_theta": 50.0}, (40, 56)),
    "every_bias": ({"key_bias": True, "num_register_tokens": 0, "patch_size": [8, 4]}, None),
    "no_bias": ({"query_bias": False, "value_bias": False, "proj_bias": False, "mlp_bias": False}, (17, 24)),
    "non_square": ({"image_size": [32, 48], "layerscale_value": 1e-5, "layer_norm_eps": 1e-3}, None),
}
PROCESSOR = {
    "do_center_crop": None,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.4, 0.5, 0.6],
    "image_processor_type": "DINOv3ViTImageProcessorFast",
    "image_std": [0.2, 0.3, 0.4],
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 24, "width": 16},
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CASES))
def test_states(parity, changes, image_size):
    config = transformers.DINOv3ViTConfig(**{**BASE, **changes})
    parity(transformers.DINOv3ViTModel, config, image_size=image_size, hooks={"norm": "norm"})


def test_names_inside_transformers(tmp_path):
    transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**BASE)).save_pretrained(tmp_path)
    before = load_model(tmp_path).weights_hash
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    save_file({f"model.{name}" if name.startswith("layer.") else name: t for name, t in tensors.items()}, file)
    assert load_model(tmp_path).weights_hash == before


def test_heads_without_rotation(tmp_path):
    transformers.DINOv3ViTConfig(**{**BASE, "num_attention_heads": 4}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="num_attention_heads=4: rotary positions need"):
        load_model(tmp_path, init="random")


@pytest.fixture
def directory(tmp_path):
    transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**BASE)).save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return tmp_path


@pytest.mark.parametrize("resample", [2, 3])
def test_preprocessing(directory, resample):
    settings = {**PROCESSOR, "resample": resample}
    (directory / "preprocessor_config.json").write_text(json.dumps(settings))
    model = load_model(directory)
    assert model.image_size == (24, 16)
    for shape in [(50, 70), (10, 12), (24, 16)]:
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
        scaled = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        mode = {2: "bilinear", 3: "bicubic"}[resample]
        resized = torch.nn.functional.interpolate(scaled, size=(24, 16), mode=mode, antialias=True)
        expected = (resized[0].permute(1, 2, 0).numpy() - [0.4, 0.5, 0.6]) / [0.2, 0.3, 0.4]
        np.testing.assert_allclose(model.preprocess([image])[0], expected, atol=1e-5)
    json.dumps(model.preprocessing)


def test_preprocessing_at_another_size(directory):
    model = load_model(directory, image_size=(32, 40))
    assert model.preprocess([np.zeros((9, 9), np.uint8)]).shape == (1, 32, 40, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"do_center_crop": True}, "do_center_crop=True"), ({"size": 4}, "size=4"), ({"resample": 1}, "resample=1")],
)
def test_unsupported_preprocessing(directory, change, message):
    (directory / "preprocessor_config.json").write_text(json.dumps({**PROCESSOR, **change}))
    with pytest.raises(ValueError, match=message):
        load_model(directory)
