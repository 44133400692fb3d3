import pytest
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {"embedding_size": 12, "hidden_sizes": [20, 28], "depths": [2, 1], "num_labels": 5}
CONFIGS = {
    "bottleneck": ({}, (40, 40)),
    "basic": ({"layer_type": "basic"}, (45, 70)),
    "reduction_strided": ({"downsample_in_bottleneck": True, "hidden_act": "gelu"}, (70, 45)),
    "first_stage_strided": ({"downsample_in_first_stage": True, "downsample_in_bottleneck": True}, (64, 33)),
    "basic_first_stage_strided": ({"layer_type": "basic", "downsample_in_first_stage": True}, (45, 70)),
    "one_width": (
        {"hidden_act": "silu", "embedding_size": 16, "hidden_sizes": [16, 16, 16], "depths": [1, 2, 1]},
        (48, 40),
    ),
    "tiny_images": ({}, (3, 9)),
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CONFIGS))
def test_states(parity, stage_hooks, changes, image_size):
    config = transformers.ResNetConfig(**{**BASE, **changes})
    model = parity(transformers.ResNetModel, config, image_size=image_size, hooks=stage_hooks(config))
    assert [step.kind for step in model.steps] == ["stem"] + ["block"] * sum(config.depths)


@pytest.mark.slow
def test_classifier(parity, stage_hooks):
    config = transformers.ResNetConfig(**BASE)
    hooks = stage_hooks(config, "resnet.")
    model = parity(transformers.ResNetForImageClassification, config, image_size=(48, 32), hooks=hooks)
    assert model.module.n_labels == 5


def test_stages_must_agree(tmp_path):
    transformers.ResNetConfig(**{**BASE, "depths": [1]}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"hidden_sizes=\[20, 28\] and depths=\[1\]"):
        load_model(tmp_path, init="random")
