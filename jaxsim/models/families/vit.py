"""ViT (Dosovitskiy et al. 2021), and DINO (Caron et al. 2021), whose checkpoints are ViTs."""

from __future__ import annotations

import flax.linen as nn
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.activations import activation
from jaxsim.models.layers.vit_core import TransformerSettings, VisionTransformer
from jaxsim.models.layers.vit_layers import BlockSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import HALF, PlainPreprocessor
from jaxsim.models.step import Recorder


class ViT(VisionTransformer):
    """The shared core with ViT's heads: a pooler or a classifier on the class token.

    Attributes:
        pooler_size: Width of the pooler, 0 without one.
        pooler_activation: Its activation.
        n_labels: Classes of the classifier, 0 without one.
    """

    pooler_size: int = 0
    pooler_activation: str = "tanh"
    n_labels: int = 0

    @nn.nowrap
    def heads(
        self,
        recorder: Recorder,
        normed: Float[Array, "batch tokens features"],
        last: Float[Array, "batch tokens features"],
    ) -> None:
        """Records the last hidden state, and pooler output and logits where the checkpoint has them."""
        super().heads(recorder, normed, last)
        if self.pooler_size:
            pooled = nn.Dense(self.pooler_size, dtype=self.dtype, precision=self.precision, name="pooler")(normed[:, 0])
            recorder.output("pooler_output", activation(self.pooler_activation)(pooled))
        if self.n_labels:
            classifier = nn.Dense(self.n_labels, dtype=self.dtype, precision=self.precision, name="classifier")
            recorder.output("logits", classifier(self.classified(normed)))

    @nn.nowrap
    def classified(self, normed: Float[Array, "batch tokens features"]) -> Float[Array, "batch features"]:
        """Returns what the classifier reads; here the class token."""
        return normed[:, 0]


def read_settings(config: ConfigReader) -> TransformerSettings:
    """Returns the core's settings from the attributes that ViT shares with its descendants."""
    config.read_channels()
    qkv_bias = config("qkv_bias")
    patch, image = config.pair("patch_size"), config.pair("image_size")
    return TransformerSettings(
        block=BlockSettings(
            hidden_size=config("hidden_size"),
            n_heads=config("num_attention_heads"),
            head_dim=config("head_dim", None),
            mlp_size=config("intermediate_size"),
            eps=config("layer_norm_eps"),
            activation=config("hidden_act"),
            query_bias=qkv_bias,
            key_bias=qkv_bias,
            value_bias=qkv_bias,
            init_std=config("initializer_range", 0.02),
        ),
        n_blocks=config("num_hidden_layers"),
        patch_size=patch,
        grid=(image[0] // patch[0], image[1] // patch[1]),
    )


def encoder_rules() -> list[Rule]:
    """Rules for embeddings, blocks and final norm under the names of ViT's checkpoints."""
    layer, block = "encoder.layer.{i}", "block{i:02d}"
    return [
        *param("embeddings.cls_token", "cls_token"),
        *param("embeddings.position_embeddings", "position_embeddings"),
        *conv("embeddings.patch_embeddings.projection", "patch_embedding/projection"),
        *norm(f"{layer}.layernorm_before", f"{block}/norm1"),
        *linear(f"{layer}.attention.attention.query", f"{block}/attention/query"),
        *linear(f"{layer}.attention.attention.key", f"{block}/attention/key"),
        *linear(f"{layer}.attention.attention.value", f"{block}/attention/value"),
        *linear(f"{layer}.attention.output.dense", f"{block}/attention/out"),
        *norm(f"{layer}.layernorm_after", f"{block}/norm2"),
        *linear(f"{layer}.intermediate.dense", f"{block}/mlp/fc1"),
        *linear(f"{layer}.output.dense", f"{block}/mlp/fc2"),
        *norm("layernorm", "norm"),
    ]


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    settings = read_settings(config)
    config.ignore("encoder_stride", "pooler_output_size")  # the decoder's; the pooler's size is read off its weight
    module = ViT(
        settings,
        pooler_size=head_size(shapes, "pooler.dense.weight", "vit.pooler.dense.weight"),
        pooler_activation=config("pooler_act"),
        n_labels=head_size(shapes, "classifier.weight"),
    )
    table = WeightTable(
        rules=(*encoder_rules(), *linear("pooler.dense", "pooler"), *linear("classifier", "classifier")),
        prefixes=("vit.",),
        extras=("embeddings.mask_token", "decoder.*"),
    )
    image_size = config.pair("image_size")
    plain = PlainPreprocessor(image_size, mean=HALF, std=HALF, resample="bilinear")
    return Architecture(module, table, image_size, plain)


FAMILY = Family(name="vit", title="ViT, DINO", model_types=("vit",), build=_build)
