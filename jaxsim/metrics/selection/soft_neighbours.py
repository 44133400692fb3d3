"""Differentiable information imbalance: neighbours are taken softly, which gives weights of features a gradient."""

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxsim_kernels.host.machine_code import n_workers
from jaxsim_kernels.prepare import host_features
from jaxtyping import Float
from scipy.stats import rankdata

from jaxsim.arguments import check_choice, check_count

from ..inputs import as_representation, check_same_samples, check_values
from ..threads import one_thread_each

Width = Literal["point", "global"]

_BLOCK_BYTES = 1 << 26


def differentiable_imbalance(
    x: Any,
    y: Any,
    weights: Any = None,
    *,
    k: int = 1,
    width: str = "point",
    factor: float = 0.1,
    periods: Any = None,
) -> Any:
    """Information imbalance from weighted features of x to y, with soft neighbours.

    `2 / N` times the mean over samples i of `sum_j c_ij r_ij`: r are ranks by y, and c the softmax over j of
    `-d_ij^2 / l_i`, of distances between features of x times their weights. `l_i` is a share of the squared distance to
    the k-th neighbour, so that the value does not depend on the scale of all weights together. The gradient is that of
    the value: widths follow the weights.

    Args:
        x: `[n_samples, n_features]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        weights: Of the features of x `[n_features]`, 1 by default. May be traced; x and y may not.
        k: Neighbour whose distance sets the width.
        width: `point` for a width of every sample, `global` for their mean.
        factor: Share of that squared distance.
        periods: Period of every feature of x, infinite or 0 for none: differences are taken the short way round.

    Returns:
        From about 2 / N to about 1. float64, or traced where the weights are.

    Raises:
        ValueError: For weights of another number, a factor that is not positive, or as `information_imbalance`.

    Source:
        Wild et al., Automatic feature selection and weighting using Differentiable Information Imbalance, Nature
        Communications 2025.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> bool(differentiable_imbalance(x, x[:, :1], [1, 0, 0]) < 0.1)
        True
        >>> slope = jax.grad(lambda w: differentiable_imbalance(x, x[:, :1], w))(jnp.ones(3))
        >>> bool(slope[0] < 0)  # more of the feature that is y
        True
    """
    features, ranked, lengths = checked_spaces(x, y, periods)
    n = len(features)
    k = check_count("k", k, 1, most=n - 2)
    kind, factor = check_choice("width", width, get_args(Width)), checked_factor(factor)
    given = np.ones(features.shape[1]) if weights is None else weights
    if np.shape(given) != (features.shape[1],):
        raise ValueError(
            f"expected a weight for each of the {features.shape[1]} features of x, got shape {np.shape(given)}."
        )
    if not isinstance(given, Tracer):
        return host_imbalance(features, ranked, np.asarray(given, np.float64), lengths, k, kind, factor)
    dtype = jnp.asarray(given).dtype
    rows = jnp.arange(n)
    around = None if lengths is None else jnp.asarray(lengths, dtype)
    squares = weighted_squares(jnp.asarray(features, dtype), rows, given, around)
    widths = row_widths(squares, k, factor)
    return soft_ranks(squares, jnp.asarray(_ranks(ranked, np.arange(n)), dtype), _shared(widths, kind)).mean() * 2 / n


