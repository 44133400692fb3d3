"""One streaming pass over layers: what all measures of several layers are made from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from jaxsim_kernels import (
    AllPairs,
    Kernel,
    KernelSums,
    Metric,
    Options,
    Precision,
    Workload,
    agree_on_call,
    agreed_options,
    all_pairs,
    kernel_sums,
    plan_for,
)

from jaxsim.wording import counted

from .inputs import check_values
from .precision_check import settle_precision
from .request import Request
from .tie_warning import warn_of_ties

Completed = Callable[[Sequence[Kernel], Sequence[int]], Sequence[Kernel]]
"""`(kernels, numbers of the layers in float64) -> kernels`."""


@dataclass(frozen=True)
class Streamed:
    """What a pass found.

    Attributes:
        found: Neighbours, ranks and sums of kernels.
        options: As used.
        notes: What a user should know.
    """

    found: AllPairs
    options: Options
    notes: tuple[str, ...]


def stream(
    request: Request,
    kernels: Sequence[Kernel] = (),
    caller: str = "imbalance_matrix",
    *,
    verify: bool | int = False,
    completed: Completed | None = None,
) -> Streamed:
    """Ranks, neighbours and sums of kernels of the layers of a request.

    Args:
        request: From `check_request`.
        kernels: Whose sums are wanted.
        caller: Function that users called, for what warnings advise.
        verify: Rows that the caller will recheck: work that processes must agree on before this.
        completed: Gives kernels what depends on which layers are worked out in float64.

    Warns:
        TieWarning, PrecisionWarning, DegenerateLayerWarning: See `imbalance_matrix`.

    Example:
        >>> from jaxsim.metrics.request import check_request
        >>> stream(check_request([[[0.0], [1.0], [3.0], [7.0]]])).found.values.shape
        (1, 1, 1)
    """
    options, precision = _settled(request, kernels, caller, completed, verify=verify)
    found = all_pairs(
        request.arrays, request.queries, options, request.placement, request.progress, sides=request.sides,
        groups=request.groups,
    )  # fmt: skip
    warn_of_ties(request.named, found, options, caller, request.groups)
    n_dropped = len(request.dropped)
    dropped = [f"{counted(n_dropped, 'duplicated sample was', 'duplicated samples were')} dropped"] if n_dropped else []
    return Streamed(found, options, (*found.notes, *precision, *dropped))


def stream_kernels_alone(
    request: Request, kernels: Sequence[Kernel], caller: str = "measure", completed: Completed | None = None
) -> tuple[KernelSums, tuple[str, ...]]:
    """Sums of kernels where neither ranks nor neighbours are wanted, and notes.

    Example:
        >>> from jaxsim.metrics.request import check_request
        >>> found, _ = stream_kernels_alone(check_request([[[0.0], [1.0], [3.0]]]), [Kernel("distance")])
        >>> float(found.whole[0].products[0, 0] * found.whole[0].units[0] ** 2)
        28.0
    """
    options, precision = _settled(request, kernels, caller, completed)
    found = kernel_sums(request.arrays, options, request.placement, request.progress, sides=request.sides)
    return found, precision


def _settled(
    request: Request, kernels: Sequence[Kernel], caller: str, completed: Completed | None, **agreed: Any
) -> tuple[Options, tuple[str, ...]]:
    """Options with the layers that need float64, and notes; values are looked at here for the first time."""
    options = replace(request.options, kernels=tuple(kernels))
    n_rows = request.n_samples if request.queries is None else len(request.queries)
    n_splits = 0 if request.sides is None else len(request.sides)
    widths = tuple(x.shape[1] for x in request.arrays)
    work = Workload(
        request.n_samples, n_rows, widths, options.ks[-1], n_splits=n_splits, grouped=request.groups is not None
    )
    agree_on_call(
        caller,
        request.named,
        request.placement,
        **{field.name: getattr(options, field.name) for field in fields(options)},
        metrics=request.metrics,
        k=request.ks,
        n_queries=n_rows,
        seed=request.seed,
        n_splits=n_splits,
        groups=request.groups,
        **agreed,
    )
    options = agreed_options(work, options, request.placement)
    # What no plan can do is refused before values are looked at.
    plan_for(work, options, request.placement)
    for (name, x), own in zip(request.named.items(), request.metrics, strict=True):
        check_values({name: x}, own)
    of_layers: Mapping[str, Metric] = dict(zip(request.named, request.metrics, strict=True))
    precision: Precision = options.precision
    settled = settle_precision(request.named, of_layers, options.ks[0], precision, request.placement, request.seed)
    options = replace(options, float64_layers=settled.float64_layers)
    if completed is not None:
        options = replace(options, kernels=tuple(completed(options.kernels, options.float64_layers)))
    return options, settled.notes
