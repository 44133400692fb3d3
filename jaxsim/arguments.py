"""What is taken for a number, a flag, a choice or a callable among the arguments, and what is said of anything else.

Functions, settings and command line check by these, so that all accept the same and say the same.
"""

import operator
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxsim import alone as _alone  # noqa: F401  (every room imports this module, whatever `import jaxsim` gave)

#: Called as `progress(done, total, what)`.
Progress = Callable[[int, int, str], None]

#: Beyond it neither arrays nor files hold an integer.
MOST = 2**63 - 1
MOST_EDGE = 8192
"""Longest edge of what models and statistics see: one such image takes 0.8 GB."""
_LONGEST = 80
# A scheme of one letter is a drive; a path keeps one slash of two.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")


def shown(value: Any) -> str:
    """A value as a message shows it: on one line, cut where it is long.

    Example:
        >>> shown("a" * 100)[-5:], shown(10**5000)
        ('aa...', 'an integer of thousands of digits')
    """
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python does not print them
        return "an integer of thousands of digits"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def as_count(value: Any) -> int | None:
    """A Python integer from Python's or NumPy's (an array of no dimensions, too); None for anything else, and for True.

    Example:
        >>> as_count(np.int64(3)), as_count(np.array(3)), as_count(True), as_count(3.0)
        (3, 3, None, None)
    """
    if isinstance(value, bool | np.bool_) or getattr(getattr(value, "dtype", None), "kind", "") == "b":
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def check_count(name: str, value: Any, least: int, what: str = "", *, most: int = MOST) -> int:
    """An integer, Python's or NumPy's; True and False are none.

    Args:
        name: Of the argument.
        value: What came.
        least: The smallest that is possible.
        what: What to do instead, for the message.
        most: The largest that is possible.

    Raises:
        ValueError: If it is not an integer, too small or too large.

    Example:
        >>> check_count("seed", np.int64(3), 0)
        3
        >>> check_count("seed", 1.5, 0)
        Traceback (most recent call last):
        ...
        ValueError: expected seed to be an integer of at least 0, got 1.5
    """
    count = as_count(value)
    if count is None or count < least:
        raise ValueError(f"expected {name} to be an integer of at least {least}, got {shown(value)}{what}")
    if count > most:
        raise ValueError(f"expected {name} to be an integer of at most {most:,}, got {shown(value)}{what}")
    return count


def neighbour_counts(k: Any) -> tuple[int, ...]:
    """Numbers of neighbours: one, or several in a sequence, in the order given.

    Args:
        k: An integer, Python's or NumPy's; or a list, tuple, range or array of them.

    Raises:
        ValueError: If there is none, or one is below 1, not an integer or repeated.

    Example:
        >>> neighbour_counts(3), neighbour_counts([10, 1]), neighbour_counts(np.arange(1, 3))
        ((3,), (10, 1), (1, 2))
        >>> neighbour_counts(0)
        Traceback (most recent call last):
        ...
        ValueError: expected every k to be an integer of at least 1, got 0; k=1 is the nearest neighbour alone
    """
    several = isinstance(k, tuple | list | range) or getattr(k, "ndim", 0) == 1
    given = list(k) if several else [k]
    ks = []
    for each in given:
        count = as_count(each)
        if count is None or not 1 <= count <= MOST:
            raise ValueError(
                f"expected every k to be an integer of at least 1, got {shown(each)}; k=1 is the nearest neighbour "
                "alone"
            )
        ks.append(count)
    if not ks or len(set(ks)) != len(ks):
        raise ValueError(f"expected at least one k and each once, got {shown(ks)}")
    return tuple(ks)


