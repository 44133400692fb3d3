"""Published configurations at full size: names, shapes and parameter counts of all, states of four.

Configurations are what the config.json on the hub says where it differs from transformers' defaults.
"""

import math

import jax
import numpy as np
import pytest
import torch
import transformers
from flax.traverse_util import flatten_dict
from transformers.core_model_loading import revert_weight_conversion

from jaxsim.models.family import families, family_of
from jaxsim.models.loading.config import ConfigReader, with_defaults

VIT_S = {"hidden_size": 384, "num_attention_heads": 6, "intermediate_size": 1536}
DINOV2_S = {"hidden_size": 384, "num_attention_heads": 6, "image_size": 518, "patch_size": 14}
VIT_H14 = {"hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16, "intermediate_size": 5120}
GIANT = {"hidden_size": 1536, "num_hidden_layers": 40, "num_attention_heads": 24, "use_swiglu_ffn": True}
REGNET_Y = {"depths": [2, 6, 12, 2], "hidden_sizes": [128, 192, 512, 1088], "groups_width": 64}
RESNET_18 = {"layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]}
B0 = {"width_coefficient": 1.0, "depth_coefficient": 1.0, "hidden_dim": 1280, "image_size": 224}
BIAS = {"use_relative_position_bias": True, "layer_scale_init_value": 0.1}
LABELS, MORE_LABELS = {"num_labels": 1000}, {"num_labels": 1001}

# hub id, torch class, configuration, millions of parameters as papers or model cards give them (None: not given so)
PUBLISHED = [
    ("google/vit-base-patch16-224", "ViTForImageClassification", LABELS, 86.6),
    ("facebook/vit-mae-base", "ViTMAEModel", {}, None),
    ("facebook/vit-msn-small", "ViTMSNModel", VIT_S, None),
    ("facebook/ijepa_vith14_1k", "IJepaModel", {**VIT_H14, "patch_size": 14}, None),
    ("facebook/deit-base-distilled-patch16-224", "DeiTForImageClassificationWithTeacher", LABELS, 87.3),
    ("facebook/dinov2-small", "Dinov2Model", DINOV2_S, 22.1),
    ("facebook/dinov2-giant", "Dinov2Model", {**GIANT, "image_size": 518, "patch_size": 14}, 1136.5),
    ("facebook/dinov2-with-registers-small", "Dinov2WithRegistersModel", DINOV2_S, 22.1),
    ("facebook/dinov3-vits16-pretrain-lvd1689m", "DINOv3ViTModel", {**VIT_S, "num_register_tokens": 4}, 21.6),
    ("facebook/dinov3-convnext-tiny-pretrain-lvd1689m", "DINOv3ConvNextModel", {}, 27.8),
    ("openai/clip-vit-base-patch32", "CLIPVisionModelWithProjection", {"patch_size": 32}, 87.8),
    ("google/siglip-base-patch16-224", "SiglipVisionModel", {}, 92.9),
    ("google/siglip2-base-patch16-naflex", "Siglip2VisionModel", {"num_patches": 256}, None),
    ("microsoft/beit-base-patch16-224", "BeitForImageClassification", {**BIAS, **LABELS}, 86.5),
    ("facebook/data2vec-vision-base", "Data2VecVisionModel", BIAS, None),
    ("openai/imagegpt-small", "ImageGPTModel", {}, 76.0),
    ("microsoft/swin-tiny-patch4-window7-224", "SwinForImageClassification", LABELS, 28.3),
    (
        "microsoft/swinv2-tiny-patch4-window8-256",
        "Swinv2ForImageClassification",
        {"image_size": 256, "window_size": 8, **LABELS},
        28.3,
    ),
    ("Zetatech/pvt-tiny-224", "PvtForImageClassification", LABELS, 13.2),
    ("sail/poolformer_s12", "PoolFormerForImageClassification", LABELS, 11.9),
    ("microsoft/resnet-50", "ResNetForImageClassification", LABELS, 25.6),
    ("microsoft/resnet-18", "ResNetForImageClassification", {**RESNET_18, **LABELS}, 11.7),
    ("facebook/regnet-y-040", "RegNetForImageClassification", {**REGNET_Y, **LABELS}, 20.6),
    ("facebook/convnext-tiny-224", "ConvNextForImageClassification", LABELS, 28.6),
    ("facebook/convnextv2-tiny-1k-224", "ConvNextV2ForImageClassification", LABELS, 28.6),
    ("google/bit-50", "BitForImageClassification", {"global_padding": "SAME", **LABELS}, 25.5),
    ("google/efficientnet-b0", "EfficientNetForImageClassification", {**B0, **LABELS}, 5.3),
    ("facebook/hiera-base-224-in1k-hf", "HieraForImageClassification", LABELS, 51.5),
    ("google/mobilenet_v1_1.0_224", "MobileNetV1ForImageClassification", MORE_LABELS, 4.2),
    ("google/mobilenet_v2_1.0_224", "MobileNetV2ForImageClassification", MORE_LABELS, 3.5),
]


def original(class_name, settings):
    """transformers' model without memory for its weights, and its configuration."""
    kind = getattr(transformers, class_name)
    config = kind.config_class(**settings)
    with torch.device("meta"):
        return kind(config), config


@pytest.mark.slow
@pytest.mark.parametrize(("hub_id", "class_name", "settings", "millions"), PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_names_shapes_and_counts_of_published_configurations(hub_id, class_name, settings, millions):
    torch_model, config = original(class_name, settings)
    stored = {
        name: tuple(t.shape) for name, t in revert_weight_conversion(torch_model, torch_model.state_dict()).items()
    }
    reader = ConfigReader(with_defaults(config.to_dict(), hub_id), hub_id)
    architecture = family_of(config.model_type, hub_id).build(reader, stored)
    reader.finish()

    images = architecture.inputs.example(architecture.image_size)
    variables = jax.eval_shape(architecture.module.init, jax.random.key(0), images)
    wanted = {path: leaf.shape for path, leaf in flatten_dict(variables, sep="/").items()}
    given, unused = {}, []
    for name, shape in stored.items():
        line = architecture.weights.targets(name)
        if line is None:
            assert architecture.weights.is_extra(name), name
            unused.append(name)
            continue
        rule, paths = line
        # One zero seen as a whole tensor: the rules' transposes, splits and reshapes cost nothing.
        result = rule.transform(np.broadcast_to(np.float32(0), shape))
        arrays = (result,) if len(paths) == 1 and isinstance(result, np.ndarray) else tuple(result)
        given |= {path: array.shape for path, array in zip(paths, arrays, strict=True)}
    assert given == wanted

    count = sum(math.prod(shape) for path, shape in wanted.items() if path.startswith("params/"))
    learned = [p.numel() for name, p in torch_model.named_parameters()]
    left_out = sum(math.prod(stored[name]) for name in unused)
    buffers = sum(math.prod(shape) for path, shape in wanted.items() if path.startswith("batch_stats/"))
    assert count + buffers + left_out == sum(math.prod(shape) for shape in stored.values())
    assert count <= sum(learned) <= count + left_out
    if millions is not None:
        assert count / 1e6 == pytest.approx(millions, abs=0.06, rel=0.01)


def test_every_family_is_among_them():
    kinds = {getattr(transformers, name).config_class.model_type for _, name, _, _ in PUBLISHED}
    assert all(kinds & set(family.model_types) for family in families())


@pytest.mark.slow
def test_states_of_vit_s_at_full_size(parity):
    parity(transformers.ViTModel, transformers.ViTConfig(**VIT_S), hooks={"norm": "layernorm"}, report=print)


@pytest.mark.slow
def test_states_of_dinov2_s_at_full_size(parity):
    config = transformers.Dinov2Config(**DINOV2_S)
    parity(transformers.Dinov2Model, config, image_size=(224, 224), hooks={"norm": "layernorm"}, report=print)


@pytest.mark.slow
@pytest.mark.parametrize("class_name", ["ResNetModel", "ConvNextModel"])
def test_states_of_convolutions_at_full_size(parity, stage_hooks, class_name):
    kind = getattr(transformers, class_name)
    config = kind.config_class()
    norm = {"norm": "layernorm"} if class_name == "ConvNextModel" else {}
    parity(kind, config, hooks={**stage_hooks(config), **norm}, report=print)
