import pytest
import transformers

from ..every_day import first_every_day

BASE = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "mlp_ratio": 2,
    "image_size": 32,
    "patch_size": 8,
}
CASES = {
    "plain": ({}, None),
    "swiglu_larger": ({"use_swiglu_ffn": True, "num_register_tokens": 1}, (40, 56)),
    "smaller": ({"qkv_bias": False, "hidden_act": "relu"}, (24, 17)),
    "no_registers": ({"num_register_tokens": 0, "patch_size": [8, 4]}, None),
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CASES))
def test_states(parity, changes, image_size):
    config = transformers.Dinov2WithRegistersConfig(**{**BASE, **changes})
    original = transformers.Dinov2WithRegistersModel
    model = parity(original, config, image_size=image_size, hooks={"norm": "layernorm"})
    assert model.steps[0].layout.prefix == ("cls",) + ("register",) * config.num_register_tokens


def test_classifier(parity):
    config = transformers.Dinov2WithRegistersConfig(**BASE, num_labels=5)
    hooks = {"norm": "dinov2_with_registers.layernorm"}
    parity(transformers.Dinov2WithRegistersForImageClassification, config, image_size=(24, 40), hooks=hooks)
