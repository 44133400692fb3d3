"""DINOv3 ViT (Siméoni et al. 2025): rotary positions on the patches, registers, LayerScale, no key bias."""

from __future__ import annotations

import math

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes
from jaxsim.models.layers.vit_core import TransformerSettings, VisionTransformer
from jaxsim.models.layers.vit_layers import BlockSettings, Rotate
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear, norm, param
from jaxsim.models.preprocessing.float_resize import FloatResizePreprocessor
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder


def rotary_angles(grid: tuple[int, int], head_dim: int, theta: float) -> Float[np.ndarray, "patches half"]:
    """Angles by which each patch's pairs of features are rotated, in radians, float32.

    The first quarter of the features turns with the row, the second with the column; both are counted from
    -1 to 1 across the image, at the patches' centres, whatever their number.

    Args:
        grid: Rows and columns of the patches.
        head_dim: Width of a head, a multiple of 4.
        theta: Base of the frequencies.

    Example:
        >>> rotary_angles((2, 1), 4, 100.0).round(2)
        array([[-3.14,  0.  ],
               [ 3.14,  0.  ]], dtype=float32)
    """
    frequencies = np.float32(1) / np.float32(theta) ** np.arange(0, 1, 4 / head_dim, dtype=np.float32)
    axes = (2 * (np.arange(n, dtype=np.float32) + np.float32(0.5)) / np.float32(n) - np.float32(1) for n in grid)
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2, 1)
    return (np.float32(2 * math.pi) * places * frequencies).reshape(places.shape[0], -1)


class Dinov3(VisionTransformer):
    """The shared core with rotary instead of added positions.

    Attributes:
        theta: Base of the rotary frequencies.
    """

    theta: float = 100.0

    @nn.nowrap
    def rotate(self, grid: tuple[int, int]) -> Rotate:
        """Returns what rotates the patches' queries and keys, in float32; leading tokens stay as they are."""
        block, skip = self.settings.block, len(self.settings.prefix)
        angles = rotary_angles(grid, block.hidden_size // block.n_heads, self.theta)
        cosine, sine = jnp.asarray(np.cos(angles))[:, None], jnp.asarray(np.sin(angles))[:, None]

        def turn(x: Array) -> Array:
            first, second = jnp.split(x[:, skip:].astype(jnp.float32), 2, axis=-1)
            turned = [first * cosine - second * sine, second * cosine + first * sine]
            return jnp.concatenate([x[:, :skip], jnp.concatenate(turned, axis=-1).astype(x.dtype)], axis=1)

        return lambda query, key: (turn(query), turn(key))

    @nn.nowrap
    def heads(
        self,
        recorder: Recorder,
        normed: Float[Array, "batch tokens features"],
        last: Float[Array, "batch tokens features"],
    ) -> None:
        """Records the last hidden state and the class token."""
        super().heads(recorder, normed, last)
        recorder.output("pooler_output", normed[:, 0])


def _weight_table(n_registers: int, gated: bool) -> WeightTable:
    layer, block = "layer.{i}", "block{i:02d}"
    mlp = (
        {"gate_proj": "gate", "up_proj": "up", "down_proj": "out"} if gated else {"up_proj": "fc1", "down_proj": "fc2"}
    )
    attention = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "out"}
    rules: list[Rule] = [
        *param("embeddings.cls_token", "cls_token"),
        *(param("embeddings.register_tokens", "register_tokens") if n_registers else []),
        *conv("embeddings.patch_embeddings", "patch_embedding/projection"),
        *norm(f"{layer}.norm1", f"{block}/norm1"),
        *param(f"{layer}.layer_scale1.lambda1", f"{block}/layer_scale1/scale"),
        *norm(f"{layer}.norm2", f"{block}/norm2"),
        *param(f"{layer}.layer_scale2.lambda1", f"{block}/layer_scale2/scale"),
        *norm("norm", "norm"),
    ]
    for source, target in attention.items():
        rules += linear(f"{layer}.attention.{source}", f"{block}/attention/{target}")
    for source, target in mlp.items():
        rules += linear(f"{layer}.mlp.{source}", f"{block}/mlp/{target}")
    empty = () if n_registers else ("embeddings.register_tokens",)
    # `model.` is the name of the blocks' module inside transformers.
    return WeightTable(tuple(rules), prefixes=("model.",), extras=("embeddings.mask_token", *empty))


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    # Noise on the coordinates in training; the feature maps that a backbone returns.
    config.ignore("pos_embed_shift", "pos_embed_jitter", "pos_embed_rescale")
    config.ignore("apply_layernorm", "reshape_hidden_states", "return_class_token")
    patch, image_size = config.pair("patch_size"), config.pair("image_size")
    n_registers, gated = config("num_register_tokens"), config("use_gated_mlp")
    width, n_heads = config("hidden_size"), config("num_attention_heads")
    if width % (4 * n_heads):
        config.refuse(
            "num_attention_heads", "rotary positions need heads whose width, hidden_size / heads, is a multiple of 4"
        )
    settings = TransformerSettings(
        block=BlockSettings(
            hidden_size=width,
            n_heads=n_heads,
            mlp_size=config("intermediate_size"),
            eps=config("layer_norm_eps"),
            activation=config("hidden_act"),
            query_bias=config("query_bias"),
            key_bias=config("key_bias"),
            value_bias=config("value_bias"),
            out_bias=config("proj_bias"),
            mlp_bias=config("mlp_bias"),
            gated_mlp=gated,
            layer_scale=True,
            layer_scale_init=config("layerscale_value"),
            init_std=config("initializer_range"),
        ),
        n_blocks=config("num_hidden_layers"),
        patch_size=patch,
        grid=(image_size[0] // patch[0], image_size[1] // patch[1]),
        prefix=("cls", *["register"] * n_registers),
        positions=False,
    )
    return Architecture(
        Dinov3(settings, theta=config("rope_theta")),
        _weight_table(n_registers, gated),
        image_size,
        PlainPreprocessor(image_size, resample="bilinear"),
        processor=FloatResizePreprocessor.from_directory,
    )


FAMILY = Family(name="dinov3_vit", title="DINOv3 ViT", model_types=("dinov3_vit",), build=_build)
