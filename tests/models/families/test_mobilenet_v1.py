import pytest
import transformers

from ..every_day import first_every_day

BASE = {"image_size": 48, "depth_multiplier": 0.05, "num_labels": 5}
CONFIGS = {
    "torch_padding": ({"tf_padding": False}, (45, 70)),
    "swish_narrow": ({"hidden_act": "swish", "min_depth": 3, "layer_norm_eps": 1e-2, "image_size": [33, 40]}, None),
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CONFIGS))
def test_states(parity, changes, image_size):
    config = transformers.MobileNetV1Config(**{**BASE, **changes})
    parity(transformers.MobileNetV1Model, config, image_size=image_size, hooks={"stem": "conv_stem"})


@pytest.mark.slow
def test_classifier_with_tensorflow_padding(parity):
    config = transformers.MobileNetV1Config(**BASE)
    model_class, hooks = transformers.MobileNetV1ForImageClassification, {"stem": "mobilenet_v1.conv_stem"}
    model = parity(model_class, config, image_size=(45, 70), hooks=hooks)
    assert model.module.n_labels == 5
