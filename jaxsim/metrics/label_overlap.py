"""Neighbourhood overlap with labels: do the samples nearest to each other belong to one class?

Labels are categories: no class is nearer to one than to another. So they are no space to measure an imbalance to (as
vectors with a single 1 nearly all of their distances tie, as integers they would be a number line); the question put to
a representation is how many of a sample's neighbours share its label.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxsim_kernels import Metric, agree_on_call, check_metric, check_precision, make_placement
from jaxtyping import Float, Int

from jaxsim.arguments import check_count
from jaxsim.warn import warn

from .dissimilarities import Dissimilarities
from .information_imbalance import check_ties
from .inputs import TieWarning, as_distances, as_representation, check_ks, check_values, plain_k
from .labels import label_codes
from .nearest import visit_neighbours
from .precision_check import settle_precision
from .request import draw_queries
from .tie_warning import TIES_WORTH_A_WARNING


@dataclass(frozen=True)
class LabelOverlap:
    """Neighbourhood overlap with labels; every field but the counts has an axis if `k` is a tuple.

    Attributes:
        value: Mean fraction of the k nearest samples that share the label, from 0 to `ceiling`.
        standard_error: Over query rows.
        chance: What neighbours drawn at random share.
        ceiling: The largest value there can be: 1 unless a class has fewer than k + 1 samples.
        tied_neighbours: Fraction of rows whose k-th neighbour ties with the next.
        n_classes: Number of classes.
        n_samples: Number of samples N.
        n_queries: Number of query rows.
        k: Number of neighbours, or a tuple.
    """

    value: Any
    standard_error: Any
    chance: Any
    ceiling: Any
    tied_neighbours: Any
    n_classes: int
    n_samples: int
    n_queries: int
    k: int | tuple[int, ...]


def label_overlap(
    x: Any,
    labels: Any,
    *,
    k: Any = 1,
    metric: str = "euclidean",
    n_queries: int | None = None,
    seed: int = 0,
    ties: str = "index",
    precision: str = "highest",
) -> LabelOverlap:
    """How many of a sample's nearest neighbours share its label, on average.

    Args:
        x: `[n_samples, n_features]`; NumPy, JAX, torch, memory map; any real dtype. Or `Dissimilarities`.
        labels: One string or integer for each sample.
        k: Number of neighbours, or several at once as a tuple.
        metric: `euclidean`, `cosine` or `correlation`.
        n_queries: Work out only this many rows, drawn without replacement, against all samples.
        seed: Of that draw.
        ties: Among equally near neighbours, `index` takes them in index order, `expected` gives the expectation under
            random tie-breaking. Where samples are sorted by class and many distances tie, only the second means much.
        precision: Of the dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        The overlap with its standard error, its chance level and its ceiling.

    Raises:
        ValueError: For another number of labels, a sample without one, a single class, or only classes of one sample;
            for fewer than k + 2 samples, NaN or infinity.

    Warns:
        TieWarning: If more than 1 % of the k-th neighbours are tied and `ties="index"`.

    Source:
        Doimo, Glielmo, Ansuini, Laio, "Hierarchical nucleation in deep neural networks", NeurIPS 2020.

    Example:
        >>> x = np.concatenate([np.random.default_rng(0).normal(size=(20, 3)) + offset for offset in (0, 9)])
        >>> found = label_overlap(x, ["cat"] * 20 + ["dog"] * 20, k=5)
        >>> found.value.item(), round(found.chance.item(), 3)
        (1.0, 0.487)
    """
    metric, precision, ties = check_metric(metric), check_precision(precision), check_ties(ties)
    seed = check_count("seed", seed, 0)
    if isinstance(x, Dissimilarities):
        metric = "precomputed"
    x = as_representation(x, "x")
    codes, classes = label_codes(labels, name="labels", n_samples=x.shape[0])
    x = as_distances({"x": x})["x"] if metric == "precomputed" else x
    n = x.shape[0]
    ks = check_ks(k, n)
    check_values({"x": x}, metric)
    queries = draw_queries(n, n_queries, seed)
    queries = np.arange(n) if queries is None else queries
    placement = make_placement()
    asked = {"k": ks, "metric": metric, "ties": ties, "precision": precision, "queries": queries, "seed": seed}
    agree_on_call("label_overlap", {"x": x}, placement, **asked, labels=codes)
    settled = settle_precision({"x": x}, {"x": metric}, min(ks), precision, placement, seed)
    precision = "float64" if settled.float64_layers else precision
    shares, tied = _shares(x, codes, tuple(sorted(ks)), queries, metric=metric, ties=ties, precision=precision)
    at = [sorted(ks).index(value) for value in ks]
    value, error = shares.mean(axis=0)[at], _standard_error(shares)[at]
    chance, ceiling = label_bounds(codes, ks, queries=queries)
    if ties == "index" and tied.max() > TIES_WORTH_A_WARNING:
        warn(
            f"up to {tied.max():.1%} of the k-th neighbours are tied and were taken in the order of the samples, on "
            "which the overlap then depends; ties='expected' gives the expectation under random tie-breaking.",
            TieWarning,
        )
    several = isinstance(plain_k(k), tuple)
    value, error, chance, ceiling, tied = (
        each if several else each[0] for each in (value, error, chance, ceiling, tied[at])
    )
    n_classes, n_rows = len(classes), len(queries)
    return LabelOverlap(value, error, chance, ceiling, tied, n_classes, n, n_rows, ks if several else ks[0])


def neighbour_overlap(
    neighbours: Int[np.ndarray, "*lead n_queries k"],
    codes: Int[np.ndarray, " n_samples"],
    ks: Sequence[int],
    queries: Int[np.ndarray, " n_queries"] | None = None,
) -> tuple[Float[np.ndarray, "*lead n_k"], Float[np.ndarray, "*lead n_k"]]:
    """The overlap with labels from neighbours that are known.

    Args:
        neighbours: Sample indices of at least `max(ks)` nearest neighbours of every query row, the nearest first.
        codes: The class of every sample.
        ks: Numbers of neighbours.
        queries: Sample indices of the rows; all samples in order by default.

    Returns:
        Mean fraction of the k nearest that share the label, for every k, and its standard error over rows.

    Example:
        >>> overlap, error = neighbour_overlap(np.array([[1, 2], [0, 2], [1, 0]]), np.array([0, 0, 1]), (1, 2))
        >>> overlap.round(3).tolist()
        [0.667, 0.333]
    """
    own = codes if queries is None else codes[queries]
    same = codes[neighbours[..., : max(ks)]] == own[:, None]
    shares = np.cumsum(same, axis=-1)[..., np.asarray(ks) - 1] / np.asarray(ks, np.float64)
    return shares.mean(axis=-2), _standard_error(shares)


def label_bounds(
    codes: Int[np.ndarray, " n_samples"],
    ks: Sequence[int],
    *,
    queries: Int[np.ndarray, " n_queries"] | None = None,
    groups: Int[np.ndarray, " n_samples"] | None = None,
) -> tuple[Float[np.ndarray, " n_k"], Float[np.ndarray, " n_k"]]:
    """Chance level and ceiling of the overlap with labels.

    With n_c samples in a class, a random neighbour shares the label of a sample in (n_c - 1) / (N - 1) of the cases:
    over all samples sum_c n_c (n_c - 1) / (N (N - 1)). No more than n_c - 1 of k neighbours can.

    Args:
        codes: The class of every sample.
        ks: Numbers of neighbours.
        queries: Samples to average over; all by default.
        groups: Samples of one group are not neighbours of each other: only others count.

    Returns:
        Chance and ceiling, for every k.

    Example:
        >>> chance, ceiling = label_bounds(np.array([0, 0, 1, 1, 1]), (1, 2))
        >>> chance.tolist(), ceiling.tolist()
        ([0.4, 0.4], [1.0, 0.8])
    """
    own = np.arange(len(codes)) if queries is None else queries
    groups = np.arange(len(codes)) if groups is None else groups
    both = np.unique(np.stack([codes, groups]), axis=1, return_inverse=True, return_counts=True)[1:]
    alike = _sizes(codes)[own] - both[1][np.ravel(both[0])][own]
    others = len(codes) - _sizes(groups)[own]
    if (others == 0).any():
        raise ValueError("expected every sample to have others outside its group, but one group holds all of them")
    chance = np.full(len(ks), (alike / others).mean())
    return chance, np.array([(np.minimum(k, alike) / k).mean() for k in ks])


def _sizes(codes: np.ndarray) -> np.ndarray:
    """Size of the class of every sample."""
    _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return counts[inverse]


def _standard_error(shares: Float[np.ndarray, "*lead n_rows n_k"]) -> Float[np.ndarray, "*lead n_k"]:
    return shares.std(axis=-2, ddof=1) / np.sqrt(shares.shape[-2])


def _shares(
    x: Any,
    codes: np.ndarray,
    ks: tuple[int, ...],
    queries: np.ndarray,
    *,
    metric: Metric,
    ties: str,
    precision: Any,
) -> tuple[Float[np.ndarray, "n_queries n_k"], Float[np.ndarray, " n_k"]]:
    """Fraction of the neighbours of every row that share its label, and of tied rows."""
    at, shares, tied = np.asarray(ks), np.empty((len(queries), len(ks))), np.zeros(len(ks))

    def visit(places: np.ndarray, columns: np.ndarray, scores: np.ndarray, row_scores: Any) -> None:
        nonlocal tied
        same = codes[columns] == codes[queries[places]][:, None]
        shares[places] = np.cumsum(same, axis=1)[:, at - 1] / at
        flags = scores[:, at - 1] == scores[:, at]
        tied = tied + flags.sum(axis=0)
        for row in np.flatnonzero(flags.any(axis=1)) if ties == "expected" else ():
            own, alike = row_scores(int(row)), codes == codes[queries[places[row]]]
            for place in np.flatnonzero(flags[row]):
                last = scores[row, ks[place] - 1]
                inside, group = own < last, own == last
                left = ks[place] - np.count_nonzero(inside)
                shares[places[row], place] = (alike[inside].sum() + left * alike[group].mean()) / ks[place]

    visit_neighbours(x, ks[-1], queries, visit, metric=metric, precision=precision)
    return shares, tied / len(queries)
