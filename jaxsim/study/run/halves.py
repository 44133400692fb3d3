"""The same measurement within halves of the samples, with shuffled images, and with fewer samples.

Halves say how far any number of a study moves with the samples (`jaxsim.metrics.half_samples`). With the images of
different models paired at random, what is left of an effect is what chance gives at the same N. Quarters say how the
numbers depend on N.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxsim.arguments import Progress
from jaxsim.metrics import LayerMeasure
from jaxsim.metrics.dissimilarities import select_samples
from jaxsim.metrics.half_samples import DEFAULT_SPLITS, N_GROUPS
from jaxsim.metrics.together import Together, measure_together
from jaxsim.study.progress import renamed
from jaxsim.study.run.settings import Settings

LEAST_IN_HALF = 32
"""Without a number of splits asked for, smaller halves are not measured: their Delta says little about N."""


def n_splits_for(n_samples: int, settings: Settings, groups: Int[np.ndarray, " n_samples"] | None = None) -> int:
    """Number of splits into halves that a study measures.

    Args:
        n_samples: Number of samples N.
        settings: `n_splits` says how many: None for eight where halves hold enough samples, 0 for none.
        groups: Groups of samples that stay together, if there are any.

    Returns:
        The number, 0 for none.

    Example:
        >>> n_splits_for(500, Settings()), n_splits_for(60, Settings()), n_splits_for(500, Settings(n_splits=4))
        (8, 0, 4)
    """
    if settings.n_splits is not None:
        return settings.n_splits
    k = max(settings.k)
    largest, enough = 1, True
    if groups is not None:
        sizes = np.bincount(groups)
        # Larger groups make halves that are too unequal, fewer leave some of the groups of halves empty.
        largest, enough = int(sizes.max()), int((sizes > 0).sum()) >= N_GROUPS and sizes.max() <= n_samples // 10
    rows = n_samples if settings.n_queries is None else settings.n_queries
    least = max(LEAST_IN_HALF, k + 1 + largest)
    return DEFAULT_SPLITS if enough and n_samples // 2 >= least and rows >= 2 * LEAST_IN_HALF else 0


def measure_layers(
    layers: Mapping[str, Any],
    settings: Settings,
    *,
    n_splits: int = 0,
    groups: Int[np.ndarray, " n_samples"] | None = None,
    rows: Int[np.ndarray, " n_chosen"] | None = None,
    quiet: bool = False,
    progress: Progress | None = None,
    what: str = "imbalance",
    keep_neighbours: bool = False,
    descriptions: Sequence[LayerMeasure] = (),
) -> Together:
    """All measures of a study between layers, of all samples or of some.

    Args:
        layers: Name -> representation `[n_samples, n_features]`.
        settings: The settings.
        n_splits: Number of splits into halves.
        groups: Group of every sample.
        rows: Samples to measure on; None takes all. Query rows are as large a share of them as of all.
        quiet: Give no warnings: what is worth one was said of all samples together.
        progress: Called as `progress(done, total, what)`.
        what: What the progress calls it.
        keep_neighbours: Also return the neighbours.
        descriptions: Measures of one layer that are wanted, too.

    Returns:
        The information imbalance, with `n_k` in front, and further measures.
    """
    n_queries = settings.n_queries
    if rows is not None:
        n = next(iter(layers.values())).shape[0]
        layers = {name: select_samples(x, rows) for name, x in layers.items()}
        groups = None if groups is None else groups[rows]
        n_queries = None if n_queries is None else max(2, n_queries * len(rows) // n)
    with warnings.catch_warnings():
        if quiet:
            warnings.simplefilter("ignore", UserWarning)
        return measure_together(
            layers,
            settings.measures,
            descriptions,
            k=settings.k,
            metric=settings.metric,
            n_queries=n_queries,
            seed=settings.seed,
            ties=settings.ties,
            precision=settings.precision,
            plan=settings.plan,
            devices=settings.devices,
            verify=settings.verify and not quiet,
            n_splits=n_splits,
            groups=groups,
            keep_neighbours=keep_neighbours,
            progress=renamed(progress, what),
        )


def shuffled_layers(
    layers: Mapping[str, Any],
    owners: Mapping[str, str],
    seed: int,
    groups: Int[np.ndarray, " n_samples"] | None = None,
) -> dict[str, Any]:
    """The layers with the samples of different owners paired at random: every owner's are put in an order of their own.

    Between layers of one owner nothing changes by that. Where samples belong to groups, whole groups change places with
    others of their size, and samples change places within a group.

    Args:
        layers: Name -> representation `[n_samples, n_features]`.
        owners: Name -> whose it is.
        seed: Of the orders; an owner's depends on its name and on nobody else.
        groups: Group of every sample.

    Returns:
        Views.
    """
    n = next(iter(layers.values())).shape[0]
    orders = {owner: _order(n, [seed, 4, zlib.crc32(owner.encode())], groups) for owner in set(owners.values())}
    return {name: select_samples(x, orders[owners[name]]) for name, x in layers.items()}


def quarters(sides: Bool[np.ndarray, "n_splits n_samples"], least: int) -> tuple[Int[np.ndarray, " n_chosen"], ...]:
    """Four disjoint quarters of the samples, each within a half: the intersections of the first two splits.

    Args:
        sides: Which half every sample is in.
        least: Smallest number of samples that can be measured.

    Returns:
        Sorted sample indices; none where there is one split, or a quarter is too small.

    Example:
        >>> [rows.tolist() for rows in quarters(np.array([[0, 0, 1, 1], [0, 1, 0, 1]], bool), 1)]
        [[0], [1], [2], [3]]
    """
    if len(sides) < 2:
        return ()
    found = tuple(np.flatnonzero((sides[0] == a) & (sides[1] == b)) for a in (False, True) for b in (False, True))
    return found if min(len(rows) for rows in found) >= least else ()


def as_blocks(
    values: Float[np.ndarray, "*lead n_k layers layers"],
    n_steps: int,
    spaces: Int[np.ndarray, " spaces"],
    n_spaces: int,
) -> dict[str, Float[np.ndarray, "..."]]:
    """An imbalance between steps and spaces as the three blocks that results hold.

    Args:
        values: Between the steps, then the spaces that were measured.
        n_steps: Number of steps.
        spaces: Places of the measured spaces among all spaces.
        n_spaces: Number of all spaces.

    Returns:
        `imbalance` `[*lead, n_k, n_steps, n_steps]`; with spaces also `forward` and `backward`
        `[*lead, n_k, n_steps, n_spaces]`, NaN for spaces that were not measured.
    """
    found = {"imbalance": values[..., :n_steps, :n_steps]}
    if n_spaces:
        into, out_of = (np.full((*values.shape[:-2], n_steps, n_spaces), np.nan) for _ in range(2))
        into[..., spaces] = values[..., :n_steps, n_steps:]
        out_of[..., spaces] = np.swapaxes(values[..., n_steps:, :n_steps], -1, -2)
        found |= {"forward": into, "backward": out_of}
    return found


def _order(n: int, seed: list[int], groups: np.ndarray | None) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if groups is None:
        return rng.permutation(n)
    members = [rng.permutation(np.flatnonzero(groups == group)) for group in np.unique(groups)]
    sizes = np.array([len(each) for each in members])
    order = np.empty(n, np.int64)
    for size in np.unique(sizes):
        same = np.flatnonzero(sizes == size)
        for place, other in zip(same, rng.permutation(same), strict=True):
            order[np.sort(members[place])] = members[other]
    return order
