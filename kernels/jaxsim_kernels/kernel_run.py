"""Sums of kernels on their way beside a measurement, block by block."""

from collections.abc import Sequence

import jax
import numpy as np

from .halves import Halves
from .kernel_program import kernel_program
from .kernel_sums import GroupedSums, Kernel, PairSums
from .prepare import Layer
from .programs import Placement


class KernelRun:
    """Sums of several kernels over the rows that have come so far.

    On one CPU device the sums are kept by groups of samples, from which those within halves follow; elsewhere every
    half is measured by itself.
    """

    def __init__(
        self,
        kernels: Sequence[Kernel],
        layers: Sequence[Layer],
        given: Sequence[bool],
        placement: Placement,
        n_samples: int,
        halves: Halves | None = None,
    ) -> None:
        """Start at zero.

        Args:
            kernels: Which ones.
            layers: All layers, on their devices.
            given: Whether a layer is given by distances.
            placement: Devices.
            n_samples: Number of samples.
            halves: Splits of the samples into halves, where they follow from the same sums.
        """
        self.on_host = placement.platform == "cpu" and placement.mesh is None
        self._kernels, self._given, self._placement = tuple(kernels), tuple(given), placement
        self._scales = [layer.scale for layer in layers]
        self._halves = halves
        strata = None if halves is None else halves.strata
        self._sums = [GroupedSums(each, len(layers), n_samples, strata, self.on_host) for each in kernels]
        norms = [np.asarray(layer.half_norms) if self.on_host else _whole(layer.half_norms) for layer in layers]
        for number, (own, layer) in enumerate(zip(norms, layers, strict=True)):
            for sums in self._sums:
                sums.begin(number, own, layer.scale, given[number])
        # Layers of two precisions have strips of two dtypes; the loops take one.
        self._dtype = np.result_type(*norms)
        self._norms = np.stack([own.astype(self._dtype) for own in norms])

    def add(
        self, strips: Sequence[jax.Array], layers: Sequence[Layer], samples: jax.Array, n_valid: int, at: np.ndarray
    ) -> None:
        """Add a block of rows.

        Args:
            strips: Of all layers `[n_rows, n_columns]`.
            layers: All layers.
            samples: Which samples the rows are `[n_rows]`, on the devices.
            n_valid: Number of leading rows that count.
            at: Which samples these are, on the host `[n_valid]`.
        """
        if self.on_host:
            on_host = [np.asarray(strip)[:n_valid].astype(self._dtype, copy=False) for strip in strips]
            for sums in self._sums:
                sums.add(on_host, self._norms, at, self._scales, self._given)
            return
        program = kernel_program(self._placement, tuple(each.name for each in self._kernels), self._given)
        coefficients = np.array(
            [[each.coefficient(number, scale) for number, scale in enumerate(self._scales)] for each in self._kernels],
            self._dtype,
        )
        valid = self._placement.replicate(np.arange(samples.shape[0]) < n_valid)
        norms = tuple(layer.half_norms for layer in layers)
        products, row_sums = program(tuple(strips), norms, samples, valid, self._placement.replicate(coefficients))
        products, row_sums = np.asarray(products, np.float64), np.asarray(row_sums, np.float64)
        for sums, own, rows in zip(self._sums, products, row_sums, strict=True):
            sums.add_sums(own, rows[:, :n_valid], at)

    def whole(self) -> tuple[PairSums, ...]:
        """The sums over all samples, one for each kernel."""
        return tuple(sums.of() for sums in self._sums)

    def in_halves(self) -> tuple[tuple[tuple[PairSums, ...], ...], ...]:
        """The sums within both halves of every split, `[n_splits][2][n_kernels]`."""
        if self._halves is None:
            return ()
        sides = self._halves.sides_of_strata
        return tuple(
            tuple(tuple(sums.of(split == side) for sums in self._sums) for side in (False, True)) for split in sides
        )


def _whole(sharded: jax.Array) -> np.ndarray:
    """A sharded array on the host of every process."""
    if sharded.is_fully_addressable:
        return np.asarray(sharded)
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(sharded, tiled=True))
