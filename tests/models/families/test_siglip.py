import json

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.numpy import load_file, save_file

from jaxsim.models import load_model
from jaxsim.models.family import families
from jaxsim.models.loading.config import ConfigReader, with_defaults

from ..every_day import first_every_day

VISION = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "image_size": 32,
    "patch_size": 8,
}
FLEXIBLE = {**{name: value for name, value in VISION.items() if name != "image_size"}, "num_patches": 16}
TEXT = {
    "hidden_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 20,
    "max_position_embeddings": 8,
}
NORM = {"norm": "post_layernorm"}
INNER = {"norm": "vision_model.post_layernorm"}


class ImagesOnly(transformers.SiglipModel):
    """A full SigLIP that is given no text."""

    def forward(self, pixel_values, interpolate_pos_encoding=False, **options):
        return self.vision_model(pixel_values, interpolate_pos_encoding=interpolate_pos_encoding, **options)


def cut(pixels, patch):
    """The inputs of the NaFlex classes from images: flattened patches, a mask without padding, the grid."""
    batch, channels, height, width = pixels.shape
    grid = (height // patch, width // patch)
    pixels = pixels[:, :, : grid[0] * patch, : grid[1] * patch]
    patches = pixels.reshape(batch, channels, grid[0], patch, grid[1], patch).permute(0, 2, 4, 3, 5, 1)
    patches = patches.reshape(batch, grid[0] * grid[1], -1)
    mask = torch.ones(patches.shape[:2], dtype=torch.int64)
    return {"pixel_values": patches, "pixel_attention_mask": mask, "spatial_shapes": torch.tensor([grid] * batch)}


class Patches(transformers.Siglip2VisionModel):
    def forward(self, pixel_values, **options):
        return super().forward(**cut(pixel_values, self.config.patch_size), **options)


class PatchesOnly(transformers.Siglip2Model):
    def forward(self, pixel_values, **options):
        return self.vision_model(**cut(pixel_values, self.config.vision_config.patch_size), **options)


class PatchesClassified(transformers.Siglip2ForImageClassification):
    def forward(self, pixel_values, **options):
        return super().forward(**cut(pixel_values, self.config.vision_config.patch_size), **options)


@pytest.mark.parametrize(
    ("changes", "image_size"),
    first_every_day(
        {
            "plain": ({}, None),
            "larger_no_head": ({"vision_use_head": False, "hidden_act": "gelu", "layer_norm_eps": 1e-3}, (40, 56)),
            "smaller": ({"hidden_act": "relu", "num_attention_heads": 6}, (24, 17)),
        }
    ),
)
def test_states(parity, changes, image_size):
    config = transformers.SiglipVisionConfig(**{**VISION, **changes})
    model = parity(transformers.SiglipVisionModel, config, image_size=image_size, hooks=NORM)
    assert model.steps[0].layout.prefix == ()


def test_full_model(parity):
    config = transformers.SiglipConfig(vision_config=VISION, text_config=TEXT)
    parity(ImagesOnly, config, hooks=INNER)


def test_classifier(parity):
    config = transformers.SiglipConfig(vision_config=VISION, text_config=TEXT, num_labels=5)
    parity(transformers.SiglipForImageClassification, config, image_size=(24, 40), hooks=INNER)


@pytest.mark.parametrize(
    ("changes", "image_size"),
    [
        ({}, None),
        pytest.param({"hidden_act": "gelu"}, (40, 56), marks=pytest.mark.slow),
        ({"vision_use_head": False, "patch_size": 4}, (9, 8)),
    ],
    ids=["plain", "larger", "smaller_no_head"],
)
def test_flexible_states(parity, changes, image_size):
    config = transformers.Siglip2VisionConfig(**{**FLEXIBLE, **changes})
    parity(Patches, config, image_size=image_size, hooks=NORM)


def test_flexible_full_model(parity):
    config = transformers.Siglip2Config(vision_config=FLEXIBLE, text_config=TEXT)
    parity(PatchesOnly, config, image_size=(16, 48), hooks=INNER)


def test_flexible_classifier(parity):
    config = transformers.Siglip2Config(vision_config=FLEXIBLE, text_config=TEXT, num_labels=5)
    parity(PatchesClassified, config, hooks=INNER)


def test_names_of_the_hub(tmp_path):
    transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**VISION)).save_pretrained(tmp_path)
    before = load_model(tmp_path).weights_hash
    file = tmp_path / "model.safetensors"
    save_file({f"vision_model.{name}": tensor for name, tensor in load_file(file).items()}, file)
    assert load_model(tmp_path).weights_hash == before


@pytest.mark.parametrize("kind", ["siglip_vision_model", "siglip2_vision_model"])
def test_a_configuration_that_does_not_speak_of_the_head_has_it(kind):
    """As those of transformers 5.18, whose models have it then."""
    (family,) = (each for each in families() if kind in each.model_types)
    values = with_defaults({"model_type": kind}, kind)
    values.pop("vision_use_head", None)
    pooled = [
        family.build(ConfigReader({**values, **said}, "config.json"), {}).module.pooled
        for said in ({}, {"vision_use_head": True}, {"vision_use_head": False})
    ]
    assert pooled == [True, True, False]


def test_flexible_positions_form_a_square(tmp_path):
    transformers.Siglip2VisionConfig(**{**FLEXIBLE, "num_patches": 15}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="num_patches=15: the positions form a square"):
        load_model(tmp_path, init="random")


@pytest.mark.slow
def test_flexible_preprocessing_of_a_square_image(tmp_path):
    transformers.Siglip2VisionConfig(**FLEXIBLE).save_pretrained(tmp_path)
    own = transformers.Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16, image_mean=[0.4, 0.5, 0.6])
    own.save_pretrained(tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8)
    expected = own(images=[Image.fromarray(picture)], return_tensors="pt")["pixel_values"]
    model = load_model(tmp_path, init="random")
    assert model.image_size == (32, 32)
    pixels = torch.from_numpy(model.preprocess([picture]).transpose(0, 3, 1, 2).copy())
    np.testing.assert_allclose(cut(pixels, 8)["pixel_values"], expected, atol=1e-6)
    json.dumps(model.preprocessing)
    assert load_model(tmp_path, init="random", image_size=(16, 40)).image_size == (16, 40)
