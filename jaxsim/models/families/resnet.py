"""ResNet (He et al. 2016) with basic or bottleneck blocks, and its kin: ResNet-D, ResNeXt, SE-ResNet, ResNet-RS."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.activations import activation
from jaxsim.models.layers.conv_layers import ConvNorm, SqueezeExcite, centred_padding, conv_norm, map_mean, max_pool
from jaxsim.models.layers.conv_stages import StageSizes, map_layout, read_stages, record_heads, record_stages
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder, Recording

_REDUCTION = 4


@dataclasses.dataclass(frozen=True)
class ResNetSettings:
    """A ResNet.

    Attributes:
        stem_width: Channels of the stem.
        stages: Widths and depths.
        bottleneck: 1x1, 3x3, 1x1 blocks instead of 3x3, 3x3 ones.
        activation: After the stem and after each sum; inside the blocks it is always ReLU.
        first_stride: Of the first stage; the others have 2.
        stride_in_reduction: Whether a bottleneck is strided in its first 1x1 instead of its 3x3.
        project_always: Whether every shortcut is projected, not only where the shape changes.
        inner_widths: Channels of each stage's 3x3 convolutions in bottlenecks; empty for a quarter of the width.
        groups: Of the 3x3 convolutions in bottlenecks (ResNeXt).
        deep_stem: Channels of the first two of three 3x3 convolutions in the stem (ResNet-C, -D); empty for one 7x7.
        strided_stem: Whether the stem ends with a strided 3x3 convolution in place of the maximum (ResNet-RS).
        averaged_shortcut: Whether strided shortcuts take means before they are projected (ResNet-D).
        squeezed: Width inside each stage's squeeze-and-excitation; empty without it.
    """

    stem_width: int
    stages: StageSizes
    bottleneck: bool = True
    activation: str = "relu"
    first_stride: int = 1
    stride_in_reduction: bool = False
    project_always: bool = False
    inner_widths: tuple[int, ...] = ()
    groups: int = 1
    deep_stem: tuple[int, ...] = ()
    strided_stem: bool = False
    averaged_shortcut: bool = False
    squeezed: tuple[int, ...] = ()


class ResNetBlock(nn.Module):
    """Two or three convolutions and a shortcut, which is projected where the shape changes.

    Attributes:
        settings: Of the network.
        stage: In which the block is.
        stride: Of the block.
    """

    settings: ResNetSettings
    stage: int
    stride: int
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the activated sum."""
        s, width = self.settings, self.settings.stages.widths[self.stage]
        if s.bottleneck:
            inner = s.inner_widths[self.stage] if s.inner_widths else width // _REDUCTION
            strides = (self.stride, 1) if s.stride_in_reduction else (1, self.stride)
            layers = [(inner, 1, strides[0], 1), (inner, 3, strides[1], s.groups), (width, 1, 1, 1)]
        else:
            layers = [(width, 3, self.stride, 1), (width, 3, 1, 1)]
        branch = x
        for index, (features, kernel, stride, groups) in enumerate(layers):
            act = None if index == len(layers) - 1 else "relu"
            branch = self._conv(features, kernel, stride, act, f"conv{index}", groups)(branch)
        if s.squeezed:
            branch = SqueezeExcite(s.squeezed[self.stage], dtype=self.dtype, precision=self.precision, name="squeeze")(
                branch
            )
        if s.project_always or x.shape[-1] != width or self.stride != 1:
            stride = self.stride
            if s.averaged_shortcut and stride != 1:
                # The mean of what is there where an odd rest is left, as torch's `ceil_mode` has it.
                x = nn.avg_pool(x, (stride, stride), (stride, stride), "SAME", count_include_pad=False)
                stride = 1
            x = self._conv(width, 1, stride, None, "shortcut")(x)
        return activation(s.activation)(branch + x)

    @nn.nowrap
    def _conv(self, width: int, kernel: int, stride: int, act: str | None, name: str, groups: int = 1) -> ConvNorm:
        numerics = {"dtype": self.dtype, "precision": self.precision}
        return ConvNorm(width, kernel, stride, groups, activation=act, **numerics, name=name)


class ResNet(nn.Module):
    """Stem with max-pooling, then stages of residual blocks; every block is a step.

    Steps: `stem`, `stage0.block0`, ...; the hidden states of Hugging Face are the stem and each stage's last
    block.

    Attributes:
        settings: Of the network.
        n_labels: Classes of the classifier, 0 without one.
    """

    settings: ResNetSettings
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        recorder = Recorder()
        numerics = {"dtype": self.dtype, "precision": self.precision}
        x = images
        for index, width in enumerate(s.deep_stem):
            x = ConvNorm(width, 3, 1 if index else 2, activation=s.activation, **numerics, name=f"stem{index}")(x)
        kernel, stride = (3, 1) if s.deep_stem else (7, 2)
        x = ConvNorm(s.stem_width, kernel, stride, activation=s.activation, **numerics, name="stem")(x)
        if s.strided_stem:
            x = ConvNorm(s.stem_width, 3, 2, activation=s.activation, **numerics, name="stem_pool")(x)
        else:
            x = max_pool(x, 3, 2, centred_padding(3))
        recorder.add("stem", x, map_layout(x), kind="stem", hidden=True)

        def block(x: Array, stage: int, index: int, name: str) -> Array:
            stride = 1 if index else (2 if stage else s.first_stride)
            return ResNetBlock(s, stage, stride, **numerics, name=name)(x)

        x = record_stages(recorder, x, s.stages, block)
        record_heads(recorder, x, map_mean(x), self.n_labels, self.dtype, self.precision)
        return recorder.finish()


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    config.require("layer_type", "basic", "bottleneck")
    settings = ResNetSettings(
        stem_width=config("embedding_size"),
        stages=read_stages(config),
        bottleneck=config("layer_type") == "bottleneck",
        activation=config("hidden_act"),
        first_stride=2 if config("downsample_in_first_stage") else 1,
        stride_in_reduction=config("downsample_in_bottleneck"),
    )
    layer, block = "encoder.stages.{s}.layers.{b}", "stage{s}_block{b}"
    table = WeightTable(
        rules=(
            *conv_norm("embedder.embedder", "stem"),
            *conv_norm(f"{layer}.shortcut", f"{block}/shortcut"),
            *conv_norm(f"{layer}.layer.{{i}}", f"{block}/conv{{i}}"),
            *linear("classifier.1", "classifier"),
        ),
        prefixes=("resnet.",),
    )
    module = ResNet(settings, n_labels=head_size(shapes, "classifier.1.weight"))
    image_size = (224, 224)
    plain = PlainPreprocessor(image_size, fit="crop", crop_fraction=0.875)
    return Architecture(module, table, image_size, plain)


FAMILY = Family(name="resnet", title="ResNet", model_types=("resnet",), build=_build)
