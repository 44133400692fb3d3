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
    "pooler": ({"pooler_output_size": 10, "pooler_act": "relu"}, None),
    "non_square": ({"image_size": [32, 48], "patch_size": [8, 4], "qkv_bias": False}, None),
    "interpolated": ({"hidden_act": "gelu_new", "layer_norm_eps": 1e-3}, (24, 56)),
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CASES))
def test_states(parity, changes, image_size):
    config = transformers.DeiTConfig(**{**BASE, **changes})
    model = parity(transformers.DeiTModel, config, image_size=image_size, hooks={"norm": "layernorm"})
    assert model.steps[0].layout.prefix == ("cls", "distillation")


@pytest.mark.parametrize("head", ["", "WithTeacher"])
def test_classifiers(parity, head):
    original = getattr(transformers, f"DeiTForImageClassification{head}")
    config = transformers.DeiTConfig(**BASE, num_labels=5)
    parity(original, config, image_size=(40, 40), hooks={"norm": "deit.layernorm"})


def test_masked_image_model(parity):
    config = transformers.DeiTConfig(**BASE, encoder_stride=8)
    parity(transformers.DeiTForMaskedImageModeling, config, hooks={"norm": "deit.layernorm"})
