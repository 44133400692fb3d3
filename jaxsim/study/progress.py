"""Progress of long work: bars with rate and remaining time in a terminal, now and then a line in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.progress import Task as RichTask
from rich.text import Text

from jaxsim.arguments import Progress, check_progress, is_flag
from jaxsim.data.stage_times import heard_stages, stage_shares
from jaxsim.names import printable

#: Seconds between the lines of one task in a file.
LINE_INTERVAL = 10.0


def is_interactive() -> bool:
    """Whether somebody works at a prompt or in a notebook."""
    return hasattr(sys, "ps1") or "get_ipython" in vars(sys.modules.get("builtins", sys))


@contextmanager
def asked_progress(given: Any) -> Iterator[Progress | None]:
    """What an option `progress` stands for.

    Args:
        given: True for bars, False for none, a callable for itself; None for bars in interactive sessions.

    Yields:
        The callable, or None.

    Raises:
        ValueError: It is something else.

    Example:
        >>> with asked_progress(False) as progress:
        ...     print(progress)
        None
    """
    if given is None or is_flag(given):
        if not (is_interactive() if given is None else given):
            yield None
            return
        with shown_progress(Console(stderr=True, highlight=False)) as show:
            yield show
        return
    check_progress(given)
    yield given


@contextmanager
def shown_progress(console: Console) -> Iterator[Progress]:
    """Shows progress on a console.

    Args:
        console: Bars if it is a terminal or a notebook, lines otherwise.

    Yields:
        The callable `progress(done, total, what)` that studies take.
    """
    if not (console.is_terminal or console.is_jupyter):
        lines = LineProgress(console)
        with heard_stages(lines.take_stages):
            yield lines
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[stages]}", markup=False),
    )
    with RichProgress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def listen(what: str, seconds: Mapping[str, float]) -> None:
            if what in tasks:
                bars.update(tasks[what], stages=stage_shares(seconds))

        def update(done: int, total: int, what: str) -> None:
            if what not in tasks:
                # What is there from an earlier run must not count as speed.
                tasks[what] = bars.add_task(printable(what), total=total, completed=done, stages="")
            else:
                bars.update(tasks[what], completed=done, total=total)

        with heard_stages(listen):
            yield update


def renamed(progress: Progress | None, what: str) -> Progress | None:
    """The same callable with a `what` of the study's own, which names the model.

    Example:
        >>> renamed(lambda *each: print(each), "features of vit")(1, 2, "images")
        (1, 2, 'features of vit')
    """
    return None if progress is None else lambda done, total, _what: progress(done, total, what)


class RateColumn(ProgressColumn):
    """How many a second."""

    def render(self, task: RichTask) -> Text:
        """The rate, empty before there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.1f}/s" if speed else "")


class LineProgress:
    """One line when a task starts, every ten seconds, and when it is done.

    Args:
        console: Where lines go.
        clock: Seconds, for the rate.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._first: dict[str, tuple[float, int]] = {}
        self._last: dict[str, tuple[float, int]] = {}
        self._stages: dict[str, str] = {}

    def take_stages(self, what: str, seconds: Mapping[str, float]) -> None:
        """Takes note of where the time of a task goes, for its next line."""
        self._stages[what] = stage_shares(seconds)

    def __call__(self, done: int, total: int, what: str) -> None:
        """Takes note of progress and prints a line if one is due."""
        now = self._clock()
        started, had = self._first.setdefault(what, (now, done))
        last = self._last.get(what)
        if last is not None and (last[1] >= total or (done < total and now - last[0] < LINE_INTERVAL)):
            return
        self._last[what] = (now, done)
        elapsed, gained = now - started, done - had
        text = f"{printable(what)}: {done:,}/{total:,}"
        if elapsed > 0 and gained > 0:
            rate = gained / elapsed
            left = "done" if done >= total else f"about {_duration((total - done) / rate)} left"
            text += f", {rate:,.1f}/s, {left}"
        if self._stages.get(what):
            text += f" ({self._stages[what]})"
        self._console.print(text, markup=False)


def _duration(seconds: float) -> str:
    """Seconds as "42 s", "3 min" or "2.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
