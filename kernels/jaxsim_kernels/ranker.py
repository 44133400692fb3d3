"""The ways to find the ranks of given columns in the strips of a block, behind one interface."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .host.sorting import Columns, distinct_columns, ranks_by_sorting
from .options import Options
from .placement import Placement
from .plan import Ranking
from .prepare import Layer
from .programs import count_program
from .strips import RowRanks


class Ranker(ABC):
    """Finds the ranks that all sources' neighbours have in a target layer.

    What `joined` and `given` return is the ranker's own and only ever handed to `ranks`.
    """

    @abstractmethod
    def joined(self, columns: Sequence[jax.Array]) -> Any:
        """The first k neighbours by every layer, `[n_rows, at least k]` each, side by side."""

    @abstractmethod
    def given(self, columns: np.ndarray) -> Any:
        """Neighbours that lie on the host, `[n_rows, n_layers * k]`."""

    @abstractmethod
    def ranks(self, strip: jax.Array, layer: Layer, wanted: Any) -> RowRanks:
        """Sums of ranks in the strip of a target layer, `[n_rows, n_layers, n_k]`."""


class CountingRanker(Ranker):
    """Compares every score of a row with every threshold, on the devices that hold the strip."""

    def __init__(self, options: Options, placement: Placement, n_layers: int) -> None:
        self._options, self._placement, self._n_layers = options, placement, n_layers

    def joined(self, columns: Sequence[jax.Array]) -> jax.Array:
        """One array on the devices."""
        return jnp.concatenate([each[:, : self._options.ks[-1]] for each in columns], axis=1)

    def given(self, columns: np.ndarray) -> jax.Array:
        """The same, put on every device."""
        return self._placement.replicate(columns)

    def ranks(self, strip: jax.Array, layer: Layer, wanted: jax.Array) -> RowRanks:
        """One count for every threshold."""
        program = count_program(self._placement, self._n_layers, self._options.ks, self._options.strict)
        return program(strip, layer.half_norms, wanted)


class SortingRanker(Ranker):
    """Deals every row into buckets once, in machine code on the host that holds the strip."""

    def __init__(self, options: Options, n_samples: int) -> None:
        self._options, self._n_samples = options, n_samples

    def joined(self, columns: Sequence[jax.Array]) -> Columns:
        """Each row's columns on the host, every one once."""
        return self.given(np.concatenate([np.asarray(each)[:, : self._options.ks[-1]] for each in columns], axis=1))

    def given(self, columns: np.ndarray) -> Columns:
        """Each row's columns, every one once."""
        return distinct_columns(columns, self._n_samples)

    def ranks(self, strip: jax.Array, layer: Layer, wanted: Columns) -> RowRanks:
        """One sort for every row."""
        norms, ks = np.asarray(layer.half_norms), self._options.ks
        return ranks_by_sorting(np.asarray(strip), norms, wanted, self._n_samples, ks, self._options.strict)


def make_ranker(ranking: Ranking, options: Options, placement: Placement, n_samples: int, n_layers: int) -> Ranker:
    """The ranker that a plan names; rows that tiles do not settle are sorted.

    Example:
        >>> type(make_ranker("tile", Options(), Placement(), 100, 2)).__name__
        'SortingRanker'
    """
    if ranking == "count":
        return CountingRanker(options, placement, n_layers)
    return SortingRanker(options, n_samples)
