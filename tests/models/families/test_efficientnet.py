import pytest
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {
    "image_size": 48,
    "width_coefficient": 0.1,
    "depth_coefficient": 1.0,
    "depth_divisor": 4,
    "hidden_dim": 128,
    "in_channels": [32, 90, 120],
    "out_channels": [90, 120, 160],
    "kernel_sizes": [3, 5, 3],
    "strides": [1, 2, 2],
    "num_block_repeats": [1, 2, 1],
    "expand_ratios": [1, 6, 4],
    "num_labels": 5,
}
CONFIGS = {
    "plain": ({}, None),
    "odd_images": ({"hidden_act": "gelu"}, (45, 71)),
    "centred_padding": ({"depthwise_padding": [1, 3]}, (37, 54)),
    "deeper_wider": ({"depth_coefficient": 1.4, "width_coefficient": 0.2, "hidden_dim": 256}, (40, 40)),
    "max_pool": ({"pooling_type": "max", "squeeze_expansion_ratio": 0.1, "batch_norm_eps": 1e-2}, (64, 33)),
    "strided_first": ({"strides": [2, 1, 1], "kernel_sizes": [5, 3, 7], "expand_ratios": [2, 1, 3]}, (48, 40)),
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CONFIGS))
def test_states(parity, changes, image_size):
    config = transformers.EfficientNetConfig(**{**BASE, **changes})
    parity(transformers.EfficientNetModel, config, image_size=image_size, hooks={"top": "encoder.top_activation"})


def test_classifier(parity):
    config = transformers.EfficientNetConfig(**BASE)
    hooks = {"top": "efficientnet.encoder.top_activation"}
    model = parity(transformers.EfficientNetForImageClassification, config, hooks=hooks)
    assert model.module.n_labels == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strides": [1, 2]}, "lists of one length"),
        ({"strides": [1, 2, 3]}, "strides 1 and 2 only"),
        ({"in_channels": [32, 90, 200]}, "200 does not fit the 12 channels"),
        ({"hidden_dim": 100}, "hidden_dim=100: only 128 is supported"),
    ],
)
def test_contradictions_are_refused(tmp_path, changes, message):
    transformers.EfficientNetConfig(**{**BASE, **changes}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path, init="random")
