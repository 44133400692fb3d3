"""timm's Hiera on the module of its family."""

from __future__ import annotations

import math

from jaxsim.models.families.hiera import Hiera, HieraSettings
from jaxsim.models.family import Architecture, Shapes, head_size
from jaxsim.models.layers.conv_stages import StageSizes
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, fused_linear, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.timm.conv import count

# The first stages' tokens attend inside windows, the others' everywhere.
_IN_WINDOWS = 2
# Of the first stage; the sizes that are not here have one.
_HEADS = {"base_plus": 2, "large": 2, "huge": 4}


def build(name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor) -> Architecture:
    """Returns a Hiera; see `jaxsim.models.timm.vit.build` for the arguments."""
    config.require("global_pool", "avg", "", None)
    config.ignore("img_size", "embed_dim", "stages", "dim_mul", "head_mul", "mlp_ratio")
    width, _, rows, columns = shapes["patch_embed.proj.weight"]
    # The file counts blocks through; a stage begins where the width changes, which takes a projection.
    depths: list[int] = []
    widths: list[int] = []
    rules: list[Rule] = [
        *conv("patch_embed.proj", "patch_embedding"),
        *param("pos_embed", "position_embeddings"),
        *norm("head.norm", "norm"),
        *linear("head.fc", "classifier"),
    ]
    for index in range(count(shapes, r"blocks\.(\d+)\.")):
        source = f"blocks.{index}"
        if not depths or f"{source}.proj.weight" in shapes:
            depths.append(0)
            widths.append(shapes[f"{source}.attn.proj.weight"][0])
        target = f"stage{len(depths) - 1}_block{depths[-1]}"
        depths[-1] += 1
        rules += [
            *norm(f"{source}.norm1", f"{target}/norm1"),
            *fused_linear(f"{source}.attn.qkv", (f"{target}/{part}" for part in ("query", "key", "value"))),
            *linear(f"{source}.attn.proj", f"{target}/out"),
            *linear(f"{source}.proj", f"{target}/shortcut"),
            *norm(f"{source}.norm2", f"{target}/norm2"),
            *linear(f"{source}.mlp.fc1", f"{target}/mlp/fc1"),
            *linear(f"{source}.mlp.fc2", f"{target}/mlp/fc2"),
        ]
    heads = config("num_heads", next((n for size, n in _HEADS.items() if size in name), 1))
    edge = math.isqrt(shapes["pos_embed"][1])
    grid = (plain.image_size[0] // 4, plain.image_size[1] // 4)
    settings = HieraSettings(
        stages=StageSizes(tuple(widths), tuple(depths)),
        n_heads=tuple(heads * 2**stage for stage in range(len(depths))),
        in_windows=tuple(stage < _IN_WINDOWS for stage in range(len(depths))),
        window=2 ** (len(depths) - 1),
        patch_size=(rows, columns),
        patch_stride=(4, 4),
        patch_padding=(rows // 2, columns // 2),
        grid=grid if grid[0] * grid[1] == shapes["pos_embed"][1] else (edge, edge),
        mlp_ratio=shapes["blocks.0.mlp.fc1.weight"][0] / width,
    )
    module = Hiera(settings, n_labels=head_size(shapes, "head.fc.weight"), final_norm="head.norm.weight" in shapes)
    return Architecture(module, WeightTable(tuple(rules)), plain.image_size, plain)
