"""Strips of layers, one block after another, in memory that is used again."""

from typing import Any

import jax

from .blocks import Blocks, Rows
from .options import Options
from .placement import Placement
from .prepare import Layer
from .programs import strip_program


class StripMaker:
    """Works out strips with their nearest samples; a strip takes the memory of its slot's last one.

    Whoever reads a strip does so before the slot's next one is asked for.
    """

    def __init__(self, k: int, options: Options, placement: Placement, blocks: Blocks) -> None:
        """Nothing is worked out yet.

        Args:
            k: How many nearest samples; 0 for the strips alone.
            options: Metrics and precision.
            placement: Devices.
            blocks: The rows.
        """
        self._k, self._options, self._placement, self._blocks = k, options, placement, blocks
        self._used: dict[int, jax.Array] = {}

    def __call__(self, number: int, layer: Layer, rows: Rows, slot: int = 0) -> Any:
        """What `strip_program` gives for a layer: `(strip, scores, columns)`, or the strip alone."""
        grouped, options = rows.groups is not None, self._options
        given = options.metric_of(number) == "precomputed"
        program = strip_program(self._placement, self._k, options.precision, given, reuse=True, grouped=grouped)
        scratch = self._used.pop(slot, None)
        dtype = layer.half_norms.dtype
        if scratch is None or scratch.shape[0] != len(rows.samples) or scratch.dtype != dtype:
            scratch = self._placement.empty_strip(len(rows.samples), self._blocks.plan.n_padded, dtype)
        of_groups = (rows.groups, self._blocks.column_groups) if grouped else ()
        found = program(layer.features, layer.half_norms, rows.samples, *of_groups, scratch)
        self._used[slot] = found if self._k == 0 else found[0]
        return found
