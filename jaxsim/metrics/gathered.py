"""Statistics of layers, of all samples and within halves, from as few streaming passes as there are metrics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from jaxsim_kernels import AllPairs, Kernel, KernelMoments, Metric

from .condensed import condensed_distances, condensed_of
from .factors import factors_of_all, pair_values
from .inputs import check_values
from .neighbour_distances import distances_at
from .neighbour_similarities import similarities_at
from .request import Request
from .spectra import spectra_of_all
from .statistics import (
    CondensedDistances,
    FactorPairs,
    Imbalances,
    KernelSums,
    Need,
    NeighbourDistances,
    NeighbourLists,
    Neighbours,
    NeighbourSimilarities,
    Spectra,
    Statistics,
    Sums,
)
from .streamed import Streamed, stream, stream_kernels_alone


@dataclass(frozen=True)
class Gathered:
    """Statistics and where they come from.

    Attributes:
        request: Of the metric that the user asked for.
        whole: Of all samples.
        halves: Within both halves of every split.
        notes: What a user should know.
        plans: How each pass was done.
        streamed: The pass of the metric that the user asked for; None where it had none.
    """

    request: Request
    whole: Statistics
    halves: tuple[tuple[Statistics, Statistics], ...]
    notes: tuple[str, ...]
    plans: tuple[str, ...]
    streamed: Streamed | None = None


def gather(
    request_of: Callable[[Metric], Request],
    metric: Metric,
    needs: frozenset[Need],
    caller: str,
    powers: frozenset[KernelSums] = frozenset(),
) -> Gathered:
    """Work out what is needed.

    Args:
        request_of: The checked request for a metric.
        metric: The one that the user asked for.
        needs: What formulas will read.
        caller: Function that users called, for what warnings advise.
        powers: Kernels whose squares and cubes are to be added up, too, where strips of all samples are made for them.

    Returns:
        The statistics.
    """
    first = request_of(metric)
    members = (
        [] if first.sides is None else [[np.flatnonzero(s == side) for side in (False, True)] for s in first.sides]
    )
    whole: dict[Need, Any] = {}
    halves: list[list[dict[Need, Any]]] = [[{}, {}] for _ in members]
    notes: list[str] = []
    plans: list[str] = []
    of_metrics: dict[Metric, list[Need]] = {}
    # In one order in all processes, which a set of texts has not.
    for need in sorted(needs, key=repr):
        if not isinstance(need, (Spectra, FactorPairs)):
            of_metrics.setdefault(need.metric or metric, []).append(need)
    streamed = None
    for own, wanted in sorted(of_metrics.items(), key=lambda each: (each[0] != metric, each[0])):
        request = first if own == metric else request_of(own)
        found = _Pass(request, wanted, members, whole, halves, caller, powers).go(notes, plans)
        streamed = found if own == metric else streamed
    if Spectra() in needs:
        if not of_metrics:
            _check_values(first)
        whole[Spectra()] = spectra_of_all(_features(first))
        for split, sides in enumerate(members):
            for side, at in enumerate(sides):
                halves[split][side][Spectra()] = spectra_of_all(_features(first), at)
    factored = [need for need in sorted(needs, key=repr) if isinstance(need, FactorPairs)]
    if factored:
        if not of_metrics and Spectra() not in needs:
            _check_values(first)
        plans.append(_fill_factors(first, factored, members, whole, halves))
    widths = tuple(x.shape[1] for x in first.arrays)
    return Gathered(
        first,
        Statistics(first.n_samples, first.ks, widths, whole),
        tuple(
            (Statistics(len(a), first.ks, widths, found[0]), Statistics(len(b), first.ks, widths, found[1]))
            for (a, b), found in zip(members, halves, strict=True)
        ),
        tuple(dict.fromkeys(notes)),
        tuple(plans),
        streamed,
    )


@dataclass
class _Pass:
    """What one metric's pass gives: filled into the statistics of the whole and of the halves."""

    request: Request
    needs: Sequence[Need]
    members: Sequence[Sequence[np.ndarray]]
    whole: dict[Need, Any]
    halves: list[list[dict[Need, Any]]]
    caller: str
    powers: frozenset[KernelSums]

    def go(self, notes: list[str], plans: list[str]) -> Streamed | None:
        kernels = [need for need in self.needs if isinstance(need, KernelSums)]
        specified, complete = [self._kernel(need) for need in kernels], partial(self._with_bandwidths, kernels)
        ranked = [need for need in self.needs if isinstance(need, _OF_NEIGHBOURS)]
        streamed = None
        if ranked:
            most = max(self.request.ks)
            least = max(max(getattr(need, "least_k", 0), getattr(need, "times", 1) * most) for need in ranked)
            streamed = stream(_with_neighbours(self.request, least), specified, self.caller, completed=complete)
            self._fill_kernels(kernels, streamed.found.kernels, streamed.found.half_kernels)
            self._fill_neighbours(ranked, streamed.found)
            notes.extend(streamed.notes)
            plans.append(str(streamed.found.plan))
        elif kernels:
            found, own_notes = stream_kernels_alone(self.request, specified, completed=complete)
            self._fill_kernels(kernels, found.whole, found.halves)
            notes.extend(own_notes)
        if any(isinstance(need, CondensedDistances) for need in self.needs):
            if not ranked and not kernels:
                _check_values(self.request)
            self._fill_condensed([need for need in self.needs if isinstance(need, CondensedDistances)])
        return streamed

    def _kernel(self, need: KernelSums) -> Kernel:
        if need.kernel == "linear" and "precomputed" in self.request.metrics:
            name = list(self.request.named)[self.request.metrics.index("precomputed")]
            raise ValueError(
                f"expected features where inner products are needed, got layer {name!r} as distances; leave it out, or "
                "take a measure of distances such as rsa or distance_correlation."
            )
        return Kernel(need.kernel, powers=need in self.powers)

    def _with_bandwidths(
        self, needs: Sequence[KernelSums], kernels: Sequence[Kernel], float64_layers: Sequence[int]
    ) -> list[Kernel]:
        """Those of RBF kernels are shares of the median distance of every layer, which is found once for all."""
        if not any(need.kernel == "rbf" for need in needs):
            return list(kernels)
        from jaxsim_kernels import median_distances

        request = self.request
        medians = median_distances(
            request.arrays, request.metrics, request.placement, request.options.precision,
            float64_layers=float64_layers,
        )  # fmt: skip
        for name, median in zip(request.named, medians, strict=True):
            if median == 0:
                raise ValueError(
                    f"expected the bandwidth of layer {name!r} from its median distance, which is 0: most of its "
                    "samples are equal; use drop_duplicates=True, or leave the layer or the measure out."
                )
        return [
            replace(kernel, bandwidths=tuple(float(need.bandwidth or 1.0) * float(median) for median in medians))
            if need.kernel == "rbf"
            else kernel
            for need, kernel in zip(needs, kernels, strict=True)
        ]

    def _fill_kernels(
        self,
        needs: Sequence[KernelSums],
        whole: Sequence[KernelMoments],
        halves: Sequence[Sequence[Sequence[KernelMoments]]],
    ) -> None:
        for place, need in enumerate(needs):
            self.whole[need] = _sums(whole[place], self.request.n_samples)
            for split, sides in enumerate(halves):
                for side, found in enumerate(sides):
                    self.halves[split][side][need] = _sums(found[place], len(self.members[split][side]))

    def _fill_neighbours(self, needs: Sequence[Need], found: AllPairs) -> None:
        request = self.request
        rows = np.arange(request.n_samples) if request.queries is None else request.queries
        at = [found_k(request, k) for k in request.ks]
        for need in needs:
            if isinstance(need, Imbalances):
                self.whole[need] = found.values[at]
                for split in range(len(self.halves)):
                    for side in (0, 1):
                        self.halves[split][side][need] = _required(found.halves)[split, side, at]
                continue
            self.whole[need] = self._of_lists(need, _required(found.neighbours), rows, None)
            for split, sides in enumerate(self.members):
                for side, members in enumerate(sides):
                    own = np.flatnonzero(np.isin(rows, members))
                    columns = _required(found.half_neighbours)[split][:, own]
                    self.halves[split][side][need] = self._of_lists(need, columns, rows[own], members)

    def _of_lists(self, need: Need, columns: np.ndarray, rows: np.ndarray, members: np.ndarray | None) -> Any:
        """What a need asks of neighbours that are given as numbers among all samples."""
        if isinstance(need, NeighbourDistances):
            return distances_at(self.request.arrays, columns, rows, self.request.metrics)
        if isinstance(need, NeighbourSimilarities):
            return similarities_at(_features(self.request), columns, rows, self.request.metric, need.across)
        if members is None:
            return NeighbourLists(columns, rows)
        # Numbers among the samples of the half.
        return NeighbourLists(np.searchsorted(members, columns), np.searchsorted(members, rows))

    def _fill_condensed(self, needs: Sequence[CondensedDistances]) -> None:
        request = self.request
        found = condensed_distances(request.arrays, request.metrics, request.options.budget)
        for need in needs:
            self.whole[need] = found
            for split, sides in enumerate(self.members):
                for side, members in enumerate(sides):
                    self.halves[split][side][need] = condensed_of(found, request.n_samples, members)


