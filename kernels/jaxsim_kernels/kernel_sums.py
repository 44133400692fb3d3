"""Sums over pairs of samples of kernels of all layers, from the strips that neighbours and ranks come from anyway.

A kernel is a function of a pair of samples in one layer: their inner product, their distance. What CKA, HSIC, distance
correlation and RSA need of all N x N of its values is few: the products of the kernels of any two layers, added up, and
the sums of rows. Both are kept by groups of samples, so that the sums within a half of the samples follow by adding up
groups. The diagonal is left out; what it holds is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .host.machine_code import shared

KernelName = Literal["linear", "squared_distance", "distance", "rbf"]

MOST_GROUPS = 16
_GROUP_SAMPLES = 512
_CACHE_BYTES, _LEAST_COLUMNS, _MOST_COLUMNS = 3 << 14, 64, 512


@dataclass(frozen=True)
class Kernel:
    """A kernel of pairs of samples.

    Attributes:
        name: `linear` (inner products of features about their centre), `squared_distance`, `distance`, or `rbf`,
            `exp(-d^2 / (2 s^2))`.
        bandwidths: Of `rbf`, s of every layer, in the units of its distances.
        powers: Whether the squares and cubes of every row are added up, too, where sums come from strips on the host.
    """

    name: KernelName
    bandwidths: tuple[float, ...] = ()
    powers: bool = False

    def unit(self, scale: float) -> float:
        """What the values of a layer are multiples of, where its features were divided by `scale`.

        Example:
            >>> Kernel("linear").unit(2.0), Kernel("distance").unit(2.0)
            (4.0, 2.0)
        """
        return float(scale) ** {"linear": 2, "squared_distance": 2, "distance": 1, "rbf": 0}[self.name]

    def coefficient(self, layer: int, scale: float) -> float:
        """Of `rbf`, what squared distances of scaled features are multiplied by; 0 for other kernels.

        Example:
            >>> Kernel("rbf", (2.0,)).coefficient(0, 1.0)
            0.125
        """
        return 0.0 if not self.bandwidths else (float(scale) / self.bandwidths[layer]) ** 2 / 2


@dataclass(frozen=True)
class KernelMoments:
    """Sums over pairs of different samples of a kernel phi of every layer, in multiples of `units`.

    Attributes:
        products: `sum_{i != j} phi_a(i, j) phi_b(i, j)`, `[n_layers, n_layers]`.
        row_sums: `sum_{j != i} phi_a(i, j)`, `[n_layers, n_samples]`.
        diagonal: `phi_a(i, i)`, `[n_layers, n_samples]`.
        units: What the values of every layer are multiples of `[n_layers]`.
        powers: `sum_{j != i} phi_a(i, j)^2` and the same of cubes, `[2, n_layers, n_samples]`, over all samples; None
            where they were not asked for, or sums did not come from strips on the host.
    """

    products: np.ndarray
    row_sums: np.ndarray
    diagonal: np.ndarray
    units: np.ndarray
    powers: np.ndarray | None = None


@dataclass(frozen=True)
class Layout:
    """The samples in the order of their groups.

    Attributes:
        strata: Group of every sample.
        places: Place of every sample in that order.
        order: Which sample comes at every place; empty where they stay where they are, and nothing has to be gathered.
        ends: Place after the last of every group.
    """

    strata: np.ndarray
    places: np.ndarray
    order: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, strata: np.ndarray) -> "Layout":
        """Of the groups of the samples."""
        order = np.argsort(strata, kind="stable").astype(np.int32)
        places = np.empty(len(strata), np.int32)
        places[order] = np.arange(len(strata))
        kept = order if (order[1:] < order[:-1]).any() else order[:0]
        return cls(strata.astype(np.int64), places, kept, np.cumsum(np.bincount(strata)))


class GroupedSums:
    """Sums of one kernel, on their way, by groups of samples.

    Attributes:
        kernel: The kernel.
        n_groups: Number of groups.
        n_samples: Number of samples.
    """

    def __init__(
        self, kernel: Kernel, n_layers: int, n_samples: int, strata: np.ndarray | None = None, on_host: bool = True
    ) -> None:
        """Start at zero.

        Args:
            kernel: The kernel.
            n_layers: Number of layers.
            n_samples: Number of samples.
            strata: Group of every sample, from 0; None where no halves are asked for. Groups halve the work in any
                case: a pair of samples of two groups is looked at once.
            on_host: Whether rows will be added on the host, from strips; otherwise there is one group.
        """
        if not on_host:
            strata = np.zeros(n_samples, np.int64)
        elif strata is None:
            n_groups = min(MOST_GROUPS, max(1, n_samples // _GROUP_SAMPLES))
            strata = np.arange(n_samples) * n_groups // n_samples
        self.kernel, self.n_groups, self.n_samples = kernel, int(strata.max()) + 1, n_samples
        self.layout = Layout.of(strata)
        # Four layers are multiplied by four at a time.
        n_padded = -(-n_layers // 4) * 4
        self._n_layers = n_layers
        self.products = np.zeros((self.n_groups, self.n_groups, n_padded, n_padded))
        self.row_sums = np.zeros((n_layers, n_samples, self.n_groups))
        self.powers: np.ndarray | None = None
        self._diagonal = np.zeros((n_layers, n_samples))
        self._units = np.ones(n_layers)
        self.symmetric = on_host

    def begin(self, layer: int, half_norms: np.ndarray, scale: float, given: bool = False) -> None:
        """Say what a layer is: its half norms, what its features were divided by, whether distances are given.

        Raises:
            ValueError: For inner products of a layer that is given by distances.
        """
        n_samples = self._diagonal.shape[1]
        if self.kernel.name == "linear":
            if given:
                raise ValueError("expected features for the linear kernel, got a layer that is given by distances.")
            self._diagonal[layer] = 2.0 * np.asarray(half_norms[:n_samples], np.float64)
        elif self.kernel.name == "rbf":
            self._diagonal[layer] = 1.0
        self._units[layer] = self.kernel.unit(scale)
        self.symmetric = self.symmetric and not given

    def add_sums(self, products: np.ndarray, row_sums: np.ndarray, samples: np.ndarray) -> None:
        """Add rows that a device has added up: products `[n_layers, n_layers]`, row sums `[n_layers, n_rows]`.

        There are no groups then.
        """
        self.products[0, 0, : self._n_layers, : self._n_layers] += products
        self.row_sums[:, samples, 0] = row_sums

    def members(self) -> list[np.ndarray | None]:
        """The samples of every group; None for all, where there is one."""
        if self.n_groups == 1:
            return [None]
        return [np.flatnonzero(self.layout.strata == group) for group in range(self.n_groups)]

    def add_products(self, first: int, second: int, products: np.ndarray) -> None:
        """Add the products of two layers, the first not before the second, of all pairs of groups both ways."""
        self.symmetric = False
        self.products[:, :, first, second] += products

    def set_row_sums(self, layer: int, row_sums: np.ndarray) -> None:
        """Set a layer's row sums `[n_samples, n_groups]`."""
        self.row_sums[layer] = row_sums

    def leave_out_diagonal(self) -> None:
        """Take out what samples with themselves have added to products and row sums."""
        places = np.arange(len(self.layout.strata))
        for group in range(self.n_groups):
            own = self._diagonal[:, self.layout.strata == group]
            self.products[group, group, : self._n_layers, : self._n_layers] -= own @ own.T
        self.row_sums[:, places, self.layout.strata] -= self._diagonal

    def of(self, groups: np.ndarray | None = None) -> KernelMoments:
        """The sums over all samples, or over those of some groups, among each other.

        Args:
            groups: Which groups `[n_groups]` bool; None for all.
        """
        chosen = np.ones(self.n_groups, bool) if groups is None else groups
        found = self.products[:, :, : self._n_layers, : self._n_layers]
        if self.symmetric:
            # Pairs of two groups were looked at from the earlier one alone.
            between = found[chosen][:, chosen]
            within = np.einsum("gglm->lm", between)
            total = 2 * between.sum((0, 1)) - within
        else:
            total = found[chosen][:, chosen].sum((0, 1))
        lower = np.tril(total)
        members = chosen[self.layout.strata]
        return KernelMoments(
            lower + np.tril(total, -1).T,
            self.row_sums[:, members][:, :, chosen].sum(2),
            self._diagonal[:, members],
            self._units,
            self.powers if groups is None else None,
        )


