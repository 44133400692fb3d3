import pytest
import transformers

from ..every_day import first_every_day

BASE = {"embedding_size": 12, "hidden_sizes": [16, 32], "depths": [2, 1], "groups_width": 8, "num_labels": 5}
CONFIGS = {
    "y": ({}, (40, 56)),
    "x": ({"layer_type": "x"}, (45, 70)),
    "y_odd_widths": (
        {"embedding_size": 10, "hidden_sizes": [18, 30], "groups_width": 6, "hidden_act": "silu"},
        (33, 64),
    ),
    "one_group": ({"groups_width": 100, "hidden_act": "gelu"}, (40, 40)),
    "x_unstrided_first": ({"layer_type": "x", "downsample_in_first_stage": False, "embedding_size": 16}, (24, 40)),
    "tiny_images": ({}, (2, 5)),
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CONFIGS))
def test_states(parity, stage_hooks, changes, image_size):
    config = transformers.RegNetConfig(**{**BASE, **changes})
    parity(transformers.RegNetModel, config, image_size=image_size, hooks=stage_hooks(config))


@pytest.mark.parametrize("layer_type", ["x", "y"])
def test_classifier(parity, stage_hooks, layer_type):
    config = transformers.RegNetConfig(**BASE, layer_type=layer_type)
    hooks = stage_hooks(config, "regnet.")
    model = parity(transformers.RegNetForImageClassification, config, image_size=(48, 32), hooks=hooks)
    assert model.module.n_labels == 5
