"""ViTs of Scenic, vision_transformer and big_vision, SigLIP's image tower among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Shapes
from jaxsim.models.google.architecture import (
    GoogleArchitecture,
    ImageSize,
    Line,
    attention,
    normed,
    rules,
    same,
    scanned_rules,
)
from jaxsim.models.google.positions import WITH_SLOT, WITHOUT_SLOT, describe_positions, fixed_positions
from jaxsim.models.layers.attention_pooling import AttentionPooling
from jaxsim.models.layers.vit_core import TransformerSettings, VisionTransformer
from jaxsim.models.layers.vit_layers import BlockSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, as_is
from jaxsim.models.preprocessing.preprocessors import HALF, PlainPreprocessor
from jaxsim.models.step import Recorder

POOLS = ("token", "first", "gap", "gmp", "gsp", "map", "none")


class GoogleViT(VisionTransformer):
    """The shared core with fixed positions and the pooling and heads of Google's codebases.

    Attributes:
        fixed_positions: Kind of the positions that are computed, `"none"` where they are learned or absent.
        pool: How tokens become one vector; see `POOLS`.
        map_mlp_size: Feed-forward size of the attention pooling.
        map_heads: Its heads.
        representation_size: Width of the layer before the classifier, 0 without one.
        n_labels: Classes, 0 without a classifier.
    """

    fixed_positions: str = "none"
    pool: str = "token"
    map_mlp_size: int = 0
    map_heads: int = 0
    representation_size: int = 0
    n_labels: int = 0

    @nn.nowrap
    def embed(self, images: Float[Array, "batch height width colours"]) -> tuple[Array, tuple[int, int]]:
        """Returns the embedded tokens and the grid, fixed positions added."""
        tokens, grid = super().embed(images)
        table = fixed_positions(self.fixed_positions, grid, tokens.shape[-1], len(self.settings.prefix))
        return (tokens if table is None else tokens + table.astype(tokens.dtype)), grid

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
        if self.representation_size:
            pooled = jnp.tanh(self._dense(self.representation_size, "pre_logits")(pooled))
        if self.pool != "none":
            recorder.output("pooler_output", pooled)
        if self.n_labels:
            recorder.output("logits", self._dense(self.n_labels, "classifier")(pooled))

    @nn.nowrap
    def _pooled(self, tokens: Array) -> Array:
        match self.pool:
            case "token" | "first":
                return tokens[:, 0]
            case "gap":
                return tokens.mean(axis=1)
            case "gmp":
                return tokens.max(axis=1)
            case "gsp":
                return tokens.sum(axis=1)
            case "map":
                b = self.settings.block
                settings = BlockSettings(b.hidden_size, self.map_heads, self.map_mlp_size, b.eps, b.activation)
                return AttentionPooling(settings, self.dtype, self.precision, name="pooling")(tokens)
            case _:
                return tokens

    @nn.nowrap
    def _dense(self, size: int, name: str) -> nn.Dense:
        return nn.Dense(size, dtype=self.dtype, precision=self.precision, name=name)


def _first(shapes: Shapes, *patterns: str) -> tuple[int, ...] | None:
    """Returns the shape of the first name that one of the patterns describes in full."""
    return next((shapes[name] for pattern in patterns for name in sorted(shapes) if re.fullmatch(pattern, name)), None)


def _depth(shapes: Shapes, where: str) -> tuple[int, bool]:
    """Returns the number of blocks and whether they are stacked along a leading axis."""
    numbers = {int(found[1]) for name in shapes if (found := re.match(r"Transformer/encoderblock_(\d+)/", name))}
    stacked = _first(shapes, r"Transformer/encoderblock/LayerNorm_0/scale")
    if stacked is not None and not numbers:
        return stacked[0], True
    if stacked is not None or numbers != set(range(len(numbers))) or not numbers:
        raise ValueError(
            f"{where}: expected Transformer/encoderblock_0, _1, ... without gaps, or one stacked "
            f"Transformer/encoderblock; found {sorted(numbers)}{' and a stacked one' if stacked else ''}"
        )
    return len(numbers), False


def _describe(shapes: Shapes, image_size: ImageSize, overrides: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns the configuration that the shapes tell."""
    patch = shapes["embedding/kernel"]
    if len(patch) != 4 or patch[2] != 3:
        raise ValueError(
            f"{where}: embedding/kernel has shape {patch}; expected (height, width, 3, features). NaFlex and hybrid "
            "models are not supported."
        )
    depth, stacked = _depth(shapes, where)
    query = _first(shapes, r"Transformer/encoderblock(_0)?/MultiHeadDotProductAttention_[01]/query/kernel")
    mlp = _first(shapes, r"Transformer/encoderblock(_0)?/MlpBlock_[03]/Dense_0/kernel")
    if query is None or len(query) - stacked not in (2, 3) or mlp is None or len(mlp) - stacked != 2:
        raise ValueError(f"{where}: the first block has no query kernel (D, H, d) or no MlpBlock; is this a ViT?")
    query = query[1:] if stacked else query
    probe = "MAPHead_0/" if "MAPHead_0/probe" in shapes else ""
    pooling = (
        _first(shapes, rf"{probe}MultiHeadDotProductAttention_0/key/kernel") if probe or "probe" in shapes else None
    )
    pooling_mlp = _first(shapes, rf"{probe}MlpBlock_0/Dense_0/kernel")
    classifier = _first(shapes, "(head|output_projection)/kernel")
    representation = _first(shapes, "pre_logits/kernel")
    return {
        "patch_size": list(patch[:2]),
        "hidden_size": patch[3],
        "num_layers": depth,
        "stacked_layers": stacked,
        "num_heads": _heads(query, overrides, where),
        "mlp_dim": mlp[-1],
        "layer_norm_eps": 1e-6,
        "activation": "gelu_pytorch_tanh",
        "class_token": "cls" in shapes,
        "pool": "map" if pooling else "token" if "cls" in shapes else "gap",
        "map_heads": pooling[-2] if pooling and pooling_mlp else 0,
        "map_mlp_dim": pooling_mlp[-1] if pooling and pooling_mlp else 0,
        "representation_size": representation[-1] if representation else 0,
        "num_classes": classifier[-1] if classifier else 0,
        **describe_positions(shapes, patch, image_size, overrides, where),
    }


