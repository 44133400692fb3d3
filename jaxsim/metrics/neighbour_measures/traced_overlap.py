"""What the kernels' `neighbour_overlap` gives on the host, for JAX arrays: the same functions of the same arguments.

Everything is compared with everything, which a compiler fuses: machine code cannot be called on traced values.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def common_counts(columns: jax.Array, ks: Sequence[int]) -> jax.Array:
    """As the host's, `[n_k, n_layers, n_layers, max(ks) + 1]`."""
    in_common = _for_each_k(columns, ks, lambda same, _: same.sum((1, 2)))
    return _one_hot(in_common, ks).sum(axis=3)


def common_weights(columns: jax.Array, ks: Sequence[int], weights: np.ndarray | jax.Array) -> jax.Array:
    """As the host's, `[n_k, n_layers, n_layers, max(ks) + 1]`."""
    in_common = _for_each_k(columns, ks, lambda same, _: same.sum((1, 2)))
    weighed = _for_each_k(columns, ks, lambda same, k: (same * jnp.asarray(weights[:k, :k])).sum((1, 2)))
    return (_one_hot(in_common, ks) * weighed[..., None]).sum(axis=3)


def common_subsequences(columns: jax.Array, ks: Sequence[int]) -> jax.Array:
    """As the host's, `[n_k, n_layers, n_layers]`."""
    return _for_each_k(columns, ks, lambda same, _: _subsequences(same)).sum(axis=3)


def cycles(columns: jax.Array, ks: Sequence[int]) -> jax.Array:
    """As the host's, `[n_k, n_layers, n_layers]`."""
    rows = jnp.arange(columns.shape[1])

    def of_pair(a: Any, b: Any, k: int) -> jax.Array:
        back = columns[a][columns[b][:, :k], :k]
        return (back == rows[:, None, None]).any((1, 2)).sum()

    return _of_pairs(columns, ks, of_pair)


def masked_sums(columns: jax.Array, values: jax.Array, ks: Sequence[int], returning: bool) -> jax.Array:
    """As the host's, `[4, n_k, n_layers, n_layers]`."""
    rows = jnp.arange(columns.shape[1])

    def of_pair(a: Any, b: Any, k: int) -> jax.Array:
        of_a, of_b = columns[a][:, :k], columns[b][:, :k]
        same = of_a[:, :, None] == of_b[:, None, :]
        of_first = values[a][:, :k] * same.any(2)
        of_second = values[b][:, :k] * same.any(1)
        counted = same
        if returning:
            back = (of_a[of_a] == rows[:, None, None]).any(2)[:, :, None]
            counted = same & back & (of_b[of_b] == rows[:, None, None]).any(2)[:, None, :]
        products = (values[a][:, :k, None] * values[b][:, None, :k] * counted).sum()
        by_column = jnp.zeros(len(rows), of_first.dtype).at[of_a].add(of_first)
        return jnp.stack([products, of_first.sum(), of_second.sum(), (by_column * of_second.sum(1)).sum()])

    return jnp.moveaxis(_of_pairs(columns, ks, of_pair), -1, 0)


def second_order_cosines(columns: jax.Array, own: jax.Array, across: jax.Array, ks: Sequence[int]) -> jax.Array:
    """As the host's, `[n_k, n_layers, n_layers]`."""

    def of_pair(a: Any, b: Any, k: int) -> jax.Array:
        alone = ~(columns[a][:, :k, None] == columns[b][:, None, :k]).any(1)
        by_a = jnp.concatenate([own[a][:, :k], across[a, b][:, :k] * alone], axis=1)
        by_b = jnp.concatenate([across[b, a][:, :k], own[b][:, :k] * alone], axis=1)
        lengths = jnp.sqrt((by_a * by_a).sum(1) * (by_b * by_b).sum(1))
        return ((by_a * by_b).sum(1) / lengths).sum()

    return _of_pairs(columns, ks, of_pair)


def occurrences(columns: jax.Array, ks: Sequence[int], n_samples: int) -> jax.Array:
    """As the host's, `[n_k, n_layers, n_samples]`."""

    def of_layer(lists: jax.Array) -> jax.Array:
        return jnp.zeros(n_samples, jnp.int32).at[lists].add(1)

    return jnp.stack([jax.vmap(of_layer)(columns[..., :k]) for k in ks])


def _of_pairs(columns: jax.Array, ks: Sequence[int], value: Callable[[Any, Any, int], jax.Array]) -> jax.Array:
    """`value(a, b, k)` of all pairs of layers, `[n_k, n_layers, n_layers, ...]`, one pair at a time."""
    n_layers = columns.shape[0]
    pairs = jnp.indices((n_layers, n_layers)).reshape(2, -1).T
    found = [lax.map(lambda pair, k=k: value(pair[0], pair[1], k), pairs) for k in ks]
    return jnp.stack([each.reshape(n_layers, n_layers, *each.shape[1:]) for each in found])


def _for_each_k(columns: jax.Array, ks: Sequence[int], value: Callable[[jax.Array, int], jax.Array]) -> jax.Array:
    """`value` of which neighbours are the same `[n_rows, k, k]`, as `[n_k, n_layers, n_layers, n_rows]`."""

    def of_pair(a: Any, b: Any, k: int) -> jax.Array:
        return value(columns[a][:, :k, None] == columns[b][:, None, :k], k)

    return _of_pairs(columns, ks, of_pair)


def _one_hot(in_common: jax.Array, ks: Sequence[int]) -> jax.Array:
    return in_common[..., None] == jnp.arange(max(ks) + 1)


def _subsequences(same: jax.Array) -> jax.Array:
    """Lengths of the longest common subsequences from which places hold the same, `[n_rows, k, k]`."""
    n_rows, _, k = same.shape

    def step(lengths: jax.Array, matches: jax.Array) -> tuple[jax.Array, None]:
        longer = jnp.maximum(lengths[:, 1:], lengths[:, :-1] + matches)
        return jnp.pad(lax.cummax(longer, axis=1), ((0, 0), (1, 0))), None

    lengths, _ = lax.scan(step, jnp.zeros((n_rows, k + 1), jnp.int32), jnp.moveaxis(same, 1, 0).astype(jnp.int32))
    return lengths[:, -1]
