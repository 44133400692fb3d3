import numpy as np
import pytest
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {
    "image_size": 32,
    "hidden_sizes": [12, 16],
    "depths": [2, 1],
    "num_encoder_blocks": 2,
    "patch_sizes": [4, 2],
    "strides": [4, 2],
    "num_attention_heads": [2, 4],
    "mlp_ratios": [2, 3],
    "sequence_reduction_ratios": [4, 1],
    "num_labels": 5,
}
CONFIGS = {
    "no_qkv_bias": {"qkv_bias": False, "hidden_act": "relu", "layer_norm_eps": 1e-2},
    "kernels_that_are_not_the_strides": {"strides": [3, 1], "image_size": 48, "sequence_reduction_ratios": [3, 1]},
    "three_stages_rest_of_cells": {
        "hidden_sizes": [8, 12, 16],
        "depths": [1, 1, 2],
        "num_encoder_blocks": 3,
        "patch_sizes": [4, 2, 2],
        "strides": [4, 2, 2],
        "num_attention_heads": [1, 2, 4],
        "mlp_ratios": [2, 2, 1],
        "sequence_reduction_ratios": [3, 1, 1],
        "hidden_act": "gelu_new",
    },
}


def hooks(base=""):
    return {"embeddings": f"{base}encoder.patch_embeddings.0"}


@pytest.mark.parametrize("changes", first_every_day(CONFIGS))
def test_states(parity, changes):
    config = transformers.PvtConfig(**{**BASE, **changes})
    parity(transformers.PvtModel, config, hooks=hooks())


def test_classifier(parity):
    config = transformers.PvtConfig(**BASE)
    model = parity(transformers.PvtForImageClassification, config, hooks=hooks("pvt."))
    assert [step.name for step in model.steps] == [
        "embeddings",
        "stage0.block0",
        "stage0.block1",
        "stage1.block0",
        "norm",
    ]
    assert [len(step.layout.prefix) for step in model.steps] == [0, 0, 0, 1, 1]


def test_positions_are_not_resized(tmp_path):
    transformers.PvtModel(transformers.PvtConfig(**BASE)).save_pretrained(tmp_path)
    model = load_model(tmp_path)
    for size in ((48, 32), (2, 32)):
        with pytest.raises(ValueError, match="has positions for 64; the original does not resize them"):
            model(np.zeros((1, *size, 3), np.float32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sequence_reduction_ratios": [4, 2]}, "cannot reduce the last stage"),
        ({"image_size": [32, 48]}, "square images only"),
        ({"strides": [4]}, "expected 2 entries, one a stage"),
        ({"sequence_reduction_ratios": [16, 1]}, "cells of 16 x 16"),
    ],
)
def test_refused_configurations(tmp_path, changes, message):
    transformers.PvtConfig(**{**BASE, **changes}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path, init="random")
