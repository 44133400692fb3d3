"""Imbalance gain: whether one time series helps to foretell another, given what that one knows of itself."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from jaxsim.arguments import check_count

from ..inputs import as_representation, check_same_samples, check_values

SCALES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
"""Weights of the cause, in units that make both spaces spread alike."""


def imbalance_gain(
    cause: Any,
    effect: Any,
    *,
    lag: int = 1,
    condition: Any = None,
    scales: Sequence[float] = SCALES,
    k: int = 1,
    exclude: int = 0,
) -> xr.Dataset:
    """How much the past of one time series adds to what the past of another says of its future.

    The information imbalance from `(a cause(t), effect(t))` to `effect(t + lag)`, for weights a of the cause. If some a
    above 0 is better than 0, the cause carries information on the future of the effect that the effect does not have.
    The gain is the share by which the imbalance falls, `(Delta(0) - min_a Delta(a)) / Delta(0)`.

    Args:
        cause: States over time `[n_times, n_features]`, or one number at each time.
        effect: The same times of the series that may be driven.
        lag: Steps ahead that are foretold.
        condition: States of further series that are known, too, beside the effect's own: what they explain is no gain.
        scales: Weights of the cause; they begin with 0. Every space is divided by its root mean square spread first.
        k: Number of neighbours.
        exclude: Times before and after each that are no neighbours of it: those that are near because no time passed.

    Returns:
        `imbalance` along `scale`, `gain`, and `best_scale`; `n_samples` as an attribute.

    Raises:
        ValueError: For series of different lengths, too few times for the lag and k, scales that do not begin with 0
            and increase, NaN, or a series that does not vary.

    Source:
        Del Tatto, Fortunato, Bueti & Laio, Robust inference of causality in high-dimensional dynamical processes from
        the Information Imbalance of distance ranks, PNAS 2024.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=300)
        >>> y = np.concatenate([[0.0], 0.9 * x[:-1]]) + 0.1 * rng.normal(size=300)
        >>> bool(imbalance_gain(x, y).gain > 0.4), bool(imbalance_gain(y, x).gain < 0.1)
        (True, True)
    """
    named = {"cause": _series(cause, "cause"), "effect": _series(effect, "effect")}
    if condition is not None:
        named["condition"] = _series(condition, "condition")
    n_times = check_same_samples(named)
    lag, k = check_count("lag", lag, 1), check_count("k", k, 1)
    exclude = check_count("exclude", exclude, 0)
    n = n_times - lag
    if n < k + 2 * exclude + 3:
        raise ValueError(
            f"expected at least {k + 2 * exclude + 3 + lag} times for k={k}, lag={lag} and exclude={exclude}, got "
            f"{n_times}; use a longer series."
        )
    grid = _checked_scales(scales)
    arrays = {name: _scaled(each, name) for name, each in named.items()}
    known = _squares(arrays["effect"][:n]) + (_squares(arrays["condition"][:n]) if condition is not None else 0)
    added, future = _squares(arrays["cause"][:n]), _squares(arrays["effect"][lag:])
    times = np.arange(n)
    left_out = np.abs(times[:, None] - times) <= exclude
    ranks = _ranks(future, left_out)
    values = np.array([_imbalance(known + scale**2 * added, left_out, ranks, k) for scale in grid])
    best = int(values.argmin())
    return xr.Dataset(
        {
            "imbalance": ("scale", values),
            "gain": float((values[0] - values[best]) / values[0]),
            "best_scale": grid[best],
        },
        coords={"scale": list(grid)},
        attrs={"n_samples": n, "lag": lag, "k": k, "exclude": exclude, "conditioned": int(condition is not None)},
    )


def _series(values: Any, name: str) -> Any:
    given = np.asarray(values) if np.ndim(values) == 1 else values
    found = as_representation(given[:, None] if np.ndim(given) == 1 else given, name)
    check_values({name: found}, "euclidean")
    return np.asarray(found[:], np.float64)


def _checked_scales(scales: Any) -> tuple[float, ...]:
    try:
        grid = tuple(float(each) for each in scales)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected scales as several numbers, got {scales!r}.") from error
    increase = all(a < b for a, b in pairwise(grid))
    if len(grid) < 2 or grid[0] != 0 or not increase or not np.isfinite(grid[-1]):
        raise ValueError(f"expected scales that begin with 0 and increase, got {scales!r}.")
    return grid


def _scaled(x: np.ndarray, name: str) -> Float[np.ndarray, "n d"]:
    x = x - x.mean(0)
    spread = np.sqrt((x**2).sum(1).mean())
    if spread == 0:
        raise ValueError(f"expected series that vary, but {name!r} is the same at all times.")
    return x / spread


def _squares(x: np.ndarray) -> Float[np.ndarray, "n n"]:
    norms = (x * x).sum(1)
    return np.maximum(norms[:, None] + norms - 2 * x @ x.T, 0)


def _ranks(squares: np.ndarray, left_out: np.ndarray) -> Float[np.ndarray, "n n"]:
    """From 1, among the times that count."""
    order = np.argsort(np.where(left_out, np.inf, squares), axis=1, kind="stable")
    ranks = np.empty(squares.shape)
    np.put_along_axis(ranks, order, np.arange(1.0, len(squares) + 1)[None], axis=1)
    return ranks


def _imbalance(squares: np.ndarray, left_out: np.ndarray, ranks: np.ndarray, k: int) -> float:
    nearest = np.argsort(np.where(left_out, np.inf, squares), axis=1, kind="stable")[:, :k]
    # Of as many samples as a row has to choose from, itself among them.
    n_samples = (~left_out).sum(1) + 1
    return float((2 * np.take_along_axis(ranks, nearest, 1).mean(1) / n_samples).mean())
