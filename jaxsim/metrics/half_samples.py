"""Standard errors at the size of the whole sample: balanced half-samples.

The samples are dealt into 16 groups, and the groups into two halves, several times over, by rows of a Hadamard matrix.
Two halves share no sample, and their difference says how far a statistic T moves with the samples: T of a half varies
twice as much as T of the whole, so `(T_first - T_second)^2 / 4` estimates the variance of T at N. Nothing is drawn with
replacement, which neighbours do not survive, and nothing is extrapolated from small subsets, which are about another N.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import hadamard
from scipy.stats import t as student

N_GROUPS = 16
DEFAULT_SPLITS = 8
MOST_SPLITS = N_GROUPS - 1
LEAST_SHARE = 0.4
"""Of the samples in the smaller half: the two of very unequal halves differ by their sizes, too."""
# Values of equal representations that differ by no more are one number.
_SAME = 1e-12


def balanced_halves(
    n_samples: int, n_splits: int = DEFAULT_SPLITS, *, seed: int = 0, groups: Any = None
) -> Bool[np.ndarray, "n_splits n_samples"]:
    """Splits of the samples into two halves each, as in balanced repeated replication.

    Args:
        n_samples: Number of samples N.
        n_splits: Number of splits, 1 to 15. Any two of them have a quarter of the samples in each of their four
            intersections.
        seed: Of the draw of the 16 groups.
        groups: Group of every sample, integers or text `[n_samples]`: samples of one group stay in one half. There
            must be at least 16, none so large that a half would hold less than 40 % of the samples.

    Returns:
        Which half every sample is in.

    Raises:
        ValueError: For fewer than 32 samples, fewer than 16 groups or too large ones, or a number of splits out of
            range.

    Source:
        McCarthy, Pseudo-replication: half samples, Review of the International Statistical Institute 1969.

    Example:
        >>> balanced_halves(160).sum(axis=1).tolist()
        [80, 80, 80, 80, 80, 80, 80, 80]
    """
    if isinstance(n_splits, bool) or not isinstance(n_splits, (int, np.integer)) or not 1 <= n_splits <= MOST_SPLITS:
        raise ValueError(f"expected n_splits to be an integer from 1 to {MOST_SPLITS}, got {n_splits!r}.")
    if n_samples < 2 * N_GROUPS:
        raise ValueError(
            f"expected at least {2 * N_GROUPS} samples for half-samples, got {n_samples}; use n_splits=0 (no errors "
            "from half-samples) or more samples."
        )
    generator = np.random.default_rng([seed, 3])
    if groups is None:
        strata = np.empty(n_samples, np.int64)
        strata[generator.permutation(n_samples)] = np.arange(n_samples) % N_GROUPS
    else:
        strata = _whole_groups(check_groups(groups, n_samples), generator)
    # The first row and column are all ones: they split nothing.
    sides = (hadamard(N_GROUPS)[1 : n_splits + 1] > 0)[:, strata]
    share = np.minimum(sides.mean(axis=1), 1 - sides.mean(axis=1)).min()
    if groups is not None and share < LEAST_SHARE:
        raise ValueError(
            f"expected groups that can be dealt into halves of similar size, but one half would hold {share:.0%} of "
            "the samples, since a few groups hold most of them; use n_splits=0 (no errors from half-samples) or finer "
            "groups."
        )
    return sides


def check_groups(groups: Any, n_samples: int) -> Int[np.ndarray, " n_samples"]:
    """Groups as numbers from 0.

    Raises:
        ValueError: If there is not one for every sample, or all samples are of one group.

    Example:
        >>> check_groups(["b", "a", "b"], 3).tolist()
        [1, 0, 1]
    """
    given = np.asarray(groups)
    if given.shape != (n_samples,):
        raise ValueError(
            f"expected groups with one entry for each of the {n_samples} samples, got shape {given.shape}."
        )
    if given.dtype.kind not in "iuUSOb" or (given.dtype.kind == "O" and not all(isinstance(g, str) for g in given)):
        raise ValueError(f"expected groups as integers or text, got dtype {given.dtype}.")
    numbers = np.unique(given, return_inverse=True)[1].reshape(-1)
    if n_samples > 1 and numbers.max() == 0:
        raise ValueError("expected at least two groups, got one that holds every sample: nobody would be left to rank.")
    return numbers.astype(np.int64)


def half_sample_error(
    first: Float[np.ndarray, " n_splits *shape"], second: Float[np.ndarray, " n_splits *shape"]
) -> Float[np.ndarray, "*shape"]:
    """Standard error of a statistic of all samples from its values in the halves of every split.

    Args:
        first: Values in the first half of every split.
        second: Values in the second half.

    Returns:
        `sqrt(mean over splits of (first - second)^2 / 4)`; NaN where a value is.

    Example:
        >>> half_sample_error(np.array([1.0, 3.0]), np.array([2.0, 2.0])).item()
        0.5
    """
    return np.asarray(np.sqrt(np.mean((np.asarray(first) - np.asarray(second)) ** 2, axis=0) / 4))


def equal_in_halves(halves: Float[np.ndarray, " n_splits 2 *k layers layers"]) -> Float[np.ndarray, " n_splits 2 *k"]:
    """What a representation gives with itself within every half; NaN where that is not one number for all layers.

    Args:
        halves: The imbalance within halves.

    Example:
        >>> equal_in_halves(np.array([[[[0.1, 0.4], [0.5, 0.1]], [[0.2, 0.4], [0.5, 0.2]]]])).tolist()
        [[0.1, 0.2]]
    """
    itself = np.diagonal(halves, axis1=-2, axis2=-1)
    known = np.isfinite(itself)
    low = np.where(known, itself, np.inf).min(-1)
    high = np.where(known, itself, -np.inf).max(-1)
    return np.where(known.any(-1) & (high <= low + _SAME), low, np.nan)


def at_equal_sizes(
    halves: Float[np.ndarray, " n_splits 2 *shape"], equal: Float[np.ndarray, " n_splits 2 *k"]
) -> Float[np.ndarray, " n_splits 2 *shape"]:
    """The imbalance within halves as if both halves of a split held as many samples.

    Unless N is a multiple of 16, halves differ in size, and so does what equal representations give, (k + 1) / N: their
    difference would pass for a sampling error, of a layer with itself, too. What is between equal representations and
    independent ones, which give 1 whatever N is, is moved in proportion; halves of one size stay as they are.

    Args:
        halves: Within halves, `shape` beginning with k where `equal` has it.
        equal: From `equal_in_halves`; where it is NaN nothing is moved.

    Example:
        >>> halves = np.array([[[[0.1, 0.55], [0.55, 0.1]], [[0.2, 0.6], [0.6, 0.2]]]])
        >>> at_equal_sizes(halves, equal_in_halves(halves)).round(3).tolist()[0]
        [[[0.15, 0.575], [0.575, 0.15]], [[0.15, 0.575], [0.575, 0.15]]]
    """
    common = np.broadcast_to(equal.mean(axis=1, keepdims=True), equal.shape)
    differ = np.isfinite(common) & (equal < 1) & (equal != common)
    further = (...,) + (None,) * (halves.ndim - equal.ndim)
    at, to = np.where(differ, equal, 0.0)[further], np.where(differ, common, 0.0)[further]
    return np.where(differ[further], to + (1 - to) * (halves - at) / (1 - at), halves)


def error_between_layers(
    halves: Float[np.ndarray, " n_splits 2 *k layers layers"],
) -> Float[np.ndarray, "*k layers layers"]:
    """Standard error of a dissimilarity between layers from halves that may differ in size, see `at_equal_sizes`.

    Args:
        halves: Within halves; of layers that are independent about 1, or of equal ones the same whatever N is.

    Example:
        >>> halves = np.array([[[[0.1, 0.55], [0.55, 0.1]], [[0.2, 0.8], [0.6, 0.2]]]])
        >>> error_between_layers(halves).round(3).tolist()
        [[0.0, 0.106], [0.0, 0.0]]
    """
    alike = at_equal_sizes(halves, equal_in_halves(halves))
    return half_sample_error(alike[:, 0], alike[:, 1])


def half_sample_quantile(level: float, n_splits: int) -> float:
    """How many standard errors the interval at a level reaches to either side.

    Example:
        >>> round(half_sample_quantile(0.95, 8), 3)
        2.262
    """
    return float(student.ppf((1 + level) / 2, degrees_of_freedom(n_splits)))


def degrees_of_freedom(n_splits: int) -> int:
    """Degrees of freedom of the t distribution that intervals and tests from half-samples use, n_splits + 1.

    Chosen by how often intervals hold the truth on fresh sets of rendered images (`python -m benchmarks coverage`):
    with 8 splits and 9 degrees 0.95 to 0.96 of them, over all kinds of findings.

    Example:
        >>> degrees_of_freedom(8)
        9
    """
    return n_splits + 1


def _whole_groups(groups: Int[np.ndarray, " n_samples"], generator: np.random.Generator) -> np.ndarray:
    """Every group into the stratum that holds fewest samples so far, the largest group first."""
    sizes = np.bincount(groups)
    if len(sizes) < N_GROUPS:
        raise ValueError(
            f"expected at least {N_GROUPS} groups for half-samples, got {len(sizes)}; use n_splits=0 (no errors from "
            "half-samples) or finer groups."
        )
    order = generator.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    names = generator.permutation(N_GROUPS)
    filled, stratum = np.zeros(N_GROUPS, np.int64), np.empty(len(sizes), np.int64)
    for group in order:
        least = names[np.argmin(filled[names])]
        stratum[group] = least
        filled[least] += sizes[group]
    return stratum[groups]
