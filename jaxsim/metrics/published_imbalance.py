"""Information imbalance by other published conventions, to compare with numbers that were made by them."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxsim_kernels import Metric, check_metric
from jaxsim_kernels.prepare import host_features
from jaxtyping import Int
from scipy.stats import rankdata

from jaxsim.arguments import check_choice, check_count

from .imbalance_matrix import imbalance_matrix
from .inputs import as_representation, check_ks, check_same_samples, check_values

Convention = Literal["kth_neighbour", "subsets", "disjoint_halves"]
"""See `published_imbalance`."""


@dataclass(frozen=True)
class PublishedImbalance:
    """Both directions by a convention.

    Attributes:
        forward: From x to y.
        backward: From y to x.
        forward_error: Standard error over subsets; None for the other conventions.
        backward_error: The same from y to x.
        convention: Which.
        n_samples: Number of samples that ranks are among: of a subset, or of the half that is ranked.
    """

    forward: float
    backward: float
    forward_error: float | None
    backward_error: float | None
    convention: str
    n_samples: int


def published_imbalance(
    x: Any,
    y: Any,
    convention: str,
    *,
    k: int = 1,
    metric: str = "euclidean",
    subset_size: int | None = None,
    seed: int = 0,
    halves: Any = None,
) -> PublishedImbalance:
    """Information imbalance as other programs and papers count it.

    - `kth_neighbour`: the rank of the k-th neighbour alone, `2 / N` times its mean, and not of all k nearest.
    - `subsets`: the mean over disjoint random subsets, and its standard error, as DADApy does it where there are more
      samples than its `subset_size`. It is the imbalance of a subset's number of samples, not of N.
    - `disjoint_halves`: ranks from 0 among the samples of one half, seen from those of the other:
      `2 / (n_columns - 2)` times their mean. Tied samples have the lowest rank of their group, and all that are as near
      as the k-th count.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        convention: One of these.
        k: Number of neighbours.
        metric: `euclidean`, `cosine` or `correlation`.
        subset_size: Of `subsets`: the samples are dealt into `n_samples // subset_size` subsets.
        seed: Of the subsets or halves; that of DADApy's generator gives its subsets.
        halves: Of `disjoint_halves`: two sequences, samples that are looked from and samples that are ranked. None
            draws the first `n_samples // 2` of them at random, and takes the rest.

    Returns:
        Both directions.

    Raises:
        ValueError: For another convention, subsets too small for k, halves that share samples, and as
            `information_imbalance`.

    Source:
        Glielmo et al., Bioinformatics 2022 (DADApy); `return_information_imbalace` of DADApy 0.3; Acevedo et al., arXiv
        2505.17101 (`build_information_imbalance` of their code).

    Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 3))
        >>> found = published_imbalance(x, 2 * x, "disjoint_halves")
        >>> found.forward, found.n_samples
        (0.0, 30)
    """
    named = {"x": as_representation(x, "x"), "y": as_representation(y, "y")}
    n, checked = check_same_samples(named), check_metric(metric)
    if checked == "precomputed":
        raise ValueError("expected representations and metric 'euclidean', 'cosine' or 'correlation', got distances.")
    k = check_count("k", k, 1)
    check_ks(k, n)
    chosen = check_choice("convention", convention, get_args(Convention))
    if (subset_size is None) == (chosen == "subsets"):
        raise ValueError(f"expected subset_size for convention='subsets' and for no other, got {subset_size!r}.")
    if halves is not None and chosen != "disjoint_halves":
        raise ValueError(f"expected halves for convention='disjoint_halves' alone, got them for {chosen!r}.")
    for name, each in named.items():
        check_values({name: each}, checked)
    if chosen == "kth_neighbour":
        return _kth_neighbour(named, k, checked)
    generator = np.random.default_rng(seed)
    features = [np.asarray(each[:]) for each in named.values()]
    if chosen == "subsets":
        return _subsets(features, k, checked, check_count("subset_size", subset_size, k + 2), generator)
    rows, columns = _checked_halves(halves, n, k, generator)
    first, second = (_ranks(each, rows, columns, checked) for each in features)
    return PublishedImbalance(
        _of_ranks(first, second, k), _of_ranks(second, first, k), None, None, chosen, len(columns)
    )


def _kth_neighbour(named: dict[str, Any], k: int, metric: Metric) -> PublishedImbalance:
    n = next(iter(named.values())).shape[0]
    # A mean of k ranks, less one of k - 1.
    ks = (k,) if k == 1 else (k - 1, k)
    values = imbalance_matrix(named, k=ks, metric=metric).values
    only = values[0] if k == 1 else k * values[1] - (k - 1) * values[0]
    return PublishedImbalance(float(only[0, 1]), float(only[1, 0]), None, None, "kth_neighbour", n)


def _subsets(
    features: list[np.ndarray], k: int, metric: Metric, size: int, generator: np.random.Generator
) -> PublishedImbalance:
    n = len(features[0])
    n_subsets = n // size
    if n_subsets < 2:
        raise ValueError(
            f"expected subset_size of at most half of the {n} samples, got {size}; for all of them take "
            "information_imbalance."
        )
    subsets = np.array_split(generator.choice(n, n, replace=False), n_subsets)
    if n % n_subsets:
        raise ValueError(
            f"expected samples that {n_subsets} subsets divide evenly, got {n}; leave out {n % n_subsets} of them."
        )
    found = np.array(
        [
            imbalance_matrix([each[subset] for each in features], k=k, metric=metric).values[[0, 1], [1, 0]]
            for subset in subsets
        ]
    )
    means = found.mean(0)
    errors = found.std(0, ddof=1) / np.sqrt(len(found))
    return PublishedImbalance(
        float(means[0]), float(means[1]), float(errors[0]), float(errors[1]), "subsets", len(subsets[0])
    )


def _checked_halves(halves: Any, n: int, k: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    if halves is None:
        order = generator.permutation(n)
        halves = order[: n // 2], order[n // 2 :]
    try:
        rows, columns = (np.asarray(each) for each in halves)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected halves as two sequences of sample numbers, got {type(halves).__name__}.") from error
    for each in (rows, columns):
        if each.ndim != 1 or each.dtype.kind not in "iu" or len(each) == 0 or each.min() < 0 or each.max() >= n:
            raise ValueError(f"expected halves as two sequences of sample numbers from 0 to {n - 1}, got {each!r}.")
    if len(np.intersect1d(rows, columns)) or len(np.unique(columns)) < len(columns):
        raise ValueError("expected halves that share no sample and name none twice.")
    if len(columns) < max(3, k + 1):
        raise ValueError(f"expected at least {max(3, k + 1)} samples that are ranked, got {len(columns)}.")
    return rows, columns


def _ranks(x: np.ndarray, rows: np.ndarray, columns: np.ndarray, metric: Metric) -> Int[np.ndarray, "rows columns"]:
    features = host_features(x, metric)
    scores = (features[columns] ** 2).sum(1) / 2 - features[rows] @ features[columns].T
    # What rounding alone tells apart is tied.
    step = 64 * np.finfo(np.float64).eps * np.abs(scores).max()
    return rankdata(np.round(scores / step) if step > 0 else scores, method="min", axis=1).astype(np.int64)


def _of_ranks(source: np.ndarray, target: np.ndarray, k: int) -> float:
    nearest = source <= k
    return float(2 * (target[nearest] - 1).mean() / (target.shape[1] - 2))
