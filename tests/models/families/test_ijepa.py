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
    config = transformers.IJepaConfig(**{**BASE, **changes})
    model = parity(transformers.IJepaModel, config, image_size=image_size, hooks={"norm": "layernorm"})
    assert model.steps[0].layout.prefix == ()


def test_pooler(parity):
    config = transformers.IJepaConfig(**BASE, pooler_output_size=10)
    hooks = {"norm": "layernorm"}
    parity(lambda config: transformers.IJepaModel(config, add_pooling_layer=True), config, hooks=hooks)


def test_classifier(parity):
    config = transformers.IJepaConfig(**BASE, num_labels=5)
    hooks = {"norm": "ijepa.layernorm"}
    parity(transformers.IJepaForImageClassification, config, image_size=(40, 24), hooks=hooks)
