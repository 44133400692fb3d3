"""What is refused of measures before any work."""

from collections.abc import Sequence

import numpy as np

from .condensed import check_condensed
from .declaration import LayerMeasure, Measure
from .factors import check_factors
from .request import Request
from .statistics import (
    CondensedDistances,
    FactorPairs,
    Imbalances,
    KernelSums,
    NeighbourDistances,
    Neighbours,
    NeighbourSimilarities,
    Spectra,
)


def check_measures(measures: Sequence[Measure | LayerMeasure], request: Request) -> None:
    """Refuses measures that the layers of a request do not allow.

    Args:
        measures: Which.
        request: Checked otherwise.

    Raises:
        ValueError: For too few samples, layers of one feature where rows are correlated, layers given by distances
            where features are needed, query rows or groups where all pairs of samples are needed, or pairs of samples
            or singular vectors that do not fit the memory.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> from jaxsim.metrics.request import check_request
        >>> check_measures(find_measures("cka"), check_request([[[0.0], [1.0], [3.0]]]))
        Traceback (most recent call last):
        ...
        ValueError: expected at least 4 samples for 'cka', got 3; use more samples or leave the measure out.
    """
    n_samples = request.n_samples
    smallest = n_samples
    if request.sides is not None:
        smallest = min(min(int(side.sum()), int((~side).sum())) for side in request.sides)
    for measure in measures:
        if n_samples < measure.least_samples:
            raise ValueError(
                f"expected at least {measure.least_samples} samples for {measure.name!r}, got {n_samples}; use more "
                "samples or leave the measure out."
            )
        if smallest < measure.least_samples:
            raise ValueError(
                f"expected halves of at least {measure.least_samples} samples for {measure.name!r}, got {smallest}; "
                "use n_splits=0 or more samples."
            )
        if measure.uses_k and min(request.ks) < measure.least_k:
            raise ValueError(
                f"expected k of at least {measure.least_k} for {measure.name!r}, got k={min(request.ks)}; give a "
                "larger k or leave the measure out."
            )
        _check_neighbours(measure, request, smallest)
        needs = measure.needs
        if correlates(measure):
            _check_widths(measure, request)
        if takes_features(measure) and "precomputed" in request.metrics:
            name = list(request.named)[request.metrics.index("precomputed")]
            raise ValueError(
                f"expected features for {measure.name!r}, got layer {name!r} as distances; leave the layer or the "
                "measure out, or take a measure of distances such as rsa, distance_correlation or mutual_knn."
            )
        if takes_all_pairs(measure) and request.queries is not None:
            what = "all samples together" if takes_factors(measure) else "all pairs of samples"
            raise ValueError(
                f"{measure.name!r} takes {what}, expected no n_queries, got {len(request.queries)}; "
                "leave n_queries out, or measure fewer samples."
            )
        if measure.all_rows and request.queries is not None:
            raise ValueError(
                f"{measure.name!r} takes neighbours of all samples together, expected those of all {n_samples}, got "
                f"{len(request.queries)} query rows; leave n_queries out, or measure fewer samples."
            )
        if any(isinstance(need, CondensedDistances) for need in needs):
            check_condensed(n_samples, len(request.named), request.options.budget)
        if takes_factors(measure):
            check_factors(n_samples, [x.shape[1] for x in request.arrays], request.options.budget)
        if in_index_order(measure) and request.options.ties == "expected":
            raise ValueError(f"{measure.name!r} takes neighbours in index order, expected ties='index'.")


def takes_all_pairs(measure: Measure | LayerMeasure) -> bool:
    """Whether a measure is of all pairs of samples, or factors whole layers, so that query rows do not do.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> [takes_all_pairs(each) for each in find_measures(("cka", "mutual_knn"))]
        [True, False]
    """
    return any(isinstance(need, (KernelSums, CondensedDistances, FactorPairs)) for need in measure.needs)


def takes_factors(measure: Measure | LayerMeasure) -> bool:
    """Whether a measure takes singular vectors of whole layers.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> [takes_factors(each) for each in find_measures(("cka", "procrustes"))]
        [False, True]
    """
    return any(isinstance(need, FactorPairs) for need in measure.needs)


def in_index_order(measure: Measure | LayerMeasure) -> bool:
    """Whether a measure takes equally near neighbours in the order of the samples and in no other way.

    Example:
        >>> from jaxsim.metrics import LayerMeasure
        >>> from jaxsim.metrics.registry import find_measures
        >>> in_index_order(find_measures("intrinsic_dimension", LayerMeasure)[0])
        True
    """
    return any(isinstance(need, NeighbourDistances) for need in measure.needs)


def takes_features(measure: Measure | LayerMeasure) -> bool:
    """Whether a measure needs features, so that distances do not do.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> [takes_features(each) for each in find_measures(("cka", "mutual_knn"))]
        [True, False]
    """
    of_features = any(
        isinstance(need, (Spectra, FactorPairs)) or getattr(need, "kernel", "") == "linear" for need in measure.needs
    )
    named_metric = any(getattr(need, "metric", None) not in (None, "precomputed") for need in measure.needs)
    return of_features or named_metric


def correlates(measure: Measure | LayerMeasure) -> bool:
    """Whether a measure correlates rows, so that a layer of one feature does not do.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> [correlates(each) for each in find_measures(("cka", "rsa_correlation_pearson"))]
        [False, True]
    """
    return any(getattr(need, "metric", None) == "correlation" for need in measure.needs)


def neighbours_of(measure: Measure | LayerMeasure, k: int) -> int:
    """Number of neighbours that a measure needs of every sample for its largest k; 0 where it needs none.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> neighbours_of(find_measures("mutual_knn")[0], 10), neighbours_of(find_measures("cka")[0], 10)
        (10, 0)
    """
    of_neighbours = (Imbalances, Neighbours, NeighbourDistances, NeighbourSimilarities)
    needs = [need for need in measure.needs if isinstance(need, of_neighbours)]
    return max((max(getattr(need, "least_k", 0), getattr(need, "times", 1) * k) for need in needs), default=0)


def _check_neighbours(measure: Measure | LayerMeasure, request: Request, smallest: int) -> None:
    """Refuses more neighbours than the smallest half has."""
    wanted = neighbours_of(measure, max(request.ks))
    if wanted > smallest - 2:
        raise ValueError(
            f"expected at least {wanted + 2} samples (in every half, where there are splits) for {measure.name!r} "
            f"with k={max(request.ks)}, got {smallest}; use more samples or a smaller k."
        )
    if request.groups is None or wanted == 0:
        return
    largest = int(np.bincount(request.groups).max())
    if smallest - largest < wanted + 1:
        raise ValueError(
            f"expected at least {wanted + 1} samples outside of every group (in every half, where there are splits) "
            f"for {measure.name!r} with k={max(request.ks)}, got {smallest - largest}: one group holds {largest}; use "
            "smaller groups or a smaller k."
        )


def _check_widths(measure: Measure | LayerMeasure, request: Request) -> None:
    for name, x in request.named.items():
        if x.shape[1] < 2:
            raise ValueError(
                f"expected at least two features where rows are correlated ({measure.name!r}), got layer {name!r} with "
                f"{x.shape[1]}; leave the layer or the measure out."
            )
