"""CKNNA: kernel alignment over the neighbours that two layers agree on (centred kernel nearest-neighbour alignment).

Paper and code of its authors differ. Their code masks both kernels with the neighbours in common and takes the unbiased
HSIC of what is left; as most published values come from there, that is `cknna`. The formula of the paper, a sum over
neighbours in common of the products of kernels whose rows are centred, is `cknna_paper`. Their code also offers the
biased HSIC, with every sample as its own nearest neighbour: `cknna_biased`, far above 0 for independent layers.
"""

from typing import Any

import numpy as np

from ..declaration import Invariance, Measure, constant
from ..pair import pair_value
from ..statistics import Neighbours, NeighbourSimilarities, Statistics
from .overlap import TOLERANCE, check_all_rows, overlap_of

_LISTS, _SIMILARITIES = Neighbours("cosine"), NeighbourSimilarities("cosine")
_INVARIANCES: frozenset[Invariance] = frozenset({"sample permutation", "rotation", "scale"})
_SOURCE = "Huh et al., ICML 2024"


def _of_code(statistics: Statistics) -> Any:
    """Unbiased HSIC (Song et al. 2012, eq. 5) of the masked kernels, whose diagonal is 0."""
    lists, found, n = statistics[_LISTS], statistics[_SIMILARITIES], statistics.n_samples
    check_all_rows(statistics, lists, "cknna")
    sums = overlap_of(lists.columns).masked_sums(lists.columns, found.own, statistics.ks, returning=True)
    products, of_a, of_b, entries = sums
    return _normalised((products + of_a * of_b / ((n - 1) * (n - 2)) - 2 * entries / (n - 2)) / (n * (n - 3)))


def _of_paper(statistics: Statistics) -> Any:
    lists, found = statistics[_LISTS], statistics[_SIMILARITIES]
    check_all_rows(statistics, lists, "cknna_paper")
    centred = found.own - found.row_means[..., None]
    return _normalised(overlap_of(lists.columns).masked_sums(lists.columns, centred, statistics.ks, returning=False)[0])


def _biased(statistics: Statistics) -> Any:
    """`tr(A H B H)` of the masked kernels, whose diagonal is 1: every sample is its own first neighbour."""
    lists, found, n = statistics[_LISTS], statistics[_SIMILARITIES], statistics.n_samples
    check_all_rows(statistics, lists, "cknna_biased")
    others = [k - 1 for k in statistics.ks]
    products, of_a, of_b, entries = overlap_of(lists.columns).masked_sums(
        lists.columns, found.own, others, returning=True
    )
    entries = entries + of_a + of_b + n
    return _normalised(products + n - (entries + entries.swapaxes(1, 2)) / n + (of_a + n) * (of_b + n) / n**2)


def _normalised(sums: Any) -> Any:
    """Entries `[a, b]` by the root of `[a, a]` times `[b, b]`; NaN where that is no positive number."""
    xp = sums.__array_namespace__()
    own = xp.stack([sums[:, place, place] for place in range(sums.shape[1])], axis=1)
    scales = own[:, :, None] * own[:, None, :]
    valid = scales > 0
    return xp.where(valid, sums / xp.sqrt(xp.where(valid, scales, 1.0)), np.nan)


CKNNA = Measure(
    name="cknna",
    title="CKNNA",
    source=f"{_SOURCE}, by the authors' code",
    orientation="similarity",
    # One term of the unbiased HSIC depends on the order, as masked kernels are not symmetric.
    symmetric=False,
    uses_k=True,
    lowest=None,
    highest=None,
    equal=constant(1.0),
    independent=None,
    invariances=_INVARIANCES,
    needs=frozenset({_LISTS, _SIMILARITIES}),
    formula=_of_code,
    least_samples=4,
    all_rows=True,
    tolerance=TOLERANCE,
)
"""Alignment of kernels masked with the neighbours in common, by unbiased HSIC."""

CKNNA_PAPER = Measure(
    name="cknna_paper",
    title="CKNNA, formula of the paper",
    source=f"{_SOURCE}, by the formula of the paper",
    orientation="similarity",
    symmetric=True,
    uses_k=True,
    lowest=constant(-1.0),
    highest=constant(1.0),
    equal=constant(1.0),
    independent=None,
    invariances=_INVARIANCES,
    needs=frozenset({_LISTS, _SIMILARITIES}),
    formula=_of_paper,
    all_rows=True,
    tolerance=TOLERANCE,
)
"""Alignment of kernels with centred rows over the neighbours in common."""

