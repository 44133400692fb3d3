"""Position tables of Google's codebases: the grid of a learned one, and fixed ones, which are computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsim.models.family import Shapes
from jaxsim.models.google.architecture import ImageSize

FIXED = ("sincos2d", "sinusoidal_2d", "sinusoidal_1d", "none")
# Tables that were added after the class token was put in front have a slot for it (the first two);
# big_vision's today is added before.
WITH_SLOT = ("Transformer/posembed_input/pos_embedding", "Transformer/pos_embedding")
WITHOUT_SLOT = "pos_embedding"


def square(n: int) -> int | None:
    """Returns the edge of the square with n cells, None if there is none."""
    edge = math.isqrt(n)
    return edge if edge * edge == n else None


def read_grid(
    n_positions: int,
    *,
    slot: bool | None,
    default_slot: bool,
    grid: Sequence[int] | None,
    image_grid: tuple[int, int] | None,
    where: str,
) -> tuple[tuple[int, int], bool]:
    """Returns the grid of a position table and whether it starts with a slot for the class token.

    Square tables are taken as square: a model for square images is the rule, and one that is shown others is
    resized. A table that is not square needs the grid, or an image size whose patches are as many.

    Args:
        n_positions: Entries of the table.
        slot: Whether the class token has a slot; None if only the numbers can tell (big_vision's tables had one).
        default_slot: Where they cannot, whether a table of n * n + 1 is a square with a slot.
        grid: What the user says it is.
        image_grid: Patches of the image size that the user asked for.
        where: What to call the checkpoint in messages.

    Raises:
        ValueError: The grid does not fit the table, or nothing tells it.

    Example:
        >>> read_grid(17, slot=None, default_slot=True, grid=None, image_grid=None, where="a.npz")
        ((4, 4), True)
        >>> read_grid(10, slot=None, default_slot=True, grid=None, image_grid=(2, 5), where="a.npz")
        ((2, 5), False)
    """
    readings = (False, True) if slot is None else (slot,)
    given = [("grid", grid), ("the image size", image_grid)]
    for what, wanted in given:
        if wanted is None:
            continue
        fitting = [taken for taken in readings if math.prod(wanted) + taken == n_positions]
        if fitting and (what == "grid" or square(n_positions - readings[0]) is None):
            return (int(wanted[0]), int(wanted[1])), fitting[0]
        if what == "grid":
            raise ValueError(
                f"{where}: grid={tuple(wanted)} has {math.prod(wanted)} cells, the position table has {n_positions} "
                f"entries{' with one for the class token' if slot else ''}"
            )
    for taken in readings if slot is not None or default_slot else (False,):
        edge = square(n_positions - taken)
        if edge is not None and edge > 0:
            return (edge, edge), taken
    raise ValueError(
        f"{where}: the position table has {n_positions} entries"
        f"{', one for the class token' if slot else ''}, which is no square. Say what the grid was: "
        "overrides={'grid': (rows, columns)}, or the image size it was trained for: image_size=(height, width)."
    )


def describe_positions(
    shapes: Shapes, patch: tuple[int, ...], image_size: ImageSize, overrides: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Returns the entries of the configuration that say which positions the tokens have.

    Raises:
        ValueError: The shapes do not tell the grid of the table, or there is no table and nothing tells which fixed
            positions were used.
    """
    table = next((name for name in (*WITH_SLOT, WITHOUT_SLOT) if name in shapes), None)
    image_grid = None if image_size is None else (image_size[0] // patch[0], image_size[1] // patch[1])
    if table is None:
        kind = overrides.get(
            "positions", "sincos2d" if "head/kernel" in shapes or "MAPHead_0/probe" in shapes else None
        )
        if kind not in FIXED:
            raise ValueError(
                f"{where}: there is no table of positions, and nothing tells which fixed ones were used; pass "
                f"overrides={{'positions': one of {', '.join(FIXED)}}}"
            )
        grid = image_grid or (224 // patch[0], 224 // patch[1])
        return {"positions": kind, "grid": list(grid), "class_position": False, "folded": False}
    with_class = "cls" in shapes
    n_positions = shapes[table][1]
    grid, slot = read_grid(
        n_positions,
        slot=with_class if table in WITH_SLOT else None,
        default_slot=with_class,
        grid=overrides.get("grid"),
        image_grid=image_grid,
        where=where,
    )
    return {
        "positions": "learned",
        "grid": list(grid),
        "class_position": slot and with_class,
        # big_vision's old tables begin with a slot for a class token that is no longer there.
        "folded": slot and not with_class,
        "position_resize": "linear, corners aligned (scipy.ndimage.zoom, order 1), rows and columns each; "
        "the class token's position as it is",
    }


def fixed_positions(
    kind: str, grid: tuple[int, int], width: int, n_prefix: int
) -> Float[Array, "tokens features"] | None:
    """Returns positions that are computed, not learned; None for `"none"`.

    Args:
        kind: `"sincos2d"` (big_vision), `"sinusoidal_2d"` (Scenic; other frequencies) for the patches alone,
            `"sinusoidal_1d"` (Scenic) for all tokens in their order.
        grid: Rows and columns of the patches.
        width: Features of a token.
        n_prefix: Tokens before the patches.

    Raises:
        ValueError: The width does not divide by four (by two for the one-dimensional kind).

    Example:
        >>> fixed_positions("sincos2d", (2, 3), 8, 1).shape
        (7, 8)
    """
    if kind == "none":
        return None
    parts = 2 if kind == "sinusoidal_1d" else 4
    if width % parts or (kind == "sincos2d" and width < 8):
        raise ValueError(f"positions={kind!r} needs a width that {parts} divides, 8 at least; got {width}")
    if kind == "sinusoidal_1d":
        return jnp.asarray(_one_dimensional(n_prefix + grid[0] * grid[1], width), jnp.float32)
    quarter = width // 4
    exponent = np.arange(quarter) / (quarter - 1 if kind == "sincos2d" else quarter)
    omega = 1.0 / 10_000.0**exponent
    rows, columns = (index.reshape(-1, 1) * omega for index in np.mgrid[: grid[0], : grid[1]])
    table = np.concatenate([np.sin(columns), np.cos(columns), np.sin(rows), np.cos(rows)], axis=1)
    return jnp.asarray(np.concatenate([np.zeros((n_prefix, width)), table]), jnp.float32)


def _one_dimensional(n_tokens: int, width: int) -> np.ndarray:
    """Returns sine and cosine in alternation, as in the first transformer."""
    angle = np.arange(n_tokens)[:, None] * np.exp(np.arange(0, width, 2) * -(math.log(10_000.0) / width))
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(n_tokens, width)
