"""A warning about ties that tells equal distances from distances that rounding made equal."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxsim_kernels import AllPairs, Options
from jaxsim_kernels.verify import row_distances

from jaxsim.warn import warn

from .inputs import TieWarning
from .precision_check import cure_of_float64

TIES_WORTH_A_WARNING = 0.01

_RECHECKED_ROWS, _RECHECKED_LAYERS, _SHOWN = 8, 4, 6
_UNLIKELY, _MOST_RECHECKED = 1e-3, 1 << 31
_SAME = 2.0**-44
"""Distances that differ by less, relatively, are equal but for the rounding of their sums in float64."""

_WITH_TIES = ("imbalance_matrix", "information_imbalance", "measure")
_WITH_DROPPING = ("imbalance_matrix", "measure", "describe")


def warn_of_ties(
    layers: Mapping[str, Any], found: AllPairs, options: Options, caller: str, groups: np.ndarray | None = None
) -> None:
    """Warn where conventions for ties, or rounding, decide more than 1 % of the numbers.

    With `ties="expected"`, where no convention decides, of rounding alone.

    Args:
        layers: Name -> `[n_samples, n_features]`, as they were measured.
        found: The result.
        options: As it was worked out.
        caller: Whose arguments the cure is about.
        groups: Group of every sample, if samples of one group were left out of each other's ranks.

    Warns:
        TieWarning: Names the layers, what depends on their ties, and a cure.

    Example:
        >>> from jaxsim_kernels import all_pairs
        >>> x = np.random.default_rng(0).normal(size=(50, 3))
        >>> warn_of_ties({"x": x}, all_pairs([x]), Options(), "imbalance_matrix")
    """
    others = ~np.eye(len(layers), dtype=bool)
    # A rank is tied in the space that it is counted in.
    in_target = np.max(np.where(others, found.tied_ranks, 0), axis=(0, 1), initial=0)
    for what, share in (("k-th neighbours", found.tied_neighbours.max(0)), ("ranks", in_target)):
        tied = np.flatnonzero(share > TIES_WORTH_A_WARNING)
        if not len(tied):
            continue
        names = [list(layers)[number] for number in tied]
        worst = tied[np.argsort(-share[tied])][:_RECHECKED_LAYERS].tolist()
        rounded = [
            number
            for number in worst
            if _vanishes(list(layers.values())[number], what, number, options, groups, float(share[number]))
        ]
        if options.ties == "expected":
            # Whoever asks for the expectation over ties knows of them, but not of those that rounding makes.
            if not rounded:
                continue
            worst, names = rounded, [list(layers)[number] for number in rounded]
            share = share[rounded]
        finer = _finer(rounded, options, found.plan.itemsize)
        begin = f"up to {share.max():.1%} of the {what} are tied in {_listed(names)}"
        if len(rounded) == len(worst):
            message = f"{begin}, though their distances differ: rounding made them equal and orders others. {finer}."
        else:
            message = f"{begin}: {_consequence(what, options)}; {_cure(options, caller)}."
            if rounded:
                some = _listed([list(layers)[number] for number in rounded])
                message += f" In {some} the distances differ, though, and rounding made them equal. {finer}."
        warn(message, TieWarning)


def _consequence(what: str, options: Options) -> str:
    if what == "ranks":
        given = "the first" if options.strict else "the mean"
        return f"several samples are equally far from a row, and each has {given} of their ranks"
    return "several samples are equally near, and which of them counts depends on the order of the samples"


def _cure(options: Options, caller: str) -> str:
    drop = "dropping duplicated samples" + (" (drop_duplicates=True)" if caller in _WITH_DROPPING else "")
    if caller not in _WITH_TIES:
        return f"{drop} may remove the ties"
    expected = "ties='expected' (--ties expected) gives the expectation under random tie-breaking"
    return f"{expected}, and {drop} may remove the ties"


def _finer(layers: list[int], options: Options, itemsize: int) -> str:
    """The cure for what rounding made equal."""
    whole = itemsize == np.dtype(np.float64).itemsize and not options.float64_layers
    if whole or any(number in options.float64_layers for number in layers):
        cure = cure_of_float64([options.metric_of(number) for number in layers])
        return cure[0].upper() + cure[1:]
    return "precision='float64' (--precision float64) tells them apart"


def _vanishes(x: Any, what: str, number: int, options: Options, groups: np.ndarray | None, share: float) -> bool:
    """Whether differences in float64 tell apart most of what a layer's scores do not; False where few rows can tell."""
    n, n_rows = x.shape[0], _RECHECKED_ROWS
    if what != "ranks":
        # Of so many rows, one is tied in all likelihood if ties are real.
        n_rows = int(np.ceil(np.log(_UNLIKELY) / np.log1p(-min(share, 0.5))))
        if n_rows * n * x.shape[1] > _MOST_RECHECKED:
            return False
    rows = np.sort(np.random.default_rng(3).choice(n, min(n_rows, n), replace=False))
    tied_ranks, tied_places = [], []
    for row, distances in zip(rows, row_distances(x, rows, options.metric_of(number)), strict=True):
        left_out = np.arange(n) == row if groups is None else groups == groups[row]
        ordered = np.sort(distances[~left_out])
        same = np.diff(ordered) <= _SAME * ordered[1:]
        tied_ranks.append(np.mean(np.append(same, False) | np.append(False, same)))
        tied_places += [same[k - 1] for k in options.ks if k <= len(same)]
    if what == "ranks":
        return bool(np.mean(tied_ranks) <= TIES_WORTH_A_WARNING / 2)
    return not any(tied_places)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"layer{'s' if len(names) > 1 else ''} {', '.join(repr(name) for name in names[:_SHOWN])}{more}"
