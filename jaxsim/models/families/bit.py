"""BiT (Kolesnikov et al. 2020): ResNets with group norm and standardised convolution weights."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.activations import activation
from jaxsim.models.layers.conv_layers import HE_NORMAL, NO_PADDING, centred_padding, check_extent, map_mean, max_pool
from jaxsim.models.layers.conv_stages import (
    StageSizes,
    map_layout,
    read_stages,
    record_heads,
    record_stages,
    rounded_width,
)
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear, norm
from jaxsim.models.preprocessing.preprocessors import HALF, PlainPreprocessor
from jaxsim.models.step import Recorder, Recording

_WEIGHT_EPS = 1e-8
_POOL = 3


@dataclasses.dataclass(frozen=True)
class BitSettings:
    """A BiT.

    Attributes:
        stem_width: Channels of the stem.
        stages: Widths and depths.
        strides: Of each stage.
        dilations: Of each stage; only blocks without pre-activation use them.
        preactivation: Norm and activation before the convolutions (v2), and a final norm.
        groups: Of the group norms.
        activation: everywhere.
        tensorflow_padding: TensorFlow's padding instead of torch's.
        pool_padding: Whether the stem's pooling is padded with zeros, like TensorFlow's.
    """

    stem_width: int
    stages: StageSizes
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    preactivation: bool = True
    groups: int = 32
    activation: str = "relu"
    tensorflow_padding: bool = False
    pool_padding: bool = False


class StandardizedConv(nn.Module):
    """A convolution whose weights have mean 0 and variance 1 in each output channel (Qiao et al. 2019)."""

    features: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    tensorflow_padding: bool = False
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the convolved map."""
        kernel = self.param("kernel", HE_NORMAL, (self.kernel, self.kernel, x.shape[-1], self.features))
        centred = kernel - kernel.mean(axis=(0, 1, 2))
        variance = jnp.mean(centred**2, axis=(0, 1, 2))
        return jax.lax.conv_general_dilated(
            x.astype(self.dtype),
            (centred * jax.lax.rsqrt(variance + _WEIGHT_EPS)).astype(self.dtype),
            (self.stride, self.stride),
            "SAME" if self.tensorflow_padding else centred_padding(self.kernel, self.dilation),
            rhs_dilation=(self.dilation, self.dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision=self.precision,
        )


class BitBlock(nn.Module):
    """1x1, 3x3, 1x1 convolutions with norms before (v2) or after them; the first of a stage projects the shortcut.

    Attributes:
        settings: Of the network.
        width: Output channels.
        stride: Of the block.
        dilation: Of the 3x3 convolution, without pre-activation.
        projected: Whether the shortcut is projected.
    """

    settings: BitSettings
    width: int
    stride: int
    dilation: int
    projected: bool
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the residual output, activated without pre-activation."""
        s = self.settings
        inner = rounded_width(self.width / 4)
        dilation = 1 if s.preactivation else self.dilation
        layers = ((inner, 1, 1, 1), (inner, 3, self.stride, dilation), (self.width, 1, 1, 1))
        if s.preactivation:
            branch = shortcut = x
            for index, layer in enumerate(layers):
                branch = self._norm(branch, f"norm{index}")
                if index == 0 and self.projected:
                    shortcut = self._conv(branch, self.width, 1, self.stride, 1, "shortcut")
                branch = self._conv(branch, *layer, f"conv{index}")
            return branch + shortcut
        branch = x
        for index, layer in enumerate(layers):
            branch = self._conv(branch, *layer, f"conv{index}")
            branch = self._norm(branch, f"norm{index}", activated=index < len(layers) - 1)
        if self.projected:
            x = self._conv(x, self.width, 1, self.stride, 1, "shortcut")
            x = self._norm(x, "shortcut_norm", activated=False)
        return activation(s.activation)(branch + x)

    @nn.nowrap
    def _conv(self, x: Array, width: int, kernel: int, stride: int, dilation: int, name: str) -> Array:
        padding = self.settings.tensorflow_padding
        return StandardizedConv(width, kernel, stride, dilation, padding, self.dtype, self.precision, name=name)(x)

    @nn.nowrap
    def _norm(self, x: Array, name: str, activated: bool = True) -> Array:
        return _group_norm(x, self.settings, self.dtype, name, activated)


def _group_norm(x: Array, settings: BitSettings, dtype: jnp.dtype, name: str, activated: bool = True) -> Array:
    x = nn.GroupNorm(settings.groups, epsilon=1e-5, use_fast_variance=False, dtype=dtype, name=name)(x)
    return activation(settings.activation)(x) if activated else x


class Bit(nn.Module):
    """Stem with max-pooling, stages of blocks, and after pre-activation blocks a final norm.

    Steps: `stem`, `stage0.block0`, ..., and `norm` (activated) where there is one; the hidden states of Hugging
    Face are the stem and each stage's last block.

    Attributes:
        settings: Of the network.
        n_labels: Classes of the classifier, 0 without one.
    """

    settings: BitSettings
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        recorder = Recorder()
        x = self._stem(images)
        recorder.add("stem", x, map_layout(x), kind="stem", hidden=True)

        def block(x: Array, stage: int, index: int, name: str) -> Array:
            width, dilation = s.stages.widths[stage], s.dilations[stage]
            if index:
                return BitBlock(s, width, 1, dilation, False, self.dtype, self.precision, name=name)(x)
            dilation = 1 if dilation in (1, 2) else 2
            return BitBlock(s, width, s.strides[stage], dilation, True, self.dtype, self.precision, name=name)(x)

        x = record_stages(recorder, x, s.stages, block)
        if s.preactivation:
            x = _group_norm(x, s, self.dtype, "norm")
            recorder.add("norm", x, map_layout(x), kind="norm")
        record_heads(recorder, x, map_mean(x), self.n_labels, self.dtype, self.precision)
        return recorder.finish()

    @nn.nowrap
    def _stem(self, images: Float[Array, "batch height width colours"]) -> Array:
        s = self.settings
        if s.tensorflow_padding and not s.pool_padding:
            smallest = 2 * _POOL - 1
            check_extent(images, (smallest, smallest))
        conv = StandardizedConv(s.stem_width, 7, 2, 1, s.tensorflow_padding, self.dtype, self.precision, name="stem")
        x = conv(images)
        # The zeros take part in what follows: they are normalised and can win the maximum.
        if not s.tensorflow_padding:
            x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        if not s.preactivation:
            x = _group_norm(x, s, self.dtype, "stem_norm")
        if s.pool_padding:
            rows, columns = jax.lax.padtype_to_pads(x.shape[1:3], (_POOL, _POOL), (2, 2), "SAME")
            x = jnp.pad(x, ((0, 0), rows, columns, (0, 0)))
        return max_pool(x, _POOL, 2, NO_PADDING)


def _strides(config: ConfigReader, n_stages: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Strides and dilations of the stages: from `output_stride` on, dilation grows instead of the stride."""
    limit, reached, dilation = config("output_stride"), 4, 1
    strides, dilations = [], []
    for stage in range(n_stages):
        stride = 2 if stage else 1
        if reached >= limit:
            stride, dilation = 1, dilation * stride
        reached *= stride
        strides.append(stride)
        dilations.append(dilation)
    return tuple(strides), tuple(dilations)


def _rules() -> list[Rule]:
    source, target = "encoder.stages.{s}.layers.{b}", "stage{s}_block{b}"
    rules = [
        *conv("embedder.convolution", "stem"),
        *norm("embedder.norm", "stem_norm"),
        *conv(f"{source}.downsample.conv", f"{target}/shortcut"),
        *norm(f"{source}.downsample.norm", f"{target}/shortcut_norm"),
        *norm("norm", "norm"),
        *linear("classifier.1", "classifier"),
    ]
    for index in range(3):
        rules += conv(f"{source}.conv{index + 1}", f"{target}/conv{index}")
        rules += norm(f"{source}.norm{index + 1}", f"{target}/norm{index}")
    return rules


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    config.require("layer_type", "preactivation", "bottleneck")
    if config("global_padding") not in (None, "SAME"):
        config.refuse("global_padding", "without padding the block's two branches differ in size; None or 'SAME'")
    sizes = read_stages(config)
    factor = config("width_factor")
    strides, dilations = _strides(config, len(sizes.widths))
    settings = BitSettings(
        stem_width=config("embedding_size"),
        stages=StageSizes(tuple(rounded_width(width * factor) for width in sizes.widths), sizes.depths),
        strides=strides,
        dilations=dilations,
        preactivation=config("layer_type") == "preactivation",
        groups=config("num_groups"),
        activation=config("hidden_act"),
        tensorflow_padding=config("global_padding") == "SAME",
        pool_padding=config("embedding_dynamic_padding"),
    )
    table = WeightTable(rules=tuple(_rules()), prefixes=("bit.",))
    module = Bit(settings, n_labels=head_size(shapes, "classifier.1.weight"))
    image_size = (224, 224)
    plain = PlainPreprocessor(image_size, mean=HALF, std=HALF, resample="bilinear", fit="crop")
    return Architecture(module, table, image_size, plain)


FAMILY = Family(name="bit", title="BiT", model_types=("bit",), build=_build)
