import numpy as np
import pytest
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {
    "hidden_sizes": [12, 16],
    "depths": [2, 1],
    "patch_sizes": [7, 3],
    "strides": [4, 2],
    "padding": [2, 1],
    "num_encoder_blocks": 2,
    "mlp_ratio": 2.0,
    "num_labels": 5,
}
CONFIGS = {
    "no_layer_scale": {"use_layer_scale": False, "hidden_act": "relu"},
    "wide_pool": {"pool_size": 5, "mlp_ratio": 1.5, "hidden_act": "gelu_new"},
    "three_stages_other_strides": {
        "hidden_sizes": [8, 12, 16],
        "depths": [1, 1, 1],
        "patch_sizes": [5, 4, 3],
        "strides": [3, 2, 1],
        "padding": [0, 2, 1],
        "num_encoder_blocks": 3,
    },
}


def hooks(config, base=""):
    named = {
        f"stage{stage}.block{index}": f"{base}encoder.block.{stage}.{index}"
        for stage, depth in enumerate(config.depths)
        for index in range(depth)
    }
    return {**named, "embeddings": f"{base}encoder.patch_embeddings.0"}


@pytest.mark.parametrize("changes", first_every_day(CONFIGS))
def test_states(parity, changes):
    config = transformers.PoolFormerConfig(**{**BASE, **changes})
    parity(transformers.PoolFormerModel, config, hooks=hooks(config), image_size=(40, 33))


def test_classifier(parity):
    config = transformers.PoolFormerConfig(**BASE)
    named = {**hooks(config, "poolformer."), "norm": "norm"}
    model = parity(transformers.PoolFormerForImageClassification, config, hooks=named, image_size=(32, 48))
    assert [step.name for step in model.steps] == [
        "embeddings",
        "stage0.block0",
        "stage0.block1",
        "stage1.block0",
        "norm",
    ]
    assert [step.layout.grid for step in model.steps] == [(8, 12)] * 3 + [(4, 6)] * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pool_size": 4}, "pool_size=4: the original needs an odd number"),
        ({"strides": [4]}, "one entry of patch_sizes, strides and padding for each stage"),
        ({"num_encoder_blocks": 3}, "num_encoder_blocks=3: only 2"),
    ],
)
def test_refused_configurations(tmp_path, changes, message):
    transformers.PoolFormerConfig(**{**BASE, **changes}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path, init="random")


def test_images_too_small_for_the_strides(tmp_path):
    transformers.PoolFormerModel(transformers.PoolFormerConfig(**BASE)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"images of 2 x 32 pixels are too small.*at least 3 x 3"):
        load_model(tmp_path)(np.zeros((1, 2, 32, 3), np.float32))
