"""MobileNet V1 (Howard et al. 2017): depthwise separable convolutions."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.conv_layers import ConvNorm, conv_norm, map_mean
from jaxsim.models.layers.conv_stages import map_layout, record_heads
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, linear
from jaxsim.models.preprocessing.preprocessors import HALF, PlainPreprocessor
from jaxsim.models.step import Recorder, Recording

_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
_STEM_WIDTH = 32


class MobileNetV1(nn.Module):
    """A strided stem and thirteen blocks of a depthwise and a pointwise convolution.

    Steps: `stem`, `block00`, ...; the hidden states of Hugging Face are both convolutions of every block,
    without the stem.

    Attributes:
        multiplier: Scales all widths.
        min_width: Smallest width.
        activation: After every convolution.
        eps: Of the batch norms.
        tensorflow_padding: TensorFlow's padding instead of torch's.
        n_labels: Classes of the classifier, 0 without one.
    """

    multiplier: float
    min_width: int
    activation: str
    eps: float
    tensorflow_padding: bool = True
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        recorder = Recorder()
        nominal = _STEM_WIDTH
        x = self._conv(images, self._width(nominal), 3, 2, "stem")
        recorder.add("stem", x, map_layout(x), kind="stem")
        for index, stride in enumerate(_STRIDES):
            nominal *= 2 if stride == 2 or index == 0 else 1
            name = f"block{index:02d}"
            x = self._conv(x, x.shape[-1], 3, stride, f"{name}_depthwise", groups=x.shape[-1])
            recorder.add(f"{name}.depthwise", x, map_layout(x), kind="convolution", block=False, hidden=True)
            x = self._conv(x, self._width(nominal), 1, 1, f"{name}_pointwise")
            recorder.add(name, x, map_layout(x), kind="block", hidden=True)
        record_heads(recorder, x, map_mean(x), self.n_labels, self.dtype, self.precision)
        return recorder.finish()

    @nn.nowrap
    def _width(self, nominal: int) -> int:
        return max(int(nominal * self.multiplier), self.min_width)

    @nn.nowrap
    def _conv(self, x: Array, width: int, kernel: int, stride: int, name: str, groups: int = 1) -> Array:
        return ConvNorm(
            width,
            kernel,
            stride,
            groups,
            padding="SAME" if self.tensorflow_padding else None,
            activation=self.activation,
            eps=self.eps,
            dtype=self.dtype,
            precision=self.precision,
            name=name,
        )(x)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    config.ignore("classifier_dropout_prob")
    module = MobileNetV1(
        multiplier=float(config("depth_multiplier")),
        min_width=config("min_depth"),
        activation=config("hidden_act"),
        eps=config("layer_norm_eps"),
        tensorflow_padding=config("tf_padding"),
        n_labels=head_size(shapes, "classifier.weight"),
    )
    rules = [*conv_norm("conv_stem", "stem"), *linear("classifier", "classifier")]
    for index in range(len(_STRIDES)):
        rules += conv_norm(f"layer.{2 * index}", f"block{index:02d}_depthwise")
        rules += conv_norm(f"layer.{2 * index + 1}", f"block{index:02d}_pointwise")
    table = WeightTable(rules=tuple(rules), prefixes=("mobilenet_v1.",))
    image_size = config.pair("image_size")
    plain = PlainPreprocessor(image_size, HALF, HALF, resample="bilinear", fit="crop", crop_fraction=0.875)
    return Architecture(module, table, image_size, plain)


FAMILY = Family(name="mobilenet_v1", title="MobileNet V1", model_types=("mobilenet_v1",), build=_build)
