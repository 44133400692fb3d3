"""EfficientNet (Tan & Le 2019), as the TensorFlow original pads it."""

from __future__ import annotations

import dataclasses
import math

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.conv_layers import ConvNorm, Padding, SqueezeExcite, conv_norm, map_mean
from jaxsim.models.layers.conv_stages import map_layout, record_heads, rounded_width
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, conv, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder, Recording

# Widths that the configuration scales but does not name.
_STEM_WIDTH, _TOP_WIDTH = 32, 1280


@dataclasses.dataclass(frozen=True)
class MBConvSettings:
    """One inverted bottleneck.

    Attributes:
        width: output channels.
        expansion: the depthwise convolution's channels over the input's.
        kernel: edge of the depthwise kernel.
        stride: of the depthwise convolution, 1 or 2.
        residual: whether the input is added.
        centred: whether a strided convolution is padded equally on all sides, for odd input sizes; None lets the
            input's size decide, as TensorFlow does.
    """

    width: int
    expansion: int
    kernel: int
    stride: int
    residual: bool
    centred: bool | None

    @property
    def padding(self) -> Padding:
        """Padding of the depthwise convolution."""
        after = self.kernel // 2
        before = after if self.centred else after - 1
        return "SAME" if self.stride == 1 or self.centred is None else ((before, after), (before, after))


@dataclasses.dataclass(frozen=True)
class EfficientNetSettings:
    """An EfficientNet.

    Attributes:
        stem_width: channels of the stem.
        blocks: first to last.
        top_width: channels of the last convolution.
        squeeze_ratio: width inside the squeeze over the block's input.
        activation: everywhere.
        eps: of the batch norms.
        pool: `"mean"` or `"max"`, before the classifier.
        stem_padding: of the strided stem; by default TensorFlow's for even images, whatever the size.
    """

    stem_width: int
    blocks: tuple[MBConvSettings, ...]
    top_width: int
    squeeze_ratio: float
    activation: str
    eps: float
    pool: str
    stem_padding: Padding = ((0, 1), (0, 1))


class MBConv(nn.Module):
    """Expansion, depthwise convolution, squeeze-and-excitation, projection; the input added where it fits."""

    settings: EfficientNetSettings
    block: MBConvSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the block's output."""
        s, b, width = self.settings, self.block, x.shape[-1]
        numerics = {"eps": s.eps, "dtype": self.dtype, "precision": self.precision}
        inner = width * b.expansion
        branch = x
        if b.expansion != 1:
            branch = ConvNorm(inner, 1, activation=s.activation, **numerics, name="expand")(branch)
        branch = ConvNorm(
            inner, b.kernel, b.stride, inner, padding=b.padding, activation=s.activation, **numerics, name="depthwise"
        )(branch)
        reduced = max(1, int(width * s.squeeze_ratio))
        branch = SqueezeExcite(reduced, s.activation, self.dtype, self.precision, name="squeeze")(branch)
        branch = ConvNorm(b.width, 1, **numerics, name="project")(branch)
        return branch + x if b.residual else branch


class EfficientNet(nn.Module):
    """Stem, inverted bottlenecks, a last 1x1 convolution; every block is a step.

    Steps: `stem`, `block00`, ..., `top`; the hidden states of Hugging Face are all but `top`, which is the last
    hidden state.

    Attributes:
        settings: of the network.
        n_labels: classes of the classifier, 0 without one.
    """

    settings: EfficientNetSettings
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width 3"]) -> Recording:
        """Returns every step and output for images `[B, H, W, 3]`."""
        s = self.settings
        recorder = Recorder()
        numerics = {"activation": s.activation, "eps": s.eps, "dtype": self.dtype, "precision": self.precision}
        x = ConvNorm(s.stem_width, 3, 2, padding=s.stem_padding, **numerics, name="stem")(images)
        recorder.add("stem", x, map_layout(x), kind="stem", hidden=True)
        for index, block in enumerate(s.blocks):
            name = f"block{index:02d}"
            x = MBConv(s, block, self.dtype, self.precision, name=name)(x)
            recorder.add(name, x, map_layout(x), kind="block", hidden=True)
        x = ConvNorm(s.top_width, 1, **numerics, name="top")(x)
        recorder.add("top", x, map_layout(x), kind="convolution")
        pooled = map_mean(x) if s.pool == "mean" else x.max(axis=(1, 2))
        record_heads(recorder, x, pooled, self.n_labels, self.dtype, self.precision)
        return recorder.finish()


