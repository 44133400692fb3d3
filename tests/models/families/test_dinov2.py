import numpy as np
import pytest
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "mlp_ratio": 2,
    "image_size": 32,
    "patch_size": 8,
}
CONFIGS = {
    "plain": {},
    "swiglu": {"use_swiglu_ffn": True, "mlp_ratio": 3},
    "no_qkv_bias": {"qkv_bias": False, "layerscale_value": 1e-5, "hidden_act": "relu", "use_mask_token": False},
    "wide_patches": {"hidden_act": "gelu_pytorch_tanh", "patch_size": [8, 4], "layer_norm_eps": 1e-2},
    "narrow_heads": {"head_dim": 5},
}


@pytest.mark.parametrize("changes", first_every_day(CONFIGS))
def test_states(parity, changes):
    config = transformers.Dinov2Config(**{**BASE, **changes})
    parity(transformers.Dinov2Model, config, hooks={"norm": "layernorm"})


@pytest.mark.parametrize("image_size", [pytest.param((48, 48), marks=pytest.mark.slow), (64, 16), (33, 47)])
def test_interpolated_positions(parity, image_size):
    config = transformers.Dinov2Config(**BASE, use_swiglu_ffn=True)
    parity(transformers.Dinov2Model, config, image_size=image_size, hooks={"norm": "layernorm"})


@pytest.mark.parametrize("image_size", [None, (24, 40)])
def test_classifier(parity, image_size):
    config = transformers.Dinov2Config(**BASE, num_labels=5)
    original, hooks = transformers.Dinov2ForImageClassification, {"norm": "dinov2.layernorm"}
    model = parity(original, config, image_size=image_size, hooks=hooks)
    assert model.module.n_labels == 5


def test_ambiguous_position_table(tmp_path):
    transformers.Dinov2Config(**{**BASE, "image_size": [64, 16]}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="8 x 2 positions are ambiguous with 4 x 4"):
        load_model(tmp_path, init="random")


def test_images_below_one_patch(tmp_path):
    transformers.Dinov2Model(transformers.Dinov2Config(**BASE)).save_pretrained(tmp_path)
    model = load_model(tmp_path)
    with pytest.raises(ValueError, match="smaller than one patch of 8 x 8"):
        model(np.zeros((1, 4, 32, 3), np.float32))
