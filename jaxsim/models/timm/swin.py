"""timm's Swin and Swin V2 on the modules of their families."""

from __future__ import annotations

import math
import re

from jaxsim.models.families.swin import Swin
from jaxsim.models.families.swinv2 import SwinV2
from jaxsim.models.family import Architecture, Shapes, head_size
from jaxsim.models.layers.window_layers import WindowSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, fused_linear, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.timm.conv import count


def _rules(n_stages: int, merged_before: bool, second: bool) -> list[Rule]:
    """Returns the rules; `merged_before` says that a stage's merging is stored with the stage that follows it."""
    source, target = "layers.{s}.blocks.{i}", "stage{s}_block{i}"
    parts = tuple(f"{target}/attention/{part}" for part in ("query", "key", "value"))
    rules = [
        *conv("patch_embed.proj", "patch_embedding/projection"),
        *norm("patch_embed.norm", "patch_embedding/norm"),
        *norm(f"{source}.norm1", f"{target}/norm1"),
        *fused_linear(f"{source}.attn.qkv", parts),
        *linear(f"{source}.attn.proj", f"{target}/attention/out"),
        *norm(f"{source}.norm2", f"{target}/norm2"),
        *linear(f"{source}.mlp.fc1", f"{target}/mlp/fc1"),
        *linear(f"{source}.mlp.fc2", f"{target}/mlp/fc2"),
        *norm("norm", "norm"),
        *linear("head.fc", "classifier"),
        # Before timm 0.9 the head had no module of its own.
        *linear("head", "classifier"),
    ]
    for stage in range(n_stages - 1):
        merging = f"layers.{stage + 1 if merged_before else stage}.downsample"
        rules += [*norm(f"{merging}.norm", f"merging{stage}/norm")]
        rules += [*linear(f"{merging}.reduction", f"merging{stage}/reduction")]
    if second:
        rules += param(f"{source}.attn.logit_scale", f"{target}/logit_scale", lambda scale: scale.reshape(-1))
        rules += param(f"{source}.attn.q_bias", f"{target}/attention/query/bias")
        rules += param(f"{source}.attn.v_bias", f"{target}/attention/value/bias")
        rules += linear(f"{source}.attn.cpb_mlp.0", f"{target}/bias_fc1")
        rules += linear(f"{source}.attn.cpb_mlp.2", f"{target}/bias_fc2")
    else:
        rules += param(f"{source}.attn.relative_position_bias_table", f"{target}/position_bias")
    return rules


def _windows(name: str, n_stages: int, patch: int) -> tuple[int, tuple[int, ...]]:
    """Returns the side of Swin V2's windows, and the sides in pre-training (0 for the same), as the name says.

    Example:
        >>> _windows("swinv2_base_window12to16_192to256", 4, 4)
        (16, (12, 12, 12, 6))
        >>> _windows("swinv2_tiny_window8_256", 4, 4)
        (8, (0, 0, 0, 0))
    """
    found = re.search(r"_window(\d+)(?:to(\d+))?_(\d+)", name)
    before, after, size = (int(number) if number else 0 for number in (found.groups() if found else ("0", "", "0")))
    if not after:
        return before, (0,) * n_stages
    return after, tuple(min(before, size // patch // 2**stage) for stage in range(n_stages))


def build(name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor) -> Architecture:
    """Returns a Swin or Swin V2; see `jaxsim.models.timm.vit.build` for the arguments."""
    config.require("global_pool", "avg", "", None)
    config.ignore("img_size", "embed_dim", "depths", "num_heads", "mlp_ratio", "patch_size", "qkv_bias")
    config.ignore("strict_img_size")  # whether timm refuses images of other sizes
    second = family == "swinv2"
    n_stages = count(shapes, r"layers\.(\d+)\.")
    width, _, rows, columns = shapes["patch_embed.proj.weight"]
    first = [f"layers.{stage}.blocks.0" for stage in range(n_stages)]
    if second:
        window, pretrained = _windows(name, n_stages, rows)
        window = config("window_size", window)
        pretrained = tuple(config("pretrained_window_sizes", pretrained))
        heads = tuple(shapes[f"{block}.attn.logit_scale"][0] for block in first)
    else:
        tables = [shapes[f"{block}.attn.relative_position_bias_table"] for block in first]
        window, pretrained = (math.isqrt(tables[0][0]) + 1) // 2, ()
        config.ignore("window_size")
        heads = tuple(table[1] for table in tables)
    settings = WindowSettings(
        embed_dim=width,
        depths=tuple(count(shapes, rf"layers\.{stage}\.blocks\.(\d+)\.") for stage in range(n_stages)),
        n_heads=heads,
        window=window,
        mlp_ratio=shapes[f"{first[0]}.mlp.fc1.weight"][0] / width,
        eps=1e-5,
        activation="gelu",
        qkv_bias=f"{first[0]}.attn.{'q_bias' if second else 'qkv.bias'}" in shapes,
        patch_size=(rows, columns),
        grid=(plain.image_size[0] // rows, plain.image_size[1] // columns),
        merge_norm_first=not second,
        final_norm="norm.weight" in shapes,
    )
    n_labels = head_size(shapes, "head.fc.weight", "head.weight")
    if second:
        module = SwinV2(settings, n_labels=n_labels, pretrained_windows=pretrained, mask_factor=1)
    else:
        module = Swin(settings, n_labels=n_labels)
    rules = _rules(n_stages, "layers.0.downsample.reduction.weight" not in shapes, second)
    return Architecture(module, WeightTable(tuple(rules), extras=("*attn_mask",)), plain.image_size, plain)
