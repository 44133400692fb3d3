"""Singular value decompositions of layers, once for all measures that take products of two layers' singular vectors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxsim_kernels.centring import centre_of, centred, chunks
from jaxsim_kernels.host.machine_code import n_workers
from jaxsim_kernels.prepare import traced_layer
from jaxtyping import Float

from .condensed import machine_bytes
from .statistics import FactorPairs, Factors, Need
from .threads import of_each, one_thread_each

_SHARE_OF_MEMORY = 0.5


def factor_bytes(n_samples: int, widths: Sequence[int]) -> int:
    """Memory that the factors of layers and the products of one with all take.

    Args:
        n_samples: Number of samples.
        widths: Numbers of features.

    Returns:
        Bytes, the copies that decompositions of the largest layer need among them, one for every core.

    Example:
        >>> factor_bytes(4096, (384,)) >> 20
        58
    """
    ranks = [min(n_samples, width) for width in widths]
    held = sum(rank * (n_samples + width) for rank, width in zip(ranks, widths, strict=True))
    widest = max(range(len(widths)), key=lambda place: widths[place])
    decomposed = min(len(widths), n_workers()) * (3 * n_samples * widths[widest] + 4 * ranks[widest] ** 2)
    return 8 * (held + decomposed + max(ranks) * sum(ranks) + 3 * max(ranks) ** 2)


def check_factors(n_samples: int, widths: Sequence[int], budget: int | None = None) -> None:
    """Refuses layers whose factors the memory does not hold.

    Args:
        n_samples: Number of samples.
        widths: Numbers of features.
        budget: Bytes; None for half of the machine's memory.

    Raises:
        ValueError: Says what is needed and what to do.

    Example:
        >>> check_factors(1000, (64, 64))
    """
    needed, allowed = factor_bytes(n_samples, widths), _allowed(budget)
    if needed > allowed:
        raise ValueError(
            f"expected the singular vectors of all layers to fit {allowed:,} bytes, but those of {n_samples:,} samples "
            f"in {len(widths)} layers of up to {max(widths):,} features take {needed:,}; give a larger budget, fewer "
            "samples, features or layers, or measure by cka, which streams."
        )


def fit_together(n_samples: int, widths: Sequence[int], budget: int | None = None) -> bool:
    """Whether memory holds the factors of as many layers as there are cores, and not of one alone.

    Args:
        n_samples: Number of samples.
        widths: Numbers of features.
        budget: See `check_factors`.

    Example:
        >>> fit_together(1000, (64, 64)), fit_together(1000, (64, 64), budget=1)
        (True, False)
    """
    return factor_bytes(n_samples, sorted(widths)[-n_workers() :]) <= _allowed(budget)


def _allowed(budget: int | None) -> int:
    return int(_SHARE_OF_MEMORY * machine_bytes()) if budget is None else budget


def factors_of(x: Any, samples: np.ndarray | None = None, centre: bool = True) -> Factors:
    """The thin singular value decomposition of a layer, in float64.

    Args:
        x: `[n_samples, n_features]` with `shape`, `dtype` and row slices.
        samples: Which samples to take; None for all.
        centre: Whether features are taken about their mean.

    Returns:
        The factors; of rank 0 where nothing varies.

    Example:
        >>> found = factors_of(np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 0.0]]))
        >>> found.rank, round(float(found.singular[0] * found.unit), 9)
        (1, 4.242640687)
    """
    rows, unit = _centred_rows(x, samples) if centre else _scaled_rows(x, samples)
    n_samples, n_features = rows.shape
    left, singular, right = np.linalg.svd(rows, full_matrices=False)
    rank = int((singular > _least(singular[0], rows.shape, np.float64)).sum())
    rank = min(rank, n_samples - 1 if centre else n_samples, n_features)
    return Factors(left[:, :rank], singular[:rank], right[:rank], rank, unit)


def factors_of_all(layers: Sequence[Any], samples: np.ndarray | None = None, centre: bool = True) -> list[Factors]:
    """The same of several layers, as many at a time as there are cores.

    Example:
        >>> [found.rank for found in factors_of_all([np.eye(3), np.eye(3)[:, :1]])]
        [2, 1]
    """
    return of_each(lambda x: factors_of(x, samples, centre), layers)


def traced_factors(x: jax.Array, centre: bool = True) -> Factors:
    """The same of a traced array; what lies beyond its rank is 0.

    Example:
        >>> traced_factors(jnp.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 0.0]])).singular.tolist()[1]
        0.0
    """
    n_samples, n_features = x.shape
    unit: Any = 1.0
    if centre:
        layer = traced_layer(x, "euclidean", n_samples)
        rows, unit = layer.features[:, :n_features], layer.scale
        rows = rows - rows.mean(0)
    else:
        rows = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)
    most = min(n_samples - 1 if centre else n_samples, n_features)
    left, singular, right = jnp.linalg.svd(rows, full_matrices=False)
    left, singular, right = left[:, :most], singular[:most], right[:most]
    kept = singular > _least(singular[0], rows.shape, rows.dtype)
    return Factors(jnp.where(kept, left, 0), jnp.where(kept, singular, 0), right, kept.sum(), unit)


def pair_values(
    factors: Sequence[Factors],
    needs: Sequence[FactorPairs],
    step: Callable[[], None] = lambda: None,
    known: Mapping[Need, Any] | None = None,
    n_sources: int = 0,
    products: Callable[[int, int], Any] | None = None,
) -> dict[Need, Any]:
    """What needs take of all pairs of layers.

    Args:
        factors: Of every layer, all centred or none.
        needs: What is wanted.
        step: Called after every pair.
        known: Values that hold among the first `n_sources` layers and among the others; only pairs of one of each are
            worked out then.
        n_sources: See `known`.
        products: Of the left singular vectors of two layers, where they are known otherwise.

    Returns:
        `[n_layers, n_layers]` for each need; NaN where a layer is of rank 0.

    Example:
        >>> overlap = FactorPairs("overlap", lambda a, b, products: (products**2).sum())
        >>> pair_values([factors_of(np.eye(3)), factors_of(np.eye(3)[:, :1])], [overlap])[overlap].round(9).tolist()
        [[2.0, 1.0], [1.0, 1.0]]
    """
    n_layers = len(factors)
    traced = not isinstance(factors[0].left, np.ndarray)
    found: dict[FactorPairs, list[list[Any]]] = {
        need: [[np.nan] * n_layers for _ in factors] if known is None else np.asarray(known[need]).tolist()
        for need in needs
    }
    starts = np.cumsum([0, *(each.left.shape[1] for each in factors)])
    left = None if traced else np.concatenate([each.left for each in factors], axis=1)
    for a, first in enumerate(factors if known is None else factors[:n_sources]):
        start = a if known is None else n_sources
        # One large product is faster than many small ones.
        block = None if left is None else first.left.T @ left[:, starts[start] :]

        def fill(begin: int, end: int, a: int = a, first: Factors = first, start: int = start, block: Any = block):
            for b in range(start + begin, start + end):
                second = factors[b]
                if products is not None:
                    cross = products(a, b)
                elif block is None:
                    cross = first.left.T @ second.left
                else:
                    cross = block[:, starts[b] - starts[start] : starts[b + 1] - starts[start]]
                for need in needs:
                    if not traced and 0 in cross.shape:
                        continue
                    found[need][a][b] = need.taken(first, second, cross)
                    if a != b:
                        found[need][b][a] = found[need][a][b] if need.symmetric else need.taken(second, first, cross.T)

        if traced:
            fill(0, n_layers - start)
        else:
            one_thread_each(n_layers - start, fill)
        for _ in range(start, n_layers):
            step()
    xp = jnp if traced else np
    return {need: xp.stack([xp.stack([xp.asarray(v) for v in row]) for row in rows]) for need, rows in found.items()}


def _least(largest: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Singular values of rounding alone are not above that."""
    return np.finfo(dtype).eps * max(shape) * largest


