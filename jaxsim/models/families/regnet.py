"""RegNet X and Y (Radosavovic et al. 2020): grouped bottlenecks, Y with squeeze-and-excitation."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.activations import activation
from jaxsim.models.layers.conv_layers import ConvNorm, SqueezeExcite, conv_norm, map_mean
from jaxsim.models.layers.conv_stages import StageSizes, map_layout, read_stages, record_heads, record_stages
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, conv, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder, Recording


@dataclasses.dataclass(frozen=True)
class RegNetSettings:
    """A RegNet.

    Attributes:
        stem_width: Channels of the stem.
        stages: Widths and depths.
        group_width: Channels of a group of the 3x3 convolutions; the number of groups is rounded down.
        squeeze: Whether blocks have squeeze-and-excitation (Y).
        activation: Everywhere but in the squeeze, which has ReLU.
        first_stride: Of the first stage; the others have 2.
    """

    stem_width: int
    stages: StageSizes
    group_width: int
    squeeze: bool
    activation: str = "relu"
    first_stride: int = 2


class RegNetBlock(nn.Module):
    """1x1, grouped 3x3, perhaps squeeze-and-excitation, 1x1, and a shortcut, projected where the shape changes.

    Attributes:
        settings: Of the network.
        width: Output channels.
        stride: Of the block.
    """

    settings: RegNetSettings
    width: int
    stride: int
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the activated sum."""
        s = self.settings
        numerics = {"dtype": self.dtype, "precision": self.precision}
        groups = max(1, self.width // s.group_width)
        branch = ConvNorm(self.width, 1, activation=s.activation, **numerics, name="reduce")(x)
        branch = ConvNorm(self.width, 3, self.stride, groups, activation=s.activation, **numerics, name="grouped")(
            branch
        )
        if s.squeeze:
            branch = SqueezeExcite(round(x.shape[-1] / 4), **numerics, name="squeeze")(branch)
        branch = ConvNorm(self.width, 1, **numerics, name="expand")(branch)
        if x.shape[-1] != self.width or self.stride != 1:
            x = ConvNorm(self.width, 1, self.stride, **numerics, name="shortcut")(x)
        return activation(s.activation)(branch + x)


class RegNet(nn.Module):
    """Strided stem, then stages of blocks; every block is a step.

    Steps: `stem`, `stage0.block0`, ...; the hidden states of Hugging Face are the stem and each stage's last
    block.

    Attributes:
        settings: Of the network.
        n_labels: Classes of the classifier, 0 without one.
    """

    settings: RegNetSettings
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        recorder = Recorder()
        numerics = {"dtype": self.dtype, "precision": self.precision}
        x = ConvNorm(s.stem_width, 3, 2, activation=s.activation, **numerics, name="stem")(images)
        recorder.add("stem", x, map_layout(x), kind="stem", hidden=True)

        def block(x: Array, stage: int, index: int, name: str) -> Array:
            stride = 1 if index else (2 if stage else s.first_stride)
            return RegNetBlock(s, s.stages.widths[stage], stride, **numerics, name=name)(x)

        x = record_stages(recorder, x, s.stages, block)
        record_heads(recorder, x, map_mean(x), self.n_labels, self.dtype, self.precision)
        return recorder.finish()


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    config.require("layer_type", "x", "y")
    squeeze = config("layer_type") == "y"
    settings = RegNetSettings(
        stem_width=config("embedding_size"),
        stages=read_stages(config),
        group_width=config("groups_width"),
        squeeze=squeeze,
        activation=config("hidden_act"),
        first_stride=2 if config("downsample_in_first_stage") else 1,
    )
    source, target = "encoder.stages.{s}.layers.{b}", "stage{s}_block{b}"
    table = WeightTable(
        rules=(
            *conv_norm("embedder.embedder", "stem"),
            *conv_norm(f"{source}.shortcut", f"{target}/shortcut"),
            *conv_norm(f"{source}.layer.0", f"{target}/reduce"),
            *conv_norm(f"{source}.layer.1", f"{target}/grouped"),
            *conv(f"{source}.layer.2.attention.0", f"{target}/squeeze/reduce"),
            *conv(f"{source}.layer.2.attention.2", f"{target}/squeeze/expand"),
            *conv_norm(f"{source}.layer.{3 if squeeze else 2}", f"{target}/expand"),
            *linear("classifier.1", "classifier"),
        ),
        prefixes=("regnet.",),
    )
    module = RegNet(settings, n_labels=head_size(shapes, "classifier.1.weight"))
    image_size = (224, 224)
    plain = PlainPreprocessor(image_size, fit="crop", crop_fraction=0.875)
    return Architecture(module, table, image_size, plain)


FAMILY = Family(name="regnet", title="RegNet X, Y", model_types=("regnet",), build=_build)
