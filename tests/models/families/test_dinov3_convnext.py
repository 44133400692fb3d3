import pytest
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {"hidden_sizes": [12, 20, 28], "depths": [2, 1, 2], "image_size": 48}
CONFIGS = {
    "plain": ({}, None),
    "relu_large_eps": ({"hidden_act": "relu", "layer_norm_eps": 1e-2}, (37, 50)),
    "four_stages": ({"hidden_sizes": [8, 8, 16, 24], "depths": [1, 2, 1, 1], "hidden_act": "gelu_new"}, (64, 33)),
    "two_stages": ({"hidden_sizes": [16, 24], "depths": [1, 3], "image_size": [16, 40]}, None),
}


@pytest.mark.parametrize(("changes", "image_size"), first_every_day(CONFIGS))
def test_states(parity, stage_hooks, changes, image_size):
    config = transformers.DINOv3ConvNextConfig(**{**BASE, **changes})
    hooks = {
        **stage_hooks(config, stages="model.stages"),
        "stem": "model.stages.0.downsample_layers.1",
        "norm": "layer_norm",
    }
    model = parity(transformers.DINOv3ConvNextModel, config, image_size=image_size, hooks=hooks)
    assert model.steps[-1].layout.prefix == ("cls",)


def test_images_too_small_for_the_strides(tmp_path):
    transformers.DINOv3ConvNextModel(
        transformers.DINOv3ConvNextConfig(**{**BASE, "depths": [1, 1, 1]})
    ).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="images of 15 x 40 pixels are too small"):
        load_model(tmp_path).steps_at((15, 40))
