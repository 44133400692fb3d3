import numpy as np
import pytest
import torch
import transformers
from transformers.models.vit_mae.modeling_vit_mae import build_2d_sinusoidal_position_embedding

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "image_size": 32,
    "patch_size": 8,
    "decoder_hidden_size": 16,
    "decoder_num_hidden_layers": 1,
    "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 16,
    "mask_ratio": 0.0,
}
CASES = {
    "plain": ({}, None, 16),
    "non_square": ({"image_size": [32, 48], "patch_size": [8, 4], "qkv_bias": False}, None, 48),
    "interpolated": ({"hidden_act": "relu", "layer_norm_eps": 1e-3, "norm_pix_loss": True}, (24, 56), 21),
}


def in_order(n_patches):
    """Noise that keeps the patches in their order."""
    return {"noise": torch.arange(n_patches, dtype=torch.float32).repeat(2, 1)}


@pytest.mark.parametrize(("changes", "image_size", "n_patches"), first_every_day(CASES))
def test_states(parity, changes, image_size, n_patches):
    config = transformers.ViTMAEConfig(**{**BASE, **changes})
    options = {"hooks": {"norm": "layernorm"}, "forward": in_order(n_patches)}
    parity(transformers.ViTMAEModel, config, image_size=image_size, **options)


def test_checkpoint_with_decoder(parity):
    options = {"hooks": {"norm": "vit.layernorm"}, "forward": in_order(16), "skip_outputs": ("logits",)}
    parity(transformers.ViTMAEForPreTraining, transformers.ViTMAEConfig(**BASE), **options)


def test_masking_is_for_training_only(tmp_path):
    config = transformers.ViTMAEConfig(**{**BASE, "mask_ratio": 0.75})
    transformers.ViTMAEModel(config).save_pretrained(tmp_path)
    assert load_model(tmp_path).steps[0].layout.n_tokens == 17


@pytest.mark.slow
def test_untrained_positions(tmp_path):
    config = transformers.ViTMAEConfig(**{**BASE, "image_size": [32, 48]})
    config.save_pretrained(tmp_path)
    table = load_model(tmp_path, init="random").params["params"]["position_embeddings"][0]
    rows_first = build_2d_sinusoidal_position_embedding(4, 6, embed_dim=24, cls_token=True).numpy()
    np.testing.assert_allclose(table, np.roll(rows_first, 12, axis=1), atol=1e-6)
