"""BEiT (Bao et al. 2022) and data2vec-vision (Baevski et al. 2022), which has the same architecture."""

from __future__ import annotations

import dataclasses
import math

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsim.models.families.vit import encoder_rules
from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.positions import resize_grid
from jaxsim.models.layers.vit_core import TransformerSettings, VisionTransformer
from jaxsim.models.layers.vit_layers import BlockSettings, layer_norm
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import HALF, PlainPreprocessor
from jaxsim.models.step import Recorder


def relative_index(grid: tuple[int, int]) -> Int[np.ndarray, "tokens tokens"]:
    """Rows of the bias table for each (query, key): patch offsets row-major, then CLS to patch, patch to CLS, CLS.

    Example:
        >>> relative_index((1, 2))
        array([[5, 3, 3],
               [4, 1, 0],
               [4, 2, 1]])
    """
    height, width = grid
    rows, columns = (axis.reshape(-1) for axis in np.indices(grid))
    down = rows[:, None] - rows[None, :] + height - 1
    right = columns[:, None] - columns[None, :] + width - 1
    offsets = (2 * height - 1) * (2 * width - 1)
    index = np.empty((1 + height * width, 1 + height * width), np.int64)
    index[1:, 1:] = down * (2 * width - 1) + right
    index[0, 1:] = offsets
    index[1:, 0] = offsets + 1
    index[0, 0] = offsets + 2
    return index


class Beit(VisionTransformer):
    """The shared core with relative-position biases, and a pooler that can average the patches.

    Attributes:
        bias_grid: Rows and columns of patches that the bias tables were learned for.
        own_bias: Whether every block has a bias table.
        shared_bias: Whether there is a table for all blocks.
        mean_pooling: Pool the patches and normalise the mean, instead of taking CLS after the final norm.
        pooler_norm: Whether the checkpoint has the norm of the mean.
        n_labels: Classes of the classifier on the pooled vector, 0 without one.
        n_codes: Visual tokens that masked image modelling predicts for each patch, 0 without that head.
    """

    bias_grid: tuple[int, int] = (1, 1)
    own_bias: bool = False
    shared_bias: bool = False
    mean_pooling: bool = True
    pooler_norm: bool = False
    n_labels: int = 0
    n_codes: int = 0

    @nn.nowrap
    def attention_bias(self, grid: tuple[int, int]) -> Float[Array, "..."] | None:
        """Returns the bias that all blocks share, `[1, heads, T, T]`, or None."""
        return self._position_bias("shared_position_bias", grid) if self.shared_bias else None

    @nn.nowrap
    def block_bias(
        self, index: int, grid: tuple[int, int], shared: Float[Array, "..."] | None
    ) -> Float[Array, "..."] | None:
        """Returns the block's own bias plus the shared one."""
        if not self.own_bias:
            return shared
        own = self._position_bias(f"block{index:02d}_position_bias", grid)
        return own if shared is None else own + shared

    @nn.nowrap
    def _position_bias(self, name: str, grid: tuple[int, int]) -> Float[Array, "1 heads tokens tokens"]:
        tall, wide = 2 * self.bias_grid[0] - 1, 2 * self.bias_grid[1] - 1
        shape = (tall * wide + 3, self.settings.block.n_heads)
        table = self.param(name, nn.initializers.zeros, shape)
        # The original reads a table learned for a grid that is not square with its sides exchanged, and then
        # resizes it back. For square grids, all there are in public, it makes no difference.
        offsets = resize_grid(table[:-3].reshape(wide, tall, -1), (2 * grid[0] - 1, 2 * grid[1] - 1), "bilinear")
        table = jnp.concatenate([offsets.reshape(-1, shape[1]), table[-3:]])
        return table[relative_index(grid)].transpose(2, 0, 1)[None]

    @nn.nowrap
    def heads(
        self,
        recorder: Recorder,
        normed: Float[Array, "batch tokens features"],
        last: Float[Array, "batch tokens features"],
    ) -> None:
        """Records the last hidden state; pooler output and logits where the checkpoint has them."""
        super().heads(recorder, normed, last)
        eps = self.settings.block.eps

        def dense(size: int, name: str) -> nn.Dense:
            return nn.Dense(size, dtype=self.dtype, precision=self.precision, name=name)

        if self.n_codes:
            recorder.output(
                "logits", dense(self.n_codes, "codes")(layer_norm(eps, self.dtype, "codes_norm")(normed)[:, 1:])
            )
        if self.mean_pooling and not self.pooler_norm:
            return
        pooled = (
            layer_norm(eps, self.dtype, "pooler_norm")(normed[:, 1:].mean(1)) if self.mean_pooling else normed[:, 0]
        )
        recorder.output("pooler_output", pooled)
        if self.n_labels:
            recorder.output("logits", dense(self.n_labels, "classifier")(pooled))


