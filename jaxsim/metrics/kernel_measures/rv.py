"""RV coefficient: a correlation of configurations of samples."""

from typing import Any

from ..declaration import Measure
from ..pair import pair_value
from .cka import CKA_BIASED

RV = Measure(
    name="rv",
    title="RV coefficient",
    symbol="RV",
    source="Robert & Escoufier 1976",
    orientation="similarity",
    symmetric=True,
    uses_k=False,
    lowest=CKA_BIASED.lowest,
    highest=CKA_BIASED.highest,
    equal=CKA_BIASED.equal,
    independent=CKA_BIASED.independent,
    invariances=CKA_BIASED.invariances,
    needs=CKA_BIASED.needs,
    formula=CKA_BIASED.formula,
)


def rv(x: Any, y: Any, *, metric: str = "euclidean", precision: str = "highest") -> Any:
    """RV coefficient of two representations, `tr(X^T Y Y^T X) / sqrt(tr((X^T X)^2) tr((Y^T Y)^2))` of centred features.

    The same number as biased linear CKA, under the name by which statistics knows it.

    Args:
        x: `[n_samples, n_features_x]`.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        metric: `euclidean`, or `cosine` or `correlation` for rows of length one.
        precision: `float64`, `highest`, `high` or `fast`.

    Returns:
        From 0 to 1. Close to 1 for any two representations with many more features than samples: `cka` is debiased.

    Raises:
        ValueError: As for `pair_value`.

    Source:
        Robert & Escoufier, Applied Statistics 1976.

    Example:
        >>> import numpy as np
        >>> x = np.arange(5.0)[:, None]
        >>> y = np.array([0.0, 1.0, 4.0, 9.0, 16.0])[:, None]
        >>> bool(abs(rv(x, y) - np.corrcoef(x.T, y.T)[0, 1] ** 2) < 1e-12)  # of one feature each
        True
    """
    return pair_value(RV, x, y, metric=metric, precision=precision)
