"""Linear probes: what can be read off frozen features with a linear map."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

# Relative to the number of samples; features are z-scored.
_PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
_VALIDATION_SHARE = 4


def ridge_predictions(
    features: Float[np.ndarray, "n_fit d"], targets: Float[np.ndarray, "n_fit t"], new: Float[np.ndarray, "n_new d"]
) -> Float[np.ndarray, "n_new t"]:
    """Fit a ridge regression with intercept and predict; the penalty is chosen on the last quarter of the samples.

    Args:
        features: To fit on.
        targets: To fit.
        new: Features to predict from.

    Example:
        >>> x = np.linspace(0, 1, 80)[:, None]
        >>> bool(abs(ridge_predictions(x, 3 * x + 1, np.array([[0.5]]))[0, 0] - 2.5) < 0.01)
        True
    """
    features, targets, new = (np.asarray(values, np.float64) for values in (features, targets, new))
    cut = len(features) - len(features) // _VALIDATION_SHARE
    errors = [
        np.sum((_fitted(features[:cut], targets[:cut], features[cut:], penalty) - targets[cut:]) ** 2)
        for penalty in _PENALTIES
    ]
    return _fitted(features, targets, new, _PENALTIES[int(np.argmin(errors))])


def explained(predictions: Float[np.ndarray, "n t"], targets: Float[np.ndarray, "n t"]) -> float:
    """Return R^2, the share of the variance of all targets together that predictions explain.

    Below 0 if they are worse than the mean.

    Example:
        >>> explained(np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]]))
        1.0
    """
    return float(1 - np.sum((predictions - targets) ** 2) / np.sum((targets - targets.mean(axis=0)) ** 2))


def probe_scores(
    fit: tuple[Float[np.ndarray, "n_fit d"], Int[np.ndarray, " n_fit"], Mapping[str, np.ndarray]],
    test: tuple[Float[np.ndarray, "n_test d"], Int[np.ndarray, " n_test"], Mapping[str, np.ndarray]],
) -> dict[str, float]:
    """Score linear probes of the class and of every factor on other images than they are fitted on.

    Args:
        fit: Features, labels and factors (`[n]` or `[n, 2]`) to fit on.
        test: The same of the images to score on.

    Returns:
        `class_accuracy`, the share of images whose largest output of a ridge regression on one-hot labels is
        their class; and R^2 for each factor.

    Example:
        See `jaxsim.training.reference`.
    """
    classes = np.eye(int(fit[1].max()) + 1)
    guessed = ridge_predictions(fit[0], classes[fit[1]], test[0]).argmax(axis=1)
    scores = {"class_accuracy": float(np.mean(guessed == test[1]))}
    for name, values in fit[2].items():
        wanted, true = (v.reshape(len(v), -1) for v in (values, test[2][name]))
        scores[name] = explained(ridge_predictions(fit[0], wanted, test[0]), true)
    return {name: round(score, 4) for name, score in scores.items()}


def _fitted(features: np.ndarray, targets: np.ndarray, new: np.ndarray, penalty: float) -> np.ndarray:
    mean, middle = features.mean(axis=0), targets.mean(axis=0)
    scale = features.std(axis=0)
    scale = np.where(scale > 0, scale, 1)
    x = (features - mean) / scale
    gram = x.T @ x + penalty * len(x) * np.eye(x.shape[1])
    return (new - mean) / scale @ np.linalg.solve(gram, x.T @ (targets - middle)) + middle
