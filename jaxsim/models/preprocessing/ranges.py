"""Checking a configuration's numbers against their ranges and the file's shapes, before anything is built."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from jaxsim.arguments import shown
from jaxsim.models.preprocessing.processor_settings import MAX_EDGE

# No published vision model has a tenth of these.
MAX_BLOCKS, MAX_WIDTH, MAX_WINDOW, MAX_TOKENS = 512, 2**20, 64, 2**16

_BLOCKS = frozenset(["num_hidden_layers", "n_layer", "num_layers", "depths", "num_block_repeats"])
_WIDTHS = frozenset(
    [
        "hidden_size",
        "hidden_sizes",
        "embed_dim",
        "n_embd",
        "n_inner",
        "intermediate_size",
        "hidden_dim",
        "embedding_size",
        "head_dim",
        "vocab_size",
        "groups_width",
        "in_channels",
        "out_channels",
        "projection_dim",
        "mlp_dim",
        "depth_divisor",
        "depth_divisible_by",
        "min_depth",
    ]
)
_HEADS = frozenset(
    ["num_attention_heads", "num_heads", "n_head", "num_groups", "num_stages", "num_encoder_blocks", "map_heads"]
)
_EDGES = frozenset(["image_size", "patch_size", "patch_sizes", "output_stride", "grid"])
_WINDOWS = frozenset(
    [
        "window_size",
        "pool_size",
        "strides",
        "kernel_sizes",
        "expand_ratios",
        "sequence_reduction_ratios",
        "patch_padding",
    ]
)
_FACTORS = frozenset(
    [
        "mlp_ratio",
        "mlp_ratios",
        "width_coefficient",
        "depth_coefficient",
        "depth_multiplier",
        "width_factor",
        "expand_ratio",
        "squeeze_expansion_ratio",
        "rope_theta",
    ]
)
# Ten times those of published models and more.
_MOST = 1000
_FACTOR_LIMITS = {"depth_coefficient": 32, "width_coefficient": 64, "rope_theta": 1e9}
_MAY_BE_ZERO = frozenset(["map_heads", "mlp_dim"])
_COUNTS = {
    **dict.fromkeys(_WIDTHS, (1, MAX_WIDTH)),
    **dict.fromkeys(_HEADS, (1, 4096)),
    **dict.fromkeys(_EDGES, (1, MAX_EDGE)),
    **dict.fromkeys(_WINDOWS, (1, MAX_WINDOW)),
    "patch_padding": (0, MAX_WINDOW),
    "pretrained_window_sizes": (0, MAX_WINDOW),
    "num_register_tokens": (0, 4096),
    "n_positions": (1, MAX_TOKENS),
    "num_patches": (1, MAX_TOKENS),
    "num_labels": (0, MAX_WIDTH),
}


def check_ranges(values: Mapping[str, Any], where: str, shapes: Mapping[str, tuple[int, ...]] | None = None) -> None:
    """Raises where a number cannot be that of a model, or of the model whose tensors have these shapes.

    What libraries build from such numbers (names of a thousand million classes, a list of layers) never ends or takes
    all memory, so this comes first.

    Args:
        values: A configuration, nested ones (`vision_config`) included.
        where: What to call it.
        shapes: Of the tensors in the file; None or empty where they are unknown.

    Raises:
        ValueError: Names each attribute, its value and what is possible, ten at most.

    Example:
        >>> check_ranges({"hidden_size": -8}, "config.json")
        Traceback (most recent call last):
            ...
        ValueError: config.json: 1 value(s) that no model can have:
          hidden_size=-8: expected whole numbers from 1 to 1048576
    """
    # Every block has a tensor of its own.
    most = min(MAX_BLOCKS, len(shapes)) if shapes else MAX_BLOCKS
    problems = list(_problems(values, max(1, most), bool(shapes)))
    if problems:
        more = f"\n  and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise ValueError(
            f"{where}: {len(problems)} value(s) that no model can have:\n  " + "\n  ".join(problems[:10]) + more
        )


def _problems(values: Mapping[str, Any], most: int, has_file: bool) -> Iterator[str]:
    for name, value in values.items():
        # Text where a number belongs is told by transformers' own check of types.
        if value is None or (isinstance(value, str | dict) and name != "vision_config"):
            continue
        if name == "vision_config" and isinstance(value, Mapping):
            yield from (f"{name}.{problem}" for problem in _problems(value, most, has_file))
        elif name in _BLOCKS:
            numbers = _numbers(value)
            total = sum(numbers) if all(_is_whole(number) for number in numbers) else 0
            if not numbers or total > most or not all(_is_whole(number) and number >= 1 for number in numbers):
                reason = "as many as the weight file has tensors for" if has_file else "more are in no model"
                yield f"{_said(name, value)}: expected blocks from 1 on, in all at most {most}, {reason}"
        elif name in _COUNTS:
            low, high = _COUNTS[name]
            low = 0 if name in _MAY_BE_ZERO else low
            if not all(_is_whole(number) and low <= number <= high for number in _numbers(value)):
                yield f"{_said(name, value)}: expected whole numbers from {low} to {high}"
        elif name in _FACTORS:
            limit = _FACTOR_LIMITS.get(name, _MOST)
            if not all(_is_real(number) and 0 < number <= limit for number in _numbers(value)):
                yield f"{_said(name, value)}: expected numbers above 0, up to {limit:g}"
        elif isinstance(value, float) and not math.isfinite(value):
            yield f"{_said(name, value)}: expected a finite number"
        elif name.endswith("eps") and not (isinstance(value, int | float) and _is_real(value) and value >= 0):
            yield f"{_said(name, value)}: expected a number, 0 or above"
    yield from _token_problems(values)


def _token_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """Images of too many patches: tables of positions grow with their number, tables of their pairs with its square."""
    image, patch = (_numbers(values.get(name)) for name in ("image_size", "patch_size"))
    if not all(_is_whole(number) and number >= 1 for number in (*image, *patch)) or not image or not patch:
        return
    tokens = (image[0] // patch[0]) * (image[-1] // patch[-1])
    limit = MAX_TOKENS // 8 if values.get("model_type") in ("beit", "data2vec-vision") else MAX_TOKENS
    if not 1 <= tokens <= limit:
        yield (
            f"image_size={shown(values['image_size'])} and patch_size={shown(values['patch_size'])} give {tokens} "
            f"patches; expected 1 to {limit}"
        )


def _numbers(value: Any) -> list[Any]:
    """Returns the numbers in a value: one, those of a list, or of lists in it."""
    if isinstance(value, list | tuple):
        return [number for each in value for number in (_numbers(each) if isinstance(each, list | tuple) else [each])]
    return [] if value is None else [value]


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_real(value: Any) -> bool:
    # A whole number of hundreds of digits is no float.
    return (_is_whole(value) and abs(value) < 2**63) or (isinstance(value, float) and math.isfinite(value))


def _said(name: str, value: Any) -> str:
    if _is_whole(value) and abs(value) >= 10**15:
        return f"{name} (a number of more than 15 digits)"
    return f"{name}={shown(value)}"
