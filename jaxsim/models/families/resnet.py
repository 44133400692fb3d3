"""ResNet (He et al. 2016) with basic or bottleneck blocks, strided in the 3x3 (v1.5) or the first 1x1 (v1)."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.activations import activation
from jaxsim.models.layers.conv_layers import ConvNorm, centred_padding, conv_norm, map_mean, max_pool
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
        stem_width: channels of the stem.
        stages: widths and depths.
        bottleneck: 1x1, 3x3, 1x1 blocks instead of 3x3, 3x3 ones.
        activation: after the stem and after each sum; inside the blocks it is always ReLU.
        first_stride: of the first stage; the others have 2.
        stride_in_reduction: whether a bottleneck is strided in its first 1x1 instead of its 3x3.
        project_always: whether every shortcut is projected, not only where the shape changes.
    """

    stem_width: int
    stages: StageSizes
    bottleneck: bool = True
    activation: str = "relu"
    first_stride: int = 1
    stride_in_reduction: bool = False
    project_always: bool = False


class ResNetBlock(nn.Module):
    """Two or three convolutions and a shortcut, which is projected where the shape changes.

    Attributes:
        settings: of the network.
        width: output channels.
        stride: of the block.
    """

    settings: ResNetSettings
    width: int
    stride: int
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the activated sum."""
        s = self.settings
        if s.bottleneck:
            inner = self.width // _REDUCTION
            strides = (self.stride, 1) if s.stride_in_reduction else (1, self.stride)
            layers = [(inner, 1, strides[0]), (inner, 3, strides[1]), (self.width, 1, 1)]
        else:
            layers = [(self.width, 3, self.stride), (self.width, 3, 1)]
        branch = x
        for index, (width, kernel, stride) in enumerate(layers):
            last = index == len(layers) - 1
            branch = self._conv(width, kernel, stride, None if last else "relu", f"conv{index}")(branch)
        if s.project_always or x.shape[-1] != self.width or self.stride != 1:
            x = self._conv(self.width, 1, self.stride, None, "shortcut")(x)
        return activation(s.activation)(branch + x)

    @nn.nowrap
    def _conv(self, width: int, kernel: int, stride: int, act: str | None, name: str) -> ConvNorm:
        return ConvNorm(width, kernel, stride, activation=act, dtype=self.dtype, precision=self.precision, name=name)


class ResNet(nn.Module):
    """Stem with max-pooling, then stages of residual blocks; every block is a step.

    Steps: `stem`, `stage0.block0`, ...; the hidden states of Hugging Face are the stem and each stage's last
    block.

    Attributes:
        settings: of the network.
        n_labels: classes of the classifier, 0 without one.
    """

    settings: ResNetSettings
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width 3"]) -> Recording:
        """Returns every step and output for images `[B, H, W, 3]`."""
        s = self.settings
        recorder = Recorder()
        numerics = {"dtype": self.dtype, "precision": self.precision}
        x = ConvNorm(s.stem_width, 7, 2, activation=s.activation, **numerics, name="stem")(images)
        x = max_pool(x, 3, 2, centred_padding(3))
        recorder.add("stem", x, map_layout(x), kind="stem", hidden=True)

        def block(x: Array, stage: int, index: int, name: str) -> Array:
            stride = 1 if index else (2 if stage else s.first_stride)
            return ResNetBlock(s, s.stages.widths[stage], stride, **numerics, name=name)(x)

        x = record_stages(recorder, x, s.stages, block)
        record_heads(recorder, x, map_mean(x), self.n_labels, self.dtype, self.precision)
        return recorder.finish()


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.require("num_channels", 3)
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
