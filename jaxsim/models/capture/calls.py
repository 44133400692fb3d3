"""A record of one forward pass: every call of a module, its place in the tree of calls, its state."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

OUTPUT = "output"


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of one module.

    Attributes:
        name: Unique: the path, with `#1`, `#2`... from the second call of the same module on.
        path: Of the module in the model, parts joined by dots; `"output"` for the model itself.
        module_type: Class of the module.
        parent: Position of the enclosing call in the tuple of calls; None for the model's own.
        shape: Of the first floating-point array of what the call returned; None if it returned none.
        reachable: False inside a transformation (remat, vmap, a loop) that states cannot leave.
        unrolled: Whether scans and inner jits must be run as plain Python for the state to be reachable.
    """

    name: str
    path: str
    module_type: type
    parent: int | None
    shape: tuple[int, ...] | None
    reachable: bool = True
    unrolled: bool = False


@dataclasses.dataclass(frozen=True)
class _Finished:
    entry: int
    parent: int | None
    path: str
    module_type: type
    shape: tuple[int, ...] | None
    reachable: bool


class CallLog:
    """Collects the calls of one forward pass, in the order in which they return.

    Args:
        wanted: Names of the calls whose states are kept.

    Example:
        >>> import numpy as np
        >>> log = CallLog(wanted=["block#1"])
        >>> for value in (1.0, 2.0):
        ...     _ = log.enter("block")
        ...     log.leave(int, np.full((3, 2), value))
        >>> [call.name for call in log.calls()], log.kept["block#1"][0, 0].item()
        (['block', 'block#1'], 2.0)
    """

    def __init__(self, wanted: Collection[str] = ()) -> None:
        self.kept: dict[str, Any] = {}
        self._wanted = frozenset(wanted)
        self._open: list[tuple[int, str]] = []
        self._entered = 0
        self._finished: list[_Finished] = []
        self._times: Counter[tuple[str, bool]] = Counter()

    def enter(self, path: str) -> bool:
        """Notes that a call begins; False, and nothing noted, for a method that calls its superclass's."""
        if self._open and self._open[-1][1] == path:
            return False
        self._open.append((self._entered, path))
        self._entered += 1
        return True

    def leave(
        self, module_type: type, state: Any, *, reachable: bool = True, keep: Callable[[Any], Any] = lambda state: state
    ) -> None:
        """Notes that the innermost call returned.

        Args:
            module_type: Class of the module.
            state: The first array of what it returned, or None.
            reachable: Whether the state can leave the forward pass.
            keep: What to do to a state that is wanted, at once, before later modules can change it in place.
        """
        entry, path = self._open.pop()
        name = _numbered(path, self._times[path, reachable])
        self._times[path, reachable] += 1
        if reachable and name in self._wanted and state is not None:
            self.kept[name] = keep(state)
        shape = None if state is None else tuple(int(size) for size in state.shape)
        parent = self._open[-1][0] if self._open else None
        self._finished.append(_Finished(entry, parent, path, module_type, shape, reachable))

    def abandon(self) -> None:
        """Forgets the innermost call, which raised."""
        self._open.pop()

    def through(
        self, path: str, module_type: type, call: Callable[[], T], first: Callable[[T], Any], reachable: Callable
    ) -> T:
        """Returns `call()` and notes it; `first` takes the state from its result."""
        if not self.enter(path):
            return call()
        try:
            output = call()
        except BaseException:
            self.abandon()
            raise
        self.leave(module_type, first(output), reachable=reachable())
        return output

    def calls(self, *, unrolled: bool = False) -> tuple[Call, ...]:
        """Returns every call, in the order in which they returned.

        Flax traces the body of a scan once more to see what it returns; calls of that rehearsal are left out where
        the module was also called for good.
        """
        real = {done.path for done in self._finished if done.reachable}
        there = [done for done in self._finished if done.reachable or done.path not in real]
        parents = {done.entry: done.parent for done in self._finished}
        position = {done.entry: index for index, done in enumerate(there)}
        times: Counter[str] = Counter()
        calls = []
        for done in there:
            parent = done.parent
            while parent is not None and parent not in position:
                parent = parents[parent]
            name = _numbered(done.path, times[done.path])
            times[done.path] += 1
            place = None if parent is None else position[parent]
            calls.append(Call(name, done.path, done.module_type, place, done.shape, done.reachable, unrolled))
        return tuple(calls)


def first_array(output: Any, accept: Callable[[Any], bool]) -> Any:
    """Returns the first array in a result: of a tuple, a list or a mapping, however nested; None if there is none.

    Example:
        >>> first_array((None, {"a": [3.0, 4.0]}), lambda value: isinstance(value, float))
        3.0
    """
    if accept(output):
        return output
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, tuple | list):
        for value in output:
            found = first_array(value, accept)
            if found is not None:
                return found
    return None


def _numbered(path: str, times_before: int) -> str:
    return path if times_before == 0 else f"{path}#{times_before}"