def _heads(query: tuple[int, ...], overrides: Mapping[str, Any], where: str) -> int:
    """Returns the number of heads, from a query kernel (D, H, d) or, where that is flat, from the overrides."""
    told = overrides.get("num_heads")
    if len(query) == 3:
        if told not in (None, query[1]):
            raise ValueError(
                f"{where}: overrides num_heads={told}, but the query kernels {query} have {query[1]} heads"
            )
        return query[1]
    if not isinstance(told, int) or told < 1 or query[1] % told:
        raise ValueError(
            f"{where}: query kernels of shape {query} do not tell how many heads; pass overrides={{'num_heads': n}}, "
            f"n a divisor of {query[1]}, got {told}"
        )
    return told


def _block_lines() -> list[Line]:
    """Returns the rules for a block's parts under today's numbers, and under those before Linen."""
    return [
        *normed("LayerNorm_0", to="norm1"),
        *attention("MultiHeadDotProductAttention_0", "MultiHeadDotProductAttention_1", to="attention"),
        *normed("LayerNorm_1", "LayerNorm_2", to="norm2"),
        *same("MlpBlock_0/Dense_0", "MlpBlock_3/Dense_0", to="mlp/fc1"),
        *same("MlpBlock_0/Dense_1", "MlpBlock_3/Dense_1", to="mlp/fc2"),
    ]


