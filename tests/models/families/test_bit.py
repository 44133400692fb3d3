import pytest
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {"embedding_size": 16, "hidden_sizes": [32, 64], "depths": [2, 1], "num_groups": 8, "num_labels": 5}
CONFIGS = {
    "preactivation": ({}, (40, 56)),
    "tensorflow_padding": ({"global_padding": "same", "embedding_dynamic_padding": True}, (45, 70)),
    "tensorflow_padding_unpadded_pool": ({"global_padding": "SAME"}, (37, 50)),
    "padded_pool": ({"embedding_dynamic_padding": True, "hidden_act": "gelu"}, (41, 36)),
    "bottleneck": ({"layer_type": "bottleneck"}, (40, 57)),
    "bottleneck_wide": (
        {"layer_type": "bottleneck", "width_factor": 2, "num_groups": 4, "global_padding": "same"},
        (45, 36),
    ),
    "dilated": (
        {"layer_type": "bottleneck", "output_stride": 8, "hidden_sizes": [32] * 4, "depths": [1, 2, 2, 2]},
        (64, 40),
    ),
    "unstrided_preactivation": ({"output_stride": 4, "depths": [1, 2]}, (33, 40)),
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CONFIGS))
def test_states(parity, stage_hooks, changes, image_size):
    config = transformers.BitConfig(**{**BASE, **changes})
    hooks = stage_hooks(config)
    if config.layer_type == "preactivation":
        hooks["norm"] = "norm"
    parity(transformers.BitModel, config, image_size=image_size, hooks=hooks)


def test_classifier(parity, stage_hooks):
    config = transformers.BitConfig(**BASE)
    hooks = {**stage_hooks(config, "bit."), "norm": "bit.norm"}
    model = parity(transformers.BitForImageClassification, config, image_size=(48, 32), hooks=hooks)
    assert model.module.n_labels == 5


def test_no_padding_is_refused(tmp_path):
    transformers.BitConfig(**BASE, global_padding="valid").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="global_padding='VALID'"):
        load_model(tmp_path, init="random")


def test_images_too_small_for_the_pool(tmp_path):
    transformers.BitModel(transformers.BitConfig(**{**BASE, "depths": [1, 1]}, global_padding="same")).save_pretrained(
        tmp_path
    )
    with pytest.raises(ValueError, match="at least 5 x 5"):
        load_model(tmp_path).steps_at((4, 9))
