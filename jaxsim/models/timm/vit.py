"""timm's VisionTransformer: ViT, DeiT, DINOv2, and the vision towers of CLIP and SigLIP."""

from __future__ import annotations

import math

import flax.linen as nn
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Shapes, head_size
from jaxsim.models.layers.attention_pooling import AttentionPooling
from jaxsim.models.layers.vit_core import TransformerSettings, VisionTransformer
from jaxsim.models.layers.vit_layers import BlockSettings, layer_norm
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, fused_linear, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder

# Fused kernels do not tell the heads; most have 64 features.
_HEADS_OF_WIDTH = {1152: 16, 1280: 16, 1408: 16, 1664: 16}
_HEADS_OF_NAME = {
    "vit_base_patch16_gap_224": 16,
    "vit_giantopt_patch16_siglip_256": 16,
    "vit_giantopt_patch16_siglip_384": 16,
    "vit_giantopt_patch16_siglip_gap_256": 16,
    "vit_giantopt_patch16_siglip_gap_384": 16,
}


class TimmViT(VisionTransformer):
    """The shared core with timm's pooling, norm behind the pooling, and one or two classifiers.

    Attributes:
        pool: `"token"`, `"avg"`, `"max"` or `"map"`; all but the first read the patches alone.
        pooled_norm: Whether the norm comes after the pooling.
        n_labels: Classes, 0 without a classifier.
        distilled: Whether a second classifier reads the distillation token; logits, and the pooled features, are
            then the mean of both tokens'.
    """

    pool: str = "token"
    pooled_norm: bool = False
    n_labels: int = 0
    distilled: bool = False

    @nn.nowrap
    def heads(
        self,
        recorder: Recorder,
        normed: Float[Array, "batch tokens features"],
        last: Float[Array, "batch tokens features"],
    ) -> None:
        """Records the last hidden state, what the classifier reads (`pooler_output`), and logits."""
        super().heads(recorder, normed, last)
        pooled = self._pooled(normed)
        if self.pooled_norm:
            pooled = layer_norm(self.settings.block.eps, self.dtype, "pooled_norm")(pooled)
        recorder.output("pooler_output", (pooled + normed[:, 1]) / 2 if self.distilled else pooled)
        if self.n_labels:
            logits = self._classifier("classifier")(pooled)
            if self.distilled:
                logits = (logits + self._classifier("distillation_classifier")(normed[:, 1])) / 2
            recorder.output("logits", logits)

    @nn.nowrap
    def _pooled(self, tokens: Array) -> Array:
        patches = tokens[:, len(self.settings.prefix) :]
        match self.pool:
            case "token":
                return tokens[:, 0]
            case "avg":
                return patches.mean(axis=1)
            case "max":
                return patches.max(axis=1)
            case _:
                return AttentionPooling(self.settings.block, self.dtype, self.precision, name="pooling")(patches)

    @nn.nowrap
    def _classifier(self, name: str) -> nn.Dense:
        return nn.Dense(self.n_labels, dtype=self.dtype, precision=self.precision, name=name)


def _activation(name: str, gated: bool) -> str:
    """Returns what the name of an architecture says of the activation."""
    if gated:
        return "silu"
    if "_quickgelu_" in name:
        return "quick_gelu"
    tanh = ("giantopt_", "so400m_patch16_siglip", "base_patch32_siglip")
    if any(part in name for part in tanh) or ("large_patch16_siglip" in name and name.endswith("_512")):
        return "gelu_pytorch_tanh"
    return "gelu"


def _rules(gated: bool) -> list[Rule]:
    source, target = "blocks.{i}", "block{i:02d}"
    mlp = (
        [
            *fused_linear(f"{source}.mlp.fc1", (f"{target}/mlp/gate", f"{target}/mlp/up")),
            *linear(f"{source}.mlp.fc2", f"{target}/mlp/out"),
        ]
        if gated
        else [*linear(f"{source}.mlp.fc1", f"{target}/mlp/fc1"), *linear(f"{source}.mlp.fc2", f"{target}/mlp/fc2")]
    )
    return [
        *conv("patch_embed.proj", "patch_embedding/projection"),
        *param("cls_token", "cls_token"),
        *param("dist_token", "distillation_token"),
        *param("reg_token", "register_tokens"),
        *param("pos_embed", "position_embeddings"),
        *norm("norm_pre", "embedding_norm"),
        *norm(f"{source}.norm1", f"{target}/norm1"),
        *fused_linear(f"{source}.attn.qkv", (f"{target}/attention/{name}" for name in ("query", "key", "value"))),
        *linear(f"{source}.attn.proj", f"{target}/attention/out"),
        *param(f"{source}.ls1.gamma", f"{target}/layer_scale1/scale"),
        *norm(f"{source}.norm2", f"{target}/norm2"),
        *mlp,
        *param(f"{source}.ls2.gamma", f"{target}/layer_scale2/scale"),
        *norm("norm", "norm"),
        *norm("fc_norm", "pooled_norm"),
        *param("attn_pool.latent", "pooling/probe"),
        *linear("attn_pool.q", "pooling/query"),
        *fused_linear("attn_pool.kv", ("pooling/key", "pooling/value")),
        *linear("attn_pool.proj", "pooling/out"),
        *norm("attn_pool.norm", "pooling/norm"),
        *linear("attn_pool.mlp.fc1", "pooling/mlp/fc1"),
        *linear("attn_pool.mlp.fc2", "pooling/mlp/fc2"),
        *linear("head", "classifier"),
        *linear("head_dist", "distillation_classifier"),
    ]


