"""The arithmetic floor: one Gram product per layer and nothing else."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxsim_kernels import Precision
from jaxsim_kernels.scores import arithmetic, gram

from benchmarks.measure import seconds_of

_STRIP_BYTES = 1 << 28


def gram_pass(
    layers: Sequence[np.ndarray], n_queries: int | None = None, precision: Precision = "highest"
) -> tuple[Callable[[], Any], int]:
    """A function that works out `X_queries X^T` of every layer, strip by strip, and keeps nothing.

    It is the floor of an exact computation: features are on the device already, a strip is overwritten by the next. The
    strip height is the quickest of a few, tried here on the widest layer, so that the floor is a fair one.

    Args:
        layers: `[n_samples, n_features]` float32.
        n_queries: Leading rows that are queries; all by default.
        precision: `highest` is `jnp.dot` at `Precision.HIGHEST`, in float64 for the few samples where the kernels
            work in float64; `high` and `fast` are the kernels' own dot at that precision.

    Returns:
        The function, and the strip height it uses.

    Example:
        >>> floor, height = gram_pass([np.ones((8, 4), np.float32)])
        >>> floor()[0].shape, height
        ((8, 8), 8)
    """
    n = layers[0].shape[0]
    n_rows: int = n_queries or n
    dtype = arithmetic(precision, n, jax.default_backend())
    with jax.enable_x64(dtype == np.float64):
        placed = [jax.device_put(x.astype(dtype)) for x in layers]
        widest = max(placed, key=lambda x: x.shape[1])

        def run(height: int, over: Sequence[jax.Array]) -> list[jax.Array]:
            with jax.enable_x64(dtype == np.float64):
                return [_strips(precision)(x, height, n_rows) for x in over]

        heights = _heights(n, n_rows, dtype.itemsize)
        if len(heights) > 1:
            for height in heights:
                jax.block_until_ready(run(height, [widest]))
            tried = {h: min(seconds_of(partial(run, h, [widest])) for _ in range(2)) for h in heights}
            height = min(tried, key=tried.__getitem__)
        else:
            height = heights[0]
    return partial(run, height, placed), height


def whole_products(
    layers: Sequence[np.ndarray], n_queries: int | None = None, precision: Precision = "highest"
) -> Callable[[], Any] | None:
    """The plain way to the same products, one `jnp.dot` for each layer; None where one would be too large.

    A user who times the floor writes this. It is slower than strips that stay in memory already touched, and so an
    easier floor: the goals are held against `gram_pass`.

    Example:
        >>> whole_products([np.ones((8, 4), np.float32)])()[0].shape
        (8, 8)
    """
    n = layers[0].shape[0]
    n_rows: int = n_queries or n
    dtype = arithmetic(precision, n, jax.default_backend())
    if n * n_rows * dtype.itemsize > _STRIP_BYTES or precision not in ("highest", "float64"):
        return None

    def run() -> list[jax.Array]:
        with jax.enable_x64(dtype == np.float64):
            # One product at a time is there, as in a loop over the layers.
            return [product(x).block_until_ready() for x in placed][-1:]

    with jax.enable_x64(dtype == np.float64):
        placed = [jax.device_put(x.astype(dtype)) for x in layers]
        product = jax.jit(lambda x: jnp.dot(x[:n_rows], x.T, precision=lax.Precision.HIGHEST))
    return run


def _heights(n_samples: int, n_queries: int, itemsize: int) -> list[int]:
    most = max(8, _STRIP_BYTES // (n_samples * itemsize))
    choices = [h for h in (256, 512, 1024, 2048, 4096) if h <= min(n_queries, most)]
    return choices or [min(n_queries, most)]


@cache
def _strips(precision: Precision) -> Any:
    def strip_of(x: jax.Array, start: jax.Array | int, height: int) -> jax.Array:
        # The last strip starts earlier rather than being shorter: one program, at most one strip too much.
        rows = lax.dynamic_slice_in_dim(x, start, height)
        if precision in ("highest", "float64"):
            return jnp.dot(rows, x.T, precision=lax.Precision.HIGHEST)
        return gram(rows, x, precision)

    @partial(jax.jit, static_argnums=(1, 2))
    def strips(x: jax.Array, height: int, n_queries: int) -> jax.Array:
        start = jnp.zeros((height, x.shape[0]), x.dtype)
        n_strips = -(-n_queries // height)
        return lax.fori_loop(0, n_strips, lambda i, _: strip_of(x, i * height, height), start)

    return strips