def _read_blocks(config: ConfigReader) -> tuple[MBConvSettings, ...]:
    """The blocks, with widths and numbers scaled by the configuration's coefficients."""
    names = ("in_channels", "out_channels", "kernel_sizes", "strides", "expand_ratios", "num_block_repeats")
    lists = {name: list(config(name)) for name in names}
    if len({len(values) for values in lists.values()}) != 1 or not set(lists["strides"]) <= {1, 2}:
        raise ValueError(
            f"{config.where}: expected lists of one length, with strides 1 and 2 only; got "
            + ", ".join(f"{name}={values}" for name, values in lists.items())
        )
    width, divisor = config("width_coefficient"), config("depth_divisor")
    previous = rounded_width(_STEM_WIDTH * width, divisor)
    centred = set(config("depthwise_padding"))
    blocks: list[MBConvSettings] = []
    for given, out, kernel, stride, expansion, repeats in zip(*(lists[name] for name in names), strict=True):
        if rounded_width(given * width, divisor) != previous:
            config.refuse(
                "in_channels",
                f"{given} does not fit the {previous} channels that come before (out_channels, or the stem's, scaled "
                "by width_coefficient to multiples of depth_divisor)",
            )
        previous = rounded_width(out * width, divisor)
        for index in range(math.ceil(config("depth_coefficient") * repeats)):
            step = 1 if index else stride
            blocks.append(
                MBConvSettings(
                    width=previous,
                    expansion=expansion,
                    kernel=kernel,
                    stride=step,
                    residual=index > 0 and step == 1,
                    centred=len(blocks) in centred,
                )
            )
    return tuple(blocks)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.require("num_channels", 3)
    config.require("pooling_type", "mean", "max")
    config.ignore("batch_norm_momentum", "dropout_rate", "drop_connect_rate", "num_hidden_layers")  # for training
    blocks = _read_blocks(config)
    top = rounded_width(_TOP_WIDTH * config("width_coefficient"), config("depth_divisor"))
    if config("hidden_dim") != top:
        config.refuse("hidden_dim", f"only {top} is supported, which width_coefficient and depth_divisor give")
    settings = EfficientNetSettings(
        stem_width=rounded_width(_STEM_WIDTH * config("width_coefficient"), config("depth_divisor")),
        blocks=blocks,
        top_width=top,
        squeeze_ratio=config("squeeze_expansion_ratio"),
        activation=config("hidden_act"),
        eps=config("batch_norm_eps"),
        pool=config("pooling_type"),
    )
    source, target = "encoder.blocks.{i}", "block{i:02d}"
    table = WeightTable(
        rules=(
            *conv_norm("embeddings", "stem", ("convolution", "batchnorm")),
            *conv_norm(f"{source}.expansion", f"{target}/expand", ("expand_conv", "expand_bn")),
            *conv_norm(f"{source}.depthwise_conv", f"{target}/depthwise", ("depthwise_conv", "depthwise_norm")),
            *conv(f"{source}.squeeze_excite.reduce", f"{target}/squeeze/reduce"),
            *conv(f"{source}.squeeze_excite.expand", f"{target}/squeeze/expand"),
            *conv_norm(f"{source}.projection", f"{target}/project", ("project_conv", "project_bn")),
            *conv_norm("encoder", "top", ("top_conv", "top_bn")),
            *linear("classifier", "classifier"),
        ),
        prefixes=("efficientnet.",),
    )
    module = EfficientNet(settings, n_labels=head_size(shapes, "classifier.weight"))
    image_size = config.pair("image_size")
    return Architecture(module, table, image_size, PlainPreprocessor(image_size))


FAMILY = Family(name="efficientnet", title="EfficientNet", model_types=("efficientnet",), build=_build)
