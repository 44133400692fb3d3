"""Swin (Liu et al. 2021)."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import BACKBONE_EXTRAS, Architecture, Family, Shapes, head_size, is_backbone
from jaxsim.models.layers.vit_layers import Attention, BlockSettings, Mlp, layer_norm
from jaxsim.models.layers.window_layers import (
    WindowSettings,
    WindowTransformer,
    attend_in_windows,
    bias_of_windows,
    window_index,
)
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor


class SwinBlock(nn.Module):
    """A pre-norm block whose tokens attend inside windows, with a learned bias for each offset."""

    settings: BlockSettings
    window: int
    shift: int
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch tokens features"], grid: tuple[int, int]
    ) -> Float[Array, "batch tokens features"]:
        """Returns the block's residual output for the tokens of a map of `grid`."""
        s, window = self.settings, self.window
        if min(grid) < window:
            raise ValueError(
                f"images too small: a map of {grid[0]} x {grid[1]} tokens is left where windows of "
                f"{window} x {window} are needed; use larger images"
            )
        # A map that is no larger than a window in one direction is not shifted in either.
        shift = self.shift if min(grid) > window else 0
        table = self.param("position_bias", nn.initializers.zeros, ((2 * window - 1) ** 2, s.n_heads))
        bias = table[window_index(window)].transpose(2, 0, 1)[None]
        attention = Attention(s, self.dtype, self.precision, name="attention")
        branch = layer_norm(s.eps, self.dtype, "norm1")(x)
        x = x + attend_in_windows(
            branch,
            grid,
            window,
            shift,
            lambda windows, mask: attention(windows, bias_of_windows(bias, mask, len(windows))),
        )
        return x + Mlp(s, self.dtype, self.precision, name="mlp")(layer_norm(s.eps, self.dtype, "norm2")(x))


class Swin(WindowTransformer):
    """Swin: the stages of `WindowTransformer` with `SwinBlock`s, every second one shifted by half a window."""

    @nn.nowrap
    def block(
        self, stage: int, index: int, x: Float[Array, "batch tokens features"], grid: tuple[int, int]
    ) -> Float[Array, "batch tokens features"]:
        """Returns the output of a block."""
        settings = block_settings(self.settings, stage)
        shift = self.settings.window // 2 if index % 2 else 0
        name = f"stage{stage}_block{index}"
        return SwinBlock(settings, self.settings.window, shift, self.dtype, self.precision, name=name)(x, grid)


def block_settings(settings: WindowSettings, stage: int) -> BlockSettings:
    """Returns the settings of a stage's blocks."""
    width = settings.embed_dim * 2**stage
    return BlockSettings(
        hidden_size=width,
        n_heads=settings.n_heads[stage],
        mlp_size=int(settings.mlp_ratio * width),
        eps=settings.eps,
        activation=settings.activation,
        query_bias=settings.qkv_bias,
        key_bias=settings.qkv_bias,
        value_bias=settings.qkv_bias,
        init_std=settings.init_std,
    )


def read_settings(config: ConfigReader) -> WindowSettings:
    """Returns the settings from the attributes that Swin and Swin V2 share."""
    config.read_channels()
    patch, image = config.pair("patch_size"), config.pair("image_size")
    depths, n_heads = tuple(config("depths")), tuple(config("num_heads"))
    if min(depths) < 1 or len(depths) != len(n_heads):
        config.refuse("depths", f"expected at least one block in each stage, and as many stages as num_heads={n_heads}")
    # Widths and names that follow from the others, the decoder of masked image modelling.
    config.ignore("hidden_size", "num_layers", "num_hidden_layers", "num_attention_heads", "encoder_stride")
    return WindowSettings(
        embed_dim=config("embed_dim"),
        depths=depths,
        n_heads=n_heads,
        window=config("window_size"),
        mlp_ratio=config("mlp_ratio"),
        eps=config("layer_norm_eps"),
        activation=config("hidden_act"),
        qkv_bias=config("qkv_bias"),
        patch_size=patch,
        grid=(image[0] // patch[0], image[1] // patch[1]),
        init_std=config("initializer_range", 0.02),
    )


def shared_rules() -> list[Rule]:
    """Rules for all that Swin and Swin V2 name alike."""
    layer, block = "encoder.layers.{s}.blocks.{i}", "stage{s}_block{i}"
    return [
        *conv("embeddings.patch_embeddings.projection", "patch_embedding/projection"),
        *norm("embeddings.norm", "patch_embedding/norm"),
        *norm(f"{layer}.layernorm_before", f"{block}/norm1"),
        *linear(f"{layer}.attention.self.query", f"{block}/attention/query"),
        *linear(f"{layer}.attention.self.key", f"{block}/attention/key"),
        *linear(f"{layer}.attention.self.value", f"{block}/attention/value"),
        *linear(f"{layer}.attention.output.dense", f"{block}/attention/out"),
        *norm(f"{layer}.layernorm_after", f"{block}/norm2"),
        *linear(f"{layer}.intermediate.dense", f"{block}/mlp/fc1"),
        *linear(f"{layer}.output.dense", f"{block}/mlp/fc2"),
        *norm("encoder.layers.{s}.downsample.norm", "merging{s}/norm"),
        *linear("encoder.layers.{s}.downsample.reduction", "merging{s}/reduction"),
        *norm("layernorm", "norm"),
        *linear("classifier", "classifier"),
    ]


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    settings = dataclasses.replace(
        read_settings(config),
        positions=config("use_absolute_embeddings"),
        final_norm=not is_backbone(shapes, config("architectures", None)),
    )
    attention = "encoder.layers.{s}.blocks.{i}.attention.self"
    table = WeightTable(
        rules=(
            *shared_rules(),
            *param("embeddings.position_embeddings", "position_embeddings"),
            *param(f"{attention}.relative_position_bias_table", "stage{s}_block{i}/position_bias"),
        ),
        prefixes=("swin.",),
        extras=("embeddings.mask_token", "decoder.*", *BACKBONE_EXTRAS),
    )
    image = config.pair("image_size")
    module = Swin(settings, n_labels=head_size(shapes, "classifier.weight"))
    return Architecture(module, table, image, PlainPreprocessor(image))


FAMILY = Family(name="swin", title="Swin", model_types=("swin",), build=_build)
