"""Parts of a measurement in order of importance, as many as fit the time; what a file holds already is not repeated."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxsim_kernels.blocks import lacks_memory

from benchmarks import records
from benchmarks.arguments import Write

COMMAND = "gpu"
GRACE = 25.0
"""Seconds beyond the time given, after which a part that does not come back is given up together with the process."""


class Absence(Exception):
    """A part that cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Part:
    """One line of the result file.

    Attributes:
        key: What tells it from other lines.
        work: Seconds it should keep to -> fields of its record.
        expected: Seconds it takes at least, roughly; with less left it is not begun.
    """

    key: dict[str, Any]
    work: Callable[[float], dict[str, Any]]
    expected: float = 1.0

    @property
    def name(self) -> str:
        """What is told of it where it is left out."""
        return " ".join(f"{name}={value}" for name, value in self.key.items() if value is not None)


@dataclass
class Session:
    """A result file, and the time there is.

    Attributes:
        path: The file.
        write: Takes a record.
        seconds: For all parts together.
        share: Of the time left, what one part should keep to.
        lines: Of the file, those that this session wrote included.
        left_out: Names of parts that there was no time for.
    """

    path: Path
    write: Write
    seconds: float
    share: float = 0.25
    lines: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the file; a last line that was torn is cut off, and its part is measured again."""
        self._begun = time.perf_counter()
        records.repair(self.path)
        if self.path.exists():
            self.lines = records.read(self.path)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.perf_counter() - self._begun)

    def run(self, parts: Iterable[Part], give_up: Callable[[int], Any] = os._exit) -> None:
        """Measure the parts that are not there yet, one after the other.

        A part that fails becomes a line that says why, and the others go on. A part that never comes back, as where a
        compiler hangs, ends the process with code 1 after the line of what is left out.

        Args:
            parts: In order of importance.
            give_up: Called with the exit code in that case.
        """
        waiting = list(parts)
        watch = threading.Timer(max(self.left, 0) + GRACE, self._give_up, (waiting, give_up))
        watch.daemon = True
        watch.start()
        try:
            while waiting:
                self._measure(waiting[0])
                waiting.pop(0)
        finally:
            watch.cancel()

    def tell_left_out(self) -> None:
        """Write a line of the parts that there was no time for, if there are any."""
        if self.left_out:
            what = f"no time was left for {len(self.left_out)} parts, call again: {'; '.join(self.left_out)}"
            self.write(records.record(COMMAND, {"part": "left out"}, left_out=list(self.left_out), absent=what))

    def known(self, key: dict[str, Any]) -> dict[str, Any] | None:
        """The last line with this key that was measured here: on this device with these versions."""
        wanted = _circumstances(records.record(COMMAND, key))
        return next(
            (line for line in reversed(self.lines) if "absent" not in line and _circumstances(line) == wanted), None
        )

    def _measure(self, part: Part) -> None:
        if self.known(part.key) is not None:
            return
        if self.left < part.expected:
            self.left_out.append(part.name)
            return
        try:
            fields = part.work(max(self.left * self.share, part.expected))
        except Exception as error:  # whatever one part fails of, the rest goes on
            fields = {"absent": reason_of(error)}
        line = records.record(COMMAND, part.key, **fields)
        self.lines.append(line)
        self.write(line)

    def _give_up(self, waiting: list[Part], give_up: Callable[[int], Any]) -> None:
        self.left_out += [part.name for part in waiting if self.known(part.key) is None]
        self.tell_left_out()
        give_up(1)


def reason_of(error: Exception) -> str:
    """Why a part could not be measured, on one line.

    Example:
        >>> reason_of(Absence("torch is not installed")), reason_of(KeyError("a"))
        ('torch is not installed', "KeyError: 'a'")
    """
    said = " ".join(str(error).split())[:400]
    if isinstance(error, Absence):
        return said
    if lacks_memory(error):
        return f"the device ran out of memory: {said}"
    return f"{type(error).__name__}: {said}"


def _circumstances(line: dict[str, Any]) -> tuple[Any, ...]:
    environment = line["environment"]
    return (*records.identity(line), environment["device"].get("count"), sorted(environment["versions"].items()))