def _centred_rows(x: Any, samples: np.ndarray | None) -> tuple[Float[np.ndarray, "n_rows n_features"], float]:
    def read() -> Any:
        if samples is None:
            return chunks(x)
        return _taken(x, samples)

    centre = centre_of(read)
    rows = np.concatenate([centred(chunk, centre) for _, chunk in read()])
    # To the last bit: what is left of the mean would be a direction of its own.
    rows -= rows.mean(0)
    return rows - rows.mean(0), float(np.ldexp(1.0, centre.exponent))


def _scaled_rows(x: Any, samples: np.ndarray | None) -> tuple[Float[np.ndarray, "n_rows n_features"], float]:
    read = chunks(x) if samples is None else _taken(x, samples)
    rows = np.concatenate([np.asarray(chunk, np.float64) for _, chunk in read])
    largest = float(np.abs(rows).max())
    exponent = int(np.frexp(largest)[1]) if largest > 0 else 0
    return np.ldexp(rows, -exponent), float(np.ldexp(1.0, exponent))


def _taken(x: Any, samples: np.ndarray) -> Any:
    taken = np.zeros(x.shape[0], bool)
    taken[samples] = True
    for rows, chunk in chunks(x):
        if taken[rows].any():
            yield rows, chunk[taken[rows]]
