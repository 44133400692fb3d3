import pytest
import transformers

from ..every_day import first_every_day

BASE = {
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "image_size": 32,
    "patch_size": 8,
}
CONFIGS = {
    "plain": {},
    "no_qkv_bias": {"qkv_bias": False},
    "tanh_gelu": {"hidden_act": "gelu_new"},
    "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-2},
    "non_square": {"image_size": [32, 48], "patch_size": [8, 4]},
    "pooler": {"pooler_output_size": 10, "pooler_act": "relu"},
}


@pytest.mark.parametrize("changes", first_every_day(CONFIGS))
def test_states(parity, changes):
    config = transformers.ViTConfig(**{**BASE, **changes})
    parity(transformers.ViTModel, config, hooks={"norm": "layernorm"})


@pytest.mark.parametrize(
    "image_size",
    [
        pytest.param((48, 48), marks=pytest.mark.slow),
        (16, 56),
        pytest.param((24, 24), marks=pytest.mark.slow),
        (33, 47),
    ],
)
def test_interpolated_positions(parity, image_size):
    parity(
        transformers.ViTModel,
        transformers.ViTConfig(**BASE),
        image_size=image_size,
        hooks={"norm": "layernorm"},
    )


def test_classifier(parity):
    config = transformers.ViTConfig(**BASE, num_labels=5)
    model = parity(transformers.ViTForImageClassification, config, hooks={"norm": "vit.layernorm"})
    assert model.module.n_labels == 5
