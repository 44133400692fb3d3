"""Information imbalance with everything that is known of it, and further measures from the same pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxsim_kernels import Metric, check_metric
from jaxtyping import Float

from .declaration import LayerMeasure, Measure
from .gathered import gather
from .imbalance_matrix import ImbalanceMatrix, matrix_of
from .measure_checks import check_measures
from .request import Request, check_request
from .statistics import Imbalances, Need


@dataclass(frozen=True)
class Values:
    """A measure of layers.

    Attributes:
        whole: Of all samples, `[n_k, ...]`; a measure that uses no k has the same for each.
        halves: Within both halves of every split `[n_splits, 2, n_k, ...]`; None without splits.
    """

    whole: Float[np.ndarray, " n_k *shape"]
    halves: Float[np.ndarray, "n_splits 2 n_k *shape"] | None


@dataclass(frozen=True)
class Together:
    """What one pass over layers gives.

    Attributes:
        matrix: Information imbalance, with `n_k` in front.
        measures: Further measures of two layers by name, `[n_layers, n_layers]`.
        descriptions: Measures of one layer by name, `[n_layers]`.
    """

    matrix: ImbalanceMatrix
    measures: dict[str, Values]
    descriptions: dict[str, Values]


def measure_together(
    layers: Any,
    measures: Sequence[Measure],
    descriptions: Sequence[LayerMeasure],
    *,
    k: tuple[int, ...],
    metric: str = "euclidean",
    verify: bool | int = False,
    **arguments: Any,
) -> Together:
    """Information imbalance and further measures between all layers.

    Args:
        layers: As for `imbalance_matrix`.
        measures: Further measures of two layers.
        descriptions: Measures of one layer.
        k: Numbers of neighbours.
        metric: As for `imbalance_matrix`.
        verify: As for `imbalance_matrix`.
        **arguments: Further ones of `check_request`.

    Returns:
        All of it.

    Raises:
        ValueError: As `imbalance_matrix` and `measure`, before any work.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> x = np.random.default_rng(0).normal(size=(50, 4))
        >>> found = measure_together([x, x[:, :2]], find_measures("cka"), (), k=(1, 3))
        >>> found.matrix.values.shape, found.measures["cka"].whole.shape
        ((2, 2, 2), (2, 2, 2))
    """
    checked, chosen = check_metric(metric), [*measures, *descriptions]

    def request_of(own: Metric) -> Request:
        return check_request(layers, k=k, metric=own, **arguments)

    check_measures(chosen, request_of(checked))
    needs: frozenset[Need] = frozenset({Imbalances()}).union(*(each.needs for each in chosen))
    gathered = gather(request_of, checked, needs, "imbalance_matrix")
    if gathered.streamed is None:
        raise RuntimeError("expected a pass for the information imbalance, which was needed")
    matrix = matrix_of(gathered.request, gathered.streamed, clip=arguments.get("clip"), verify=verify)

    def values(measure: Measure | LayerMeasure) -> Values:
        def of(statistics: Any) -> np.ndarray:
            found = np.asarray(measure.formula(statistics), np.float64)
            return found if measure.uses_k else np.broadcast_to(found, (len(k), *found.shape))

        halves = None
        if gathered.halves:
            halves = np.stack([np.stack([of(half) for half in split]) for split in gathered.halves])
        return Values(of(gathered.whole), halves)

    return Together(
        matrix, {each.name: values(each) for each in measures}, {each.name: values(each) for each in descriptions}
    )
