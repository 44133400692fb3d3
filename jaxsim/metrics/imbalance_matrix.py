"""Information imbalance between all ordered pairs of layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jax.sharding import Mesh
from jaxsim_kernels import Metric, Options, Precision, Progress, Ties, Verification, verify_rows
from jaxsim_kernels.plan import Plan
from jaxsim_kernels.sums import group_sizes

from jaxsim.arguments import check_count

from .half_samples import error_between_layers
from .preprocessing import checked_quantiles
from .request import Request, check_request
from .streamed import Streamed, stream

VERIFIED_ROWS = 32


def floor_of(n_samples: int, k: int | Sequence[int], groups: np.ndarray | None = None) -> np.ndarray:
    """The information imbalance of equal spaces: (k + 1) / N, where N counts a sample and those that it ranks.

    Args:
        n_samples: Number of samples.
        k: Number of neighbours, or several.
        groups: Group of every sample `[n_samples]`; samples of one group are not ranked among each other.

    Returns:
        `[n_k]`, or a number.

    Example:
        >>> floor_of(4, (1, 2)).tolist(), float(floor_of(4, 1, np.array([0, 0, 1, 1])))
        ([0.5, 0.75], 0.6666666666666666)
    """
    n = n_samples if groups is None else 1 / np.mean(1 / (n_samples + 1 - group_sizes(groups)))
    return np.asarray((np.asarray(k) + 1) / n)


@dataclass(frozen=True)
class ImbalanceMatrix:
    """Information imbalance between all layers; `[n_layers, n_layers]`, with a leading k axis if `k` is a tuple.

    Attributes:
        values: `values[a, b]` is Delta(a -> b): 0 if a fully predicts b, 1 if it says nothing of b.
        standard_error: Over query rows, same shape: of these very samples, with another draw of query rows.
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
        queries: Sample indices of the query rows, if rows or neighbours were asked for.
        halves: The same values within both halves of every split of the samples, `[n_splits, 2, ...]`, if asked for.
        sampling_error: Standard error of `values` from these halves, same shape: of other samples of the same kind.
        sides: Which half every sample is in `[n_splits, n_samples]`.
        groups: Group of every sample `[n_samples]`; samples of one group were not ranked among each other.
        neighbours: Columns of every query row's neighbours `[n_layers, n_queries, largest k]`, if asked for.
        half_neighbours: The same within the row's own half of every split, `[n_splits, n_layers, ...]`.
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
    halves: np.ndarray | None = None
    sampling_error: np.ndarray | None = None
    sides: np.ndarray | None = None
    groups: np.ndarray | None = None
    neighbours: np.ndarray | None = None
    half_neighbours: np.ndarray | None = None

    @property
    def floor(self) -> Any:
        """The value of equal spaces, (k + 1) / N; one per k if `k` is a tuple.

        With groups, N is that of a row: the samples that it ranks and itself.
        """
        floor = floor_of(self.n_samples, self.k, self.groups)
        return floor if isinstance(self.k, tuple) else float(floor)

    def to_xarray(self) -> xr.Dataset:
        """The values with labels.

        Returns:
            Dataset with dimensions `k`, `source`, `target` and variables `imbalance`, `standard_error`,
            `tied_neighbours`, `tied_ranks`, and `sampling_error` where there are half-samples; `floor` is a coordinate
            on `k`.

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
                **({} if self.sampling_error is None else {"sampling_error": (pair, lead(self.sampling_error))}),
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
                "n_splits": 0 if self.halves is None else len(self.halves),
                "n_groups": 0 if self.groups is None else len(np.unique(self.groups)),
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
    n_splits: int = 0,
    groups: Any = None,
    keep_rows: bool = False,
    keep_neighbours: bool = False,
    progress: Progress | None = None,
) -> ImbalanceMatrix:
    """Information imbalance between all ordered pairs of representations of the same samples.

    Distances are streamed in blocks of rows: memory is the features and one block, an N x N matrix never exists.

    Args:
        layers: Mapping name -> `[n_samples, n_features]` of any widths, or a sequence; NumPy, JAX, torch, memory map or
            array on disk, any real dtype; or `Dissimilarities`.
        k: Number of neighbours, or several at once as a tuple.
        metric: `euclidean`, `cosine` or `correlation`; with `precomputed` every layer is `[n_samples, n_samples]`, its
            row i the distances from sample i (the diagonal is not looked at), rounded to `precision`. A layer that is
            `Dissimilarities` is measured by these, whatever the metric of the others.
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
        n_splits: Also measure within both halves of this many balanced splits of the samples (8 is a good number, 0
            for none), for standard errors that say how the values vary with the samples; see `balanced_halves`.
        groups: Group of every sample, integers or text `[n_samples]`, such as the photograph that a crop comes from:
            samples of one group are neither each other's neighbours nor counted in each other's ranks, and stay in
            one half. A row with N' others counts as one of N' + 1 samples.
        keep_rows: Also return what every query row contributes.
        keep_neighbours: Also return the columns of every query row's neighbours.
        progress: Called as `progress(done, total, what)`.

    Returns:
        The matrix, its standard errors and everything that says how it was made.

    Raises:
        ValueError: For different sample counts, fewer than k + 2 samples, k < 1, arrays that are not
            two-dimensional, NaN or infinity (names layer and first sample), a budget that does not hold one block.

    Warns:
        TieWarning: If more than 1 % of rows or ranks are tied; names the layers and says whether float64 tells their
            distances apart. With `ties="expected"`, only where it does.
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
    if not isinstance(verify, (bool, np.bool_)):
        verify = check_count("verify", verify, 1, "; True takes 32 rows, False none")
    request = check_request(
        layers, k=k, metric=metric, clip=clip, drop_duplicates=drop_duplicates, n_queries=n_queries, seed=seed,
        ties=ties, strict=strict, precision=precision, plan=plan, budget=budget, devices=devices, mesh=mesh,
        n_splits=n_splits, groups=groups, keep_rows=keep_rows, keep_neighbours=keep_neighbours, progress=progress,
    )  # fmt: skip
    return matrix_of(request, stream(request, verify=verify), clip=clip, verify=verify)


