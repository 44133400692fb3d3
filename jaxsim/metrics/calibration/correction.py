"""Several comparisons at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import false_discovery_control

METHODS = ("holm", "benjamini-hochberg")


def corrected_p_values(p_values: Any, method: str = "holm") -> Float[np.ndarray, "..."]:
    """p-values adjusted for the number of them.

    Holm keeps the chance of any false rejection below the level, whatever the dependence of the tests.
    Benjamini-Hochberg keeps the expected share of false ones among the rejections below it, for independent or
    positively dependent tests.

    Args:
        p_values: Array of any shape; NaN (a test that is not defined) stays NaN and does not count.
        method: "holm" or "benjamini-hochberg".

    Returns:
        Adjusted p-values of the same shape, to be compared with the level itself.

    Raises:
        ValueError: For another method, or values outside 0..1.

    Source:
        Holm, Scandinavian Journal of Statistics 1979; Benjamini & Hochberg, JRSS B 1995 (`scipy.stats`).

    Example:
        >>> corrected_p_values([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]
        >>> corrected_p_values([0.01, 0.04, 0.03], "benjamini-hochberg").round(3).tolist()
        [0.03, 0.04, 0.04]
    """
    if method not in METHODS:
        raise ValueError(f"expected a method of correction among {', '.join(METHODS)}, got {method!r}")
    given = np.asarray(p_values, np.float64)
    defined = np.isfinite(given)
    p = given[defined]
    if np.any((p < 0) | (p > 1)) or np.isinf(given).any():
        raise ValueError(f"expected p-values between 0 and 1, got {given[(given < 0) | (given > 1)][0]}")
    adjusted = np.full(given.shape, np.nan)
    if p.size == 0:
        return adjusted
    if method == "benjamini-hochberg":
        adjusted[defined] = false_discovery_control(p, method="bh")
        return adjusted
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    holm = np.empty(p.size)
    holm[order] = np.minimum(steps, 1)
    adjusted[defined] = holm
    return adjusted
