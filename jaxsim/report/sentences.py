"""Plain sentences that state what the numbers of a figure say, and no more.

Rules they keep: two values count as different only when they are more than two errors apart, or, where the study has
the interval of their difference, when that excludes 0; every sentence says which error it means; the error of a mean
over cells is bounded by the mean of the cells' errors, since all cells share the same images; an extreme among many
cells is named as such; steps that are the same for all images count nowhere; nothing is explained.
"""

import math
from collections.abc import Sequence


def number(value: float) -> str:
    """A value of the imbalance with three decimals, or two significant digits when it is smaller.

    Example:
        >>> number(0.41234), number(0.00042), number(float("nan"))
        ('0.412', '0.00042', 'undefined')
    """
    if not math.isfinite(value):
        return "undefined"
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def percent(share: float) -> str:
    """A share in whole percent.

    Example:
        >>> percent(0.95) == "95\u00a0%"
        True
    """
    return f"{100 * share:.0f}\u00a0%"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """`1 step`, `3 steps`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
