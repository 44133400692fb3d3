"""Intrinsic dimension from the two nearest neighbours of every sample (TwoNN)."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from ..declaration import LayerMeasure, constant
from ..pair import layer_value
from ..statistics import NeighbourDistances, Statistics
from .neighbour_ratios import INVARIANCES, check_estimate, log_ratio, quotient, share_left_out, sorted_distances

_TWO = NeighbourDistances(least_k=2)
_TENTH = Fraction(1, 10)
_LEAST_DISCARDED = Fraction(1, 1000)


def _estimates(statistics: Statistics, method: str, discard: Fraction) -> tuple[Any, Any]:
    """Dimensions and shares of the samples left out, `[n_layers]` each."""
    distances = sorted_distances(statistics, _TWO, 2)
    xp = distances.__array_namespace__()
    first, second = distances[..., 0], distances[..., 1]
    apart = first > 0
    # Those without a ratio come last.
    logs = xp.sort(xp.where(apart, log_ratio(second, first), xp.inf), axis=-1)
    n = apart.sum(-1)[:, None]
    # In integers: a product with 0.9 may round to below a whole number.
    kept = n * (discard.denominator - discard.numerator) // discard.denominator
    rank = xp.arange(1, logs.shape[-1] + 1)[None]
    inside = rank <= kept
    logs = xp.where(inside, logs, 0)
    if method == "linear":
        heights = -xp.log1p(-xp.where(inside, rank / xp.where(n > 0, n, 1), 0))
        values = quotient((logs * heights).sum(-1), (logs * logs).sum(-1))
    else:
        # Of the largest ratios it is known that they are at least as large as the largest that is kept.
        values = quotient(kept[:, 0] - 1, logs.sum(-1) + (n - kept)[:, 0] * logs.max(-1))
    return values, share_left_out(apart)


INTRINSIC_DIMENSION = LayerMeasure(
    name="intrinsic_dimension",
    title="intrinsic dimension (TwoNN)",
    source="Facco et al., Scientific Reports 2017",
    unit="dimensions",
    uses_k=False,
    lowest=constant(0.0),
    highest=None,
    invariances=INVARIANCES,
    needs=frozenset({_TWO}),
    formula=lambda statistics: _estimates(statistics, "linear", _TENTH)[0],
    least_samples=4,
)
"""The linear fit without the largest tenth of the ratios."""

TWONN_LIKELIHOOD = replace(
    INTRINSIC_DIMENSION,
    name="twonn_likelihood",
    title="intrinsic dimension (TwoNN, likelihood)",
    formula=lambda statistics: _estimates(statistics, "likelihood", Fraction(0))[0],
)
"""The maximum of the likelihood of all ratios, times (N - 1) / N."""


def twonn(
    x: Any, *, discard: float | int = 0.1, method: str = "linear", metric: str = "euclidean", precision: str = "highest"
) -> Any:
    """Intrinsic dimension from the ratios mu of the distances to the second and to the first neighbour.

    Where samples are spread evenly over as far as the second neighbour, `P(mu > t) = t^-d` in d dimensions. A sample
    whose nearest neighbour is a copy of it has no ratio and is left out.

    Args:
        x: `[n_samples, n_features]`.
        discard: Share of the ratios, the largest, that is dropped; taken to a thousandth.
        method: `linear` is the slope through the origin of `-ln(1 - F)` over `ln mu`, F the rank of a ratio over their
            number. `likelihood` is the maximum of the likelihood (its numerator less 1), dropped ratios counting as
            at least as large as the largest that is kept; `discard=0` then takes all, `(N - 1) / sum ln mu`, and has a
            standard error of the value over the root of N.
        metric: `euclidean`; `cosine` and `correlation` take distances between rows of length one; with `precomputed`
            x is `[n_samples, n_samples]`.
        precision: Of the products that find neighbours; distances to them are differences in float64.

    Returns:
        The dimension. Pure under `jax.jit` and `jax.vmap` with static options; there it is NaN where there is none, and
        of samples left out nothing is said.

    Raises:
        ValueError: For fewer than 4 samples, NaN or infinity, options that do not exist, and neighbours that are all at
            equal distances or copies.

    Warns:
        TieWarning: If more than 1 % of the samples are left out.

    Source:
        Facco, d'Errico, Rodriguez, Laio, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
        information", Scientific Reports 2017.

    Example:
        >>> flat = np.random.default_rng(0).uniform(size=(1000, 2)) @ np.array([[1.0, 0, 2, 1], [0, 1, 1, 3]])
        >>> round(float(twonn(flat)), 1)
        2.0
    """
    if method not in ("linear", "likelihood"):
        raise ValueError(f"method must be 'linear' or 'likelihood', got {method!r}.")
    share = _fraction(discard, method)

    def formula(statistics: Statistics) -> Any:
        values, left_out = _estimates(statistics, method, share)
        return values.__array_namespace__().stack([values, left_out])

    value, left_out = layer_value(replace(INTRINSIC_DIMENSION, formula=formula), x, metric=metric, precision=precision)
    check_estimate(value, left_out, "twonn")
    return value


def _fraction(discard: Any, method: str) -> Fraction:
    number = isinstance(discard, (int, float, np.integer, np.floating)) and not isinstance(discard, bool)
    # Of thousandths, products with numbers of samples stay within 32 bits.
    share = Fraction(float(discard)).limit_denominator(1000) if number and 0 <= discard < 1 else None
    least = _LEAST_DISCARDED if method == "linear" else 0
    if share is None or not least <= share < 1:
        raise ValueError(
            f"discard must be a number from {float(least):g} to below 1 where method={method!r}, got {discard!r}; a "
            "linear fit has no place for the largest ratio, whose F is 1."
        )
    return share
