"""Scores of predictions with the intervals that samples give them."""

from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student


class Score(NamedTuple):
    """A score and its interval.

    Attributes:
        value: R2, or the share of right predictions.
        low: Lower end of the interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def check_confidence(confidence: Any) -> float:
    """The level of an interval.

    Raises:
        ValueError: Unless it is between 0 and 1.

    Example:
        >>> check_confidence(0.95)
        0.95
    """
    if isinstance(confidence, bool) or not isinstance(confidence, Real) or not 0 < float(confidence) < 1:
        raise ValueError(f"expected confidence between 0 and 1, such as 0.95, got {confidence!r}.")
    return float(confidence)


def share_score(
    errors: Float[np.ndarray, " n"],
    spreads: Float[np.ndarray, " n"],
    groups: np.ndarray | None = None,
    confidence: float = 0.95,
) -> Score:
    """One less the sum of errors over the sum of spreads, a ratio of means, with an interval.

    R2 has squared errors, and squared distances of the targets from their mean; a share of right predictions has 1 for
    every wrong one, and 1 for every sample.

    Args:
        errors: Of every sample.
        spreads: What they are a share of.
        groups: Group of every sample, as numbers from 0: samples of one group are taken for one observation.
        confidence: Of the interval, which is that of Student's t around the linearised ratio.

    Returns:
        The score.

    Example:
        >>> share_score(np.array([1.0, 0.0, 0.0, 0.0]), np.ones(4)).value
        0.75
    """
    n_observations = len(errors)
    share = errors.sum() / spreads.sum()
    influence = (errors - share * spreads) / spreads.mean()
    if groups is not None:
        n_observations = int(groups.max()) + 1
        influence = np.bincount(groups, weights=influence) * n_observations / len(errors)
    error = influence.std(ddof=1) / np.sqrt(n_observations)
    reach = float(student.ppf((1 + confidence) / 2, n_observations - 1)) * error
    return Score(float(1 - share), float(1 - share - reach), float(1 - share + reach))