def _pooling_lines() -> list[Line]:
    return [
        ("probe", "pooling/probe", as_is),
        *attention("MultiHeadDotProductAttention_0", to="pooling"),
        *normed("LayerNorm_0", to="pooling/norm"),
        *same("MlpBlock_0/Dense_0", to="pooling/mlp/fc1"),
        *same("MlpBlock_0/Dense_1", to="pooling/mlp/fc2"),
    ]


def _table(config: ConfigReader) -> WeightTable:
    blocks = [f"block{index:02d}/" for index in range(config("num_layers"))]
    encoder = (
        scanned_rules(_block_lines(), "Transformer/encoderblock/", blocks)
        if config("stacked_layers")
        else rules(_block_lines(), "Transformer/encoderblock_{i}/", "block{i:02d}/")
    )
    drop = (lambda table: table[:, 1:]) if config("folded") else as_is
    position_lines: list[Line] = [(name, "position_embeddings", drop) for name in (*WITH_SLOT, WITHOUT_SLOT)]
    other: list[Line] = [
        *same("embedding", to="patch_embedding/projection"),
        ("cls", "cls_token", as_is),
        *position_lines,
        *normed("Transformer/encoder_norm", to="norm"),
        *same("pre_logits", to="pre_logits"),
        *same("head", "output_projection", to="classifier"),
    ]
    # ViT-G's attention pooling lay beside the transformer, not in a module of its own.
    pooling = [*rules(_pooling_lines(), "MAPHead_0/"), *rules(_pooling_lines())]
    return WeightTable((*encoder, *rules(other), *pooling))


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.require("pool", *POOLS)
    if (config("pool") == "map") != bool(config("map_heads")):
        config.refuse("pool", f"the checkpoint has {'an' if config('map_heads') else 'no'} attention pooling (MAPHead)")
    config.ignore("position_resize")
    grid, patch = config.pair("grid"), config.pair("patch_size")
    learned = config("positions") == "learned"
    prefix = ("cls",) if config("class_token") else ()
    biased = any(name.endswith("/query/bias") and name.startswith("Transformer/") for name in shapes)
    settings = TransformerSettings(
        block=BlockSettings(
            hidden_size=config("hidden_size"),
            n_heads=config("num_heads"),
            mlp_size=config("mlp_dim"),
            eps=config("layer_norm_eps"),
            activation=config("activation"),
            query_bias=biased,
            key_bias=biased,
            value_bias=biased,
        ),
        n_blocks=config("num_layers"),
        patch_size=patch,
        grid=grid,
        prefix=prefix,
        positions=learned,
        positioned_prefix=1 if config("class_position") else 0,
        resize="linear_corners",
    )
    module = GoogleViT(
        settings,
        fixed_positions="none" if learned else config("positions"),
        pool=config("pool"),
        map_mlp_size=config("map_mlp_dim"),
        map_heads=config("map_heads"),
        representation_size=config("representation_size"),
        n_labels=config("num_classes"),
    )
    image_size = (grid[0] * patch[0], grid[1] * patch[1])
    plain = PlainPreprocessor(
        image_size,
        mean=HALF,
        std=HALF,
        resample="bilinear",
        reason="the checkpoint carries none; values from -1 to 1 and plain resizing are what Scenic, "
        "vision_transformer and big_vision evaluate their ViTs and SigLIP with",
    )
    return Architecture(module, _table(config), image_size, plain)


VIT = GoogleArchitecture(
    family="vit",
    title="ViT of Scenic, vision_transformer, big_vision; SigLIP's image tower",
    formats=("npz", "msgpack", "orbax"),
    signature=("embedding/kernel", "Transformer/encoder_norm/scale"),
    describe=_describe,
    overridable=("num_heads", "grid", "pool", "positions", "activation", "layer_norm_eps"),
    build=_build,
    codebases={"vit": ("Scenic", "vision_transformer", "big_vision"), "siglip": ("big_vision",)},
)
