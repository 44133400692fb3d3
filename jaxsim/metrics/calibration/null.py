"""What a null says of values, whichever way it was found."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class AgainstNull:
    """Values against their null, as similarities: those of dissimilarities have their signs changed.

    Attributes:
        value: Of the true pairing.
        null_mean: Mean over pairings.
        threshold: The 1 - level quantile over pairings.
        p_value: Share of the pairings that are at least as alike.
    """

    value: Float[np.ndarray, "*shape"]
    null_mean: Float[np.ndarray, "*shape"]
    threshold: Float[np.ndarray, "*shape"]
    p_value: Float[np.ndarray, "*shape"]

    def score(self, best: np.ndarray) -> Float[np.ndarray, "*shape"]:
        """Share of the way from the threshold to a best value, 0 below the threshold.

        Example:
            >>> zero = np.zeros(2)
            >>> AgainstNull(np.array([0.6, 0.1]), zero, np.full(2, 0.2), zero).score(np.ones(2)).round(9).tolist()
            [0.5, 0.0]
        """
        left = best - self.threshold
        # Where even chance is as alike as can be, nothing is left to be better.
        share = np.where(left > 0, (self.value - self.threshold) / np.where(left > 0, left, 1), 0)
        return np.where(np.isnan(self.value), np.nan, np.clip(share, 0, 1))


@dataclass(frozen=True)
class Calibrated:
    """A measure against its null.

    Attributes:
        pairs: Of pairs of layers, `[n_k, n_sources, n_targets]`.
        over: Of the best and the mean over pairs of layers, `[n_k, 2]`; None where they were not asked for.
    """

    pairs: AgainstNull
    over: AgainstNull | None


def against_draws(values: np.ndarray, draws: np.ndarray, level: float) -> AgainstNull:
    """Values against those of random pairings.

    The threshold is the smallest of all, the true pairing among them, that a share `1 - level` does not exceed.
    P-values count the true pairing, so that tests are exact.

    Args:
        values: Of the true pairing, as similarities.
        draws: Of random pairings `[n_draws, *shape]`.
        level: Of the threshold.

    Returns:
        NaN where a value is.

    Example:
        >>> found = against_draws(np.array([0.9]), np.linspace(0, 0.5, 19)[:, None], 0.05)
        >>> found.p_value.tolist(), found.threshold.tolist()
        ([0.05], [0.5])
    """
    together = np.sort(np.concatenate([values[None], draws]), axis=0)
    place = int(np.ceil((1 - level) * len(together) - 1e-9)) - 1
    at_least = (draws >= values).sum(0)
    p_value = np.where(np.isnan(values), np.nan, (1 + at_least) / len(together))
    return AgainstNull(values, draws.mean(0), together[max(place, 0)], p_value)
