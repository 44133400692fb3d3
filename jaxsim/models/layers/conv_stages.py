"""The build of convolutional networks: stages of blocks, rounded widths, heads on the last map."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.step import Map, Recorder


@dataclasses.dataclass(frozen=True)
class StageSizes:
    """Widths and numbers of blocks of the stages, first to last."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]


def read_stages(config: ConfigReader) -> StageSizes:
    """Reads the stages' sizes, `hidden_sizes` and `depths`, from a configuration.

    Raises:
        ValueError: The two lists differ in length, are empty or hold numbers below 1.

    Example:
        >>> read_stages(ConfigReader({"hidden_sizes": [8, 16], "depths": [1, 2]}, "config.json"))
        StageSizes(widths=(8, 16), depths=(1, 2))
    """
    sizes = StageSizes(tuple(config("hidden_sizes")), tuple(config("depths")))
    if len(sizes.widths) != len(sizes.depths) or not sizes.widths or min(*sizes.widths, *sizes.depths) < 1:
        raise ValueError(
            f"{config.where}: hidden_sizes={list(sizes.widths)} and depths={list(sizes.depths)}; expected two "
            "lists of positive numbers of the same length, one entry a stage"
        )
    return sizes


def rounded_width(width: float | int, divisor: int = 8, minimum: int | None = None) -> int:
    """Returns a scaled number of channels rounded to a multiple of `divisor`, by no more than a tenth downwards.

    The rule of MobileNetV2's and EfficientNet's TensorFlow code.

    Example:
        >>> [rounded_width(width) for width in (3, 17, 20, 35)]
        [8, 16, 24, 32]
    """
    rounded = max(divisor if minimum is None else minimum, int(width + divisor / 2) // divisor * divisor)
    return int(rounded + divisor if rounded < 0.9 * width else rounded)


def map_layout(x: Float[Array, "batch height width channels"]) -> Map:
    """Returns the layout of a map `[B, H, W, C]`.

    Example:
        >>> map_layout(jnp.zeros((1, 7, 5, 3)))
        Map(grid=(7, 5))
    """
    return Map((x.shape[1], x.shape[2]))


def record_stages(
    recorder: Recorder,
    x: Float[Array, "batch height width channels"],
    sizes: StageSizes,
    block: Callable[[Array, int, int, str], Array],
) -> Array:
    """Runs and records `stage0.block0` and so on; each stage's last block is a hidden state of Hugging Face.

    Args:
        recorder: Takes the states.
        x: The stem's map.
        sizes: Widths and depths.
        block: Runs one block: `block(x, stage, index, name)`, with `name` for its parameters.

    Returns:
        The last block's map.
    """
    for stage, depth in enumerate(sizes.depths):
        for index in range(depth):
            x = block(x, stage, index, f"stage{stage}_block{index}")
            name = f"stage{stage}.block{index}"
            recorder.add(name, x, map_layout(x), kind="block", hidden=index == depth - 1)
    return x


def record_heads(
    recorder: Recorder,
    last: Float[Array, "batch height width channels"],
    pooled: Float[Array, "batch features"],
    n_labels: int,
    dtype: jnp.dtype,
    precision: str,
) -> None:
    """Records last hidden state and pooler output, and logits if there are labels (parameters `classifier`)."""
    recorder.output("last_hidden_state", last)
    recorder.output("pooler_output", pooled)
    if n_labels:
        recorder.output("logits", nn.Dense(n_labels, dtype=dtype, precision=precision, name="classifier")(pooled))
