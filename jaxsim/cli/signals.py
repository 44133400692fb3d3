"""Ctrl-C and SIGTERM: heard from the first line of the command to its last, and never lost."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

#: Exit codes as shells have them.
INTERRUPTED = 130
TERMINATED = 143

#: Seconds that the main thread has for ending by itself.
GRACE_SECONDS = 1.0

_CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}


class _State:
    """What the command was asked, and what it says and does at its end."""

    def __init__(self) -> None:
        self.asked: signal.Signals | None = None
        self.advice = ""
        self.last_words: Callable[[str], None] | None = None
        self.said = False
        self.lock = threading.Lock()


_state = _State()


def hear_signals() -> None:
    """Makes Ctrl-C and SIGTERM end this process, whatever it is doing.

    Both raise a `KeyboardInterrupt` in the main thread, so that terminals and files are left in order. That alone is
    not enough: Python drops an exception raised while garbage is collected, where JAX has a callback, imports may
    swallow it, and none is raised while compiled code runs. So a thread, which is told by the signal itself,
    ends the process a second later. What Python reports of exceptions that it dropped is left unsaid from then on: it
    is the signal's own, raised within a finaliser, or that of an object that the signal left half made.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for each in _CODES:
        signal.signal(each, _interrupt)
    sys.unraisablehook = _unless_interrupted(sys.unraisablehook)
    threading.Thread(target=_end_after, args=(reader,), name="signals", daemon=True).start()


def _unless_interrupted(report: Callable[[Any], object]) -> Callable[[Any], None]:
    def said(dropped: Any) -> None:
        if not interrupted():
            report(dropped)

    return said


def _interrupt(signum: int, frame: FrameType | None) -> None:
    first, _state.asked = _state.asked is None, _state.asked or signal.Signals(signum)
    if first:
        raise KeyboardInterrupt


def _end_after(reader: int) -> None:
    number = 0
    while number not in _CODES:
        number = os.read(reader, 1)[0]
    _state.asked = _state.asked or signal.Signals(number)
    # A second signal does not wait.
    deadline = threading.Event()
    threading.Thread(target=lambda: (os.read(reader, 1), deadline.set()), daemon=True).start()
    deadline.wait(GRACE_SECONDS)
    code = say_interrupted()
    os._exit(code)


def advise(text: str) -> None:
    """Notes what to say when the command is interrupted: what is kept, how to go on."""
    _state.advice = text


def tell_at_the_end(last_words: Callable[[str], None] | None) -> None:
    """Notes whom to tell why this process ends: the other processes of a distributed run."""
    _state.last_words = last_words


def tell_others(text: str) -> None:
    """Tells the other processes of a distributed run, where there are any, why this one ends."""
    if _state.last_words is not None:
        _state.last_words(text)


def interrupted() -> bool:
    """Whether Ctrl-C or SIGTERM came."""
    return _state.asked is not None


def say_interrupted() -> int:
    """Says once that the command was interrupted.

    Returns:
        The exit code: 130 after Ctrl-C, 143 after SIGTERM.
    """
    asked = _state.asked or signal.SIGINT
    with _state.lock:
        if not _state.said:
            _state.said = interrupted()  # tests raise KeyboardInterrupt without a signal, more than once a process
            text = _WORDS[asked] + (f": {_state.advice}" if _state.advice else "")
            os.write(sys.__stderr__.fileno(), f"{text}\n".encode()) if _state.said and sys.__stderr__ else print(
                text, file=sys.stderr, flush=True
            )
            tell_others("it was interrupted (Ctrl-C)" if asked == signal.SIGINT else "it was ended by SIGTERM")
    return _CODES[asked]
