"""The vision transformer of Scenic's CLIP, alone or inside the whole model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jaxsim.models.families.clip import CLIP_MEAN, CLIP_STD, ClipVision
from jaxsim.models.family import Architecture, Shapes
from jaxsim.models.google.architecture import GoogleArchitecture, ImageSize, Line, attention, normed, rules, same
from jaxsim.models.google.positions import read_grid
from jaxsim.models.layers.vit_core import TransformerSettings
from jaxsim.models.layers.vit_layers import BlockSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor


def _describe(shapes: Shapes, image_size: ImageSize, overrides: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns the configuration that the shapes tell."""
    found = {int(match[1]) for name in shapes if (match := re.match(r"transformer/resblocks[._](\d+)/", name))}
    names = [f"transformer/resblocks{dot}0/" for dot in "._"]
    query = next((shapes[f"{name}attn/query/kernel"] for name in names if f"{name}attn/query/kernel" in shapes), ())
    mlp = next((shapes[f"{name}mlp/c_fc/kernel"] for name in names if f"{name}mlp/c_fc/kernel" in shapes), ())
    if found != set(range(len(found))) or len(query) != 3 or len(mlp) != 2:
        raise ValueError(
            f"{where}: expected transformer/resblocks.0, .1, ... without gaps, each with attn/query/kernel (D, H, d) "
            f"and mlp/c_fc; found {sorted(found)}"
        )
    patch = shapes["conv1/kernel"]
    image_grid = None if image_size is None else (image_size[0] // patch[0], image_size[1] // patch[1])
    grid, _ = read_grid(
        shapes["positional_embedding"][0],
        slot=True,
        default_slot=True,
        grid=overrides.get("grid"),
        image_grid=image_grid,
        where=where,
    )
    return {
        "patch_size": list(patch[:2]),
        "hidden_size": patch[3],
        "num_layers": len(found),
        "num_heads": query[1],
        "mlp_dim": mlp[1],
        "layer_norm_eps": 1e-5,
        "activation": "quick_gelu",
        "grid": list(grid),
        "projection_size": shapes.get("proj/kernel", (0,))[-1],
        "position_resize": "linear, corners aligned, rows and columns each; the class token's position as it is",
    }


def _table() -> WeightTable:
    block = [
        *normed("ln_1", to="norm1"),
        *attention("attn", to="attention"),
        *normed("ln_2", to="norm2"),
        *same("mlp/c_fc", to="mlp/fc1"),
        *same("mlp/c_proj", to="mlp/fc2"),
    ]
    other: list[Line] = [
        ("conv1/kernel", "patch_embedding/projection/kernel", lambda kernel: kernel),
        ("class_embedding", "cls_token", lambda token: token[None, None]),
        ("positional_embedding", "position_embeddings", lambda table: table[None]),
        ("proj/kernel", "projection/kernel", lambda kernel: kernel),
        *normed("ln_pre", to="embedding_norm"),
        *normed("ln_post", to="pooler_norm"),
    ]
    # Written with an underscore where a framework does not take dots in names.
    blocks = [rule for dot in "._" for rule in rules(block, f"transformer/resblocks{dot}{{i}}/", "block{i:02d}/")]
    return WeightTable((*rules(other), *blocks))


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.ignore("position_resize")
    grid, patch = config.pair("grid"), config.pair("patch_size")
    settings = TransformerSettings(
        block=BlockSettings(
            hidden_size=config("hidden_size"),
            n_heads=config("num_heads"),
            mlp_size=config("mlp_dim"),
            eps=config("layer_norm_eps"),
            activation=config("activation"),
        ),
        n_blocks=config("num_layers"),
        patch_size=patch,
        grid=grid,
        resize="linear_corners",
        patch_bias=False,
        embedding_norm=True,
        final_norm=False,
    )
    image_size = (grid[0] * patch[0], grid[1] * patch[1])
    plain = PlainPreprocessor(
        image_size,
        mean=CLIP_MEAN,
        std=CLIP_STD,
        fit="crop",
        reason="the checkpoint carries none; CLIP's own: the shorter edge to the size, bicubic, central crop, its mean "
        "and deviation",
    )
    return Architecture(ClipVision(settings, projection_size=config("projection_size")), _table(), image_size, plain)


CLIP = GoogleArchitecture(
    family="clip",
    title="Scenic's CLIP with a vision transformer",
    formats=("msgpack", "orbax", "npz"),
    signature=("conv1/kernel", "class_embedding", "positional_embedding", "ln_pre/scale"),
    describe=_describe,
    overridable=("grid", "activation", "layer_norm_eps"),
    build=_build,
    codebases={"clip": ("Scenic",)},
)
