"""The shape of an all-pairs computation, and the names of the ways to do it."""

from dataclasses import dataclass
from typing import Literal

Passes = Literal["one-pass", "two-pass"]
Ranking = Literal["count", "sort", "tile"]
Sharded = Literal["columns", "rows"]


@dataclass(frozen=True)
class Workload:
    """The shape of an all-pairs computation.

    Attributes:
        n_samples: Samples, the columns of every strip.
        n_queries: Rows that are worked out, at most `n_samples`.
        widths: Number of features of every layer.
        k: Largest number of neighbours.
        symmetric: Whether a pair of samples has one product, whichever comes first; given distances need not.
        rounded: Whether features are rounded before they are multiplied.
        n_splits: Splits of the samples whose halves are measured, too.
        grouped: Whether rows leave out the samples of their group.
        shares: Whether halves are measured from the strips of the whole.
        rows_may_be_sharded: Whether devices may share the query rows.
    """

    n_samples: int
    n_queries: int
    widths: tuple[int, ...]
    k: int
    symmetric: bool = True
    rounded: bool = False
    n_splits: int = 0
    grouped: bool = False
    shares: bool = False
    rows_may_be_sharded: bool = False

    @property
    def n_thresholds(self) -> int:
        """Thresholds per row and target layer."""
        return len(self.widths) * self.k
