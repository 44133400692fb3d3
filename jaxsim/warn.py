"""Warnings that point to the line of the user, however deep below it they are raised."""

import sys
import warnings
from types import FrameType

#: Packages whose frames lie between a warning and who called for it: this one, and what checks or wraps its functions.
BETWEEN = frozenset({"jaxsim", "jaxsim_kernels", "jaxtyping", "beartype", "functools", "contextlib"})


def warn(message: Warning | str, category: type[Warning] | None = None) -> None:
    """Warns of something at the line outside of jaxsim that led to it.

    What `skip_file_prefixes` does from Python 3.12 on. Where there is no such line, as in a thread that jaxsim has
    started, it is one of the program that started it.

    Args:
        message: What to say, or the warning itself.
        category: Its class; `UserWarning` by default.

    Example:
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn("odd")
        >>> str(caught[0].message), caught[0].category.__name__
        ('odd', 'UserWarning')
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_between(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_between(frame: FrameType) -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] in BETWEEN or frame.f_code.co_filename.startswith("<@beartype")
