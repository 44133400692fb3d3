"""Which rows of several sets belong to one sample: told by ids, never by position."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from jaxsim.arguments import shown
from jaxsim.names import printable
from jaxsim.wording import counted

#: Where ids are looked for when it was not said where they are, in this order.
ID_KEYS = ("sample_ids", "sample_id", "ids", "id", "__key__")
#: Far more than fit in memory as texts; what claims more is damaged.
MOST_SAMPLES = 100_000_000


class SampleOrderWarning(UserWarning):
    """Sets whose samples were brought into one order by their ids, or cut to those that all of them have."""


@dataclass(frozen=True)
class Meeting:
    """The samples that several sets share.

    Attributes:
        ids: Of the samples, in the order of the first set.
        rows: Name of a set -> its rows for these samples, None where they are all of them in order.
        messages: What was put right, in sentences; empty if nothing was.
    """

    ids: tuple[str, ...]
    rows: dict[str, Int[np.ndarray, " n"] | None]
    messages: tuple[str, ...]


def numbered_ids(n: int) -> tuple[str, ...]:
    """Row numbers as ids, for a set that names no samples.

    Example:
        >>> numbered_ids(2)
        ('000000', '000001')
    """
    width = max(6, len(str(n - 1)))
    return tuple(f"{row:0{width}d}" for row in range(n))


def checked_ids(
    ids: Iterable[Any],
    n: int | None,
    where: str,
    cure: str = "give sample_ids=, or sample_ids=False to number the rows",
) -> tuple[str, ...]:
    """Ids as texts, one for each row, all different.

    Args:
        ids: Texts, integers or bytes of UTF-8, in the order of the rows.
        n: Number of rows; None where it is not known.
        where: Where they are from, for the message.
        cure: What to do where ids come twice.

    Raises:
        ValueError: If their number is another, or one is no text or integer, is empty, or comes twice.

    Example:
        >>> checked_ids([7, "cat", b"dog"], 3, "ids")
        ('7', 'cat', 'dog')
        >>> checked_ids(["cat", "cat"], 2, "the column 'id'")
        Traceback (most recent call last):
        ...
        ValueError: expected different ids in the column 'id', got 'cat' in rows 0 and 1; give sample_ids=, or \
sample_ids=False to number the rows
    """
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise ValueError(f"expected ids as a sequence with one for each row in {where}, got {shown(ids)}")
    values = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
    texts = tuple(_text(value, row, where) for row, value in enumerate(values))
    if n is not None and len(texts) != n:
        raise ValueError(f"expected {counted(n, 'id')} in {where}, one for each row, got {len(texts)}")
    rows: dict[str, int] = {}
    for row, text in enumerate(texts):
        if (earlier := rows.setdefault(text, row)) != row:
            raise ValueError(f"expected different ids in {where}, got {text!r} in rows {earlier} and {row}; {cure}")
    return texts


def meet(sets: Mapping[str, Sequence[str]], *, intersect: bool = False) -> Meeting:
    """Where several sets have the same samples.

    Args:
        sets: Name of a set -> ids of its rows, in order.
        intersect: Whether samples that a set lacks are left out of all; otherwise they are an error.

    Returns:
        The samples, in the order of the first set.

    Raises:
        ValueError: If the sets differ and `intersect` is False, or have no sample in common; names the first ids.

    Example:
        >>> found = meet({"text": ["cat", "dog"], "image": ["dog", "cat"]})
        >>> found.ids, found.rows["image"].tolist(), found.messages
        (('cat', 'dog'), [1, 0], ("the samples of 'image' are in another order than those of 'text': put right by id",))
        >>> meet({"text": ["cat", "dog"], "image": ["cat"]}, intersect=True).ids
        ('cat',)
    """
    first, reference = next(iter(sets.items()))
    ids = tuple(reference)
    members = {name: set(each) for name, each in sets.items()}
    shared = set.intersection(*members.values())
    if any(len(each) != len(shared) for each in members.values()):
        if not intersect or not shared:
            raise ValueError(_difference(sets, members, shared))
        ids = tuple(each for each in ids if each in shared)
    messages = []
    if len(ids) < max(map(len, sets.values())):
        counts = ", ".join(f"{len(each)} in {name!r}" for name, each in sets.items())
        messages.append(f"{counted(len(ids), 'sample')} that all sets have were kept ({counts})")
    found: dict[str, np.ndarray | None] = {}
    for name, own in sets.items():
        if tuple(own) == ids:
            found[name] = None
            continue
        place = {each: row for row, each in enumerate(own)}
        rows = found[name] = np.array([place[each] for each in ids], np.int64)
        if (np.diff(rows) < 0).any():
            messages.append(f"the samples of {name!r} are in another order than those of {first!r}: put right by id")
    return Meeting(ids, found, tuple(messages))


def _difference(sets: Mapping[str, Sequence[str]], members: Mapping[str, set[str]], shared: set[str]) -> str:
    """Where sets differ, in a sentence."""
    (first, reference), *others = sets.items()
    said = []
    for name, own in others:
        lacking = next((each for each in reference if each not in members[name]), None)
        further = next((each for each in own if each not in members[first]), None)
        if lacking is not None or further is not None:
            parts = [f"{lacking!r} is only in {first!r}"] if lacking is not None else []
            parts += [f"{further!r} is only in {name!r}"] if further is not None else []
            said = [" and ".join(parts), f"{counted(len(own), 'sample')} in {name!r}, {len(reference)} in {first!r}"]
            break
    cure = (
        f"intersect=True (--intersect) measures the {counted(len(shared), 'sample')} that all have"
        if shared
        else "no sample is in all of them: give the same ids to the same samples, sample_ids="
    )
    return f"expected the same samples for all, but {said[0]} ({said[1]}); {cure}"


def _text(value: Any, row: int, where: str) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"expected ids as texts or integers in {where}, got {shown(value)} in row {row}")
    text = printable(str(value))
    if not text:
        raise ValueError(f"expected ids that are not empty in {where}, got an empty one in row {row}")
    return text
