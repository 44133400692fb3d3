from types import SimpleNamespace

import numpy as np
import pytest
import transformers
from safetensors.numpy import load_file, save_file

from jaxsim.models import load_model

from ..every_day import first_every_day

VISION = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "image_size": 32,
    "patch_size": 8,
}
TEXT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 20,
    "max_position_embeddings": 8,
}
CASES = {
    "plain": ({}, None),
    "larger": ({"hidden_act": "gelu", "layer_norm_eps": 1e-3}, (40, 56)),
    "smaller": ({"hidden_act": "relu", "num_attention_heads": 6}, (24, 17)),
}


class ImagesOnly(transformers.CLIPModel):
    """A full CLIP that is given no text."""

    def forward(self, pixel_values, interpolate_pos_encoding=False, **options):
        output = self.vision_model(pixel_values, interpolate_pos_encoding=interpolate_pos_encoding, **options)
        return SimpleNamespace(**output, image_embeds=self.visual_projection(output.pooler_output))


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CASES))
def test_states(parity, changes, image_size):
    config = transformers.CLIPVisionConfig(**{**VISION, **changes})
    parity(transformers.CLIPVisionModel, config, image_size=image_size)


def test_projection(parity):
    config = transformers.CLIPVisionConfig(**VISION, projection_dim=10)
    parity(transformers.CLIPVisionModelWithProjection, config)


def test_full_model(parity):
    config = transformers.CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=10)
    parity(ImagesOnly, config, image_size=(48, 40))


def test_classifier(parity):
    config = transformers.CLIPConfig(vision_config=VISION, text_config=TEXT, num_labels=5)
    parity(transformers.CLIPForImageClassification, config)


def test_names_of_the_hub(tmp_path):
    transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**VISION)).save_pretrained(tmp_path)
    before = load_model(tmp_path).weights_hash
    file = tmp_path / "model.safetensors"
    tensors = {f"vision_model.{name}": tensor for name, tensor in load_file(file).items()}
    tensors["vision_model.embeddings.position_ids"] = np.arange(17)[None]
    save_file(tensors, file)
    assert load_model(tmp_path).weights_hash == before
