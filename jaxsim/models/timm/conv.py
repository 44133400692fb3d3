"""timm's convolutional networks on the modules of their families: ResNet and its kin, RegNet, ConvNeXt."""

from __future__ import annotations

import re

import numpy as np

from jaxsim.models.families.regnet import RegNet, RegNetSettings
from jaxsim.models.families.resnet import ResNet, ResNetSettings
from jaxsim.models.family import Architecture, Shapes, head_size
from jaxsim.models.layers.conv_layers import conv_norm
from jaxsim.models.layers.conv_stages import StageSizes
from jaxsim.models.layers.convnext_core import ConvNeXt, ConvNeXtSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, batch_norm, conv, linear, linear_kernel, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor

# What RegNet calls a convolution and its norm.
_REGNET = ("conv", "bn")


def count(shapes: Shapes, pattern: str) -> int:
    r"""Returns how many different numbers stand where the pattern has its group.

    Example:
        >>> count({"layer1.0.conv1.weight": (), "layer1.1.conv1.weight": ()}, r"layer1\.(\d+)\.")
        2
    """
    return len({found[1] for name in shapes if (found := re.match(pattern, name))})


def normed_conv(convolution: str, normalisation: str, target: str) -> list[Rule]:
    """Rules for a convolution and a batch norm that become a `ConvNorm`."""
    return [*conv(convolution, f"{target}/conv"), *batch_norm(normalisation, f"{target}/norm")]


def build_resnet(
    name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor
) -> Architecture:
    """Returns a ResNet, ResNeXt, SE-ResNet or ResNet-D; see `jaxsim.models.timm.vit.build` for the arguments.

    What tells a ResNet-D from a ResNet-C is where the shortcut's convolution stands in the file: after a mean.
    """
    config.require("global_pool", "avg", "", None)
    config.ignore("layers", "channels", "zero_init_last")
    deep = "conv1.0.weight" in shapes
    stem_width = shapes["conv1.6.weight" if deep else "conv1.weight"][0]
    n_stages = count(shapes, r"layer(\d+)\.")
    bottleneck = "layer1.0.conv3.weight" in shapes
    last = "conv3" if bottleneck else "conv2"
    first = [f"layer{stage + 1}.0" for stage in range(n_stages)]
    stages = StageSizes(
        widths=tuple(shapes[f"{block}.{last}.weight"][0] for block in first),
        depths=tuple(count(shapes, rf"layer{stage + 1}\.(\d+)\.") for stage in range(n_stages)),
    )
    averaged = any(f"{block}.downsample.2.weight" in shapes for block in first)
    squeezed = f"{first[0]}.se.fc1.weight" in shapes
    inner, group = shapes[f"{first[0]}.conv2.weight"][:2]
    settings = ResNetSettings(
        stem_width=stem_width,
        stages=stages,
        bottleneck=bottleneck,
        inner_widths=tuple(shapes[f"{block}.conv2.weight"][0] for block in first) if bottleneck else (),
        groups=inner // group if bottleneck else 1,
        deep_stem=tuple(shapes[f"conv1.{place}.weight"][0] for place in (0, 3)) if deep else (),
        strided_stem="maxpool.0.weight" in shapes,
        averaged_shortcut=averaged,
        squeezed=tuple(shapes[f"{block}.se.fc1.weight"][0] for block in first) if squeezed else (),
    )
    rules = [*normed_conv("conv1.6" if deep else "conv1", "bn1", "stem"), *linear("fc", "classifier")]
    rules += [*normed_conv("conv1.0", "conv1.1", "stem0"), *normed_conv("conv1.3", "conv1.4", "stem1")]
    rules += normed_conv("maxpool.0", "maxpool.1", "stem_pool")
    for stage in range(n_stages):
        source, target = f"layer{stage + 1}.{{b}}", f"stage{stage}_block{{b}}"
        for index in range(3 if bottleneck else 2):
            rules += normed_conv(f"{source}.conv{index + 1}", f"{source}.bn{index + 1}", f"{target}/conv{index}")
        rules += [*conv(f"{source}.se.fc1", f"{target}/squeeze/reduce")]
        rules += [*conv(f"{source}.se.fc2", f"{target}/squeeze/expand")]
        place = 1 if averaged else 0
        shortcut = (f"{source}.downsample.{place}", f"{source}.downsample.{place + 1}")
        rules += normed_conv(*shortcut, f"{target}/shortcut")
    module = ResNet(settings, n_labels=head_size(shapes, "fc.weight"))
    return Architecture(module, WeightTable(tuple(rules)), plain.image_size, plain)


