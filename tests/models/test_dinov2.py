import numpy as np
import pytest
import transformers

from jaxsim.models import load_model

BASE = {
    "hidden_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 3,
    "mlp_ratio": 2,
    "image_size": 32,
    "patch_size": 8,
}
CONFIGS = {
    "plain": {},
    "swiglu": {"use_swiglu_ffn": True, "mlp_ratio": 3},
    "no_qkv_bias": {"qkv_bias": False, "layerscale_value": 1e-5},
    "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-2, "use_mask_token": False},
    "tanh_gelu": {"hidden_act": "gelu_pytorch_tanh", "patch_size": [8, 4]},
    "odd_heads": {"num_attention_heads": 6, "hidden_size": 18},
}


@pytest.mark.parametrize("changes", CONFIGS.values(), ids=CONFIGS)
def test_states(parity, changes):
    config = transformers.Dinov2Config(**{**BASE, **changes})
    parity(transformers.Dinov2Model, config, hooks={"norm": "layernorm"})


@pytest.mark.parametrize("image_size", [(48, 48), (16, 56), (64, 16), (24, 24), (33, 47)])
def test_interpolated_positions(parity, image_size):
    config = transformers.Dinov2Config(**BASE, use_swiglu_ffn=True)
    parity(transformers.Dinov2Model, config, image_size=image_size, hooks={"norm": "layernorm"})


@pytest.mark.parametrize("image_size", [None, (24, 40)])
def test_classifier(parity, image_size):
    config = transformers.Dinov2Config(**BASE, num_labels=5)
    model = parity(
        transformers.Dinov2ForImageClassification,
        config,
        image_size=image_size,
        hooks={"norm": "dinov2.layernorm"},
    )
    assert model.module.n_labels == 5


def test_ambiguous_position_table(parity):
    config = transformers.Dinov2Config(**{**BASE, "image_size": [64, 16]})
    with pytest.raises(ValueError, match="8 x 2 positions are ambiguous with 4 x 4"):
        parity(transformers.Dinov2Model, config)


def test_images_below_one_patch(tmp_path):
    transformers.Dinov2Config(**BASE).save_pretrained(tmp_path)
    model = load_model(tmp_path, init="random")
    with pytest.raises(ValueError, match="smaller than one patch of 8 x 8"):
        model(np.zeros((1, 4, 32, 3), np.float32))
