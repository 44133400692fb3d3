"""DINOv2 (Oquab et al. 2023): ViTs with LayerScale; the giant ones with a gated feed-forward part (SwiGLU)."""

from __future__ import annotations

import math

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.vit_core import TransformerSettings, VisionTransformer
from jaxsim.models.layers.vit_layers import BlockSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, fused_linear, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder


class Dinov2(VisionTransformer):
    """The shared core with DINOv2's outputs: the class token as pooler output, and a linear classifier.

    Attributes:
        n_labels: Classes of the classifier, 0 without one. It reads the class token beside the mean of the
            patch tokens.
    """

    n_labels: int = 0

    @nn.nowrap
    def heads(
        self,
        recorder: Recorder,
        normed: Float[Array, "batch tokens features"],
        last: Float[Array, "batch tokens features"],
    ) -> None:
        """Records the last hidden state, the class token and, where the checkpoint has a classifier, logits."""
        super().heads(recorder, normed, last)
        recorder.output("pooler_output", normed[:, 0])
        if self.n_labels:
            patches = normed[:, len(self.settings.prefix) :]
            features = jnp.concatenate([normed[:, 0], patches.mean(axis=1)], axis=-1)
            classifier = nn.Dense(self.n_labels, dtype=self.dtype, precision=self.precision, name="classifier")
            recorder.output("logits", classifier(features))


def read_block(config: ConfigReader) -> BlockSettings:
    """Returns the settings of DINOv2's blocks, which the version with registers shares."""
    width, qkv_bias, gated = config("hidden_size"), config("qkv_bias"), config("use_swiglu_ffn")
    mlp_size, activation = int(width * config("mlp_ratio")), config("hidden_act")
    if gated:
        # Two thirds of the plain width, rounded up to a multiple of 8; the activation is fixed.
        mlp_size, activation = (int(mlp_size * 2 / 3) + 7) // 8 * 8, "silu"
    return BlockSettings(
        hidden_size=width,
        n_heads=config("num_attention_heads"),
        head_dim=config("head_dim", None),
        mlp_size=mlp_size,
        eps=config("layer_norm_eps"),
        activation=activation,
        query_bias=qkv_bias,
        key_bias=qkv_bias,
        value_bias=qkv_bias,
        gated_mlp=gated,
        layer_scale=True,
        layer_scale_init=config("layerscale_value"),
        init_std=config("initializer_range"),
    )


def read_grid(config: ConfigReader) -> tuple[int, int]:
    """Returns rows and columns of the position table; refuses one that the original would fold otherwise."""
    patch, image = config.pair("patch_size"), config.pair("image_size")
    rows, columns = image[0] // patch[0], image[1] // patch[1]
    edge = math.isqrt(rows * columns)
    if rows != columns and edge * edge == rows * columns:
        # The original folds every table whose length is a square number into a square.
        config.refuse("image_size", f"the {rows} x {columns} positions are ambiguous with {edge} x {edge}")
    return rows, columns


def encoder_rules() -> list[Rule]:
    """Rules for embeddings, blocks, norm and classifier under the names of DINOv2's checkpoints."""
    layer, block = "encoder.layer.{i}", "block{i:02d}"
    return [
        *param("embeddings.cls_token", "cls_token"),
        *param("embeddings.position_embeddings", "position_embeddings"),
        *conv("embeddings.patch_embeddings.projection", "patch_embedding/projection"),
        *norm(f"{layer}.norm1", f"{block}/norm1"),
        *linear(f"{layer}.attention.attention.query", f"{block}/attention/query"),
        *linear(f"{layer}.attention.attention.key", f"{block}/attention/key"),
        *linear(f"{layer}.attention.attention.value", f"{block}/attention/value"),
        *linear(f"{layer}.attention.output.dense", f"{block}/attention/out"),
        *param(f"{layer}.layer_scale1.lambda1", f"{block}/layer_scale1/scale"),
        *norm(f"{layer}.norm2", f"{block}/norm2"),
        *linear(f"{layer}.mlp.fc1", f"{block}/mlp/fc1"),
        *linear(f"{layer}.mlp.fc2", f"{block}/mlp/fc2"),
        *fused_linear(f"{layer}.mlp.weights_in", (f"{block}/mlp/gate", f"{block}/mlp/up")),
        *linear(f"{layer}.mlp.weights_out", f"{block}/mlp/out"),
        *param(f"{layer}.layer_scale2.lambda1", f"{block}/layer_scale2/scale"),
        *norm("layernorm", "norm"),
        *linear("classifier", "classifier"),
    ]


def preprocessing(image_size: tuple[int, int]) -> PlainPreprocessor:
    """Returns the preprocessing of DINOv2's checkpoints: short edge resized, centre cropped, ImageNet statistics."""
    return PlainPreprocessor(image_size, resample="bicubic", fit="crop", crop_fraction=224 / 256)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    # A token that replaces patches in training; layout of the feature maps that a backbone returns.
    config.ignore("use_mask_token", "apply_layernorm", "reshape_hidden_states")
    settings = TransformerSettings(
        block=read_block(config),
        n_blocks=config("num_hidden_layers"),
        patch_size=config.pair("patch_size"),
        grid=read_grid(config),
    )
    module = Dinov2(settings, n_labels=head_size(shapes, "classifier.weight"))
    table = WeightTable(rules=tuple(encoder_rules()), prefixes=("dinov2.",), extras=("embeddings.mask_token",))
    image_size = config.pair("image_size")
    return Architecture(module, table, image_size, preprocessing(image_size))


FAMILY = Family(name="dinov2", title="DINOv2", model_types=("dinov2",), build=_build)
