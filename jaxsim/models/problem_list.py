"""A list of problems in a message: ten of them a line each, then how many more there are."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 10


def listed(problems: Sequence[str]) -> str:
    """Returns lines with the first ten problems, and the number of the others.

    Example:
        >>> print(listed([f"number {i}" for i in range(12)][:11]))
          number 0
          number 1
          number 2
          number 3
          number 4
          number 5
          number 6
          number 7
          number 8
          number 9
          and 1 more
    """
    lines = [problem if len(problem) <= 400 else problem[:397] + "..." for problem in problems[:MOST]]
    if len(problems) > MOST:
        lines.append(f"and {len(problems) - MOST} more")
    return "\n".join(f"  {line}" for line in lines)