def check_choice(name: str, value: Any, choices: Sequence[str]) -> Any:
    """One of some texts.

    Raises:
        ValueError: For anything else; names the choices.

    Example:
        >>> check_choice("ties", "first", ("index", "expected"))
        Traceback (most recent call last):
        ...
        ValueError: expected ties to be one of index, expected, got 'first'
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"expected {name} to be one of {', '.join(choices)}, got {shown(value)}")
    return value


def is_flag(value: Any) -> bool:
    """Whether it is True or False, Python's or NumPy's.

    Example:
        >>> is_flag(np.True_), is_flag(1)
        (True, False)
    """
    return isinstance(value, (bool, np.bool_))


def check_flag(name: str, value: Any) -> bool:
    """True or False, Python's or NumPy's; nothing else is taken for one.

    Raises:
        ValueError: For anything else, such as the text "no", which Python takes for true.

    Example:
        >>> check_flag("strict", np.True_)
        True
    """
    if not is_flag(value):
        raise ValueError(f"expected {name} to be True or False, got {shown(value)}")
    return bool(value)


def check_progress(progress: Any) -> None:
    """Refuses what cannot be called.

    Raises:
        ValueError: If it is neither None nor callable.

    Example:
        >>> check_progress(print)
    """
    if progress is not None and not callable(progress):
        raise ValueError(f"expected progress to be called as progress(done, total, what), got {shown(progress)}")


def url_in(value: str | os.PathLike[str]) -> str:
    """The URL that a text or a path stands for, with both slashes, of which `pathlib.Path` keeps one; "" for a path.

    Example:
        >>> url_in(Path("s3://bucket/runs")), url_in("s3://bucket/runs"), url_in("runs/a"), url_in("C:/runs")
        ('s3://bucket/runs', 's3://bucket/runs', '', '')
    """
    text = os.fsdecode(value)
    scheme = _URL.match(text)
    return "" if scheme is None else f"{scheme.group(1)}://{text[scheme.end() :]}"


def check_on_disk(name: str, value: str | os.PathLike[str]) -> Path:
    """The path of a file, with the home directory in place of "~"; the file need not exist.

    Args:
        name: What the file is.
        value: A text or path.

    Raises:
        ValueError: If it is a URL.

    Example:
        >>> check_on_disk("labels", "labels.csv").name
        'labels.csv'
        >>> check_on_disk("labels", Path("s3://bucket/labels.csv"))
        Traceback (most recent call last):
        ...
        ValueError: expected labels in a file on a disk, got 's3://bucket/labels.csv'; copy it here first
    """
    if url := url_in(value):
        raise ValueError(f"expected {name} in a file on a disk, got {shown(url)}; copy it here first")
    return Path(value).expanduser()


def check_folder_path(name: str, value: Any) -> Path:
    """The path of a folder, with the home directory in place of "~".

    Args:
        name: Of the argument.
        value: A text or path; the folder need not exist.

    Raises:
        ValueError: If it is something else, empty, a URL, or holds a NUL.

    Example:
        >>> check_folder_path("out", "runs/a").as_posix()
        'runs/a'
        >>> check_folder_path("out", "")
        Traceback (most recent call last):
        ...
        ValueError: expected out as the path of a folder, got ''; write "." for the current folder
    """
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f"expected {name} as the path of a folder, got {shown(value)}")
    text = os.fsdecode(value)
    if not text.strip() or "\0" in text:
        raise ValueError(
            f'expected {name} as the path of a folder, got {shown(text)}; write "." for the current folder'
        )
    if url := url_in(text):
        raise ValueError(
            f"expected {name} as the path of a folder on a disk, got {shown(url)}; a bucket holds features alone: "
            "gs:// and s3:// are for out of jaxsim.features.extract and for open_features"
        )
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # an unknown user after "~"
        raise ValueError(f"expected {name} as the path of a folder, got {shown(text)}: {error}") from error


def check_image_size(image_size: Any) -> tuple[int, int] | None:
    """Height and width from an edge or a pair; None stays.

    Raises:
        ValueError: If it is neither, or an edge is out of range.

    Example:
        >>> check_image_size(96), check_image_size((64, 96))
        ((96, 96), (64, 96))
    """
    if image_size is None:
        return None
    edge = as_count(image_size)
    pair = isinstance(image_size, Iterable) and not isinstance(image_size, (str, bytes))
    sizes = [edge] if edge is not None else [as_count(each) for each in image_size] if pair else []
    found = [size for size in sizes if size is not None and 1 <= size <= MOST_EDGE]
    if len(sizes) not in (1, 2) or len(found) != len(sizes):
        raise ValueError(
            f"expected image_size as an edge or (height, width) of 1 to {MOST_EDGE} pixels, got {shown(image_size)}"
        )
    return found[0], found[-1]


def whole_number(text: str) -> int | None:
    """The number that a text of digits stands for; None for any other text, and for one above 2^63 - 1.

    Example:
        >>> whole_number("050"), whole_number("-1"), whole_number("1.0"), whole_number("9" * 5000)
        (50, None, None, None)
    """
    if not text.isdecimal() or len(text.lstrip("0")) > len(str(MOST)):
        return None
    number = int(text.lstrip("0") or "0")
    return number if number <= MOST else None
