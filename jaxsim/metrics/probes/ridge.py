"""Ridge regression without a fit for every fold and penalty: held-out predictions from one decomposition."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from ..statistics import Factors


def held_out(
    factors: Factors,
    targets: Float[np.ndarray, "n t"],
    folds: Int[np.ndarray, " n"],
    penalties: Sequence[float],
) -> Float[np.ndarray, "n_penalties n t"]:
    """Predictions for every sample by ridge regressions that were fitted without its fold.

    A ridge regression with a free intercept is linear in the targets, `H y` with `H = 11^T / N + U W U^T` and
    `W = s^2 / (s^2 + penalty)`. What is left of the targets of a fold F without it follows from the fit with it,
    `(I - H_FF)^-1 (y - H y)_F`, exactly: no fold is fitted by itself.

    Args:
        factors: Of the features about their mean.
        targets: What is predicted.
        folds: Fold of every sample.
        penalties: In units of the mean squared singular value of the features.

    Returns:
        Predictions.

    Source:
        Allen, Technometrics 1974 (PRESS); for groups of samples Cook & Weisberg, Residuals and influence in regression,
        1982.

    Example:
        >>> from jaxsim.metrics.factors import factors_of
        >>> x = np.arange(6.0)[:, None]
        >>> held_out(factors_of(x), 2 * x + 1, np.arange(6), [1e-9])[0, :, 0].round(6).tolist()
        [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]
    """
    n = len(targets)
    squares = factors.singular**2
    mean = targets.mean(0)
    products = factors.left.T @ (targets - mean)
    members = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    alone = all(len(rows) == 1 for rows in members)
    found = np.empty((len(penalties), *targets.shape))
    for place, penalty in enumerate(penalties):
        weights = squares / (squares + penalty * squares.mean())
        left = targets - mean - factors.left @ (weights[:, None] * products)
        if alone:
            own = 1 / n + (factors.left**2) @ weights
            left = left / (1 - own)[:, None]
        else:
            for rows in members:
                of_fold = factors.left[rows]
                hat = 1 / n + (of_fold * weights) @ of_fold.T
                left[rows] = np.linalg.solve(np.eye(len(rows)) - hat, left[rows])
        found[place] = targets - left
    return found


def chosen_predictions(
    predictions: Float[np.ndarray, "n_penalties n t"],
    errors: Float[np.ndarray, "n_penalties n"],
    folds: Int[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, "n t"], int]:
    """The predictions of every fold by the penalty that is best for the other folds.

    Args:
        predictions: From `held_out`.
        errors: Of every prediction, such as its squared error.
        folds: Fold of every sample.

    Returns:
        Predictions, and the place of the penalty that is best for all folds together.

    Example:
        >>> errors = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 3.0]])
        >>> predictions = np.arange(6.0).reshape(2, 3, 1)
        >>> found, best = chosen_predictions(predictions, errors, np.array([0, 1, 2]))
        >>> found.ravel().tolist(), best
        ([0.0, 1.0, 5.0], 0)
    """
    labels, of_sample = np.unique(folds, return_inverse=True)
    by_fold = np.stack([np.bincount(of_sample, weights=each, minlength=len(labels)) for each in errors])
    elsewhere = by_fold.sum(1, keepdims=True) - by_fold
    best = elsewhere.argmin(0)[of_sample]
    return predictions[best, np.arange(predictions.shape[1])], int(by_fold.sum(1).argmin())
