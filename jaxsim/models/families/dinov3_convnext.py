"""The ConvNeXts distilled from DINOv3 (Siméoni et al. 2025)."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, is_backbone
from jaxsim.models.layers.conv_layers import map_mean
from jaxsim.models.layers.conv_stages import map_layout, read_stages
from jaxsim.models.layers.convnext_core import ConvNeXt, ConvNeXtSettings
from jaxsim.models.layers.vit_layers import layer_norm
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear, norm, param
from jaxsim.models.preprocessing.float_resize import FloatResizePreprocessor
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder, Tokens


class Dinov3ConvNeXt(ConvNeXt):
    """A ConvNeXt that ends like a vision transformer: the mean of the map stands before its cells as `cls`.

    The last step, `norm`, is these tokens, each normalised. The hidden states of Hugging Face are the images
    and each stage's last block.
    """

    stem_is_hidden: bool = False

    @nn.nowrap
    def begin(self, recorder: Recorder, images: Float[Array, "batch height width colours"]) -> None:
        """Records the images, the first of the hidden states."""
        recorder.add("images", images, map_layout(images), kind="images", block=False, hidden=True)

    @nn.nowrap
    def heads(self, recorder: Recorder, x: Float[Array, "batch height width channels"]) -> None:
        """Records the normalised tokens; the first of them is the pooler output. A backbone has none of that."""
        if not self.final_norm:
            recorder.output("last_hidden_state", x)
            return
        batch, height, width, channels = x.shape
        tokens = jnp.concatenate([map_mean(x)[:, None], x.reshape(batch, -1, channels)], axis=1)
        normed = layer_norm(self.settings.final_eps, self.dtype, "norm")(tokens)
        recorder.add("norm", normed, Tokens(("cls",), (height, width)), kind="norm")
        recorder.output("last_hidden_state", normed)
        recorder.output("pooler_output", normed[:, 0])


def _rules() -> list[Rule]:
    stage, layer, block = "stages.{s}.downsample_layers", "stages.{s}.layers.{b}", "stage{s}_block{b}"
    return [
        *conv("stages.0.downsample_layers.0", "stem"),
        *norm("stages.0.downsample_layers.1", "stem_norm"),
        *norm(f"{stage}.0", "stage{s}_norm"),
        *conv(f"{stage}.1", "stage{s}_downsample"),
        *conv(f"{layer}.depthwise_conv", f"{block}/depthwise"),
        *norm(f"{layer}.layer_norm", f"{block}/norm"),
        *linear(f"{layer}.pointwise_conv1", f"{block}/fc1"),
        *linear(f"{layer}.pointwise_conv2", f"{block}/fc2"),
        *param(f"{layer}.gamma", f"{block}/layer_scale/scale"),
        *norm("layer_norm", "norm"),
    ]


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    settings = ConvNeXtSettings(
        stages=read_stages(config),
        activation=config("hidden_act"),
        eps=config("layer_norm_eps"),
        final_eps=config("layer_norm_eps"),
        layer_scale=float(config("layer_scale_init_value")),
        init_std=config("initializer_range"),
    )
    image_size = config.pair("image_size")
    return Architecture(
        Dinov3ConvNeXt(settings, final_norm=not is_backbone(shapes, config("architectures", None))),
        WeightTable(rules=tuple(_rules()), prefixes=("model.",)),
        image_size,
        PlainPreprocessor(image_size, resample="bilinear"),
        processor=FloatResizePreprocessor.from_directory,
    )


FAMILY = Family(name="dinov3_convnext", title="DINOv3 ConvNeXt", model_types=("dinov3_convnext",), build=_build)
