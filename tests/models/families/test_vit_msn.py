import pytest
import transformers

from ..every_day import first_every_day

BASE = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "image_size": 32,
    "patch_size": 8,
}
CASES = {
    "plain": ({}, None),
    "non_square": ({"image_size": [32, 48], "patch_size": [8, 4], "qkv_bias": False}, None),
    "interpolated": ({"hidden_act": "relu", "layer_norm_eps": 1e-3}, (24, 56)),
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CASES))
def test_states(parity, changes, image_size):
    config = transformers.ViTMSNConfig(**{**BASE, **changes})
    parity(transformers.ViTMSNModel, config, image_size=image_size, hooks={"norm": "layernorm"})


@pytest.mark.slow
def test_classifier(parity):
    config = transformers.ViTMSNConfig(**BASE, num_labels=5)
    hooks = {"norm": "vit.layernorm"}
    parity(transformers.ViTMSNForImageClassification, config, image_size=(40, 40), hooks=hooks)
