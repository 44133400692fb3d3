"""From a state to one vector a sample."""

import hashlib
import re
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsim.data.grid_cells import cell_weights
from jaxsim.features.pools import Pool, parse_pools
from jaxsim.features.projection import project
from jaxsim.models import Layout, Map, Step, Tokens, Vector


def pool_state(
    state: Float[Array | np.ndarray, " batch *axes"],
    layout: Layout,
    pool: str,
    places: Float[Array | np.ndarray, "batch tokens 2"] | None = None,
) -> Float[Array, "rows features"]:
    """Pool a state to one vector for each sample; pure, to be used inside `jax.jit`.

    - `"cls"`: the CLS token.
    - `"mean"`: mean over the patches or the map; tokens before the patches (CLS, registers) do not enter.
    - `"max"`: the largest value of each channel over the patches or the map.
    - `"flatten"`: the whole state, row-major, all tokens included.
    - `"spatial:P"`: mean over each cell of a P x P grid laid over the patches or the map, flattened row-major
      (row, column, channel). Cell i of H rows spans floor(i H / P) to ceil((i + 1) H / P), as in
      `torch.nn.AdaptiveAvgPool2d`: exact where P does not divide H, and a repetition where P is larger.
    - `"last:N"`: the last N positions, flattened: in a causal model those that have seen the others.
    - `"project:D"`: the whole state, projected at random to D features that keep distances, see `project`; a state of
      no more features is `"flatten"`.
    - `"tokens:K"`: the patches at K places, as K samples of their own. A place is the same in every step and model,
      whatever their grids; the samples of one image follow each other.

    A state that is a vector already is passed on by every pool, K times by `"tokens:K"`.

    Args:
        state: `[B, T, C]` tokens, `[B, H, W, C]` map or `[B, C]` vector.
        layout: the meaning of its axes.
        pool: one of the above.
        places: for `"tokens:K"`: row and column of each place, in 0..1; see `token_places`.

    Returns:
        `[B, D]`, or `[B * K, D]` for `"tokens:K"`; float32 (float64 stays float64); means are taken in that precision.

    Raises:
        ValueError: an unknown pool, several, `"cls"` where there is no CLS token (says which pools work), or a state
            that does not have the shape of its layout. Raised when tracing.

    Example:
        >>> import jax.numpy as jnp
        >>> pool_state(jnp.ones((2, 5, 8)), Tokens(("cls",), (2, 2)), "mean").shape
        (2, 8)
        >>> pool_state(jnp.ones((2, 7, 7, 8)), Map((7, 7)), "spatial:2").shape
        (2, 32)
    """
    kind = _single(pool)
    check_pool(layout, pool)
    _check_shape(state, layout)
    # Means of bfloat16 or float16 states lose digits if they are taken in that type.
    state = jnp.asarray(state, jnp.promote_types(state.dtype, jnp.float32))
    if kind.kind == "tokens":
        return _tokens(state, layout, kind.number, places)
    if isinstance(layout, Vector):
        return state
    flat = state.reshape(state.shape[0], -1)
    if kind.kind in ("flatten", "project"):
        return flat if kind.kind == "flatten" else project(flat, kind.number)
    if kind.kind == "last":
        positions = state.reshape(state.shape[0], -1, state.shape[-1])
        return positions[:, -kind.number :].reshape(state.shape[0], -1)
    if kind.kind == "cls" and isinstance(layout, Tokens):
        return state[:, layout.prefix.index("cls")]
    patches = _patches(state, layout)
    if kind.kind in ("mean", "max"):
        return patches.mean(axis=(1, 2)) if kind.kind == "mean" else patches.max(axis=(1, 2))
    rows, columns = (jnp.asarray(cell_weights(size, kind.number), state.dtype) for size in layout.grid)
    pooled = jnp.einsum("ph,qw,bhwc->bpqc", rows, columns, patches, precision="highest")
    return pooled.reshape(state.shape[0], -1)


