"""Which calls become steps: those a user names, or the model's outermost repeated blocks."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from jaxsim.models.capture.calls import OUTPUT, Call

_CONTAINERS = ("Sequential", "ModuleList", "List")
_PASSING = ("Dropout", "DropPath", "Identity", "StochasticDepth")
_LISTED = 12

Chosen = list[tuple[Call, str]]


def choose(calls: Sequence[Call], include: Any, exclude: Any, eligible: Sequence[bool]) -> Chosen:
    """Returns the calls that become steps, each with the kind of the step, in the order in which they return.

    Args:
        calls: Every call.
        include: Patterns, see `capture`; None for the default.
        exclude: Patterns of calls to leave out.
        eligible: For each call, whether its state can be a step; the default takes no other.

    Raises:
        ValueError: A pattern that matches nothing (the names there are, nearest first), or nothing left.
    """
    if include is None:
        chosen = default_calls(calls, eligible)
    else:
        named = _matching(calls, include, "include")
        chosen = [(call, _kind(call)) for index, call in enumerate(calls) if index in named]
    if exclude is not None:
        left_out = _matching(calls, exclude, "exclude")
        names = {calls[index].name for index in left_out}
        chosen = [(call, kind) for call, kind in chosen if call.name not in names]
    if not chosen:
        raise ValueError(f"no step is left: choose some with include=. {_available(calls, '')}")
    return chosen


def default_calls(calls: Sequence[Call], eligible: Sequence[bool]) -> Chosen:
    """Returns the outermost repeated blocks, what enters the first of them, and the norm after the last.

    A block is a module with modules of its own whose class is called at least twice outside other repeated classes.
    `Sequential`, lists and classes called `...Stage` are looked into. Where nothing repeats, the model's outermost
    calls are the steps.
    """
    children: dict[int | None, list[int]] = {}
    for index, call in enumerate(calls):
        children.setdefault(call.parent, []).append(index)
    (root,) = children[None]
    blocks = _block_types(calls, children)

    def outermost(parent: int) -> list[int]:
        """Returns the calls beside and including the blocks; nothing inside a block, or inside what holds no block."""
        found = []
        for index in children.get(parent, []):
            if calls[index].module_type in blocks or not (_is_container(calls[index]) or holds_block(index)):
                found.append(index)
            else:
                found += outermost(index)
        return found

    def holds_block(parent: int) -> bool:
        return any(calls[i].module_type in blocks or holds_block(i) for i in children.get(parent, []))

    level = outermost(root)
    while not blocks and len(level) == 1 and level[0] in children:
        level = outermost(level[0])
    if not blocks:
        simple = [i for i in level if eligible[i] and not _passes_on(calls[i])] or [root]
        return [(calls[i], _kind(calls[i])) for i in simple]
    places = [place for place, index in enumerate(level) if calls[index].module_type in blocks]
    before = [i for i in level[: places[0]] if eligible[i]][-1:]
    after = [i for i in level[places[-1] + 1 :] if "norm" in calls[i].module_type.__name__.lower()][:1]
    chosen = [(calls[i], "stem") for i in before]
    chosen += [(calls[level[place]], "block") for place in places]
    return chosen + [(calls[i], "norm") for i in after if eligible[i]]


def _block_types(calls: Sequence[Call], children: dict[int | None, list[int]]) -> set[type]:
    composed = {index for index in children if index is not None and calls[index].name != OUTPUT}
    composed = {index for index in composed if not _is_container(calls[index])}
    times = Counter(calls[index].module_type for index in composed)
    repeated = {module_type for module_type, number in times.items() if number >= 2}

    def inside_repeated(index: int) -> bool:
        parent = calls[index].parent
        while parent is not None:
            if parent in composed and calls[parent].module_type in repeated:
                return True
            parent = calls[parent].parent
        return False

    outer = Counter(calls[index].module_type for index in composed if not inside_repeated(index))
    # Of a class that is mostly a part of other blocks, the few that stand alone are no blocks either.
    return {t for t in repeated if outer[t] >= 2 and 2 * outer[t] > times[t]}


def _is_container(call: Call) -> bool:
    name = call.module_type.__name__
    return name in _CONTAINERS or "Stage" in name


def _passes_on(call: Call) -> bool:
    return any(word in call.module_type.__name__ for word in _PASSING)


def _kind(call: Call) -> str:
    return "norm" if "norm" in call.module_type.__name__.lower() else "module"


def _matching(calls: Sequence[Call], patterns: Any, argument: str) -> set[int]:
    """Positions of the calls that any pattern matches; every pattern must match one."""
    if isinstance(patterns, str | type | re.Pattern):
        patterns = [patterns]
    if not isinstance(patterns, Iterable):
        raise ValueError(
            f"{argument}={patterns!r}: expected names, globs, compiled regular expressions or classes of modules"
        )
    matched: set[int] = set()
    for pattern in patterns:
        found = {index for index, call in enumerate(calls) if matches(call, pattern)}
        if not found:
            what = pattern.__name__ if isinstance(pattern, type) else getattr(pattern, "pattern", pattern)
            raise ValueError(f"{argument}: no module call matches {what!r}. {_available(calls, str(what))}")
        matched |= found
    return matched


def matches(call: Call, pattern: Any) -> bool:
    """Returns whether a call is one that a pattern means.

    Args:
        call: The call.
        pattern: A name or glob (`*` stays between two dots, `**` crosses them) or a compiled regular expression, of
            the call's name or its module's path; or a class of modules.

    Raises:
        ValueError: Another type of pattern.

    Example:
        >>> call = Call("layer1.0.conv2", "layer1.0.conv2", object, None, (1, 8))
        >>> [matches(call, glob) for glob in ("layer1.*", "layer1.**", "layer?.*.conv2")]
        [False, True, True]
    """
    if isinstance(pattern, type):
        return issubclass(call.module_type, pattern)
    if isinstance(pattern, str):
        pattern = _glob(pattern)
    if not isinstance(pattern, re.Pattern):
        raise ValueError(
            f"expected a name, a glob, a compiled regular expression or a class of modules, got {pattern!r}"
        )
    return any(pattern.fullmatch(name) is not None for name in (call.name, call.path))


def _glob(pattern: str) -> re.Pattern[str]:
    wild = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts))


def _available(calls: Sequence[Call], wanted: str) -> str:
    names = [call.name for call in calls]
    if wanted:
        names.sort(key=lambda name: -difflib.SequenceMatcher(None, wanted.lower(), name.lower()).ratio())
    more = "" if len(names) <= _LISTED else f" and {len(names) - _LISTED} more"
    return f"Calls there are: {', '.join(names[:_LISTED])}{more}"
