"""Information imbalance between all ordered pairs of layers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from jax.sharding import Mesh
from jaxsim_kernels import (
    Metric,
    Options,
    Precision,
    Progress,
    Ties,
    Verification,
    Workload,
    all_pairs,
    check_metric,
    check_precision,
    make_placement,
    plan_for,
    verify_rows,
)
from jaxsim_kernels.plan import Plan, check_passes

from .information_imbalance import check_ties
from .inputs import as_distances, as_layers, check_ks, check_same_samples, check_values, plain_k
from .precision_check import settle_precision
from .preprocessing import SelectedRows, checked_quantiles, clip_quantiles, distinct_samples
from .tie_warning import warn_of_ties

VERIFIED_ROWS = 32


@dataclass(frozen=True)
class ImbalanceMatrix:
    """Information imbalance between all layers; `[n_layers, n_layers]`, with a leading k axis if `k` is a tuple.

    Attributes:
        values: `values[a, b]` is Delta(a -> b): 0 if a fully predicts b, 1 if it says nothing of b.
        standard_error: Over query rows, same shape.
        names: Of the layers.
        k: Number of neighbours, or a tuple.
        n_samples: Number of samples N.
        n_queries: Number of query rows M.
        metric: `euclidean`, `cosine`, `correlation` or `precomputed`.
        ties: `index` or `expected`.
        strict: Whether tied ranks are strict.
        precision: Of the dot products.
        seed: That drew the query rows.
        tied_neighbours: Fraction of rows whose k-th neighbour ties with the next `[n_layers]` (leading k axis).
        tied_ranks: Fraction of ranks that another sample shares, shape of `values`.
        plan: How it was computed.
        verification: The float64 recheck, if one was asked for.
        notes: What happened on the way, such as a block that was halved or samples that were dropped.
        clip: Quantiles that every sample's features were clipped to, or None.
        dropped: Indices of the samples that were dropped as duplicates.
        rows: Mean rank per query row `[..., n_layers, n_layers, n_queries]`, if asked for.
        queries: Their sample indices, if asked for.
    """

    values: np.ndarray
    standard_error: np.ndarray
    names: tuple[str, ...]
    k: int | tuple[int, ...]
    n_samples: int
    n_queries: int
    metric: Metric
    ties: Ties
    strict: bool
    precision: Precision
    seed: int
    tied_neighbours: np.ndarray
    tied_ranks: np.ndarray
    plan: Plan
    verification: Verification | None = None
    notes: tuple[str, ...] = ()
    clip: tuple[float, float] | None = None
    dropped: tuple[int, ...] = ()
    rows: np.ndarray | None = None
    queries: np.ndarray | None = None

    @property
    def floor(self) -> Any:
        """The value of equal spaces, (k + 1) / N; one per k if `k` is a tuple."""
        return (np.asarray(self.k) + 1) / self.n_samples if isinstance(self.k, tuple) else (self.k + 1) / self.n_samples

    def to_xarray(self) -> xr.Dataset:
        """The values with labels.

        Returns:
            Dataset with dimensions `k`, `source`, `target` and variables `imbalance`, `standard_error`,
            `tied_neighbours`, `tied_ranks`; `floor` is a coordinate on `k`.

        Example:
            >>> x = np.arange(5.0)[:, None] ** 2
            >>> m = imbalance_matrix({"a": x, "b": -x})
            >>> float(m.to_xarray().imbalance.sel(k=1, source="a", target="a"))
            0.4
        """
        several = isinstance(self.k, tuple)
        lead = (lambda v: v) if several else (lambda v: v[None])
        ks = self.k if isinstance(self.k, tuple) else (self.k,)
        pair = ("k", "source", "target")
        return xr.Dataset(
            {
                "imbalance": (pair, lead(self.values)),
                "standard_error": (pair, lead(self.standard_error)),
                "tied_ranks": (pair, lead(self.tied_ranks)),
                "tied_neighbours": (("k", "source"), lead(self.tied_neighbours)),
            },
            coords={
                "k": list(ks),
                "source": list(self.names),
                "target": list(self.names),
                "floor": ("k", np.atleast_1d(self.floor)),
            },
            attrs={
                "n_samples": self.n_samples,
                "n_queries": self.n_queries,
                "metric": self.metric,
                "ties": self.ties,
                "rank_of_ties": "strict" if self.strict else "mid",
                "precision": self.precision,
                "seed": self.seed,
                "clip": "" if self.clip is None else "{} to {}".format(*self.clip),
                "n_dropped": len(self.dropped),
            },
        )


def imbalance_matrix(
    layers: Any,
    *,
    k: Any = 1,
    metric: str = "euclidean",
    clip: Any = None,
    drop_duplicates: bool = False,
    n_queries: int | None = None,
    seed: int = 0,
    ties: str = "index",
    strict: bool = False,
    precision: str = "highest",
    plan: str | None = None,
    budget: int | None = None,
    devices: Sequence[Any] | int | None = None,
    mesh: Mesh | None = None,
    verify: bool | int = False,
    keep_rows: bool = False,
    progress: Progress | None = None,
) -> ImbalanceMatrix:
    """Information imbalance between all ordered pairs of representations of the same samples.

    Distances are streamed in blocks of rows: memory is the features and one block, an N x N matrix never exists.

    Args:
        layers: Mapping name -> `[n_samples, n_features]` of any widths, or a sequence; NumPy, JAX, torch, memory map or
            array on disk, any real dtype.
        k: Number of neighbours, or several at once as a tuple.
        metric: `euclidean`, `cosine` or `correlation`; with `precomputed` every layer is `[n_samples, n_samples]`, its
            row i the distances from sample i (the diagonal is not looked at), rounded to `precision`.
        clip: Two quantiles such as (0.05, 0.95): clip every sample's features to its own before measuring.
        drop_duplicates: Of samples that are equal in all layers keep the first; N is what remains.
        n_queries: Work out only this many rows, drawn without replacement, against all samples.
        seed: Of that draw.
        ties: Among equally near neighbours, `index` takes them in index order, `expected` gives the expectation
            under random tie-breaking in both spaces.
        strict: Give tied samples the first rank of their group instead of the mean rank.
        precision: `float64`, `highest`, `high` or `fast`. `highest` is float32, but float64 for up to 1024 samples and
            for every layer in which float32 is expected to change more than one in two thousand of the nearest
            neighbours, or of the pairs of samples that a row orders: 12 to 256 rows of every layer are rechecked in
            float64 to tell, and `notes` names the layers. Within that a result is exact: what float32 may order
            otherwise are pairs of samples whose distances are nearly equal.
        plan: Force `one-pass` or `two-pass`; by default the budget decides. Both give the same integers.
        budget: Bytes that features and blocks may take on the devices.
        devices: Devices that share the samples, or how many.
        mesh: A mesh whose devices share the samples.
        verify: Recheck this many rows (True: 32) in float64 and report the largest deviation.
        keep_rows: Also return what every query row contributes.
        progress: Called as `progress(done, total, what)`.

    Returns:
        The matrix, its standard errors and everything that says how it was made.

    Raises:
        ValueError: For different sample counts, fewer than k + 2 samples, k < 1, arrays that are not
            two-dimensional, NaN or infinity (names layer and first sample), a budget that does not hold one block.

    Warns:
        TieWarning: If more than 1 % of rows or ranks are tied; names the layers and says whether float64 tells their
            distances apart.
        PrecisionWarning: If rounding changes neighbours or ranks and float64 was not asked for (`high`, `fast`), is not
            there (TPU) or does not help.
        DegenerateLayerWarning: For a layer without variance.

    Source:
        Glielmo et al., PNAS Nexus 2022, eq. 1, averaged over the k nearest.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 6))
        >>> m = imbalance_matrix({"all": x, "some": x[:, :2]}, k=(1, 5))
        >>> m.values.shape, m.floor.tolist()
        ((2, 2, 2), [0.02, 0.06])
        >>> m.values[0].diagonal().tolist()
        [0.02, 0.02]
    """
    metric, precision, ties = check_metric(metric), check_precision(precision), check_ties(ties)
    named = as_layers(layers)
    n = check_same_samples(named)
    kept = np.arange(n)
    if drop_duplicates or clip is not None:
        named, kept = _preprocessed(named, clip, drop_duplicates, metric)
    dropped = np.setdiff1d(np.arange(n), kept)
    n = len(kept)
    named = as_distances(named) if metric == "precomputed" else named
    ks = check_ks(k, n)
    queries = draw_queries(n, n_queries, seed)
    placement = make_placement(devices, mesh)
    ordered = tuple(sorted(ks))
    options = Options(
        ks=ordered,
        metric=metric,
        ties=ties,
        strict=strict,
        precision=precision,
        budget=budget,
        passes=check_passes(plan),
        keep_rows=keep_rows,
    )
    arrays = list(named.values())
    n_rows = n if queries is None else len(queries)
    plan_for(Workload(n, n_rows, tuple(x.shape[1] for x in arrays), ordered[-1]), options, placement)
    check_values(named, metric)
    settled = settle_precision(named, metric, ordered[0], precision, placement, seed)
    options = replace(options, float64_layers=settled.float64_layers)
    found = all_pairs(arrays, queries, options, placement, progress)
    warn_of_ties(named, found, options, "imbalance_matrix")
    several = isinstance(plain_k(k), tuple)
    at = [ordered.index(value) for value in ks] if several else 0
    return ImbalanceMatrix(
        values=found.values[at],
        standard_error=found.standard_error[at],
        names=tuple(named),
        k=ks if several else ks[0],
        n_samples=n,
        n_queries=n_rows,
        metric=metric,
        ties=ties,
        strict=strict,
        precision=precision,
        seed=seed,
        tied_neighbours=found.tied_neighbours[at],
        tied_ranks=found.tied_ranks[at],
        plan=found.plan,
        verification=_verified(arrays, verify, seed, options, placement),
        notes=(
            *found.notes,
            *settled.notes,
            *([f"{len(dropped)} duplicated samples were dropped"] if len(dropped) else []),
        ),
        clip=None if clip is None else checked_quantiles(clip),
        dropped=tuple(dropped.tolist()),
        rows=None if found.rows is None else found.rows[at],
        queries=None if found.rows is None else (kept if queries is None else kept[queries]),
    )


def _preprocessed(
    named: dict[str, Any], clip: Any, drop_duplicates: bool, metric: Metric
) -> tuple[dict[str, Any], np.ndarray]:
    """The layers as they are to be measured, and the samples kept."""
    if metric == "precomputed":
        raise ValueError(
            "clip and drop_duplicates work on representations, not on distances (metric='precomputed'); apply them "
            "before the distances are computed."
        )
    if clip is not None:
        named = {name: clip_quantiles(x, clip) for name, x in named.items()}
    n = next(iter(named.values())).shape[0]
    kept = distinct_samples(named) if drop_duplicates else np.arange(n)
    if len(kept) < n:
        named = {name: SelectedRows(x, kept) for name, x in named.items()}
    return named, kept


def draw_queries(n_samples: int, n_queries: int | None, seed: int) -> np.ndarray | None:
    """Sorted sample indices of the query rows, or None for all of them.

    Raises:
        ValueError: If `n_queries` is not between 2 and the number of samples.

    Example:
        >>> len(draw_queries(100, 10, seed=0))
        10
    """
    if n_queries is None or n_queries == n_samples:
        return None
    n_queries = int(n_queries)
    if not 2 <= n_queries <= n_samples:
        raise ValueError(f"n_queries must be between 2 and the number of samples {n_samples}, got {n_queries}.")
    return np.sort(np.random.default_rng(seed).choice(n_samples, n_queries, replace=False))


def _verified(
    arrays: list[Any], verify: bool | int, seed: int, options: Options, placement: Any
) -> Verification | None:
    if not verify:
        return None
    n = arrays[0].shape[0]
    wanted = min(n, VERIFIED_ROWS if isinstance(verify, (bool, np.bool_)) else int(verify))
    rows = np.sort(np.random.default_rng([seed, 1]).choice(n, wanted, replace=False))
    return verify_rows(arrays, rows, options, placement)
