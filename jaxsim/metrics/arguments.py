"""Numbers, flags and callables among the arguments: what is taken for one, and what is said of anything else."""

import operator
from typing import Any

import numpy as np


def check_count(name: str, value: Any, least: int, what: str = "") -> int:
    """An integer, Python's or NumPy's; True and False are none.

    Args:
        name: Of the argument.
        value: What came.
        least: The smallest that is possible.
        what: What to do instead, for the message.

    Raises:
        ValueError: If it is not an integer or too small.

    Example:
        >>> check_count("seed", np.int64(3), 0)
        3
        >>> check_count("seed", 1.5, 0)
        Traceback (most recent call last):
        ...
        ValueError: expected seed to be an integer of at least 0, got 1.5
    """
    count = None
    if not isinstance(value, (bool, np.bool_)):
        try:
            count = operator.index(value)
        except TypeError:
            count = None
    if count is None or count < least:
        raise ValueError(f"expected {name} to be an integer of at least {least}, got {value!r}" + what)
    return count


def check_flag(name: str, value: Any) -> bool:
    """True or False, Python's or NumPy's; nothing else is taken for one.

    Raises:
        ValueError: For anything else, such as the text "no", which Python takes for true.

    Example:
        >>> check_flag("strict", np.True_)
        True
    """
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"expected {name} to be True or False, got {value!r}")
    return bool(value)


def check_progress(progress: Any) -> None:
    """Refuses what cannot be called.

    Raises:
        ValueError: If it is neither None nor callable.

    Example:
        >>> check_progress(print)
    """
    if progress is not None and not callable(progress):
        raise ValueError(f"expected progress to be called as progress(done, total, what), got {progress!r}")
