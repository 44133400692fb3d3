"""Sums of kernels in a pass of their own: where no ranks are asked for, or ranks do not hold all strips at once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .kernel_run import KernelRun
from .placement import Placement
from .prepare import Layer
from .programs import strip_program
from .scores import Precision

_STRIP_BYTES = 1 << 28
_MOST_ROWS = 512
_LEAST_ROWS = 8


Progress = Callable[[int, int, str], None]


def stream_kernels(
    run: KernelRun,
    layer_of: Callable[[int], Layer],
    n_samples: int,
    given: Sequence[bool],
    placement: Placement,
    precision: Precision,
    progress: Progress | None = None,
) -> None:
    """Work out the strips of all layers for some rows at a time, and add them up.

    Args:
        run: Where to.
        layer_of: The layer of a number; asked for once a block, kept by whoever has the memory.
        n_samples: Number of samples, all of which become rows.
        given: Whether a layer is given by distances.
        placement: Devices.
        precision: Of the products.
        progress: Called as `progress(done, total, what)`.
    """
    numbers = range(len(given))
    first = layer_of(0)
    n_rows = rows_at_a_time(len(given), first.half_norms.shape[0], first.half_norms.dtype.itemsize)
    spare: dict[int, Any] = {}
    for start in range(0, n_samples, n_rows):
        at = np.arange(start, min(start + n_rows, n_samples), dtype=np.int32)
        samples = np.zeros(n_rows, np.int32)
        samples[: len(at)] = at
        rows = placement.replicate(samples)
        layers = [layer_of(number) for number in numbers]
        for number, layer in enumerate(layers):
            program = strip_program(placement, 0, precision, given[number], reuse=True)
            scratch = spare.pop(number, None)
            if scratch is None:
                scratch = placement.empty_strip(n_rows, layer.half_norms.shape[0], layer.half_norms.dtype)
            spare[number] = program(layer.features, layer.half_norms, rows, scratch)
        run.add([spare[number] for number in numbers], layers, rows, len(at), at)
        if progress is not None:
            progress(int(at[-1]) + 1, n_samples, "adding up kernels")


def rows_at_a_time(n_layers: int, n_columns: int, itemsize: int) -> int:
    """Rows whose strips of all layers take a quarter of a GiB, a power of two from 8 to 512.

    Example:
        >>> rows_at_a_time(24, 4096, 4), rows_at_a_time(200, 50_176, 4)
        (512, 8)
    """
    fitting = max(_LEAST_ROWS, _STRIP_BYTES // (n_layers * n_columns * itemsize))
    return min(_MOST_ROWS, 1 << (int(fitting).bit_length() - 1))