def _fill_factors(
    request: Request,
    needs: Sequence[FactorPairs],
    members: Sequence[Sequence[np.ndarray]],
    whole: dict[Need, Any],
    halves: list[list[dict[Need, Any]]],
) -> str:
    """What is taken of factors, of all samples and then of one half after the other; how, in words."""
    layers = _features(request)
    places = [(whole, None), *((halves[i][j], at) for i, sides in enumerate(members) for j, at in enumerate(sides))]
    centred = sorted({need.centred for need in needs})
    n_pairs = len(layers) * (len(layers) + 1) // 2
    done, total = 0, len(places) * len(centred) * n_pairs

    def step() -> None:
        nonlocal done
        done += 1
        if request.progress is not None:
            request.progress(done, total, "pairs of layers' singular vectors")

    for found, at in places:
        for about_mean in centred:
            found.update(
                pair_values(
                    factors_of_all(layers, at, about_mean), [need for need in needs if need.centred == about_mean], step
                )
            )
    return (
        f"singular value decompositions of {len(layers)} layers in float64 on the host, "
        f"{len(centred) * len(places)} of each; products of the singular vectors of {n_pairs} pairs"
    )


_OF_NEIGHBOURS = (Imbalances, Neighbours, NeighbourDistances, NeighbourSimilarities)