def build_regnet(
    name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor
) -> Architecture:
    """Returns a RegNet X or Y; see `jaxsim.models.timm.vit.build` for the arguments."""
    config.require("global_pool", "avg", "", None)
    n_stages = count(shapes, r"s(\d+)\.")
    stages = StageSizes(
        widths=tuple(shapes[f"s{stage + 1}.b1.conv3.conv.weight"][0] for stage in range(n_stages)),
        depths=tuple(count(shapes, rf"s{stage + 1}\.b(\d+)\.") for stage in range(n_stages)),
    )
    settings = RegNetSettings(
        stem_width=shapes["stem.conv.weight"][0],
        stages=stages,
        group_width=shapes["s1.b1.conv2.conv.weight"][1],
        squeeze="s1.b1.se.fc1.weight" in shapes,
    )
    rules = [*conv_norm("stem", "stem", _REGNET), *linear("head.fc", "classifier")]
    for stage, depth in enumerate(stages.depths):
        # Blocks are counted from 1.
        for block in range(depth):
            source, target = f"s{stage + 1}.b{block + 1}", f"stage{stage}_block{block}"
            for part, layer in {"conv1": "reduce", "conv2": "grouped", "conv3": "expand"}.items():
                rules += conv_norm(f"{source}.{part}", f"{target}/{layer}", _REGNET)
            rules += conv_norm(f"{source}.downsample", f"{target}/shortcut", _REGNET)
            rules += [*conv(f"{source}.se.fc1", f"{target}/squeeze/reduce")]
            rules += [*conv(f"{source}.se.fc2", f"{target}/squeeze/expand")]
    module = RegNet(settings, n_labels=head_size(shapes, "head.fc.weight"))
    return Architecture(module, WeightTable(tuple(rules)), plain.image_size, plain)


def _dense(weight: np.ndarray) -> np.ndarray:
    """Returns a dense layer that the small ConvNeXts write as a 1x1 convolution."""
    return linear_kernel(weight[:, :, 0, 0] if weight.ndim == 4 else weight)


def _response(weight: np.ndarray) -> np.ndarray:
    return weight.reshape(1, 1, 1, -1)


def build_convnext(
    name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor
) -> Architecture:
    """Makes a ConvNeXt or ConvNeXt V2; see `jaxsim.models.timm.vit.build` for the arguments."""
    config.require("global_pool", "avg", "", None)
    config.ignore("depths", "dims", "ls_init_value", "use_grn", "conv_mlp", "patch_size", "head_init_scale")
    n_stages = count(shapes, r"stages\.(\d+)\.")
    stages = StageSizes(
        widths=tuple(shapes[f"stages.{stage}.blocks.0.conv_dw.weight"][0] for stage in range(n_stages)),
        depths=tuple(count(shapes, rf"stages\.{stage}\.blocks\.(\d+)\.") for stage in range(n_stages)),
    )
    eps = config("norm_eps", None) or (1e-5 if name == "convnext_xxlarge" else 1e-6)
    settings = ConvNeXtSettings(
        stages=stages,
        patch_size=(shapes["stem.0.weight"][2], shapes["stem.0.weight"][3]),
        eps=eps,
        final_eps=eps,
        layer_scale=1e-6 if "stages.0.blocks.0.gamma" in shapes else None,
        response_norm="stages.0.blocks.0.mlp.grn.weight" in shapes,
    )
    block, target = "stages.{s}.blocks.{b}", "stage{s}_block{b}"
    rules = [
        *conv("stem.0", "stem"),
        *norm("stem.1", "stem_norm"),
        *norm("stages.{s}.downsample.0", "stage{s}_norm"),
        *conv("stages.{s}.downsample.1", "stage{s}_downsample"),
        *conv(f"{block}.conv_dw", f"{target}/depthwise"),
        *norm(f"{block}.norm", f"{target}/norm"),
        *param(f"{block}.mlp.fc1.weight", f"{target}/fc1/kernel", _dense),
        *param(f"{block}.mlp.fc1.bias", f"{target}/fc1/bias"),
        *param(f"{block}.mlp.grn.weight", f"{target}/response_norm/scale", _response),
        *param(f"{block}.mlp.grn.bias", f"{target}/response_norm/bias", _response),
        *param(f"{block}.mlp.fc2.weight", f"{target}/fc2/kernel", _dense),
        *param(f"{block}.mlp.fc2.bias", f"{target}/fc2/bias"),
        *param(f"{block}.gamma", f"{target}/layer_scale/scale"),
        *norm("head.norm", "norm"),
        *linear("head.fc", "classifier"),
    ]
    module = ConvNeXt(settings, head_size(shapes, "head.fc.weight"))
    return Architecture(module, WeightTable(tuple(rules)), plain.image_size, plain)
