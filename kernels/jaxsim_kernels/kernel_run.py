"""Sums of kernels on their way beside a measurement, block by block."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from .feature_sums import add_from_features, in_feature_space
from .halves import Halves
from .kernel_program import kernel_program
from .kernel_sums import GroupedSums, Kernel, KernelMoments, KernelName, add_strips
from .placement import Placement
from .prepare import Layer


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
        strips_at_hand: bool = False,
    ) -> None:
        """Start at zero.

        Args:
            kernels: Which ones.
            layers: All layers, on their devices.
            given: Whether a layer is given by distances.
            placement: Devices.
            n_samples: Number of samples.
            halves: Splits of the samples into halves, where they follow from the same sums.
            strips_at_hand: Whether strips are worked out anyway: then inner products are added up from them rather
                than from features, unless those cost less still.
        """
        self.on_host = placement.on_one_cpu
        self._kernels, self._given, self._placement = tuple(kernels), tuple(given), placement
        self._scales = [layer.scale for layer in layers]
        self._halves = halves
        strata = None if halves is None else halves.strata
        self._widths = [layer.features.shape[1] for layer in layers]
        strips_at_hand = strips_at_hand or any(each.name != "linear" for each in kernels)
        n_groups = 1 if halves is None else int(halves.strata.max()) + 1
        features = in_feature_space(n_samples, self._widths, n_groups, strips_at_hand)
        self._by_features = [features and each.name == "linear" for each in kernels]
        self._sums = [
            GroupedSums(
                each, len(layers), n_samples, np.zeros(n_samples, np.int64) if own and strata is None else strata,
                self.on_host,
            )
            for each, own in zip(kernels, self._by_features, strict=True)
        ]  # fmt: skip
        norms = [np.asarray(layer.half_norms) if self.on_host else _whole(layer.half_norms) for layer in layers]
        for number, (own, layer) in enumerate(zip(norms, layers, strict=True)):
            for sums in self._sums:
                sums.begin(number, own, layer.scale, given[number])
        # Layers of two precisions have strips of two dtypes; the loops take one.
        self._dtype = np.result_type(*norms)
        self._norms = np.stack([own.astype(self._dtype) for own in norms])

    @property
    def needs_strips(self) -> bool:
        """Whether any kernel is added up from strips."""
        return not all(self._by_features)

    def _from_strips(self) -> list[tuple[Kernel, GroupedSums]]:
        together = zip(self._kernels, self._sums, self._by_features, strict=True)
        return [(kernel, sums) for kernel, sums, by_features in together if not by_features]

    def complete(
        self, layer_of: Callable[[int], Layer], progress: Callable[[int, int, str], None] | None = None
    ) -> None:
        """Work out what is added up from features."""
        for sums, by_features in zip(self._sums, self._by_features, strict=True):
            if by_features:
                add_from_features(sums, layer_of, self._widths, self._placement, progress)

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
        chosen = self._from_strips()
        if not chosen:
            return
        if self.on_host:
            on_host = [np.asarray(strip)[:n_valid].astype(self._dtype, copy=False) for strip in strips]
            add_strips([sums for _, sums in chosen], on_host, self._norms, at, self._scales, self._given)
            return
        program = kernel_program(self._placement, self.names, self._given)
        valid = self._placement.replicate(np.arange(samples.shape[0]) < n_valid)
        norms = tuple(layer.half_norms for layer in layers)
        coefficients = self._placement.replicate(self.coefficients)
        products, row_sums = program(tuple(strips), norms, samples, valid, coefficients)
        self.add_sums(products, row_sums, at)

    @property
    def names(self) -> tuple[KernelName, ...]:
        """Kernels that are added up from strips."""
        return tuple(kernel.name for kernel, _ in self._from_strips())

    @property
    def coefficients(self) -> np.ndarray:
        """Theirs by layer `[n_kernels, n_layers]`, as programs take them."""
        found = [[each.coefficient(*own) for own in enumerate(self._scales)] for each, _ in self._from_strips()]
        return np.array(found, self._dtype).reshape(len(found), len(self._scales))

    def add_sums(self, products: Any, row_sums: Any, at: np.ndarray) -> None:
        """Add what a program found for a block of rows.

        Args:
            products: `[n_kernels, n_layers, n_layers]`.
            row_sums: `[n_kernels, n_layers, n_rows]`, the rows that count first.
            at: Which samples these are `[n_valid]`.
        """
        products, row_sums = np.asarray(products, np.float64), np.asarray(row_sums, np.float64)
        for (_, sums), own, rows in zip(self._from_strips(), products, row_sums, strict=True):
            sums.add_sums(own, rows[:, : len(at)], at)

    def whole(self) -> tuple[KernelMoments, ...]:
        """The sums over all samples, one for each kernel."""
        return tuple(sums.of() for sums in self._sums)

    def in_halves(self) -> tuple[tuple[tuple[KernelMoments, ...], ...], ...]:
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
