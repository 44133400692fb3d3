"""Information imbalance between two representations."""

from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxsim_kernels import (
    Metric,
    Options,
    Placement,
    Precision,
    Ties,
    all_pairs,
    check_metric,
    check_precision,
    pair_imbalance,
)
from jaxsim_kernels.directions import normalised_rows
from jaxsim_kernels.prepare import host_features

from jaxsim.arguments import check_flag

from .declaration import Measure, constant
from .inputs import as_distances, as_representation, check_ks, check_same_samples, check_values, plain_k
from .precision_check import settle_precision
from .statistics import Imbalances
from .tie_warning import warn_of_ties


@dataclass(frozen=True)
class InformationImbalance:
    """Both directions of the measure; every field that is an array has a leading axis if `k` is a tuple.

    Attributes:
        forward: Delta(x -> y): how badly x predicts y, from (k + 1) / N (fully) to about 1 (not at all).
        backward: Delta(y -> x).
        forward_standard_error: Standard error of `forward` over samples.
        backward_standard_error: The same for `backward`.
        tied_neighbours_x: Fraction of samples whose k-th neighbour in x is as far as the next.
        tied_neighbours_y: The same in y.
        tied_ranks_forward: Fraction of the ranks in y that another sample shares.
        tied_ranks_backward: The same in x.
        n: Number of samples (static).
        k: Number of neighbours, or a tuple (static).
        notes: What happened on the way, such as a representation that needed float64 (static).
    """

    forward: Any
    backward: Any
    forward_standard_error: Any
    backward_standard_error: Any
    tied_neighbours_x: Any
    tied_neighbours_y: Any
    tied_ranks_forward: Any
    tied_ranks_backward: Any
    n: int
    k: int | tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def floor(self) -> Any:
        """The value of equal spaces, (k + 1) / N."""
        return (np.asarray(self.k) + 1) / self.n if isinstance(self.k, tuple) else (self.k + 1) / self.n


jax.tree_util.register_dataclass(
    InformationImbalance,
    data_fields=[f.name for f in fields(InformationImbalance) if f.name not in ("n", "k", "notes")],
    meta_fields=["n", "k", "notes"],
)


def information_imbalance(
    x: Any,
    y: Any,
    *,
    k: Any = 1,
    metric: str = "euclidean",
    ties: str = "index",
    strict: bool = False,
    precision: str = "highest",
) -> InformationImbalance:
    """How well each of two representations predicts the neighbourhoods of the other.

    `Delta_k(x -> y) = 2 / (N^2 k) * sum_i sum_{j in NN_k^x(i)} r^y_ij`, with ranks from 1 to N - 1.

    A pure function: it works inside `jax.jit` and `jax.vmap` with `k` and the options static, and then takes what it
    gets (no check of values, float32 unless x64 is enabled). Called on arrays, it checks them first, adds up exact
    integers and returns float64.

    Args:
        x: `[n_samples, n_features_x]`; NumPy, JAX, torch, sparse, DataFrame, memory map; any real dtype.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, or several at once as a tuple.
        metric: `euclidean`, `cosine` or `correlation`; with `precomputed` x and y are `[n_samples, n_samples]`, row i
            the distances from sample i (the diagonal is not looked at), rounded to `precision`.
        ties: Among equally near neighbours, `index` takes them in index order; `expected` gives the expectation
            under random tie-breaking (not inside a JAX transformation).
        strict: Give tied samples the first rank of their group instead of the mean rank.
        precision: `float64`, `highest`, `high` or `fast`; see `imbalance_matrix` for what `highest` does to stay exact.
            Inside a JAX transformation nothing is rechecked.

    Returns:
        The two directions, their standard errors and the fractions of ties.

    Raises:
        ValueError: For different sample counts, fewer than k + 2 samples, k < 1, arrays that are not
            two-dimensional, NaN or infinity.

    Warns:
        TieWarning: If more than 1 % of rows or ranks are tied; with `ties="expected"`, only where rounding made them
            so.
        PrecisionWarning: If rounding changes neighbours or ranks and nothing was done about it.
        DegenerateLayerWarning: For a representation without variance.

    Source:
        Glielmo, Zeni, Cheng, Csanyi, Laio, "Ranking the information content of distance measures", PNAS Nexus 2022,
        eq. 1, averaged over all k neighbours.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 8))
        >>> result = information_imbalance(x, x[:, :4])
        >>> bool(result.forward < result.backward)  # x knows more of its half than the half of x
        True
        >>> information_imbalance(x, 3 * x + 1).forward == result.floor
        np.True_
    """
    metric, precision, ties = check_metric(metric), check_precision(precision), check_ties(ties)
    strict = check_flag("strict", strict)
    traced = isinstance(x, Tracer) or isinstance(y, Tracer)
    layers = {"x": as_representation(x, "x"), "y": as_representation(y, "y")}
    n = check_same_samples(layers)
    layers = as_distances(layers) if metric == "precomputed" else layers
    ks = check_ks(k, n)
    several = isinstance(plain_k(k), tuple)
    if traced:
        if ties == "expected":
            raise ValueError("ties='expected' needs arrays, not traced values; use ties='index' inside jit and vmap.")
        return _traced(layers, ks, n, several, metric, strict, precision)
    check_values(layers, metric)
    ordered = tuple(sorted(ks))
    settled = settle_precision(layers, dict.fromkeys(layers, metric), ordered[0], precision, Placement())
    options = Options(
        ks=ordered,
        metric=metric,
        ties=ties,
        strict=strict,
        precision=precision,
        float64_layers=settled.float64_layers,
    )
    found = all_pairs(list(layers.values()), options=options)
    at = [ordered.index(value) for value in ks] if several else 0
    result = InformationImbalance(
        forward=found.values[at, 0, 1],
        backward=found.values[at, 1, 0],
        forward_standard_error=found.standard_error[at, 0, 1],
        backward_standard_error=found.standard_error[at, 1, 0],
        tied_neighbours_x=found.tied_neighbours[at, 0],
        tied_neighbours_y=found.tied_neighbours[at, 1],
        tied_ranks_forward=found.tied_ranks[at, 0, 1],
        tied_ranks_backward=found.tied_ranks[at, 1, 0],
        n=n,
        k=ks if several else ks[0],
        notes=(*found.notes, *settled.notes),
    )
    warn_of_ties(layers, found, options, "information_imbalance")
    return result


