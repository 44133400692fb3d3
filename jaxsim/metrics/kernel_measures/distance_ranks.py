"""Rank correlations of the distances of all pairs of samples, exactly: what cannot be streamed.

Distances that are equal but for rounding count as tied: those of correlation and cosine never tie to the last bit, even
where they do in exact arithmetic, and breaking such ties at random moves a rank correlation in the third digit.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxsim_kernels.host.inversions import inversions

from .centred import normalised

_TIED = {"float64": 2.0**-40, "float32": 2.0**-21}
"""Distances next to each other in order that differ by less than this share of the largest are tied."""

_CHUNK = 1 << 20


class Ranks(NamedTuple):
    """Where the distances of one layer stand.

    Attributes:
        places: From 0, the same for tied distances `[n_pairs]`, integers.
        sizes: How many distances stand at every place.
    """

    places: Any
    sizes: Any


def spearman(distances: Any) -> Any:
    """Spearman correlations of all layers, tied distances at their mean rank.

    Args:
        distances: `[n_layers, n_pairs]`, NumPy or traced.

    Returns:
        `[n_layers, n_layers]`; NaN where all distances of a layer are tied.

    Example:
        >>> spearman(np.array([[1.0, 2.0, 3.0], [1.0, 8.0, 27.0]])).tolist()
        [[1.0, 1.0], [1.0, 1.0]]
    """
    if not isinstance(distances, np.ndarray):
        middle = jnp.stack([_middles(_traced_ranks(each), each.dtype) for each in distances])
        products = jnp.dot(middle, middle.T, precision=lax.Precision.HIGHEST)
        return normalised(products, products)
    middle = np.stack([_middles(_ranks(each), np.dtype(np.float64)) for each in distances])
    products = sum(
        (part @ part.T for part in (middle[:, at : at + _CHUNK] for at in range(0, middle.shape[1], _CHUNK))),
        np.zeros((len(middle),) * 2),
    )
    return normalised(products, products)


class Concordance(NamedTuple):
    """How often pairs of distances come in the same order in two layers.

    Attributes:
        values: Concordant less discordant pairs of distances `[n_layers, n_layers]`; of a layer with itself, those not
            tied.
        n_pairs: Number of distances.
    """

    values: Any
    n_pairs: int


def kendall_tau_a(found: Concordance) -> Any:
    """Kendall's tau-a of all layers: (concordant - discordant) over all pairs of distances.

    Args:
        found: From `concordance`.

    Returns:
        `[n_layers, n_layers]`; below 1 even for equal layers where distances tie.

    Example:
        >>> kendall_tau_a(concordance(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 2.0]]))).round(3).tolist()
        [[1.0, 0.667], [0.667, 0.667]]
    """
    return found.values / (found.n_pairs * (found.n_pairs - 1) / 2)


def kendall_tau_b(found: Concordance) -> Any:
    """Kendall's tau-b of all layers: tau-a over what ties leave possible.

    Args:
        found: From `concordance`.

    Returns:
        `[n_layers, n_layers]`; NaN where all distances of a layer are tied.

    Example:
        >>> kendall_tau_b(concordance(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 2.0]]))).round(3).tolist()
        [[1.0, 0.816], [0.816, 1.0]]
    """
    return normalised(found.values, found.values)


def concordance(distances: Any) -> Concordance:
    """What both of Kendall's correlations are made of: all that takes long.

    With t_a, t_b and t_ab pairs tied in a, in b, and in both, of all P: P - t_a - t_b + t_ab are tied in neither.

    Args:
        distances: `[n_layers, n_pairs]`, NumPy or traced.

    Returns:
        Of all layers.

    Example:
        >>> concordance(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).values.tolist()
        [[3.0, -3.0], [-3.0, 3.0]]
    """
    on_host = isinstance(distances, np.ndarray)
    xp, ranks = (np, [_ranks(each) for each in distances]) if on_host else (jnp, [*map(_traced_ranks, distances)])
    n_layers, dtype = len(ranks), distances.dtype
    n_pairs = distances.shape[1]
    whole = n_pairs * (n_pairs - 1) / 2
    own = [whole - _tied(each.sizes, xp, dtype) for each in ranks]
    between = _host_pair if on_host else _traced_pair
    found = [[own[0]] * n_layers for _ in range(n_layers)]
    for a in range(n_layers):
        for b in range(a):
            tied_in_both, discordant = between(ranks[a], ranks[b], dtype)
            found[a][b] = found[b][a] = own[a] + own[b] - whole + tied_in_both - 2 * discordant
        found[a][a] = own[a]
    values = xp.stack([xp.stack([xp.asarray(each, dtype=dtype) for each in row]) for row in found])
    return Concordance(values, n_pairs)


def _tied(sizes: Any, xp: Any, dtype: Any) -> Any:
    sizes = xp.asarray(sizes, dtype=dtype)
    return (sizes * (sizes - 1) / 2).sum()


def _middles(ranks: Ranks, dtype: Any) -> Any:
    """Mean rank of every distance, about the mean of all `[n_pairs]`."""
    xp = ranks.places.__array_namespace__()
    sizes = xp.asarray(ranks.sizes, dtype=dtype)
    before = xp.cumsum(sizes) - sizes
    return (before + (sizes - ranks.places.shape[0]) / 2)[ranks.places]


# On the host.


def _ranks(distances: np.ndarray) -> Ranks:
    order = np.argsort(distances)
    ordered = distances[order]
    apart = np.diff(ordered) > _TIED[distances.dtype.name] * ordered[-1]
    places = np.empty(len(distances), np.int64)
    places[order] = np.concatenate([[0], np.cumsum(apart)])
    return Ranks(places, np.bincount(places))


def _host_pair(a: Ranks, b: Ranks, dtype: Any) -> tuple[float, float]:
    """Pairs of distances tied in both, and discordant ones.

    Source:
        Knight, Journal of the American Statistical Association 1966.
    """
    n_places = len(b.sizes)
    keys = np.sort(a.places * n_places + b.places)
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(keys)]]))
    return float(_tied(sizes, np, np.dtype(np.float64))), float(inversions(keys % n_places))


# Inside a JAX transformation.


def _traced_ranks(distances: jax.Array) -> Ranks:
    order = jnp.argsort(distances)
    ordered = distances[order]
    apart = jnp.diff(ordered) > _TIED[distances.dtype.name] * ordered[-1]
    steps = jnp.cumsum(jnp.pad(apart, (1, 0)), dtype=jnp.int32)
    places = jnp.zeros(distances.shape, jnp.int32).at[order].set(steps)
    # As many places as there may be; those that are not there hold none.
    return Ranks(places, jnp.zeros(distances.shape, jnp.int32).at[places].add(1))


def _traced_pair(a: Ranks, b: Ranks, dtype: Any) -> tuple[jax.Array, jax.Array]:
    order = jnp.lexsort((b.places, a.places))
    first, second = a.places[order], b.places[order]
    apart = (jnp.diff(first) != 0) | (jnp.diff(second) != 0)
    joint = jnp.zeros(first.shape, jnp.int32).at[jnp.cumsum(jnp.pad(apart, (1, 0)))].add(1)
    return _tied(joint, jnp, dtype), _traced_inversions(second, dtype)


def _traced_inversions(places: jax.Array, dtype: Any) -> jax.Array:
    """Pairs out of order: they agree in the leading bits, and the first that differs is set in the earlier one."""

    def of_bit(bit: jax.Array, total: jax.Array) -> jax.Array:
        leading = jnp.right_shift(places, bit + 1)
        order = jnp.argsort(leading, stable=True)
        group, is_set = leading[order], jnp.right_shift(places[order], bit) & 1
        before = jnp.cumsum(is_set) - is_set
        before_in_group = before - before[jnp.searchsorted(group, group)]
        return total + jnp.where(is_set == 1, 0, before_in_group).astype(dtype).sum()

    n_bits = max(1, (places.shape[0] - 1).bit_length())
    return lax.fori_loop(0, n_bits, of_bit, jnp.zeros((), dtype))
