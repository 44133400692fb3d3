import pytest
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {"num_stages": 3, "hidden_sizes": [12, 20, 28], "depths": [2, 1, 2], "image_size": 32, "num_labels": 5}
CONFIGS = {
    "plain": {},
    "no_layer_scale": {"layer_scale_init_value": 0.0},
    "relu_large_eps": {"hidden_act": "relu", "layer_norm_eps": 1e-2},
    "wide_patches": {"patch_size": [2, 4], "image_size": [37, 50]},
    "four_stages": {"num_stages": 4, "hidden_sizes": [8, 8, 16, 24], "depths": [1, 2, 1, 1], "hidden_act": "gelu_new"},
}
SECOND = {name: changes for name, changes in CONFIGS.items() if "layer_scale_init_value" not in changes}


@pytest.mark.parametrize("changes", first_every_day(CONFIGS))
def test_states(parity, stage_hooks, changes):
    config = transformers.ConvNextConfig(**{**BASE, **changes})
    parity(transformers.ConvNextModel, config, hooks={**stage_hooks(config), "norm": "layernorm"})


@pytest.mark.parametrize("changes", first_every_day(SECOND))
def test_states_of_the_second_version(parity, stage_hooks, changes):
    config = transformers.ConvNextV2Config(**{**BASE, **changes})
    model = parity(transformers.ConvNextV2Model, config, hooks={**stage_hooks(config), "norm": "layernorm"})
    assert model.family == "convnextv2"


@pytest.mark.slow
def test_classifier(parity, stage_hooks):
    config = transformers.ConvNextConfig(**BASE)
    parity(
        transformers.ConvNextForImageClassification,
        config,
        image_size=(48, 24),
        hooks={**stage_hooks(config, "convnext."), "norm": "convnext.layernorm"},
    )


@pytest.mark.slow
def test_classifier_of_the_second_version(parity, stage_hooks):
    config = transformers.ConvNextV2Config(**BASE)
    model_class = transformers.ConvNextV2ForImageClassification
    model = parity(
        model_class,
        config,
        image_size=(24, 48),
        hooks={**stage_hooks(config, "convnextv2."), "norm": "convnextv2.layernorm"},
    )
    assert model.module.n_labels == 5


@pytest.mark.slow
def test_images_too_small_for_the_strides(tmp_path):
    transformers.ConvNextModel(transformers.ConvNextConfig(**{**BASE, "depths": [1, 1, 1]})).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"images of 15 x 40 pixels are too small .* at least 16 x 16"):
        load_model(tmp_path).steps_at((15, 40))


def test_number_of_stages_must_agree(tmp_path):
    transformers.ConvNextConfig(**{**BASE, "num_stages": 2}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="num_stages=2: hidden_sizes and depths have 3 entries"):
        load_model(tmp_path, init="random")
