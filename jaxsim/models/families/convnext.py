"""ConvNeXt (Liu et al. 2022) and ConvNeXt V2 (Woo et al. 2023)."""

from __future__ import annotations

from jaxsim.models.family import BACKBONE_EXTRAS, Architecture, Family, Shapes, head_size, is_backbone
from jaxsim.models.layers.conv_stages import read_stages
from jaxsim.models.layers.convnext_core import ConvNeXt, ConvNeXtSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor


def _rules() -> list[Rule]:
    stage, layer, block = "encoder.stages.{s}", "encoder.stages.{s}.layers.{b}", "stage{s}_block{b}"
    return [
        *conv("embeddings.patch_embeddings", "stem"),
        *norm("embeddings.layernorm", "stem_norm"),
        *norm(f"{stage}.downsampling_layer.0", "stage{s}_norm"),
        *conv(f"{stage}.downsampling_layer.1", "stage{s}_downsample"),
        *conv(f"{layer}.dwconv", f"{block}/depthwise"),
        *norm(f"{layer}.layernorm", f"{block}/norm"),
        *linear(f"{layer}.pwconv1", f"{block}/fc1"),
        *norm(f"{layer}.grn", f"{block}/response_norm"),
        *linear(f"{layer}.pwconv2", f"{block}/fc2"),
        *param(f"{layer}.layer_scale_parameter", f"{block}/layer_scale/scale"),
        *norm("layernorm", "norm"),
        *linear("classifier", "classifier"),
    ]


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    second = config("model_type") == "convnextv2"
    config.read_channels()
    stages = read_stages(config)
    if config("num_stages") != len(stages.widths):
        config.refuse("num_stages", f"hidden_sizes and depths have {len(stages.widths)} entries")
    layer_scale = 0.0 if second else float(config("layer_scale_init_value"))
    settings = ConvNeXtSettings(
        stages=stages,
        patch_size=config.pair("patch_size"),
        activation=config("hidden_act"),
        eps=1e-6,  # fixed in the original; the configuration's is the last norm's
        final_eps=config("layer_norm_eps"),
        layer_scale=layer_scale if layer_scale > 0 else None,
        response_norm=second,
        init_std=config("initializer_range"),
    )
    table = WeightTable(rules=tuple(_rules()), prefixes=("convnext.", "convnextv2."), extras=BACKBONE_EXTRAS)
    image_size = config.pair("image_size")
    plain = PlainPreprocessor(image_size, fit="crop", crop_fraction=0.875)
    module = ConvNeXt(
        settings,
        head_size(shapes, "classifier.weight"),
        final_norm=not is_backbone(shapes, config("architectures", None)),
    )
    return Architecture(module, table, image_size, plain)


FAMILIES = (
    Family(name="convnext", title="ConvNeXt", model_types=("convnext",), build=_build),
    Family(name="convnextv2", title="ConvNeXt V2", model_types=("convnextv2",), build=_build),
)
