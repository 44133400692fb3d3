"""One measurement, streamed in blocks of query rows.

A block's strips give the neighbours, the thresholds and the counts; only sums over rows outlive it. See the design
notes in `plan` for the two regimes; both give the same integers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .blocks import Blocks, Progress
from .device_pass import measure_on_devices
from .half_run import HalfRun
from .halves import Halves
from .kernel_pass import stream_kernels
from .kernel_run import KernelRun
from .one_pass import one_pass
from .options import Options
from .placement import Placement
from .plan import Plan, Workload
from .prepare import Layer
from .ranker import make_ranker
from .sums import Sums, row_weights
from .two_passes import two_passes

__all__ = ["Progress", "Run"]


@dataclass
class Run:
    """A measurement on its way.

    Attributes:
        prepare: The layer of a number, on its devices.
        queries: Sample indices of the query rows.
        options: What is asked for.
        placement: Devices.
        work: Its shape.
        plan: How it starts; `blocks` has the plan as it goes on.
        progress: Called as `progress(done, total, what)`.
        groups: Group of every sample, or None.
        halves: Splits whose halves are measured from the same strips, or None.
        kernel_halves: Splits whose halves' sums of kernels follow from the same sums, or None.
        blocks: The query rows.
        ranker: How ranks are found.
        sums: What is added up over rows.
        neighbours: Columns of every query row's neighbours `[n_layers, n_queries, k]`, if asked for.
        in_halves: The measurement within halves, from the same strips; None where there is none.
        kernels: Sums of kernels; None where none are asked for.
    """

    prepare: Callable[[int], Layer]
    queries: np.ndarray
    options: Options
    placement: Placement
    work: Workload
    plan: Plan
    progress: Progress | None = None
    groups: np.ndarray | None = None
    halves: Halves | None = None
    kernel_halves: Halves | None = None

    def __post_init__(self) -> None:
        """Lay out the sums."""
        self.n_layers = len(self.work.widths)
        n, m, options = self.work.n_samples, len(self.queries), self.options
        weights = None if self.groups is None else row_weights(n, self.queries, self.groups)
        self.sums = Sums(len(options.ks), self.n_layers, m, options.keep_rows, weights)
        self.ranker = make_ranker(self.plan.ranking, options, self.placement, n, self.n_layers)
        self.neighbours: np.ndarray | None = None
        if options.keep_neighbours:
            self.neighbours = np.empty((self.n_layers, m, options.ks[-1]), np.int32)
        self.in_halves: HalfRun | None = None
        self.kernels: KernelRun | None = None
        self._kept: list[Layer | None] = [None] * self.n_layers

    def go(self) -> None:
        """Do the work."""
        self.blocks = Blocks(self.queries, self.groups, self.work, self.plan, self.placement, self.progress)
        if self.halves is not None:
            self.in_halves = HalfRun(self.halves, self.blocks.queries, self.options, self.n_layers, self.groups)
        # The host's own loops read the strips of one CPU device where they lie; only there are ties settled by hand.
        by_host = self.placement.on_one_cpu or self.options.ties == "expected"
        # Strips leave out the other samples of a row's group, which kernels do not.
        if self.plan.passes == "one-pass" and self.options.kernels and self.groups is None:
            self.kernels = self._begin_kernels(strips_at_hand=True)
        if not by_host:
            measure_on_devices(self)
        elif self.plan.passes == "one-pass":
            one_pass(self)
        else:
            two_passes(self)
        if self.options.kernels and self.kernels is None:
            self.kernels = self._begin_kernels(strips_at_hand=False)
            precision, n = self.options.precision, self.work.n_samples
            if self.kernels.needs_strips:
                stream_kernels(self.kernels, self.layer, n, self._given, self.placement, precision, self.progress)
        if self.kernels is not None:
            self.kernels.complete(self.layer, self.progress)

    def values(self) -> np.ndarray:
        """Delta `[n_k, n_layers, n_layers]`."""
        ks = np.asarray(self.options.ks, np.float64)[:, None, None]
        # One division of exact integers: equal spaces give the very float (k + 1) / N.
        return self.sums.total / (self.work.n_samples * len(self.queries) * ks)

    def layer(self, number: int) -> Layer:
        """A layer on its devices, kept where the plan has the memory for it."""
        kept = self._kept[number]
        if kept is None:
            kept = self.prepare(number)
            if self.plan.passes == "one-pass" or self.plan.keeps_layers:
                self._kept[number] = kept
        return kept

    @property
    def _given(self) -> tuple[bool, ...]:
        return tuple(self.options.metric_of(number) == "precomputed" for number in range(self.n_layers))

    def _begin_kernels(self, strips_at_hand: bool) -> KernelRun:
        layers = [self.layer(number) for number in range(self.n_layers)]
        n = self.work.n_samples
        return KernelRun(
            self.options.kernels, layers, self._given, self.placement, n, self.kernel_halves, strips_at_hand
        )
