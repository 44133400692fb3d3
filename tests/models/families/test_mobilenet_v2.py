import pytest
import transformers

from ..every_day import first_every_day

BASE = {"image_size": 48, "depth_multiplier": 0.1, "finegrained_output": False, "expand_ratio": 3, "num_labels": 5}
EXPANDED_STEM = {"first_layer_is_expansion": False, "depth_divisible_by": 4, "min_depth": 6}
CONFIGS = {
    "torch_padding": ({"tf_padding": False, "hidden_act": "swish", **EXPANDED_STEM}, (45, 70)),
    "dilated_8": ({"output_stride": 8, "layer_norm_eps": 1e-2, "image_size": [33, 64]}, None),
    "dilated_16_torch_padding": ({"output_stride": 16, "tf_padding": False}, (64, 40)),
}
HOOKS = {"stem": "conv_stem", "top": "conv_1x1"}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CONFIGS))
def test_states(parity, changes, image_size):
    config = transformers.MobileNetV2Config(**{**BASE, **changes})
    parity(transformers.MobileNetV2Model, config, image_size=image_size, hooks=HOOKS)


@pytest.mark.slow
def test_classifier_with_tensorflow_padding(parity):
    config = transformers.MobileNetV2Config(**{**BASE, "finegrained_output": True})
    hooks = {step: f"mobilenet_v2.{path}" for step, path in HOOKS.items()}
    model = parity(transformers.MobileNetV2ForImageClassification, config, image_size=(45, 70), hooks=hooks)
    assert model.module.n_labels == 5
    assert model.steps[-1].n_features == 1280