def token_places(ids: Sequence[str], n_places: int) -> Float[np.ndarray, "batch tokens 2"]:
    """Returns where the tokens of images are taken from: drawn for each image from its id, the same for all models.

    Args:
        ids: of the images.
        n_places: K.

    Returns:
        Row and column, uniform in 0..1, float32.

    Example:
        >>> bool((token_places(["a", "b"], 3)[1] == token_places(["b"], 3)[0]).all())
        True
    """
    seeds = [
        int.from_bytes(hashlib.blake2b(each.encode("utf-8", "surrogateescape"), digest_size=8).digest()) for each in ids
    ]
    drawn = [np.random.default_rng(seed).random((n_places, 2), np.float32) for seed in seeds]
    return np.stack(drawn) if drawn else np.empty((0, n_places, 2), np.float32)


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
    kind = _single(pool)
    if isinstance(layout, Vector) or kind.kind in ("cls", "mean", "max", "tokens"):
        return n_features
    if kind.kind == "spatial":
        return kind.number * kind.number * n_features
    positions = layout.n_tokens if isinstance(layout, Tokens) else layout.grid[0] * layout.grid[1]
    if kind.kind == "last":
        return min(kind.number, positions) * n_features
    return positions * n_features if kind.kind == "flatten" else min(kind.number, positions * n_features)


def check_pool(layout: Layout, pool: str) -> None:
    """Raise a ValueError if a pool is unknown or does not suit a layout.

    Example:
        >>> check_pool(Map((7, 7)), "cls")
        Traceback (most recent call last):
            ...
        ValueError: pool 'cls' needs a CLS token, and this state is a map: use mean, max, flatten or spatial:P
    """
    if (
        _single(pool).kind != "cls"
        or isinstance(layout, Vector)
        or (isinstance(layout, Tokens) and "cls" in layout.prefix)
    ):
        return
    if isinstance(layout, Tokens) and any(re.fullmatch(r"token[0-9]+", role) for role in layout.prefix):
        raise ValueError(
            f"pool 'cls' needs to know the CLS token, and the roles of {', '.join(layout.prefix)} are unknown: give "
            'them to jaxsim.capture, such as prefix=("cls",), or use mean, max, flatten or spatial:P'
        )
    what = "has patches only" if isinstance(layout, Tokens) else "is a map"
    raise ValueError(f"pool 'cls' needs a CLS token, and this state {what}: use mean, max, flatten or spatial:P")


def check_pools(steps: Sequence[Step], pool: str, model: str) -> None:
    """Raise a ValueError that names the model and the first step that a pool, or one of several, does not suit."""
    pools = parse_pools(pool)
    for step in steps:
        try:
            for each in pools:
                check_pool(step.layout, str(each))
        except ValueError as error:
            raise ValueError(f"model {model}, step {step.name}: {error}") from error


def _single(pool: str) -> Pool:
    pools = parse_pools(pool)
    if len(pools) != 1:
        raise ValueError(f"expected one pool, got {pool!r}; take them one by one")
    return pools[0]


def _patches(state: Array, layout: Tokens | Map) -> Array:
    """The patches or the map as `[B, H, W, C]`."""
    if isinstance(layout, Map):
        return state
    return state[:, len(layout.prefix) :].reshape(state.shape[0], *layout.grid, state.shape[-1])


def _tokens(state: Array, layout: Layout, n_places: int, places: Array | np.ndarray | None) -> Array:
    if isinstance(layout, Vector):
        return jnp.repeat(state, n_places, axis=0)
    if places is None or places.shape != (state.shape[0], n_places, 2):
        raise ValueError(
            f"expected places [{state.shape[0]}, {n_places}, 2] for tokens:{n_places}, got "
            f"{None if places is None else list(places.shape)}; see token_places"
        )
    height, width = layout.grid
    rows = jnp.minimum((places[..., 0] * height).astype(jnp.int32), height - 1)
    columns = jnp.minimum((places[..., 1] * width).astype(jnp.int32), width - 1)
    taken = _patches(state, layout)[jnp.arange(state.shape[0])[:, None], rows, columns]
    return taken.reshape(-1, state.shape[-1])


def _check_shape(state: Array | np.ndarray, layout: Layout) -> None:
    expected: tuple[int, ...] = ()
    if isinstance(layout, Tokens):
        expected = (layout.n_tokens,)
    elif isinstance(layout, Map):
        expected = layout.grid
    if state.ndim != len(expected) + 2 or state.shape[1:-1] != expected:
        axes = ", ".join(["B", *map(str, expected), "C"])
        raise ValueError(f"expected a state [{axes}] for the layout {layout}, came {list(state.shape)}")
