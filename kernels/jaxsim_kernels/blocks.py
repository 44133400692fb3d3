"""Query rows, a block at a time, in blocks that become smaller where a device runs out of memory."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from .placement import Placement
from .plan import Plan, Workload, halved

Progress = Callable[[int, int, str], None]


class Rows(NamedTuple):
    """A block of query rows on its devices, padded.

    Attributes:
        samples: Which samples they are `[n_rows]`.
        groups: Their groups `[n_rows]`, None where there are none.
    """

    samples: jax.Array
    groups: jax.Array | None


class Blocks:
    """The query rows of a measurement, and how far it is.

    Attributes:
        plan: How it is done; blocks are halved where a device runs out of memory.
        queries: Sample indices of the query rows `[n_queries]`.
        groups: Number of the group of every sample `[n_padded]`, -1 for padding; None where there are none.
        column_groups: The same on its devices.
        notes: What happened on the way.
    """

    def __init__(
        self,
        queries: np.ndarray,
        groups: np.ndarray | None,
        work: Workload,
        plan: Plan,
        placement: Placement,
        progress: Progress | None = None,
    ) -> None:
        """Before the first block.

        Args:
            queries: Sample indices of the query rows.
            groups: Group of every sample, or None.
            work: What is measured.
            plan: How.
            placement: Devices.
            progress: Called as `progress(done, total, what)`.
        """
        self.plan, self.queries, self.notes = plan, queries.astype(np.int32), list[str]()
        self._work, self._placement, self._progress = work, placement, progress
        self.groups: np.ndarray | None = None
        self.column_groups: jax.Array | None = None
        if groups is not None:
            self.groups = np.full(plan.n_padded, -1, np.int32)
            self.groups[: work.n_samples] = np.unique(groups, return_inverse=True)[1].reshape(-1)
            self.column_groups = placement.place(self.groups)
        per_layer = self.in_all * (1 if plan.passes == "one-pass" else 2)
        self._done, self._total = 0, per_layer * len(work.widths)

    @property
    def in_all(self) -> int:
        """How many blocks all query rows make."""
        return -(-len(self.queries) // (self.plan.rows * self._placement.n_row_shards))

    @property
    def every_row(self) -> np.ndarray:
        """Places of all query rows."""
        return np.arange(len(self.queries))

    def for_each(
        self, step: Callable[[np.ndarray, Rows], None], at: np.ndarray, what: str, layers_done: int = 1
    ) -> None:
        """Call `step(places among the queries, padded rows)` for the places `at`, some at a time.

        A step that fails because a device has no memory left is called again with fewer rows: it must not add
        anything to what outlives it before the last thing that can fail.

        Args:
            step: Works on one block.
            at: Places among the queries.
            what: Told with the progress.
            layers_done: How many layers of these rows are done after each step.
        """
        start = 0
        while start < len(at):
            here = at[start : start + self.plan.rows]
            samples = np.zeros(self.plan.rows, np.int32)
            samples[: len(here)] = self.queries[here]
            try:
                step(here, Rows(self._placement.replicate(samples), self._groups_of(samples)))
            except (jax.errors.JaxRuntimeError, MemoryError) as error:
                self.halve(error)
                continue
            start += len(here)
            self.advance(layers_done, what)

    def halve(self, error: Exception) -> None:
        """Half the rows from here on, if that is what the error asks for.

        Raises:
            Exception: The error itself, unless it is about memory and there is something to halve in one process;
                a process of several would go on with other shapes than the rest.
        """
        smaller = halved(self.plan, self._work) if lacks_memory(error) else None
        if smaller is None or self._placement.n_processes > 1:
            raise error
        self.notes.append(
            f"a device ran out of memory: blocks of {smaller.rows} rows from here on, not {self.plan.rows}"
        )
        self.plan = smaller

    def advance(self, layers_done: int, what: str) -> None:
        """Tell that so many layers of a block are done."""
        self._done = min(self._done + layers_done, self._total)
        if self._progress is not None:
            self._progress(self._done, self._total, what)

    def _groups_of(self, samples: np.ndarray) -> jax.Array | None:
        return None if self.groups is None else self._placement.replicate(self.groups[samples])


def lacks_memory(error: Exception) -> bool:
    """Whether an error is about memory, of a device or of the host.

    Example:
        >>> lacks_memory(RuntimeError("RESOURCE_EXHAUSTED: 1 byte")), lacks_memory(RuntimeError("INTERNAL: no kernel"))
        (True, False)
    """
    # A CPU says so within an internal error of the computation that waited for the memory.
    said = str(error)
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in said or "Out of memory allocating" in said
