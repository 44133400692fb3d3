"""Swin V2 (Liu et al. 2022): cosine attention, continuous position bias, norms after the branches."""

from __future__ import annotations

import dataclasses
import math

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsim.models.families.swin import block_settings, read_settings, shared_rules
from jaxsim.models.family import BACKBONE_EXTRAS, Architecture, Family, Shapes, head_size, is_backbone
from jaxsim.models.layers.vit_layers import Attention, BlockSettings, Mlp, layer_norm
from jaxsim.models.layers.window_layers import WindowTransformer, attend_in_windows, bias_of_windows, window_index
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, linear, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor

# Width of the small network that turns an offset into a bias.
BIAS_WIDTH = 512
MAX_LOGIT_SCALE = 100.0


def offset_coordinates(window: int, pretrained_window: int) -> Float[np.ndarray, "offsets 2"]:
    """Returns the log-spaced coordinates (down, right) of every offset in a window, row-major.

    Args:
        window: Side of the windows.
        pretrained_window: Side of the windows during pre-training, 0 if it was the same; 8 * its largest
            offset is the unit.

    Example:
        >>> offset_coordinates(2, 0)[0].round(3)
        array([-1.057, -1.057], dtype=float32)
    """
    offsets = np.arange(1 - window, window, dtype=np.float32)
    largest = (pretrained_window or window) - 1
    offsets = offsets / max(largest, 1) * 8
    spaced = np.sign(offsets) * np.log2(np.abs(offsets) + 1) / np.log2(8)
    return np.stack(np.meshgrid(spaced, spaced, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)


def _normalised(x: Float[Array, "*shape features"]) -> Float[Array, "*shape features"]:
    wide = x.astype(jnp.float32)
    length = jnp.sqrt(jnp.sum(wide * wide, axis=-1, keepdims=True))
    return (wide / jnp.maximum(length, 1e-12)).astype(x.dtype)


class SwinV2Block(nn.Module):
    """A block whose branches are normed before they are added; cosine attention inside windows."""

    settings: BlockSettings
    window: int
    shift: int
    pretrained_window: int
    mask_factor: int
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch tokens features"], grid: tuple[int, int]
    ) -> Float[Array, "batch tokens features"]:
        """Returns the block's residual output for the tokens of a map of `grid`."""
        s = self.settings
        start = nn.initializers.constant(math.log(10))
        scale = jnp.exp(jnp.minimum(self.param("logit_scale", start, (s.n_heads,)), math.log(MAX_LOGIT_SCALE)))
        bias = self._position_bias()
        attention = Attention(s, self.dtype, self.precision, name="attention")

        def attend(windows: Array, mask: np.ndarray | None) -> Array:
            # How often it is added matters: cosine scores reach 100, as much as one mask takes off.
            total = bias_of_windows(bias, None if mask is None else self.mask_factor * mask, len(windows))
            return attention(
                windows, total, lambda q, k: (_normalised(q) * scale[:, None].astype(q.dtype), _normalised(k))
            )

        branch = attend_in_windows(x, grid, self.window, self.shift, attend)
        x = x + layer_norm(s.eps, self.dtype, "norm1")(branch)
        branch = Mlp(s, self.dtype, self.precision, name="mlp")(x)
        return x + layer_norm(s.eps, self.dtype, "norm2")(branch)

    @nn.nowrap
    def _position_bias(self) -> Float[Array, "1 heads tokens tokens"]:
        """Returns the bias of each head between the tokens of a window, from 0 to 16."""

        def dense(size: int, use_bias: bool, name: str) -> nn.Dense:
            return nn.Dense(size, use_bias=use_bias, precision=self.precision, name=name)

        hidden = nn.relu(dense(BIAS_WIDTH, True, "bias_fc1")(offset_coordinates(self.window, self.pretrained_window)))
        table = 16 * nn.sigmoid(dense(self.settings.n_heads, False, "bias_fc2")(hidden))
        return table[window_index(self.window)].transpose(2, 0, 1)[None]


class SwinV2(WindowTransformer):
    """Swin V2: the stages of `WindowTransformer` with `SwinV2Block`s.

    Attributes:
        pretrained_windows: Side of the windows during pre-training in each stage, 0 for the same.
        mask_factor: How often the mask of shifted windows is added: transformers does it twice, timm once.
    """

    pretrained_windows: tuple[int, ...] = ()
    mask_factor: int = 2

    @nn.nowrap
    def block(
        self, stage: int, index: int, x: Float[Array, "batch tokens features"], grid: tuple[int, int]
    ) -> Float[Array, "batch tokens features"]:
        """Returns the output of a block."""
        settings = dataclasses.replace(block_settings(self.settings, stage), key_bias=False, attention_scale=1.0)
        # The original fixes windows and shifts by the rows that the configuration's image size gives.
        rows = self.settings.grid[0] // 2**stage
        window = min(self.settings.window, rows)
        shift = self.settings.window // 2 if index % 2 and rows > window else 0
        pretrained = self.pretrained_windows[stage]
        name = f"stage{stage}_block{index}"
        sizes = (window, shift, pretrained, self.mask_factor)
        return SwinV2Block(settings, *sizes, self.dtype, self.precision, name=name)(x, grid)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    settings = dataclasses.replace(
        read_settings(config), merge_norm_first=False, final_norm=not is_backbone(shapes, config("architectures", None))
    )
    # The original makes one position too many for its tokens and cannot run with them.
    config.require("use_absolute_embeddings", False)
    pretrained = tuple(config("pretrained_window_sizes") or (0,) * len(settings.depths))
    if len(pretrained) < len(settings.depths) or 1 in pretrained or min(pretrained) < 0:
        config.refuse("pretrained_window_sizes", "expected a size above 1, or 0, for each stage")
    if min(settings.grid) < 2 ** (len(settings.depths) - 1):
        config.refuse(
            "image_size", f"too small for {len(settings.depths)} stages (depths) that halve the map after patch_size"
        )
    attention = "encoder.layers.{s}.blocks.{i}.attention.self"
    block = "stage{s}_block{i}"
    table = WeightTable(
        rules=(
            *shared_rules(),
            *param(f"{attention}.logit_scale", f"{block}/logit_scale", lambda scale: scale.reshape(-1)),
            *linear(f"{attention}.continuous_position_bias_mlp.0", f"{block}/bias_fc1"),
            *linear(f"{attention}.continuous_position_bias_mlp.2", f"{block}/bias_fc2"),
        ),
        prefixes=("swinv2.",),
        extras=("embeddings.mask_token", "decoder.*", *BACKBONE_EXTRAS),
    )
    image = config.pair("image_size")
    module = SwinV2(settings, n_labels=head_size(shapes, "classifier.weight"), pretrained_windows=pretrained)
    return Architecture(module, table, image, PlainPreprocessor(image))


FAMILY = Family(name="swinv2", title="Swin V2", model_types=("swinv2",), build=_build)
