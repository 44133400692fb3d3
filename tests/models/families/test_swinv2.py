import pytest
import torch
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {
    "embed_dim": 12,
    "depths": [2, 2],
    "num_heads": [2, 3],
    "window_size": 4,
    "mlp_ratio": 2.0,
    "image_size": 32,
    "patch_size": 4,
    "num_labels": 5,
}
CONFIGS = {
    "no_qkv_bias": {"qkv_bias": False, "hidden_act": "relu", "pretrained_window_sizes": [6, 3]},
    "three_stages": {"depths": [1, 2, 1], "num_heads": [2, 3, 4], "window_size": 3, "image_size": 48},
    "non_square_padded": {"image_size": [27, 46], "window_size": 5, "layer_norm_eps": 1e-2},
    "window_above_the_map": {"image_size": [16, 40], "window_size": 7, "pretrained_window_sizes": [12, 0]},
}


def hooks(config, base=""):
    named = {
        f"stage{stage}.block{index}": f"{base}encoder.layers.{stage}.blocks.{index}"
        for stage, depth in enumerate(config.depths)
        for index in range(depth)
    }
    return {**named, "norm": f"{base}layernorm"}


@pytest.mark.parametrize("changes", first_every_day(CONFIGS))
def test_states(parity, changes):
    config = transformers.Swinv2Config(**{**BASE, **changes})
    parity(transformers.Swinv2Model, config, hooks=hooks(config))


@pytest.mark.slow
@pytest.mark.parametrize("image_size", [(48, 48), (10, 33)])
def test_another_image_size(parity, image_size):
    config = transformers.Swinv2Config(**BASE)
    parity(transformers.Swinv2Model, config, hooks=hooks(config), image_size=image_size)


def test_classifier_and_sharp_attention(parity):
    """Large logit scales are cut at 100."""

    def sharpen(model):
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith("logit_scale"):
                    parameter.copy_(torch.linspace(3.0, 6.0, parameter.numel()).reshape(parameter.shape))

    config = transformers.Swinv2Config(**BASE, hidden_act="gelu_new")
    parity(transformers.Swinv2ForImageClassification, config, hooks=hooks(config, "swinv2."), prepare=sharpen)


def test_decoder_of_masked_image_modelling_stays_unused(tmp_path):
    config = transformers.Swinv2Config(**BASE, encoder_stride=8)
    transformers.Swinv2ForMaskedImageModeling(config).save_pretrained(tmp_path)
    assert len(load_model(tmp_path).steps) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"use_absolute_embeddings": True}, "use_absolute_embeddings=True: only False"),
        ({"pretrained_window_sizes": [1, 0]}, "expected a size above 1, or 0, for each stage"),
        ({"image_size": 4}, "too small for 2 stages"),
    ],
)
def test_refused_configurations(tmp_path, changes, message):
    config = transformers.Swinv2Config(**{**BASE, **changes})
    config.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path, init="random")
