"""Statistics of sources and targets whose samples are paired in another order, from those of the true pairing.

A shuffled pairing changes no layer: neighbours, distances, kernels and singular vectors of every layer stay what they
are, and only which sample of the targets goes with which of the sources is another. So all of that is made once, and
every shuffle gathers from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxsim_kernels import Metric
from jaxtyping import Int
from scipy.spatial.distance import squareform

from ..condensed import condensed_distances
from ..factors import factors_of_all, pair_values
from ..gathered import Gathered
from ..neighbour_similarities import similarities_at
from ..statistics import (
    CondensedDistances,
    FactorPairs,
    Factors,
    Imbalances,
    KernelSums,
    Need,
    NeighbourDistances,
    NeighbourLists,
    Neighbours,
    NeighbourSimilarities,
    SimilaritiesAtNeighbours,
    Statistics,
)
from .dense_kernels import DenseKernel, check_dense, dense_kernel, sums_of
from .shuffled_pairing import inverse_shuffles, shuffled_imbalances


@dataclass(frozen=True)
class Shuffled:
    """What shuffled pairings gather from.

    Attributes:
        gathered: Statistics of the true pairing, of the sources and then the targets.
        metric: The one asked for.
        n_sources: Number of sources.
        shuffles: Row s, column i is the targets' sample that shuffle s pairs with sample i of the sources.
        imbalances: Of all shuffles `[n_shuffles, n_k, n_layers, n_layers]`, for each need.
        kernels: Of every layer, for each need.
        factors: Of every layer, about the mean or not.
        distances: Of all pairs of samples `[n_layers, n, n]`, for each need.
    """

    gathered: Gathered
    metric: Metric
    n_sources: int
    shuffles: Int[np.ndarray, "n_shuffles n"]
    imbalances: dict[Need, np.ndarray]
    kernels: dict[Need, list[DenseKernel]]
    factors: dict[bool, list[Factors]]
    distances: dict[Need, np.ndarray]

    def statistics(self, shuffle: int) -> Statistics:
        """Statistics with the pairing of one shuffle."""
        order, whole = self.shuffles[shuffle], self.gathered.whole
        back = inverse_shuffles(order[None])[0]
        found: dict[Need, Any] = {}
        centred = [need for need in whole.found if isinstance(need, FactorPairs)]
        for about_mean in {need.centred for need in centred}:
            moved = [
                each if place < self.n_sources else replace(each, left=each.left[order])
                for place, each in enumerate(self.factors[about_mean])
            ]
            wanted = [need for need in centred if need.centred == about_mean]
            found.update(pair_values(moved, wanted, known=whole.found, n_sources=self.n_sources))
        for need, value in whole.found.items():
            if isinstance(need, FactorPairs):
                continue
            if isinstance(need, Imbalances):
                found[need] = self.imbalances[need][shuffle]
            elif isinstance(need, KernelSums):
                found[need] = sums_of(self.kernels[need], order, self.n_sources)
            elif isinstance(need, CondensedDistances):
                found[need] = self._condensed(need, order)
            elif isinstance(need, NeighbourDistances):
                found[need] = self._moved(value, order)
            elif isinstance(need, NeighbourSimilarities):
                found[need] = self._similarities(need, value, order, back)
            elif isinstance(need, Neighbours):
                found[need] = NeighbourLists(self._lists(value.columns, order, back), value.rows)
            else:
                raise RuntimeError(f"expected a statistic of pairs of layers, got {need!r}")
        return Statistics(whole.n_samples, whole.ks, whole.widths, found)

    def _moved(self, values: np.ndarray, order: np.ndarray) -> np.ndarray:
        return np.concatenate([values[: self.n_sources], values[self.n_sources :, order]])

    def _lists(self, columns: np.ndarray, order: np.ndarray, back: np.ndarray) -> np.ndarray:
        found = self._moved(columns, order)
        found[self.n_sources :] = back[found[self.n_sources :]]
        return found

    def _similarities(
        self, need: NeighbourSimilarities, value: SimilaritiesAtNeighbours, order: np.ndarray, back: np.ndarray
    ) -> SimilaritiesAtNeighbours:
        if not need.across:
            return SimilaritiesAtNeighbours(self._moved(value.own, order), None, self._moved(value.row_means, order))
        # Other pairs of samples are looked at by the other layers: these have to be multiplied.
        request, own = self.gathered.request, need.metric or self.metric
        lists = next(
            value
            for other, value in self.gathered.whole.found.items()
            if isinstance(other, Neighbours) and (other.metric or self.metric) == own
        )
        layers = [x if place < self.n_sources else np.asarray(x[:])[order] for place, x in enumerate(request.arrays)]
        return similarities_at(layers, self._lists(lists.columns, order, back), lists.rows, own, across=True)

    def _condensed(self, need: Need, order: np.ndarray) -> np.ndarray:
        distances = self.distances[need]
        shuffled = distances[self.n_sources :][:, order][:, :, order]
        parts = [*distances[: self.n_sources], *shuffled]
        return np.stack([squareform(part, checks=False) for part in parts])


def prepare_shuffles(
    gathered: Gathered, metric: Metric, n_sources: int, shuffles: Int[np.ndarray, "n_shuffles n"]
) -> Shuffled:
    """What is worked out once for all shuffles.

    Args:
        gathered: Statistics of the true pairing.
        metric: The one asked for.
        n_sources: How many of the layers are sources.
        shuffles: From `draw_shuffles`.

    Returns:
        What every shuffle gathers from.

    Raises:
        ValueError: For matrices of all pairs that the memory does not hold.
    """
    request, needs = gathered.request, gathered.whole.found
    n, layers = request.n_samples, request.arrays
    dense = sum(isinstance(need, (KernelSums, CondensedDistances)) for need in needs)
    if dense:
        check_dense(n, dense * (len(layers) + 1), request.options.budget)
    imbalances, kernels, distances = {}, {}, {}
    for need in needs:
        if isinstance(need, Imbalances):
            imbalances[need] = _imbalances(layers, n_sources, shuffles, request.ks, need.metric or metric)
        elif isinstance(need, KernelSums):
            own = need.metric or metric
            kernels[need] = [
                dense_kernel(x, need, _of_layer(own, at)) for x, at in zip(layers, request.metrics, strict=True)
            ]
        elif isinstance(need, CondensedDistances):
            own = need.metric or metric
            found = condensed_distances(layers, [_of_layer(own, at) for at in request.metrics], request.options.budget)
            distances[need] = np.stack([squareform(each, checks=False) for each in found])
    centred = {need.centred for need in needs if isinstance(need, FactorPairs)}
    factors = {about_mean: factors_of_all(layers, None, about_mean) for about_mean in centred}
    return Shuffled(gathered, metric, n_sources, shuffles, imbalances, kernels, factors, distances)


def _of_layer(metric: Metric, of_layer: Metric) -> Metric:
    return "precomputed" if of_layer == "precomputed" else metric


def _imbalances(
    layers: Sequence[Any], n_sources: int, shuffles: np.ndarray, ks: Sequence[int], metric: Metric
) -> np.ndarray:
    """Of all shuffles; among the sources and among the targets, which no shuffle changes, NaN."""
    arrays = [np.asarray(x[:]) for x in layers]
    sources, targets = arrays[:n_sources], arrays[n_sources:]
    rows = np.arange(len(arrays[0]))
    found = np.full((len(shuffles), len(ks), len(arrays), len(arrays)), np.nan)
    for place, k in enumerate(ks):
        found[:, place, :n_sources, n_sources:] = shuffled_imbalances(
            sources, targets, shuffles, rows, k=k, metric=metric
        )
        found[:, place, n_sources:, :n_sources] = shuffled_imbalances(
            targets, sources, inverse_shuffles(shuffles), rows, k=k, metric=metric
        )
    return found