def _prefix(shapes: Shapes) -> tuple[str, ...]:
    """Returns the roles of the leading tokens."""
    registers = shapes["reg_token"][1] if "reg_token" in shapes else 0
    single = [role for name, role in (("cls_token", "cls"), ("dist_token", "distillation")) if name in shapes]
    return (*single, *["register"] * registers)


def _grid(
    n_positions: int, n_prefix: int, patch: tuple[int, int], image_size: tuple[int, int], where: str
) -> tuple[tuple[int, int], int]:
    """Returns the grid of the position table and how many of the leading tokens have a slot in it: all or none."""
    expected = (image_size[0] // patch[0], image_size[1] // patch[1])
    for slots in (n_prefix, 0):
        if n_positions - slots == expected[0] * expected[1]:
            return expected, slots
    for slots in (n_prefix, 0):
        edge = math.isqrt(n_positions - slots)
        if edge * edge == n_positions - slots:
            return (edge, edge), slots
    raise ValueError(
        f"{where}: pos_embed has {n_positions} entries, which fits neither the {expected[0]} x {expected[1]} patches "
        f"of input_size {image_size} nor a square, with or without {n_prefix} leading tokens"
    )


def build(name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor) -> Architecture:
    """Makes the architecture; sizes are read off the shapes, the rest off the name.

    Args:
        name: Timm's architecture, without its tag.
        family: Its family.
        config: `model_args`, with `global_pool`.
        shapes: Of the tensors, without prefix.
        plain: The preprocessing.
    """
    width, _, *patch_size = shapes["patch_embed.proj.weight"]
    patch = (patch_size[0], patch_size[1])
    config.ignore("img_size", "patch_size", "embed_dim", "depth", "mlp_ratio", "qkv_bias", "class_token", "reg_tokens")
    config.ignore("no_embed_class", "pre_norm", "fc_norm", "init_values", "dynamic_img_size", "dynamic_img_pad")
    heads = config("num_heads", _HEADS_OF_NAME.get(name) or _HEADS_OF_WIDTH.get(width) or max(1, width // 64))
    n_blocks = len({key.split(".")[1] for key in shapes if key.startswith("blocks.")})
    gated = shapes["blocks.0.mlp.fc1.weight"][0] == 2 * shapes["blocks.0.mlp.fc2.weight"][1]
    pool = config("global_pool", None) or (
        "map" if "attn_pool.latent" in shapes else "avg" if "fc_norm.weight" in shapes else "token"
    )
    if pool not in ("token", "avg", "max", "map") or (pool == "map") != ("attn_pool.latent" in shapes):
        config.refuse("global_pool", f"{pool!r} does not fit the tensors, or is not supported")
    prefix = _prefix(shapes)
    grid, slots = (plain.image_size[0] // patch[0], plain.image_size[1] // patch[1]), 0
    if "pos_embed" in shapes:
        grid, slots = _grid(shapes["pos_embed"][1], len(prefix), patch, plain.image_size, config.where)
    biased = "blocks.0.attn.qkv.bias" in shapes
    if width % heads:
        config.refuse("num_heads", f"{heads} heads do not divide {width} features")
    settings = TransformerSettings(
        block=BlockSettings(
            hidden_size=width,
            n_heads=heads,
            mlp_size=shapes["blocks.0.mlp.fc2.weight"][1],
            eps=1e-5 if family == "clip" else 1e-6,
            activation=_activation(name, gated),
            query_bias=biased,
            key_bias=biased,
            value_bias=biased,
            gated_mlp=gated,
            layer_scale="blocks.0.ls1.gamma" in shapes,
        ),
        n_blocks=n_blocks,
        patch_size=patch,
        grid=grid,
        prefix=prefix,
        positions="pos_embed" in shapes,
        positioned_prefix=slots,
        resize="bicubic_antialias",
        patch_bias="patch_embed.proj.bias" in shapes,
        embedding_norm="norm_pre.weight" in shapes,
        final_norm="norm.weight" in shapes,
    )
    module = TimmViT(
        settings,
        pool=pool,
        pooled_norm="fc_norm.weight" in shapes,
        n_labels=head_size(shapes, "head.weight"),
        distilled="head_dist.weight" in shapes,
    )
    return Architecture(module, WeightTable(tuple(_rules(gated))), plain.image_size, plain)