def checked_spaces(x: Any, y: Any, periods: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Features of x about their centre, y as it is ranked, and periods, checked.

    Raises:
        ValueError: See `differentiable_imbalance`.
    """
    named = {"x": as_representation(x, "x"), "y": as_representation(y, "y")}
    n = check_same_samples(named)
    if n < 3:
        raise ValueError(f"expected at least 3 samples, got {n}.")
    for name, each in named.items():
        if isinstance(each, Tracer):
            raise ValueError(f"expected {name} as an array, got a traced one; only weights may be traced.")
        check_values({name: each}, "euclidean")
    features = np.asarray(named["x"][:], np.float64)
    lengths = None
    if periods is not None:
        lengths = np.asarray(periods, np.float64)
        if lengths.shape != (features.shape[1],) or np.isnan(lengths).any() or (lengths < 0).any():
            raise ValueError(
                f"expected a period for each of the {features.shape[1]} features of x, infinite or 0 for none, got "
                f"{periods!r}."
            )
        lengths = np.where(np.isfinite(lengths), lengths, 0)
        lengths = lengths if lengths.any() else None
    if lengths is None:
        # Differences are what counts: products lose no digits to an offset.
        features = features - features.mean(0)
    return features, host_features(named["y"], "euclidean"), lengths


def checked_factor(factor: Any) -> float:
    """A factor of widths.

    Raises:
        ValueError: Unless it is positive.

    Example:
        >>> checked_factor(0.1)
        0.1
    """
    try:
        value = float(factor)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected factor to be a positive number, got {factor!r}.") from error
    if isinstance(factor, bool) or not 0 < value < np.inf:
        raise ValueError(f"expected factor to be a positive number, got {factor!r}.")
    return value


def weighted_squares(features: Any, rows: Any, weights: Any, lengths: Any = None) -> Any:
    """Squared distances of some rows from all samples by weighted features, infinite to the row itself.

    One product of rows with all samples; features with a period are added one at a time. Nothing of shape
    `[n_rows, n_samples, n_features]` is ever held, nor kept for the gradient.

    Args:
        features: `[n_samples, n_features]`.
        rows: Which samples the rows are.
        weights: Of the features.
        lengths: Periods, 0 for none; None where no feature has one.

    Returns:
        `[n_rows, n_samples]`.

    Example:
        >>> weighted_squares(np.array([[0.0], [3.0]]), np.array([0]), np.array([2.0])).tolist()
        [[inf, 36.0]]
    """
    xp = jnp if isinstance(features, jax.Array) or isinstance(weights, jax.Array) else np
    straight = weights if lengths is None else xp.where(lengths > 0, 0, weights)
    scaled = features * straight
    norms = (scaled * scaled).sum(1)
    squares = xp.maximum(norms[rows][:, None] + norms - 2 * scaled[rows] @ scaled.T, 0)
    if lengths is not None:
        squares = squares + _round(xp, features, rows, weights, lengths)
    return xp.where(xp.arange(features.shape[0]) == rows[:, None], xp.inf, squares)


def _round(xp: Any, features: Any, rows: Any, weights: Any, lengths: Any) -> Any:
    """Squared distances by the features that have a period."""

    def of_feature(column: Any, weight: Any, length: Any) -> Any:
        apart = xp.abs(column[rows][:, None] - column)
        length = xp.where(length > 0, length, 1)
        apart = apart - length * xp.round(apart / length)
        return weight**2 * apart**2

    if xp is np:
        places = np.flatnonzero(lengths > 0)
        return sum(of_feature(features[:, place], weights[place], lengths[place]) for place in places)
    effective = jnp.where(lengths > 0, weights, 0)

    @jax.checkpoint
    def add(total: Any, one: Any) -> tuple[Any, None]:
        return total + of_feature(*one), None

    start = jnp.zeros((rows.shape[0], features.shape[0]), features.dtype)
    return lax.scan(add, start, (features.T, effective, lengths))[0]


def row_widths(squares: Any, k: int, factor: float) -> Any:
    """A share of the squared distance of every row to its k-th neighbour.

    Example:
        >>> row_widths(np.array([[np.inf, 4.0, 1.0]]), 2, 0.5).tolist()
        [2.0]
    """
    if isinstance(squares, np.ndarray):
        return factor * np.partition(squares, k - 1, axis=1)[:, k - 1]
    return factor * -lax.top_k(-squares, k)[0][:, -1]


def soft_ranks(squares: Any, ranks: Any, widths: Any) -> Any:
    """Mean rank of every row's soft neighbours.

    Args:
        squares: Squared distances `[n_rows, n_samples]`, infinite to the row itself.
        ranks: By the other space.
        widths: Of every row.

    Returns:
        `[n_rows]`.

    Example:
        >>> soft_ranks(np.array([[np.inf, 0.0, 0.0]]), np.array([[0.0, 1.0, 2.0]]), np.array([1.0])).tolist()
        [1.5]
    """
    xp = np if isinstance(squares, np.ndarray) else jnp
    nearest, own, wide = squares.min(1, keepdims=True), xp.isinf(squares), (widths > 0)[:, None]
    # Taken off all of a row it cancels out, in the gradient as well.
    nearest = nearest if xp is np else lax.stop_gradient(nearest)
    apart = xp.where(own, nearest, squares) - nearest
    # Where copies make the width 0 they share the weight.
    shares = xp.where(wide, xp.exp(-apart / xp.where(wide, widths[:, None], 1)), apart == 0)
    shares = xp.where(own, 0, shares)
    return (shares * ranks).sum(1) / shares.sum(1)


def rank_rows(y: Float[np.ndarray, "n d"]) -> np.ndarray:
    """Mid-ranks of all samples by y, the row itself 0, in float32.

    Example:
        >>> rank_rows(np.array([[0.0], [1.0], [3.0]])).tolist()
        [[0.0, 1.0, 2.0], [1.0, 0.0, 2.0], [2.0, 1.0, 0.0]]
    """
    found = np.empty((len(y), len(y)), np.float32)

    def part(first: int, last: int) -> None:
        for rows in _blocks(len(y), first, last):
            found[rows] = _ranks(y, rows)

    one_thread_each(len(y), part)
    return found


def _ranks(y: np.ndarray, rows: np.ndarray) -> np.ndarray:
    scores = (y * y).sum(1) / 2 - y[rows] @ y.T
    scores[np.arange(len(rows)), rows] = -np.inf
    return rankdata(scores, axis=1) - 1


def _blocks(n: int, first: int, last: int) -> list[np.ndarray]:
    step = max(1, _BLOCK_BYTES // (8 * n * n_workers()))
    return [np.arange(start, min(start + step, last)) for start in range(first, last, step)]


def rows_at_once(n_samples: int) -> int:
    """Rows whose distances from all samples take 64 MiB in float32.

    Example:
        >>> rows_at_once(10_000)
        1677
    """
    return max(1, _BLOCK_BYTES // (4 * n_samples))


def _shared(widths: Any, kind: str) -> Any:
    return widths if kind == "point" else widths * 0 + widths.mean()


def host_imbalance(
    features: np.ndarray,
    y: np.ndarray,
    weights: np.ndarray,
    lengths: np.ndarray | None,
    k: int,
    kind: str,
    factor: float,
    ranks: np.ndarray | None = None,
) -> np.float64:
    """`differentiable_imbalance` of checked spaces, in float64, a block of rows at a time.

    Args:
        features: Of x, from `checked_spaces`.
        y: As it is ranked.
        weights: Of the features.
        lengths: Periods, or None.
        k: See `differentiable_imbalance`.
        kind: Of the widths.
        factor: See `differentiable_imbalance`.
        ranks: From `rank_rows`, where they are there already.

    Returns:
        The value.

    Example:
        >>> x = np.arange(4.0)[:, None] ** 2
        >>> float(host_imbalance(x, x, np.ones(1), None, 1, "point", 1e-3))
        0.5
    """
    n = len(features)
    taken = np.flatnonzero(weights) if weights.any() else np.arange(1)
    features, weights, lengths = features[:, taken], weights[taken], None if lengths is None else lengths[taken]
    widths, found = np.empty(n), np.empty(n)

    def find_widths(first: int, last: int) -> None:
        for rows in _blocks(n, first, last):
            widths[rows] = row_widths(weighted_squares(features, rows, weights, lengths), k, factor)

    def find_ranks(first: int, last: int) -> None:
        for rows in _blocks(n, first, last):
            squares = weighted_squares(features, rows, weights, lengths)
            own = row_widths(squares, k, factor) if kind == "point" else widths[rows]
            found[rows] = soft_ranks(squares, _ranks(y, rows) if ranks is None else ranks[rows], own)

    if kind == "global":
        one_thread_each(n, find_widths)
        widths[:] = widths.mean()
    one_thread_each(n, find_ranks)
    return np.float64(2 * found.sum() / n**2)
