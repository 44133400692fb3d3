"""Eigenspace overlap: how much of two representations' spans is shared."""

from typing import Any

from ..declaration import Case, Measure, constant
from ..pair import pair_value
from ..statistics import FactorPairs, Factors, Statistics


def _shared(a: Factors, b: Factors, products: Any) -> Any:
    return (products**2).sum() / max(a.right.shape[1], b.right.shape[1])


_NEED = FactorPairs("shared_span", _shared, centred=False)


def _formula(statistics: Statistics) -> Any:
    return statistics[_NEED]


def _most(case: Case) -> float:
    return min(case.n_samples, *case.widths) / max(case.widths)


EIGENSPACE_OVERLAP = Measure(
    name="eigenspace_overlap",
    title="eigenspace overlap",
    source="May et al. 2019",
    orientation="similarity",
    symmetric=True,
    uses_k=False,
    lowest=constant(0.0),
    highest=_most,
    equal=_most,
    independent=None,
    invariances=frozenset({"sample permutation", "rotation", "scale", "invertible linear map"}),
    needs=frozenset({_NEED}),
    formula=_formula,
)


def eigenspace_overlap(x: Any, y: Any) -> Any:
    """`|U_x^T U_y|_F^2 / max(width)` of the left singular vectors of features as they are, up to their rank.

    Features are not centred, so that the mean of a representation is one of its directions.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.

    Returns:
        From 0 to 1 for representations of as many independent features as they have; less where samples are fewer.

    Raises:
        ValueError: As for `procrustes`.

    Source:
        May et al., On the downstream performance of compressed word embeddings, NeurIPS 2019.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(50, 4))
        >>> round(float(eigenspace_overlap(x, x[:, :1])), 9)
        0.25
    """
    return pair_value(EIGENSPACE_OVERLAP, x, y)
