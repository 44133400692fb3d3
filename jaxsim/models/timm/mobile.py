"""timm's networks of inverted residuals: EfficientNet with its Lite, Edge and V2 kinds, MobileNets, MnasNet and kin.

The tensors tell widths, kernels and which kind each block is. The name tells strides, activations and padding: names
that begin with `tf_` are weights from TensorFlow, which pads by the size of the map and has another epsilon.
"""

from __future__ import annotations

import dataclasses

from jaxsim.models.family import Architecture, Shapes, head_size
from jaxsim.models.layers.inverted_residuals import InvertedBlock, InvertedNet, InvertedNetSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.timm.conv import count, normed_conv

# Stride of each stage's first block in most of these networks; those with fewer stages lack the last ones.
_STRIDES = (1, 2, 2, 2, 1, 2, 1)


@dataclasses.dataclass(frozen=True)
class _Kind:
    """What the name says and the tensors do not.

    Attributes:
        activation: Everywhere but in the first stages.
        strides: Of each stage's first block.
        relu_stages: So many stages have ReLU.
        gate: Of the squeeze.
        gate_activation: Inside the squeeze; None for the block's.
    """

    activation: str
    strides: tuple[int, ...] = _STRIDES
    relu_stages: int = 0
    gate: str = "sigmoid"
    gate_activation: str | None = None


def _kind(name: str) -> _Kind:
    """Returns the kind of network that a name stands for."""
    if "mobilenetv3" in name:
        small = "small" in name
        return _Kind(
            activation="relu" if "minimal" in name else "hardswish",
            strides=(2, 2, 2, 1, 2, 1) if small else _STRIDES,
            relu_stages=2 if small else 3,
            gate="hard_sigmoid",
            # The one called "rw" has the block's activation in the squeeze.
            gate_activation=None if name.endswith("_rw") else "relu",
        )
    if "mobilenetv1" in name:
        return _Kind("relu6", (1, 2, 2, 2, 2))
    if "mobilenetv2" in name or "_lite" in name:
        return _Kind("relu6")
    edge = any(f"efficientnet_e{size}" in name for size in "sml")
    return _Kind("relu" if edge or "nas" in name or "fbnet" in name else "silu")


def _is_tensorflow(name: str) -> bool:
    """Returns whether the network is padded by the size of the map."""
    return name.startswith("tf_") or ("_b" in name and name.endswith("_pruned"))


def _block(
    source: str, shapes: Shapes, entering: int, stride: int, activation: str, tensorflow: bool, name: str
) -> tuple[InvertedBlock, dict[str, str]]:
    """Returns one block, and which convolution and norm of the file (`"conv_pw bn1"`) is each of its parts."""

    def shape(part: str) -> tuple[int, ...]:
        return shapes[f"{source}.{part}.weight"]

    if f"{source}.conv.weight" in shapes:
        kind, parts = "plain", {"convolution": "conv bn1"}
        width, main = shape("conv")[0], shape("conv")
        inner = 0
    elif f"{source}.conv_exp.weight" in shapes:
        kind, parts = "fused", {"expand": "conv_exp bn1", "project": "conv_pwl bn2"}
        width, main = shape("conv_pwl")[0], shape("conv_exp")
        inner = main[0]
    else:
        main = shape("conv_dw")
        inner = main[0]
        if f"{source}.conv_pwl.weight" in shapes:
            kind, parts = "inverted", {"expand": "conv_pw bn1", "depthwise": "conv_dw bn2", "project": "conv_pwl bn3"}
            width = shape("conv_pwl")[0]
        else:
            kind, parts = "separable", {"depthwise": "conv_dw bn1", "project": "conv_pw bn2"}
            width = shape("conv_pw")[0]
    squeeze = shapes.get(f"{source}.se.conv_reduce.weight")
    first = "mobilenetv1" in name
    # MobileNet V1 was made before residual connections in such networks, and "rw" leaves out the first.
    alone = first or (name == "mobilenetv3_rw" and source == "blocks.0.0")
    block = InvertedBlock(
        kind=kind,
        width=width,
        inner=inner,
        kernel=main[2],
        stride=stride,
        residual=stride == 1 and width == entering and not alone,
        squeezed=squeeze[0] if squeeze else 0,
        activation=activation,
        padding="SAME" if tensorflow else None,
        activated_end=first,
    )
    return block, parts


def build(name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor) -> Architecture:
    """Returns a network of inverted residuals; see `jaxsim.models.timm.vit.build` for the arguments.

    Raises:
        ValueError: The file has another number of stages than networks of this name.
    """
    config.require("global_pool", "avg", "", None)
    known, tensorflow = _kind(name), _is_tensorflow(name)
    width = shapes["conv_stem.weight"][0]
    blocks: list[InvertedBlock] = []
    rules: list[Rule] = [*normed_conv("conv_stem", "bn1", "stem"), *linear("classifier", "classifier")]
    n_stages = count(shapes, r"blocks\.(\d+)\.")
    # What ends with the sixth stage is EfficientNet's Edge or V2 kind.
    if not n_stages or n_stages > len(known.strides) or n_stages < len(known.strides) - 1:
        raise ValueError(f"{config.where}: expected {len(known.strides)} stages of blocks, found {n_stages}")
    for stage in range(n_stages):
        activation = "relu" if stage < known.relu_stages else known.activation
        for index in range(count(shapes, rf"blocks\.{stage}\.(\d+)\.")):
            source, target = f"blocks.{stage}.{index}", f"block{len(blocks):02d}"
            stride = 1 if index else known.strides[stage]
            block, parts = _block(source, shapes, width, stride, activation, tensorflow, name)
            for part, names in parts.items():
                convolution, normalisation = names.split()
                rules += normed_conv(f"{source}.{convolution}", f"{source}.{normalisation}", f"{target}/{part}")
            rules += conv(f"{source}.se.conv_reduce", f"{target}/squeeze/reduce")
            rules += conv(f"{source}.se.conv_expand", f"{target}/squeeze/expand")
            blocks.append(block)
            width = block.width
    head = shapes.get("conv_head.weight", (0,))[0]
    # MobileNet V3 has its last 1x1 convolution after the pooling, where it is a dense layer.
    pooled_first = "mobilenetv3" in name
    rules += conv("conv_head", "pooled") if pooled_first else normed_conv("conv_head", "bn2", "top")
    settings = InvertedNetSettings(
        stem_width=shapes["conv_stem.weight"][0],
        blocks=tuple(blocks),
        top_width=0 if pooled_first else head,
        activation=known.activation,
        eps=1e-3 if tensorflow or name == "mobilenetv3_rw" else 1e-5,
        stem_padding="SAME" if tensorflow else None,
        gate=known.gate,
        gate_activation=known.gate_activation,
        pooled_width=head if pooled_first else 0,
        pooled_bias="conv_head.bias" in shapes,
    )
    module = InvertedNet(settings, n_labels=head_size(shapes, "classifier.weight"))
    return Architecture(module, WeightTable(tuple(rules)), plain.image_size, plain)
