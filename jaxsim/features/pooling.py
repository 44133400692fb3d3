"""From a state to one vector a sample."""

import re
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsim.arguments import shown, whole_number
from jaxsim.data.grid_cells import cell_weights
from jaxsim.models import Layout, Map, Step, Tokens, Vector

#: Cells of `spatial:P` along an edge; more than models have positions would only repeat them.
MOST_CELLS = 1024
POOLS = ("cls", "mean", "flatten", "spatial:P")


def pool_state(
    state: Float[Array | np.ndarray, "batch *axes"], layout: Layout, pool: str
) -> Float[Array, "batch features"]:
    """Pool a state to one vector for each sample; pure, to be used inside `jax.jit`.

    - `"cls"`: the CLS token.
    - `"mean"`: mean over the patches or the map; tokens before the patches (CLS, registers) do not enter.
    - `"flatten"`: the whole state, row-major, all tokens included.
    - `"spatial:P"`: mean over each cell of a P x P grid laid over the patches or the map, flattened row-major
      (row, column, channel). Cell i of H rows spans floor(i H / P) to ceil((i + 1) H / P), as in
      `torch.nn.AdaptiveAvgPool2d`: exact where P does not divide H, and a repetition where P is larger.

    A state that is a vector already is passed on by every pool.

    Args:
        state: `[B, T, C]` tokens, `[B, H, W, C]` map or `[B, C]` vector.
        layout: the meaning of its axes.
        pool: one of the above.

    Returns:
        `[B, D]`, float32 (float64 stays float64); means are taken in that precision.

    Raises:
        ValueError: an unknown pool, `"cls"` where there is no CLS token (says which pools work), or a state
            that does not have the shape of its layout. Raised when tracing.

    Example:
        >>> import jax.numpy as jnp
        >>> pool_state(jnp.ones((2, 5, 8)), Tokens(("cls",), (2, 2)), "mean").shape
        (2, 8)
        >>> pool_state(jnp.ones((2, 7, 7, 8)), Map((7, 7)), "spatial:2").shape
        (2, 32)
    """
    kind, cells = _parsed(pool)
    check_pool(layout, pool)
    _check_shape(state, layout)
    # Means of bfloat16 or float16 states lose digits if they are taken in that type.
    state = jnp.asarray(state, jnp.promote_types(state.dtype, jnp.float32))
    if isinstance(layout, Vector):
        return state
    if kind == "flatten":
        return state.reshape(state.shape[0], -1)
    if kind == "cls" and isinstance(layout, Tokens):
        return state[:, layout.prefix.index("cls")]
    if isinstance(layout, Tokens):
        patches = state[:, len(layout.prefix) :]
        state = patches.reshape(state.shape[0], *layout.grid, state.shape[-1])
    if kind == "mean":
        return state.mean(axis=(1, 2))
    rows, columns = (jnp.asarray(cell_weights(size, cells), state.dtype) for size in layout.grid)
    pooled = jnp.einsum("ph,qw,bhwc->bpqc", rows, columns, state, precision="highest")
    return pooled.reshape(state.shape[0], -1)


def pooled_width(layout: Layout, n_features: int, pool: str) -> int:
    """Return the width D that `pool_state` gives.

    Args:
        layout: of the state.
        n_features: its last axis, C.
        pool: see `pool_state`.

    Example:
        >>> pooled_width(Map((7, 7)), 8, "flatten")
        392
    """
    kind, cells = _parsed(pool)
    if isinstance(layout, Vector) or kind in ("cls", "mean"):
        return n_features
    if kind == "spatial":
        return cells * cells * n_features
    positions = layout.n_tokens if isinstance(layout, Tokens) else layout.grid[0] * layout.grid[1]
    return positions * n_features


def check_pool(layout: Layout, pool: str) -> None:
    """Raise a ValueError if a pool is unknown or does not suit a layout.

    Example:
        >>> check_pool(Map((7, 7)), "cls")
        Traceback (most recent call last):
            ...
        ValueError: pool 'cls' needs a CLS token, and this state is a map: use mean, flatten or spatial:P
    """
    kind, _ = _parsed(pool)
    if kind != "cls" or isinstance(layout, Vector) or (isinstance(layout, Tokens) and "cls" in layout.prefix):
        return
    if isinstance(layout, Tokens) and any(re.fullmatch(r"token[0-9]+", role) for role in layout.prefix):
        raise ValueError(
            f"pool 'cls' needs to know the CLS token, and the roles of {', '.join(layout.prefix)} are unknown: give "
            'them to jaxsim.capture, such as prefix=("cls",), or use mean, flatten or spatial:P'
        )
    what = "has patches only" if isinstance(layout, Tokens) else "is a map"
    raise ValueError(f"pool 'cls' needs a CLS token, and this state {what}: use mean, flatten or spatial:P")


def check_pools(steps: Sequence[Step], pool: str, model: str) -> None:
    """Raise a ValueError that names the model and the first step that a pool does not suit."""
    _parsed(pool)
    for step in steps:
        try:
            check_pool(step.layout, pool)
        except ValueError as error:
            raise ValueError(f"model {model}, step {step.name}: {error}") from error


def _parsed(pool: str) -> tuple[str, int]:
    """The kind of a pool and, for `spatial:P`, P (0 for the others)."""
    if pool in ("cls", "mean", "flatten"):
        return pool, 0
    kind, colon, number = pool.partition(":") if isinstance(pool, str) else ("", "", "")
    cells = whole_number(number)
    if kind == "spatial" and colon and cells is not None and 1 <= cells <= MOST_CELLS and number.isascii():
        return "spatial", cells
    raise ValueError(
        f"unknown pool {shown(pool)}: expected cls, mean, flatten or spatial:P, such as spatial:4, with P of 1 to "
        f"{MOST_CELLS}"
    )


def _check_shape(state: Array | np.ndarray, layout: Layout) -> None:
    expected: tuple[int, ...] = ()
    if isinstance(layout, Tokens):
        expected = (layout.n_tokens,)
    elif isinstance(layout, Map):
        expected = layout.grid
    if state.ndim != len(expected) + 2 or state.shape[1:-1] != expected:
        axes = ", ".join(["B", *map(str, expected), "C"])
        raise ValueError(f"expected a state [{axes}] for the layout {layout}, came {list(state.shape)}")
