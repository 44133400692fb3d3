"""MobileNet V2 (Sandler et al. 2018): inverted residuals with linear bottlenecks."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.conv_layers import ConvNorm, conv_norm, map_mean
from jaxsim.models.layers.conv_stages import map_layout, record_heads, rounded_width
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, linear
from jaxsim.models.preprocessing.preprocessors import HALF, PlainPreprocessor
from jaxsim.models.step import Recorder, Recording

_STEM_WIDTH, _FIRST_WIDTH, _TOP_WIDTH = 32, 16, 1280
# (width, blocks, stride of the first) as in table 2 of the paper, after the stem's own block.
_STAGES = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))


@dataclasses.dataclass(frozen=True)
class MobileNetV2Settings:
    """A MobileNet V2.

    Attributes:
        stem_width: Channels of the first convolution.
        first_width: Channels of the stem's output.
        blocks: (inner width, width, stride, dilation) of every block.
        top_width: Channels of the last convolution.
        expanded_stem: Whether the stem has a 1x1 convolution before its depthwise one.
        activation: After every convolution but the projections.
        eps: Of the batch norms.
        tensorflow_padding: TensorFlow's padding instead of torch's.
    """

    stem_width: int
    first_width: int
    blocks: tuple[tuple[int, int, int, int], ...]
    top_width: int
    expanded_stem: bool
    activation: str
    eps: float
    tensorflow_padding: bool


class MobileNetV2(nn.Module):
    """A stem with the first bottleneck, sixteen inverted residuals, a last 1x1 convolution.

    Steps: `stem`, `block00`, ..., `top`; the hidden states of Hugging Face are the blocks alone, `top` is the
    last hidden state.

    Attributes:
        settings: Of the network.
        n_labels: Classes of the classifier, 0 without one.
    """

    settings: MobileNetV2Settings
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        recorder = Recorder()
        x = self._conv(images, s.stem_width, 3, "stem_first", stride=2)
        if s.expanded_stem:
            x = self._conv(x, s.stem_width, 1, "stem_expand")
        x = self._conv(x, s.stem_width, 3, "stem_depthwise", groups=s.stem_width)
        x = self._conv(x, s.first_width, 1, "stem_reduce", activated=False)
        recorder.add("stem", x, map_layout(x), kind="stem")
        for index, (inner, width, stride, dilation) in enumerate(s.blocks):
            name = f"block{index:02d}"
            branch = self._conv(x, inner, 1, f"{name}_expand")
            branch = self._conv(branch, inner, 3, f"{name}_depthwise", stride=stride, groups=inner, dilation=dilation)
            branch = self._conv(branch, width, 1, f"{name}_reduce", activated=False)
            x = x + branch if stride == 1 and x.shape[-1] == width else branch
            recorder.add(name, x, map_layout(x), kind="block", hidden=True)
        x = self._conv(x, s.top_width, 1, "top")
        recorder.add("top", x, map_layout(x), kind="convolution")
        record_heads(recorder, x, map_mean(x), self.n_labels, self.dtype, self.precision)
        return recorder.finish()

    @nn.nowrap
    def _conv(
        self,
        x: Array,
        width: int,
        kernel: int,
        name: str,
        *,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        activated: bool = True,
    ) -> Array:
        s = self.settings
        return ConvNorm(
            width,
            kernel,
            stride,
            groups,
            dilation,
            padding="SAME" if s.tensorflow_padding else None,
            activation=s.activation if activated else None,
            eps=s.eps,
            dtype=self.dtype,
            precision=self.precision,
            name=name,
        )(x)


def _read_settings(config: ConfigReader) -> MobileNetV2Settings:
    multiplier = config("depth_multiplier")
    divisor, minimum = config("depth_divisible_by"), config("min_depth")

    def scaled(width: int, factor: float | int) -> int:
        return rounded_width(round(width * factor), divisor, minimum)

    limit, reached, dilation = config("output_stride"), 2, 1
    first = width = scaled(_FIRST_WIDTH, multiplier)
    blocks: list[tuple[int, int, int, int]] = []
    for nominal, count, first_stride in _STAGES:
        for index in range(count):
            stride, current = (1 if index else first_stride), 1
            # Where the map has shrunk enough, dilation grows instead, from the block after the one without stride.
            if reached == limit:
                current, dilation, stride = dilation, dilation * stride, 1
            reached *= stride
            inner, width = scaled(width, config("expand_ratio")), scaled(nominal, multiplier)
            blocks.append((inner, width, stride, current))
    large_top = config("finegrained_output") and multiplier < 1
    return MobileNetV2Settings(
        stem_width=scaled(_STEM_WIDTH, multiplier),
        first_width=first,
        blocks=tuple(blocks),
        top_width=_TOP_WIDTH if large_top else scaled(_TOP_WIDTH, multiplier),
        expanded_stem=not config("first_layer_is_expansion"),
        activation=config("hidden_act"),
        eps=config("layer_norm_eps"),
        tensorflow_padding=config("tf_padding"),
    )


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    config.ignore("classifier_dropout_prob", "semantic_loss_ignore_index")
    parts = {"expand_1x1": "expand", "conv_3x3": "depthwise", "reduce_1x1": "reduce"}
    rules = [*conv_norm("conv_stem.first_conv", "stem_first"), *conv_norm("conv_1x1", "top")]
    for source, target in parts.items():
        rules += conv_norm(f"conv_stem.{source}", f"stem_{target}")
        rules += conv_norm(f"layer.{{i}}.{source}", f"block{{i:02d}}_{target}")
    table = WeightTable(
        rules=(*rules, *linear("classifier", "classifier")),
        prefixes=("mobilenet_v2.",),
        extras=("segmentation_head.*",),
    )
    module = MobileNetV2(_read_settings(config), n_labels=head_size(shapes, "classifier.weight"))
    image_size = config.pair("image_size")
    plain = PlainPreprocessor(image_size, HALF, HALF, resample="bilinear", fit="crop", crop_fraction=0.875)
    return Architecture(module, table, image_size, plain)


FAMILY = Family(name="mobilenet_v2", title="MobileNet V2", model_types=("mobilenet_v2",), build=_build)
