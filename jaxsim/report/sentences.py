"""Plain sentences that state what the numbers of a figure say, and no more.

Rules they keep: two values count as different only when they are more than two errors apart, or, where the study has
the interval of their difference, when that excludes 0; every sentence says which error it means; the error of a mean
over cells is bounded by the mean of the cells' errors, since all cells share the same samples; an extreme among many
cells is named as such; steps that are the same for all samples count nowhere; nothing is explained.
"""

from collections.abc import Sequence


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
