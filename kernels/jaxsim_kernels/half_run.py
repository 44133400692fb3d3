"""A measurement within the halves of the samples, on its way beside that of the whole."""

import numpy as np

from .halves import Halves, distinct_by_split, nearest_in_halves, ranks_in_halves
from .host.sorting import Columns
from .options import Options
from .sums import group_sizes


class HalfRun:
    """Sums over the query rows of both halves of every split.

    Attributes:
        neighbours: Columns of every query row's neighbours within its own half
            `[n_splits, n_layers, n_queries, max(ks)]`, if asked for.
    """

    def __init__(
        self, halves: Halves, queries: np.ndarray, options: Options, n_layers: int, groups: np.ndarray | None
    ) -> None:
        """Start at zero."""
        self.neighbours: np.ndarray | None = None
        if options.keep_neighbours:
            self.neighbours = np.empty((halves.n_splits, n_layers, len(queries), options.ks[-1]), np.int32)
        self._halves, self._queries, self._options = halves, queries, options
        self._total = np.zeros((halves.n_splits, 2, len(options.ks), n_layers, n_layers))
        self._sides = halves.sides[:, queries]
        self._weights = None
        if groups is not None:
            own = np.take_along_axis(halves.sizes(), self._sides.astype(np.int64), axis=1)
            numbers = np.unique(groups, return_inverse=True)[1].reshape(-1)
            together = np.stack([group_sizes(2 * numbers + sides)[queries] for sides in halves.sides])
            self._weights = own / (own - (together - 1))

    def near(self, layer: int, strip: np.ndarray, half_norms: np.ndarray, at: np.ndarray) -> np.ndarray:
        """The neighbours by a layer of the query rows `at`, `[n_rows, n_splits, max(ks)]`, from their strip."""
        found = nearest_in_halves(strip, half_norms, self._queries[at], self._halves, self._options.ks[-1])
        if self.neighbours is not None:
            self.neighbours[:, layer, at] = found.transpose(1, 0, 2)
        return found

    def wanted(self, found: np.ndarray) -> tuple[Columns, ...]:
        """The neighbours of all layers `[n_rows, n_layers, n_splits, max(ks)]` as `rank` takes them."""
        return distinct_by_split(found, self._halves.sides.shape[1])

    def rank(
        self, target: int, strip: np.ndarray, half_norms: np.ndarray, at: np.ndarray, wanted: tuple[Columns, ...]
    ) -> None:
        """Add up the ranks in a target layer of the query rows `at`, from their strip."""
        ks, strict = self._options.ks, self._options.strict
        doubled = ranks_in_halves(strip, half_norms, self._queries[at], self._halves, wanted, ks, strict)
        for split, sides in enumerate(self._sides[:, at]):
            own = doubled[:, split].astype(np.float64)
            if self._weights is not None:
                own *= self._weights[split, at, None, None]
            for side in (False, True):
                self._total[split, int(side), :, :, target] += own[sides == side].sum(0).T

    def values(self) -> np.ndarray:
        """Delta `[n_splits, 2, n_k, n_layers, n_layers]`."""
        sizes = self._halves.sizes() * self._halves.sizes(self._queries)
        scale = sizes[:, :, None] * np.asarray(self._options.ks, np.float64)
        return self._total / scale[..., None, None]
