"""Classification by the nearest samples: labels read off layers without a fit."""

from typing import Any

import numpy as np
import xarray as xr
from jaxsim_kernels import check_metric
from jaxtyping import Int

from ..gathered import gather
from ..half_samples import check_groups
from ..labels import label_codes
from ..request import check_request
from ..statistics import Neighbours
from .scores import check_confidence, share_score


def knn_probe(
    layers: Any,
    labels: Any,
    *,
    k: Any = 10,
    metric: str = "euclidean",
    groups: Any = None,
    confidence: float = 0.95,
    precision: str = "highest",
    budget: int | None = None,
) -> xr.Dataset:
    """Share of samples whose label most of their k nearest samples have.

    Every sample is classified by the others; where classes have as many votes, the one whose nearest vote is nearest
    wins.

    Args:
        layers: Mapping name -> `[n_samples, n_features]`, or a sequence.
        labels: One string or integer for each sample.
        k: Number of neighbours, or several as a tuple.
        metric: `euclidean`, `cosine`, `correlation` or `precomputed`.
        groups: Group of every sample, integers or text: samples of one group do not vote for each other.
        confidence: Of the intervals, from the spread of right and wrong over samples or groups.
        precision: `float64`, `highest`, `high` or `fast`.
        budget: Bytes that features and blocks may take.

    Returns:
        `score`, `low` and `high` along `k` and `layer`; the share of the largest class as the attribute `chance`.

    Raises:
        ValueError: For labels without classes, and as `measure`.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 2))
        >>> found = knn_probe({"x": x}, x[:, 0] > 0, k=(1, 5))
        >>> bool((found.score > 0.85).all()), found.score.dims
        (True, ('k', 'layer'))
    """
    checked, confidence = check_metric(metric), check_confidence(confidence)
    request = check_request(layers, k=k, metric=checked, groups=groups, precision=precision, budget=budget)
    codes, classes = label_codes(labels, name="labels", n_samples=request.n_samples)
    numbers = None if groups is None else check_groups(groups, request.n_samples)
    found = gather(lambda _: request, checked, frozenset({Neighbours()}), "knn_probe").whole[Neighbours()].columns
    scores = []
    for one in request.ks:
        wrong = [(_voted(codes[of_layer[:, :one]], len(classes)) != codes).astype(np.float64) for of_layer in found]
        scores.append([share_score(each, np.ones(len(codes)), numbers, confidence) for each in wrong])
    parts = np.array(scores)
    return xr.Dataset(
        {name: (("k", "layer"), parts[..., place]) for place, name in enumerate(("score", "low", "high"))},
        coords={"k": list(request.ks), "layer": list(request.named)},
        attrs={
            "kind": "accuracy",
            "chance": float(np.bincount(codes).max() / len(codes)),
            "n_samples": request.n_samples,
            "metric": checked,
            "confidence": confidence,
        },
    )


def _voted(votes: Int[np.ndarray, "n k"], n_classes: int) -> Int[np.ndarray, " n"]:
    """The class with most votes, nearest first among equals."""
    n, k = votes.shape
    counts, firsts, rows = np.zeros((n, n_classes)), np.full((n, n_classes), k), np.arange(n)
    for place in range(k - 1, -1, -1):
        counts[rows, votes[:, place]] += 1
        firsts[rows, votes[:, place]] = place
    # Being nearer is worth less than a vote.
    return (counts - firsts / (k + 1)).argmax(1)
