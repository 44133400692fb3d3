"""Nulls of any measure from random pairings of the samples."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxsim_kernels import Metric
from jaxtyping import Int

from ..declaration import Measure
from ..gathered import gather
from ..request import Request
from ..statistics import Need, Statistics
from .null import Calibrated, against_draws
from .shuffled_statistics import prepare_shuffles


def from_shuffles(
    measures: Sequence[Measure],
    request_of: Callable[[Metric], Request],
    metric: Metric,
    n_sources: int,
    shuffles: Int[np.ndarray, "n_shuffles n"],
    level: float,
    over_layers: bool,
) -> dict[str, Calibrated]:
    """Measures against their nulls from shuffled pairings.

    Args:
        measures: Which.
        request_of: The checked request of sources and targets for a metric.
        metric: The one asked for.
        n_sources: How many of the layers are sources.
        shuffles: From `draw_shuffles`: the true pairing first.
        level: Of thresholds.
        over_layers: Whether the best and the mean over layers are wanted.

    Returns:
        By name.
    """
    needs: frozenset[Need] = frozenset().union(*(each.needs for each in measures))
    gathered = gather(request_of, metric, needs, "calibrate")
    shuffled = prepare_shuffles(gathered, metric, n_sources, shuffles)
    drawn: dict[str, list[np.ndarray]] = {each.name: [] for each in measures}
    progress = gathered.request.progress
    for shuffle in range(len(shuffles)):
        statistics = shuffled.statistics(shuffle)
        for each in measures:
            drawn[each.name].append(_between(each, statistics, n_sources))
        if progress is not None:
            progress(shuffle + 1, len(shuffles), "shuffled pairings")
    found = {}
    for each in measures:
        values = np.stack(drawn[each.name])
        over = None
        if over_layers:
            flat = values.reshape(*values.shape[:2], -1)
            both = np.stack([flat.max(2), flat.mean(2)], axis=2)
            over = against_draws(both[0], both[1:], level)
        found[each.name] = Calibrated(against_draws(values[0], values[1:], level), over)
    return found


def _between(measure: Measure, statistics: Statistics, n_sources: int) -> Any:
    """A measure from sources to targets, as a similarity, `[n_k, n_sources, n_targets]`."""
    values = np.asarray(measure.formula(statistics), np.float64)[..., :n_sources, n_sources:]
    values = values if measure.uses_k else values[None]
    return values if measure.orientation == "similarity" else -values