CKNNA_BIASED = Measure(
    name="cknna_biased",
    title="biased CKNNA",
    source=f"{_SOURCE}, by the authors' code",
    orientation="similarity",
    symmetric=True,
    uses_k=True,
    lowest=None,
    highest=None,
    equal=constant(1.0),
    independent=None,
    invariances=_INVARIANCES,
    needs=frozenset({_LISTS, _SIMILARITIES}),
    formula=_biased,
    all_rows=True,
    tolerance=TOLERANCE,
)
"""Alignment of kernels masked with the neighbours in common, by biased HSIC, every sample its own neighbour."""


def cknna(x: Any, y: Any, *, k: Any = 1, precision: str = "highest") -> Any:
    """Alignment of two kernels over the neighbours in common, as the code of its authors has it.

    Rows are brought to length one, and neighbours taken by cosine, self left out. Both kernels are set to 0 where a
    sample is not among the k nearest of another by both, and compared by the unbiased HSIC of Song et al.; so is each
    kernel with itself over its own neighbours, by whose root the value is divided. No epsilon is added there.

    Args:
        x: `[n_samples, n_features_x]`, no row zero.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, or several as a tuple.
        precision: Of dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        1 for equal representations; one for each k if `k` is a tuple. Swapping x and y changes it a little, as a sample
        need not be a neighbour of its neighbours. Pure under `jax.jit` and `jax.vmap`. NaN where the HSIC of one with
        itself is not positive, which takes k near the number of samples.

    Raises:
        ValueError: For different sample counts, fewer than 4 or k + 2 samples, NaN, infinity, or a row of zeros.

    Source:
        Huh, Cheung, Wang, Isola, "The Platonic representation hypothesis", ICML 2024, by the authors' code.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> round(float(cknna(x, 3 * x, k=10)), 9)
        1.0
    """
    return pair_value(CKNNA, x, y, k=k, precision=precision)


def cknna_paper(x: Any, y: Any, *, k: Any = 1, precision: str = "highest") -> Any:
    """Alignment of two kernels over the neighbours in common, by the formula of the paper.

    The sum of `(K_ij - mean_l K_il) (L_ij - mean_l L_il)` over samples j among the k nearest of i by both, divided by
    the root of the same of each kernel with itself; K and L are cosine similarities.

    Args:
        x: `[n_samples, n_features_x]`, no row zero.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, or several as a tuple.
        precision: Of dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        From -1 to 1, 1 for equal representations; one for each k if `k` is a tuple. Pure under `jax.jit` and
        `jax.vmap`.

    Raises:
        ValueError: As for `cknna`.

    Source:
        Huh, Cheung, Wang, Isola, "The Platonic representation hypothesis", ICML 2024.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> round(float(cknna_paper(x, 3 * x, k=10)), 9)
        1.0
    """
    return pair_value(CKNNA_PAPER, x, y, k=k, precision=precision)


def cknna_biased(x: Any, y: Any, *, k: Any = 1, precision: str = "highest") -> Any:
    """Alignment of two kernels over the neighbours in common, by biased HSIC, every sample its own nearest neighbour.

    The diagonal, which says nothing, counts with the rest: values are far above 0 for independent representations, and
    all of them 1 for `k=1`. Use `cknna`, unless it is published values that you compare with.

    Args:
        x: `[n_samples, n_features_x]`, no row zero.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        k: Number of neighbours, the sample itself among them, or several as a tuple.
        precision: Of dot products: `float64`, `highest`, `high` or `fast`.

    Returns:
        1 for equal representations; one for each k if `k` is a tuple. Pure under `jax.jit` and `jax.vmap`.

    Raises:
        ValueError: For different sample counts, fewer than k + 2 samples, NaN, infinity, or a row of zeros.

    Source:
        Huh, Cheung, Wang, Isola, "The Platonic representation hypothesis", ICML 2024, by the authors' code
        (`cknna(unbiased=False)`).

    Example:
        >>> x, y = np.random.default_rng(0).normal(size=(2, 100, 5))
        >>> bool(cknna_biased(x, y, k=10) > 0.2)
        True
    """
    return pair_value(CKNNA_BIASED, x, y, k=k, precision=precision)
