"""Models of one channel, against their originals."""

import json

import numpy as np
import pytest
import transformers
from PIL import Image

from jaxsim.models import load_model
from jaxsim.models.inputs import Pixels

VIT = {"hidden_size": 24, "num_attention_heads": 3, "intermediate_size": 36, "num_hidden_layers": 1, "patch_size": 4}
SWIN = {"embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4, "patch_size": 4}
STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
CASES = {
    "vit": (transformers.ViTModel, {**VIT, "image_size": 16}),
    "swin": (transformers.SwinModel, {**SWIN, "image_size": 32}),
    "resnet": (transformers.ResNetModel, {**STAGES, "embedding_size": 8}),
    "convnext": (transformers.ConvNextModel, {**STAGES, "image_size": 32}),
    "beit": (transformers.BeitModel, {**VIT, "image_size": 16}),
    "clip": (transformers.CLIPVisionModel, {**VIT, "image_size": 16}),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("vit", "resnet") else pytest.mark.slow) for name in CASES]
)
def test_states_of_one_channel(parity, stage_hooks, name):
    model_class, settings = CASES[name]
    config = model_class.config_class(num_channels=1, **settings)
    hooks = {"norm": "layernorm"} if name in ("vit", "swin", "convnext") else {}
    if name in ("resnet", "convnext"):
        hooks |= stage_hooks(config)
    if name == "swin":
        hooks |= {f"stage{s}.block0": f"encoder.layers.{s}.blocks.0" for s in range(2)}
    model = parity(model_class, config, hooks=hooks, image_size=(32, 32) if name == "resnet" else None)
    assert model.inputs == Pixels(1)


@pytest.fixture
def grey_vit(tmp_path):
    config = transformers.ViTConfig(num_channels=1, image_size=16, **VIT)
    transformers.ViTModel(config).save_pretrained(tmp_path)
    return tmp_path


def settings_of(**changes):
    size = {"height": 16, "width": 16}
    return json.dumps({"image_processor_type": "ViTImageProcessor", "size": size, "resample": 2, **changes})


def test_preprocessing_of_grey_pictures_is_the_processors(grey_vit):
    (grey_vit / "preprocessor_config.json").write_text(settings_of(image_mean=[0.4], image_std=[0.3]))
    picture = np.random.default_rng(0).integers(0, 256, (40, 25), dtype=np.uint8)
    processor = transformers.AutoImageProcessor.from_pretrained(grey_vit, backend="pil")
    expected = processor(images=[Image.fromarray(picture)], return_tensors="np")["pixel_values"].transpose(0, 2, 3, 1)
    model = load_model(grey_vit)
    np.testing.assert_array_equal(model.preprocess([picture]), expected)
    np.testing.assert_array_equal(model.preprocess([np.repeat(picture[:, :, None], 3, 2)]), expected)
    assert model(model.preprocess([picture]))["norm"].shape == (1, 17, 24)


def test_colours_become_grey_as_in_pillow(grey_vit):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    grey = np.asarray(Image.fromarray(picture).convert("L"))
    model = load_model(grey_vit, image_size=32)
    np.testing.assert_array_equal(model.preprocess([picture]), model.preprocess([grey]))
    assert model.preprocessing["channels"].startswith("grey")
    assert model.preprocess([picture]).shape == (1, 32, 32, 1)


def test_a_mean_of_three_channels_is_refused(grey_vit):
    (grey_vit / "preprocessor_config.json").write_text(settings_of(image_mean=[0.4, 0.5, 0.6], image_std=[0.3] * 3))
    with pytest.raises(ValueError, match=r'takes one channel, and image_mean.*"image_mean": \[0.5\]'):
        load_model(grey_vit)


def test_other_numbers_of_channels_are_refused(grey_vit):
    config = json.loads((grey_vit / "config.json").read_text())
    (grey_vit / "config.json").write_text(json.dumps({**config, "num_channels": 4}))
    with pytest.raises(ValueError, match="num_channels=4: only 3 or 1 is supported"):
        load_model(grey_vit)


def test_images_of_three_channels_are_refused(grey_vit):
    with pytest.raises(ValueError, match=r"expected float images \[B, H, W, 1\]"):
        load_model(grey_vit)(np.zeros((1, 16, 16, 3), np.float32))
