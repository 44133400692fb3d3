"""One fit of weights by gradient: what stays the same over fits of a pair of spaces, and the steps."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from jaxsim.arguments import check_choice, check_count

from .soft_neighbours import (
    Width,
    checked_factor,
    checked_spaces,
    host_imbalance,
    rank_rows,
    row_widths,
    rows_at_once,
    soft_ranks,
    weighted_squares,
)

_ROWS, _STEPS = 128, 300
_ZERO = 1e-4
"""Share of the largest weight below which one counts as none."""


@dataclass(frozen=True)
class FeatureWeights:
    """Weights that predict best.

    Attributes:
        weights: Not negative, the largest 1 `[n_features]`.
        imbalance: Of all samples with these weights, without the penalty.
        start: Of all samples with the weights that it began with.
        history: Mean of every epoch `[n_epochs]`.
    """

    weights: Float[np.ndarray, " n_features"]
    imbalance: float
    start: float
    history: Float[np.ndarray, " n_epochs"]


@dataclass(frozen=True)
class Problem:
    """What stays the same over all fits of a pair of spaces.

    Attributes:
        x: Features `[n_samples, n_features]`, in float64.
        features: The same in float32, on the device.
        ranks: By y, from `rank_rows`.
        y: As it is ranked.
        lengths: Periods of the features, or None.
        k: Neighbour whose distance sets the width.
        kind: Of the widths.
        factor: Share of the squared distance.
    """

    x: np.ndarray
    features: jax.Array
    ranks: np.ndarray
    y: np.ndarray
    lengths: np.ndarray | None
    k: int
    kind: str
    factor: float

    def value(self, weights: np.ndarray) -> float:
        """The imbalance of all samples with some weights, in float64."""
        found = host_imbalance(self.x, self.y, weights, self.lengths, self.k, self.kind, self.factor, self.ranks)
        return float(found)


def problem_of(x: Any, y: Any, k: Any, width: Any, factor: Any, periods: Any) -> Problem:
    """Spaces and options, checked, with the ranks by y.

    Raises:
        ValueError: As `differentiable_imbalance`.

    Example:
        >>> problem_of(np.eye(4), np.eye(4), 1, "point", 0.1, None).ranks.shape
        (4, 4)
    """
    features, ranked, lengths = checked_spaces(x, y, periods)
    k = check_count("k", k, 1, most=len(features) - 2)
    kind = check_choice("width", width, get_args(Width))
    # The unit of the features is the weights' business.
    return Problem(
        features,
        jnp.asarray(features, jnp.float32),
        rank_rows(ranked),
        ranked,
        lengths,
        k,
        kind,
        checked_factor(factor),
    )


def first_weights(problem: Problem, weights: Any) -> np.ndarray:
    """Weights to begin with: those that are given, or one over the standard deviation of every feature.

    Raises:
        ValueError: For weights of another number or negative ones, or features that do not vary.

    Example:
        >>> x = np.array([[0.0, 1.0], [2.0, 1.0], [0.0, 1.0], [2.0, 1.0]])
        >>> first_weights(problem_of(x, x, 1, "point", 0.1, None), None).tolist()
        [1.0, 0.0]
    """
    if weights is None:
        spread = problem.x.std(0)
        if problem.lengths is not None:
            spread = np.where(problem.lengths > 0, problem.lengths / np.sqrt(12), spread)
        if not (spread > 0).any():
            raise ValueError("expected features of x that vary, got the same for all samples.")
        return np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0)
    given = np.asarray(weights, np.float64)
    if given.shape != (problem.x.shape[1],) or not np.isfinite(given).all() or (given < 0).any() or not given.any():
        raise ValueError(
            f"expected weights that are not negative, one for each of the {problem.x.shape[1]} features and some above "
            f"0, got {weights!r}."
        )
    return given


def fitted(
    problem: Problem,
    begin: np.ndarray,
    units: np.ndarray,
    penalty: float,
    n_epochs: int | None,
    batch_size: int | None,
    learning_rate: float,
    seed: int,
) -> FeatureWeights:
    """Weights that predict best, by Adam.

    Args:
        problem: From `problem_of`.
        begin: Weights to begin with; those of 0 stay 0.
        units: Of the weights: steps and the penalty are relative to them.
        penalty: See `feature_weights`, and so are all further arguments.
        n_epochs: See `feature_weights`.
        batch_size: See `feature_weights`.
        learning_rate: See `feature_weights`.
        seed: See `feature_weights`.

    Raises:
        ValueError: For more rows at a time than there are.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> problem = problem_of(x, x[:, :1], 1, "point", 0.1, None)
        >>> fitted(problem, np.ones(2), np.ones(2), 0.0, 40, None, 0.05, 0).weights.round(2).tolist()
        [1.0, 0.0]
    """
    # Heavy to import, and nothing else here needs it.
    import optax

    n = len(problem.x)
    size = min(n, _ROWS) if batch_size is None else check_count("batch_size", batch_size, 2, most=n)
    of_epoch = n // size
    n_epochs = -(-_STEPS // of_epoch) if n_epochs is None else n_epochs
    n_steps = n_epochs * of_epoch
    schedule = optax.cosine_decay_schedule(learning_rate, n_steps)
    optimiser = optax.adam(schedule)
    # A weight of 0 has no slope: its feature need not be looked at. Others are of one scale, so that a step, and the
    # penalty, mean the same for all.
    alive = np.flatnonzero(begin)
    scale = units[alive]
    features = problem.features[:, alive] * jnp.asarray(scale, jnp.float32)
    lengths = None if problem.lengths is None else jnp.asarray(problem.lengths[alive] * scale, jnp.float32)
    step = jax.jit(
        partial(
            _step,
            update=optimiser.update,
            penalty=penalty,
            k=problem.k,
            factor=problem.factor,
            shared=problem.kind == "global",
            n=n,
        )
    )
    weights = begin[alive] / scale
    weights = jnp.asarray(weights / weights.max(), jnp.float32)
    state, generator = optimiser.init(weights), np.random.default_rng([seed, 6])
    history, every_rank = [], jnp.asarray(problem.ranks) if size == n else None
    for _ in range(n_epochs):
        order, values = generator.permutation(n), []
        for start in range(0, n - size + 1, size):
            rows = np.sort(order[start : start + size])
            own = problem.ranks[rows] if size < n else every_rank
            weights, state, value = step(weights, state, features, lengths, rows, own)
            values.append(value)
        history.append(float(np.mean(values)))
    found = np.asarray(weights, np.float64)
    final = np.zeros(len(begin))
    final[alive] = np.where(found > _ZERO, found, 0) * scale
    final /= final.max()
    return FeatureWeights(final, problem.value(final), problem.value(begin / begin.max()), np.array(history))


def _step(
    weights: jax.Array,
    state: Any,
    features: jax.Array,
    lengths: jax.Array | None,
    rows: jax.Array,
    ranks: jax.Array,
    *,
    update: Callable[..., Any],
    penalty: float,
    k: int,
    factor: float,
    shared: bool,
    n: int,
) -> tuple[jax.Array, Any, jax.Array]:
    # Of many rows one block at a time is held, and made again for the gradient.
    block = min(len(rows), rows_at_once(n))
    n_blocks = -(-len(rows) // block)
    padded = jnp.pad(rows, (0, n_blocks * block - len(rows)), mode="edge").reshape(n_blocks, block)
    at = jnp.minimum(jnp.arange(n_blocks * block), len(rows) - 1).reshape(n_blocks, block)

    def each_row(of_block: Callable[..., jax.Array], *given: jax.Array) -> jax.Array:
        return lax.map(lambda one: of_block(*one), given).reshape(-1)[: len(rows)]

    def loss(weights: jax.Array) -> tuple[jax.Array, jax.Array]:
        @jax.checkpoint
        def own_widths(rows: jax.Array) -> jax.Array:
            return row_widths(weighted_squares(features, rows, weights, lengths), k, factor)

        @jax.checkpoint
        def mean_ranks(rows: jax.Array, at: jax.Array) -> jax.Array:
            squares = weighted_squares(features, rows, weights, lengths)
            widths = row_widths(squares, k, factor) if common is None else jnp.broadcast_to(common, rows.shape)
            return soft_ranks(squares, ranks[at], widths)

        common = each_row(own_widths, padded).mean() if shared else None
        value = each_row(mean_ranks, padded, at).mean() * 2 / n
        # Only ratios count, of the penalty as well. The logarithm has the same minimum, and slopes that stay of one
        # size while the value falls from 1 to 2 / N: of others Adam remembers the first for a thousand steps.
        return jnp.log(value + penalty * weights.sum() / weights.max()), value

    (_, value), slope = jax.value_and_grad(loss, has_aux=True)(weights)
    change, state = update(slope, state, weights)
    moved = jnp.maximum(weights + change, 0)
    largest = moved.max()
    # Were all of them to vanish at once, nothing would be left to learn from.
    return jnp.where(largest > 0, moved / jnp.where(largest > 0, largest, 1), weights), state, value


def checked_number(name: str, value: Any, may_be_zero: bool) -> float:
    """A number that is not negative.

    Raises:
        ValueError: If it is none, or 0 where it may not be.

    Example:
        >>> checked_number("penalty", 0, True)
        0.0
    """
    try:
        found = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected {name} as a number, got {value!r}.") from error
    if isinstance(value, bool) or not (0 <= found < np.inf) or (found == 0 and not may_be_zero):
        raise ValueError(f"expected {name} {'of at least' if may_be_zero else 'above'} 0, got {value!r}.")
    return found