def found_k(request: Request, k: int) -> int:
    """Where a number of neighbours stands among those that the pass is asked for."""
    return request.ordered.index(k)


def _with_neighbours(request: Request, least_k: int) -> Request:
    """The request with neighbours kept, of at least a number."""
    ks = request.options.ks
    if least_k > ks[-1]:
        ks = (*ks, min(least_k, request.n_samples - 2))
    return replace(request, options=replace(request.options, keep_neighbours=True, ks=ks))


def _sums(found: KernelMoments, n_samples: int) -> Sums:
    return Sums(found.products, found.row_sums, found.diagonal, n_samples, found.units, found.powers)


def _features(request: Request) -> list[Any]:
    """The layers where features are needed.

    Raises:
        ValueError: If one is given by distances.
    """
    for name, own in zip(request.named, request.metrics, strict=True):
        if own == "precomputed":
            raise ValueError(
                f"expected features, got layer {name!r} as distances; leave it out, or take a measure of distances."
            )
    return request.arrays


def _check_values(request: Request) -> None:
    """Looks at values where no streaming pass has."""
    for (name, x), own in zip(request.named.items(), request.metrics, strict=True):
        check_values({name: x}, own)


def _required(found: Any) -> Any:
    if found is None:
        raise RuntimeError("expected neighbours and halves to be kept, which the request asks for")
    return found