def add_strips(
    several: Sequence[GroupedSums],
    strips: Sequence[np.ndarray],
    half_norms: np.ndarray,
    samples: np.ndarray,
    scales: Sequence[float],
    given: Sequence[bool],
) -> None:
    """Add rows to the sums of several kernels; every sample has to come once.

    Args:
        several: Sums with the same groups.
        strips: Of all layers, `[n_rows, n_columns]`, on the host; `-inf` for a sample with itself.
        half_norms: `[n_layers, n_columns]`.
        samples: Which sample every row is `[n_rows]`.
        scales: What the features of every layer were divided by.
        given: Whether a layer is given by distances.

    Example:
        >>> sums, norms = GroupedSums(Kernel("linear"), 1, 2), np.zeros((1, 2))
        >>> add_strips([sums], [np.array([[-np.inf, 3.0], [3.0, -np.inf]])], norms, np.arange(2), [1.0], [False])
        >>> sums.of().products.tolist()
        [[18.0]]
    """
    from .host import kernel_loops

    strips = [np.ascontiguousarray(strip) for strip in strips]
    addresses = np.array([strip.ctypes.data for strip in strips], np.int64)
    kernels = np.array([getattr(kernel_loops, each.kernel.name.upper()) for each in several])
    by_distances = np.asarray(given, bool)
    coefficients = np.array(
        [[each.kernel.coefficient(layer, scale) for layer, scale in enumerate(scales)] for each in several],
        half_norms.dtype,
    )
    layout = several[0].layout
    n_layers, n_rows = len(strips), len(samples)
    sums = np.zeros((len(several), n_layers, n_rows, several[0].n_groups))
    powered = [each for each in several if each.kernel.powers]
    powers = np.zeros((len(powered), 2, n_layers, n_rows))
    at_powers = np.array([powered.index(each) if each.kernel.powers else -1 for each in several])
    groups, places = layout.strata[samples], layout.places[samples]
    n_samples = len(layout.places)
    norms = half_norms[:, :n_samples] if len(layout.order) == 0 else half_norms[:, layout.order]
    norms = np.ascontiguousarray(norms)
    n_padded = several[0].products.shape[-1]
    at_a_time = max(_LEAST_COLUMNS, min(_MOST_COLUMNS, _CACHE_BYTES // (n_padded * half_norms.dtype.itemsize)))

    def part(first: int, last: int) -> np.ndarray:
        found = np.zeros((len(several), *several[0].products.shape))
        values = np.zeros((n_padded, at_a_time), half_norms.dtype)
        kernel_loops.add_rows(
            addresses, norms, half_norms.shape[1], places, groups, layout.order, layout.ends, several[0].symmetric,
            kernels, by_distances, coefficients, first, last, at_powers, values, sums, powers, found,
        )  # fmt: skip
        return found

    for found in shared(n_rows, part):
        for each, own in zip(several, found, strict=True):
            each.products += own
    for each, own in zip(several, sums, strict=True):
        each.row_sums[:, samples] = own
    for each, own in zip(powered, powers, strict=True):
        if each.powers is None:
            each.powers = np.zeros((2, n_layers, n_samples))
        each.powers[:, :, samples] = own
