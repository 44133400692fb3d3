"""What an all-pairs computation is asked for, apart from its data."""

from dataclasses import dataclass

from .kernel_sums import Kernel
from .prepare import Metric
from .reference import Ties
from .scores import Precision
from .workload import Passes, Ranking, Sharded


@dataclass(frozen=True)
class Options:
    """Everything about an all-pairs computation that is not data.

    Attributes:
        ks: Numbers of neighbours, increasing.
        metric: `euclidean`, `cosine`, `correlation`, or `precomputed` for layers that are distance matrices; or a tuple
            with one for every layer.
        ties: `index` or `expected`.
        strict: Give tied thresholds their first rank instead of their mean rank.
        precision: Of the Gram products.
        budget: Bytes for features and blocks; None for the default.
        passes: Force one or two passes.
        ranking: Force the way ranks are found, see `Plan`.
        sharing: Force halves to be measured from the strips of the whole (True) or one by one (False).
        sharded: Force several devices to share the columns of every strip, or the query rows.
        keep_rows: Also return what every query row contributes.
        keep_neighbours: Also return the columns of every query row's neighbours.
        kernels: Kernels whose sums over pairs of samples are worked out, too; of all rows.
        float64_layers: Numbers of layers that are worked out in float64 where `precision` takes float32; not on TPU.
    """

    ks: tuple[int, ...] = (1,)
    metric: Metric | tuple[Metric, ...] = "euclidean"
    ties: Ties = "index"
    strict: bool = False
    precision: Precision = "highest"
    budget: int | None = None
    passes: Passes | None = None
    ranking: Ranking | None = None
    sharing: bool | None = None
    sharded: Sharded | None = None
    keep_rows: bool = False
    keep_neighbours: bool = False
    kernels: tuple[Kernel, ...] = ()
    float64_layers: tuple[int, ...] = ()

    def metric_of(self, layer: int) -> Metric:
        """The metric of a layer.

        Example:
            >>> Options(metric=("euclidean", "precomputed")).metric_of(1)
            'precomputed'
        """
        return self.metric[layer] if isinstance(self.metric, tuple) else self.metric

    @property
    def symmetric(self) -> bool:
        """Whether a pair of samples has one product in every layer; given distances need not."""
        return "precomputed" not in (self.metric if isinstance(self.metric, tuple) else (self.metric,))
