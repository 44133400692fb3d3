"""What measures are made from: few statistics, each worked out once for all measures that need it.

A measure names the statistics that it needs; a formula reads them from `Statistics` by the same names. Whoever works
them out (one streaming pass, a traced function of two arrays, the halves of the samples) knows no measure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jaxsim_kernels import Metric

KernelName = Literal["linear", "squared_distance", "distance", "rbf"]


@dataclass(frozen=True)
class Imbalances:
    """Need: information imbalance of all ordered pairs, `[n_k, n_layers, n_layers]`.

    Attributes:
        metric: Of the distances; None for the one that the user asks for.
    """

    metric: Metric | None = None


@dataclass(frozen=True)
class Neighbours:
    """Need: the nearest samples of every sample, see `NeighbourLists`.

    Attributes:
        metric: Of the distances; None for the one that the user asks for.
        least_k: Neighbours wanted whatever k is; 0 for the largest k.
    """

    metric: Metric | None = None
    least_k: int = 0


@dataclass(frozen=True)
class NeighbourDistances:
    """Need: distances to the nearest samples, `[n_layers, n_rows, n_neighbours]`, nearest first.

    Attributes:
        metric: Of the distances; `cosine` and `correlation` take those between rows of length one. None for the one
            that the user asks for.
        least_k: Neighbours wanted whatever k is; 0 for the largest k.
        times: Neighbours wanted for each of the largest k.
    """

    metric: Metric | None = None
    least_k: int = 0
    times: int = 1


@dataclass(frozen=True)
class NeighbourSimilarities:
    """Need: inner products of samples with their neighbours by every layer, see `SimilaritiesAtNeighbours`.

    Attributes:
        metric: `cosine` takes them of rows of length one, `correlation` of centred rows of length one, `euclidean` of
            the rows as they are; None for the one that the user asks for.
        across: Whether those at the neighbours by every other layer are needed, too.
    """

    metric: Metric | None = None
    across: bool = False


@dataclass(frozen=True)
class KernelSums:
    """Need: sums over all pairs of samples of a kernel of every layer, see `Sums`.

    Attributes:
        kernel: `linear` (inner products of features about their centre), `squared_distance`, `distance`, or `rbf`,
            `exp(-d^2 / (2 s^2))`.
        metric: Of the distances; `cosine` and `correlation` take rows of length one, so that their `squared_distance`
            is twice the cosine or correlation dissimilarity. None for the one that the user asks for.
        bandwidth: Of `rbf`: s as a multiple of the median distance between samples (the root of the median square), of
            all samples also where sums are those of a half.
    """

    kernel: KernelName
    metric: Metric | None = None
    bandwidth: float | None = None


@dataclass(frozen=True)
class CondensedDistances:
    """Need: distances of all pairs i < j, `[n_layers, N (N - 1) / 2]`; only for what cannot be streamed.

    Attributes:
        metric: Of the distances; None for the one that the user asks for.
    """

    metric: Metric | None = None


@dataclass(frozen=True)
class Spectra:
    """Need: eigenvalues of `X^T X` of features about their mean, as shares of their sum, per layer, largest first.

    A tuple of arrays.
    """


@dataclass(frozen=True)
class FactorPairs:
    """Need: what is taken of two layers' factors and of the products of their left singular vectors.

    Every layer is factored once, and the products of two layers are worked out once for all needs. An array
    `[n_layers, n_layers]`. Features are taken as they are, whatever the metric.

    Attributes:
        name: Says what is taken, a word of its own for every need.
        taken: `(factors of a, factors of b, products [rank_a, rank_b]) -> value`, entry `[a, b]`; pure, for NumPy
            arrays and for traced JAX arrays. It must not depend on the signs of singular vectors.
        symmetric: Whether swapping the layers changes nothing; one of both is worked out then.
        centred: Whether factors are those of features about their mean.
    """

    name: str
    taken: "Callable[[Factors, Factors, Any], Any]" = field(repr=False)
    symmetric: bool = True
    centred: bool = True


Need = (
    Imbalances
    | Neighbours
    | NeighbourDistances
    | NeighbourSimilarities
    | KernelSums
    | CondensedDistances
    | Spectra
    | FactorPairs
)


@dataclass(frozen=True)
class NeighbourLists:
    """The nearest samples of every row by every layer.

    Attributes:
        columns: Which samples, numbers below `n_samples`, nearest first `[n_layers, n_rows, n_neighbours]`.
        rows: Which samples the rows are `[n_rows]`.
    """

    columns: Any
    rows: Any


@dataclass(frozen=True)
class SimilaritiesAtNeighbours:
    """Inner products of every row with neighbours.

    Attributes:
        own: `[n_layers, n_rows, n_neighbours]`, layer a's inner products with its own neighbours.
        across: `[n_layers, n_layers, n_rows, n_neighbours]`, `[a, b]` those by layer a with the neighbours by layer b;
            None unless asked for.
        row_means: Mean inner product of every row with all rows, itself among them, `[n_layers, n_rows]`.
    """

    own: Any
    across: Any = None
    row_means: Any = None


@dataclass(frozen=True)
class Sums:
    """Sums over pairs of different samples of a kernel phi of every layer.

    Attributes:
        products: `sum_{i != j} phi_a(i, j) phi_b(i, j)`, `[n_layers, n_layers]`.
        row_sums: `sum_{j != i} phi_a(i, j)`, `[n_layers, n_samples]`.
        diagonal: `phi_a(i, i)`, `[n_layers, n_samples]`.
        n_samples: Number of samples N.
        units: What the values of every layer are multiples of `[n_layers]`: phi of a layer is its unit times what is
            added up here. Formulas that do not depend on the scale of a kernel leave it out.
        powers: `sum_{j != i} phi_a(i, j)^2` and the same of cubes, `[2, n_layers, n_samples]`; None where they were not
            asked for, or nothing went through all pairs of samples on the host.
    """

    products: Any
    row_sums: Any
    diagonal: Any
    n_samples: int
    units: Any = 1.0
    powers: Any = None


@dataclass(frozen=True)
class Factors:
    """Thin singular value decomposition of one layer, `unit * left @ diag(singular) @ right`.

    Attributes:
        left: Left singular vectors `[n_samples, rank]`; traced, columns beyond the rank are 0.
        singular: Singular values, largest first `[rank]`.
        right: Right singular vectors `[rank, n_features]`.
        rank: Number of singular values above `eps * max(n_samples, n_features)` times the largest; those below may be
            rounding alone and are left out. At most `n_samples - 1` for centred features.
        unit: What features were divided by.
    """

    left: Any
    singular: Any
    right: Any
    rank: Any
    unit: Any = 1.0


@dataclass(frozen=True)
class Statistics:
    """Statistics of the layers, by the needs that ask for them.

    Attributes:
        n_samples: Number of samples N; of a half, its own.
        ks: Numbers of neighbours, in the order of the leading axis of values.
        widths: Numbers of features of the layers.
        found: What was worked out.
    """

    n_samples: int
    ks: tuple[int, ...]
    widths: tuple[int, ...]
    found: Mapping[Need, Any]
    _made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __getitem__(self, need: Need) -> Any:
        """What a need asks for: its docstring says in which form."""
        return self.found[need]

    def made_once(self, need: Need, function: Callable[[Any], Any]) -> Any:
        """What a function makes of a statistic, for several formulas that begin with it.

        Args:
            need: Which statistic.
            function: Pure; the same object for all of them.

        Returns:
            `function(self[need])`, worked out by the first that asks.

        Example:
            >>> statistics = Statistics(3, (1,), (2,), {Spectra(): (3.0, 1.0)})
            >>> statistics.made_once(Spectra(), sum), statistics.made_once(Spectra(), max)
            (4.0, 3.0)
        """
        key = (need, function)
        if key not in self._made:
            self._made[key] = function(self[need])
        return self._made[key]
