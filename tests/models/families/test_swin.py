import numpy as np
import pytest
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {
    "embed_dim": 12,
    "depths": [2, 2],
    "num_heads": [2, 3],
    "window_size": 4,
    "mlp_ratio": 2.0,
    "image_size": 32,
    "patch_size": 4,
    "num_labels": 5,
}
CONFIGS = {
    "no_qkv_bias": {"qkv_bias": False, "hidden_act": "relu"},
    "three_stages": {"depths": [1, 2, 1], "num_heads": [2, 3, 4], "window_size": 3, "image_size": 48},
    "non_square_padded": {"image_size": [27, 46], "window_size": 3, "use_absolute_embeddings": False},
    "positions": {"use_absolute_embeddings": True, "image_size": [32, 48], "layer_norm_eps": 1e-2},
}


def hooks(config, base=""):
    named = {
        f"stage{stage}.block{index}": f"{base}encoder.layers.{stage}.blocks.{index}"
        for stage, depth in enumerate(config.depths)
        for index in range(depth)
    }
    return {**named, "norm": f"{base}layernorm"}


@pytest.mark.parametrize("changes", first_every_day(CONFIGS))
def test_states(parity, changes):
    config = transformers.SwinConfig(**{**BASE, **changes})
    parity(transformers.SwinModel, config, hooks=hooks(config))


@pytest.mark.parametrize("image_size", [(48, 48), pytest.param((38, 33), marks=pytest.mark.slow)])
def test_another_image_size(parity, image_size):
    positions = image_size == (48, 48)
    config = transformers.SwinConfig(**BASE, use_absolute_embeddings=positions)
    model = parity(transformers.SwinModel, config, hooks=hooks(config), image_size=image_size)
    assert model.steps[0].layout.grid == (-(-image_size[0] // 4), -(-image_size[1] // 4))


def test_classifier(parity):
    config = transformers.SwinConfig(**BASE, hidden_act="gelu_new")
    model = parity(transformers.SwinForImageClassification, config, hooks=hooks(config, "swin."))
    names = ["embeddings", "stage0.block0", "stage0.block1", "stage1.block0", "stage1.block1", "norm"]
    assert [step.name for step in model.steps] == names
    assert [step.n_features for step in model.steps] == [12, 12, 12, 24, 24, 24]


def test_decoder_of_masked_image_modelling_stays_unused(tmp_path):
    config = transformers.SwinConfig(**BASE, encoder_stride=8)
    transformers.SwinForMaskedImageModeling(config).save_pretrained(tmp_path)
    assert len(load_model(tmp_path).steps) == 6


def test_images_too_small_for_the_window(tmp_path):
    transformers.SwinModel(transformers.SwinConfig(**BASE)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"images too small: a map of 2 x 4 tokens is left where windows of 4 x 4"):
        load_model(tmp_path)(np.zeros((1, 16, 32, 3), np.float32))


def test_stages_without_blocks_are_refused(tmp_path):
    transformers.SwinModel(transformers.SwinConfig(**{**BASE, "depths": [2, 0]})).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"depths=\[2, 0\]: expected blocks from 1 on"):
        load_model(tmp_path)
