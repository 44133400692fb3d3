"""MAE (He et al. 2021): the encoder, given every patch in its place; the decoder is not part of it."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsim.models.families.vit import encoder_rules, read_settings
from jaxsim.models.family import Architecture, Family, Shapes
from jaxsim.models.layers.vit_core import VisionTransformer
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor


def sine_positions(grid: tuple[int, int], width: int) -> Float[np.ndarray, "tokens features"]:
    """Returns MAE's fixed position table: sine and cosine of the column, then of the row, frequencies to 1/10000.

    Args:
        grid: Rows and columns.
        width: Features, a multiple of 4.

    Example:
        >>> sine_positions((1, 2), 4).round(3)
        array([[0.   , 1.   , 0.   , 1.   ],
               [0.841, 0.54 , 0.   , 1.   ]])
    """
    frequencies = 10000.0 ** -(np.arange(width // 4) / (width // 4))
    rows, columns = (axis.reshape(-1, 1) * frequencies for axis in np.indices(grid))
    return np.concatenate([np.sin(columns), np.cos(columns), np.sin(rows), np.cos(rows)], axis=1)


class ViTMae(VisionTransformer):
    """The shared core, unmasked; an untrained one has MAE's fixed positions."""

    @nn.nowrap
    def position_init(self, key: Array, shape: tuple[int, ...]) -> Array:
        """Returns the sine table with a zero row for the class token."""
        table = sine_positions(self.settings.grid, shape[-1])
        return jnp.asarray(np.pad(table, ((1, 0), (0, 0)))[None], jnp.float32)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    # Masking, the decoder and its loss belong to training.
    config.ignore("mask_ratio", "norm_pix_loss", "decoder_hidden_size", "decoder_intermediate_size")
    config.ignore("decoder_num_attention_heads", "decoder_num_hidden_layers")
    settings = read_settings(config)
    if settings.block.hidden_size % 4:
        config.refuse("hidden_size", "only multiples of 4 have sine positions")
    table = WeightTable(rules=tuple(encoder_rules()), prefixes=("vit.",), extras=("decoder.*",))
    image_size = config.pair("image_size")
    return Architecture(ViTMae(settings), table, image_size, PlainPreprocessor(image_size, resample="bilinear"))


FAMILY = Family(name="vit_mae", title="MAE encoder", model_types=("vit_mae",), build=_build)
