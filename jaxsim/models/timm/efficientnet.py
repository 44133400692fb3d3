"""timm's EfficientNets: `efficientnet_b0` padded as torch does, `tf_efficientnet_b0` as TensorFlow."""

from __future__ import annotations

from jaxsim.models.families.efficientnet import EfficientNet, EfficientNetSettings, MBConvSettings
from jaxsim.models.family import Architecture, Shapes, head_size
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.timm.conv import count, normed_conv

# Stride of each stage's first block, the same in all sizes.
_STRIDES = (1, 2, 2, 2, 1, 2, 1)


def _block_rules(source: str, target: str, expanded: bool) -> list[Rule]:
    """Rules for one block; those without expansion number their parts otherwise."""
    squeeze = [*conv(f"{source}.se.conv_reduce", f"{target}/squeeze/reduce")]
    squeeze += conv(f"{source}.se.conv_expand", f"{target}/squeeze/expand")
    if not expanded:
        return [
            *normed_conv(f"{source}.conv_dw", f"{source}.bn1", f"{target}/depthwise"),
            *squeeze,
            *normed_conv(f"{source}.conv_pw", f"{source}.bn2", f"{target}/project"),
        ]
    return [
        *normed_conv(f"{source}.conv_pw", f"{source}.bn1", f"{target}/expand"),
        *normed_conv(f"{source}.conv_dw", f"{source}.bn2", f"{target}/depthwise"),
        *squeeze,
        *normed_conv(f"{source}.conv_pwl", f"{source}.bn3", f"{target}/project"),
    ]


def build(name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor) -> Architecture:
    """Makes an EfficientNet; see `jaxsim.models.timm.vit.build` for the arguments."""
    config.require("global_pool", "avg", "", None)
    tensorflow = name.startswith("tf_")
    width = shapes["conv_stem.weight"][0]
    blocks: list[MBConvSettings] = []
    rules = [*normed_conv("conv_stem", "bn1", "stem"), *normed_conv("conv_head", "bn2", "top")]
    n_stages = count(shapes, r"blocks\.(\d+)\.")
    if n_stages != len(_STRIDES):
        raise ValueError(f"{config.where}: expected {len(_STRIDES)} stages of blocks, found {n_stages}")
    for stage, first_stride in enumerate(_STRIDES):
        for index in range(count(shapes, rf"blocks\.{stage}\.(\d+)\.")):
            source = f"blocks.{stage}.{index}"
            expanded = f"{source}.conv_pwl.weight" in shapes
            out = shapes[f"{source}.{'conv_pwl' if expanded else 'conv_pw'}.weight"][0]
            stride = 1 if index else first_stride
            inner, _, kernel, _ = shapes[f"{source}.conv_dw.weight"]
            rules += _block_rules(source, f"block{len(blocks):02d}", expanded)
            blocks.append(
                MBConvSettings(
                    width=out,
                    expansion=inner // width,
                    kernel=kernel,
                    stride=stride,
                    residual=stride == 1 and out == width,
                    centred=None if tensorflow else True,
                )
            )
            width = out
    settings = EfficientNetSettings(
        stem_width=shapes["conv_stem.weight"][0],
        blocks=tuple(blocks),
        top_width=shapes["conv_head.weight"][0],
        squeeze_ratio=0.25,
        activation="silu",
        eps=1e-3 if tensorflow else 1e-5,
        pool="mean",
        stem_padding="SAME" if tensorflow else ((1, 1), (1, 1)),
    )
    table = WeightTable((*rules, *linear("classifier", "classifier")))
    module = EfficientNet(settings, n_labels=head_size(shapes, "classifier.weight"))
    return Architecture(module, table, plain.image_size, plain)