def matrix_of(request: Request, streamed: Streamed, *, clip: Any = None, verify: bool | int = False) -> ImbalanceMatrix:
    """The matrix that a pass over the layers of a request gives; `clip` and `verify` as for `imbalance_matrix`.

    Example:
        >>> request = check_request([[[0.0], [1.0], [3.0], [7.0]]])
        >>> matrix_of(request, stream(request)).values.tolist()
        [[0.5]]
    """
    found, options, at = streamed.found, streamed.options, request.places
    halves = found.halves
    queries = request.kept if request.queries is None else request.kept[request.queries]
    return ImbalanceMatrix(
        values=found.values[at],
        standard_error=found.standard_error[at],
        names=tuple(request.named),
        k=request.ks if request.several else request.ks[0],
        n_samples=request.n_samples,
        n_queries=len(queries),
        metric=request.metric,
        ties=options.ties,
        strict=options.strict,
        precision=options.precision,
        seed=request.seed,
        tied_neighbours=found.tied_neighbours[at],
        tied_ranks=found.tied_ranks[at],
        plan=found.plan,
        verification=_verified(request, options, verify),
        notes=streamed.notes,
        clip=None if clip is None else checked_quantiles(clip),
        dropped=tuple(request.dropped.tolist()),
        rows=None if found.rows is None else found.rows[at],
        queries=queries if options.keep_rows or options.keep_neighbours else None,
        halves=None if halves is None else halves[:, :, at],
        sampling_error=None if halves is None else error_between_layers(halves)[at],
        sides=request.sides,
        groups=request.groups,
        neighbours=found.neighbours,
        half_neighbours=found.half_neighbours,
    )


def _verified(request: Request, options: Options, verify: bool | int) -> Verification | None:
    if not verify:
        return None
    n = request.n_samples
    wanted = min(n, VERIFIED_ROWS if isinstance(verify, (bool, np.bool_)) else int(verify))
    rows = np.sort(np.random.default_rng([request.seed, 1]).choice(n, wanted, replace=False))
    return verify_rows(request.arrays, rows, options, request.placement, request.groups)