def check_ties(ties: str) -> Ties:
    """The convention for ties by its name.

    Raises:
        ValueError: For any other name.

    Example:
        >>> check_ties("index")
        'index'
    """
    if ties not in ("index", "expected"):
        raise ValueError(f"ties must be 'index' or 'expected', got {ties!r}.")
    return ties  # pyright: ignore[reportReturnType]


def _for_tracing(x: Any, metric: Metric) -> np.ndarray:
    """An array beside a traced one, centred or normalised before JAX cuts it to its own width."""
    if metric == "precomputed":
        return np.asarray(x[:])
    return host_features(x, metric) if metric == "euclidean" else normalised_rows(np.asarray(x[:]), metric)


def _traced(
    layers: dict[str, Any],
    ks: tuple[int, ...],
    n: int,
    several: bool,
    metric: Metric,
    strict: bool,
    precision: Precision,
) -> InformationImbalance:
    ordered = tuple(sorted(ks))
    x, y = (v if isinstance(v, Tracer) else jnp.asarray(_for_tracing(v, metric)) for v in layers.values())
    found = pair_imbalance(x, y, ordered, metric, strict, precision)
    at = jnp.asarray([ordered.index(value) for value in ks]) if several else 0
    forward, backward = ([v[direction][at] for v in found] for direction in (0, 1))
    return InformationImbalance(
        forward=forward[0],
        backward=backward[0],
        forward_standard_error=forward[1],
        backward_standard_error=backward[1],
        tied_neighbours_x=forward[2],
        tied_neighbours_y=backward[2],
        tied_ranks_forward=forward[3],
        tied_ranks_backward=backward[3],
        n=n,
        k=ks if several else ks[0],
    )


INFORMATION_IMBALANCE = Measure(
    name="information_imbalance",
    title="information imbalance",
    symbol="Δ",
    source="Glielmo et al., PNAS Nexus 2022, eq. 1",
    orientation="dissimilarity",
    symmetric=False,
    uses_k=True,
    lowest=lambda case: (case.k + 1) / case.n_samples,
    # The k farthest samples of every row.
    highest=lambda case: (2 * case.n_samples - case.k - 1) / case.n_samples,
    equal=lambda case: (case.k + 1) / case.n_samples,
    independent=constant(1.0),
    invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}),
    needs=frozenset({Imbalances()}),
    formula=lambda statistics: statistics[Imbalances()],
)