def _read_settings(config: ConfigReader) -> TransformerSettings:
    config.read_channels()
    patch, image = config.pair("patch_size"), config.pair("image_size")
    grid = (image[0] // patch[0], image[1] // patch[1])
    if config("use_absolute_position_embeddings") and grid[0] != grid[1]:
        # The original always takes the table for a square one, and resizes it.
        side = math.isqrt(grid[0] * grid[1])
        if side**2 != grid[0] * grid[1]:
            config.refuse("image_size", "the original has absolute positions only for a square number of patches")
        grid = (side, side)
    layer_scale = config("layer_scale_init_value")
    return TransformerSettings(
        block=BlockSettings(
            hidden_size=config("hidden_size"),
            n_heads=config("num_attention_heads"),
            mlp_size=config("intermediate_size"),
            eps=config("layer_norm_eps"),
            activation=config("hidden_act"),
            key_bias=False,
            layer_scale=layer_scale > 0,
            layer_scale_init=layer_scale,
            init_std=config("initializer_range", 0.02),
        ),
        n_blocks=config("num_hidden_layers"),
        patch_size=patch,
        grid=grid,
        positions=config("use_absolute_position_embeddings"),
        final_norm=not config("use_mean_pooling"),
    )


def _rules(base: str) -> tuple[Rule, ...]:
    """Returns all rules; `base` is the prefix of everything but the heads.

    It can't be an optional prefix: `layernorm` without it belongs to the masked-image-modelling head.
    """
    attention = "encoder.layer.{i}.attention.attention"
    table = "relative_position_bias.relative_position_bias_table"
    body = [
        *encoder_rules(),
        *param("encoder.layer.{i}.lambda_1", "block{i:02d}/layer_scale1/scale"),
        *param("encoder.layer.{i}.lambda_2", "block{i:02d}/layer_scale2/scale"),
        *param(f"{attention}.{table}", "block{i:02d}_position_bias"),
        *param(f"encoder.{table}", "shared_position_bias"),
        *norm("pooler.layernorm", "pooler_norm"),
    ]
    heads = [*linear("classifier", "classifier"), *linear("lm_head", "codes")]
    if base:
        heads += norm("layernorm", "codes_norm")
    return (*(dataclasses.replace(rule, source=base + rule.source) for rule in body), *heads)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    settings = _read_settings(config)
    config.ignore(
        # Masked image modelling: no mask here, and the head's width is read off its weight.
        "use_mask_token",
        "vocab_size",
        # Segmentation heads and backbone wrappers.
        "pool_scales",
        "use_auxiliary_head",
        "auxiliary_loss_weight",
        "auxiliary_channels",
        "auxiliary_num_convs",
        "auxiliary_concat_input",
        "semantic_loss_ignore_index",
        "add_fpn",
        "reshape_hidden_states",
    )
    base = next((p for p in ("beit.", "data2vec_vision.") if any(name.startswith(p) for name in shapes)), "")
    image, patch = config.pair("image_size"), settings.patch_size
    module = Beit(
        settings,
        bias_grid=(image[0] // patch[0], image[1] // patch[1]),
        own_bias=config("use_relative_position_bias"),
        shared_bias=config("use_shared_relative_position_bias"),
        mean_pooling=config("use_mean_pooling"),
        pooler_norm=f"{base}pooler.layernorm.weight" in shapes,
        n_labels=head_size(shapes, "classifier.weight"),
        n_codes=head_size(shapes, "lm_head.weight"),
    )
    segmentation = ("decode_head.*", "auxiliary_head.*", "fpn*")
    table = WeightTable(_rules(base), extras=(f"{base}embeddings.mask_token", *segmentation))
    plain = PlainPreprocessor(image, mean=HALF, std=HALF, resample="bilinear")
    return Architecture(module, table, image, plain)


FAMILIES = (
    Family(name="beit", title="BEiT", model_types=("beit",), build=_build),
    Family(name="data2vec-vision", title="data2vec-vision", model_types=("data2vec-vision",), build=_build),
)
