"""How a command ends: exit codes, and one readable line for whatever the user can mend."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

import typer

from jaxsim.names import printable

BAD_INPUT = 2
INTERRUPTED = 130
SYSTEM_ERROR = 1


@contextmanager
def readable_outcome(*, show_traceback: bool, when_interrupted: str = "") -> Iterator[None]:
    """Turns errors into exit codes and single lines, and warnings into single lines.

    A `ValueError` is input that the user can mend: exit code 2. An `OSError` (a full disk, a lost network
    share) or a lost process of a distributed run is 1, Ctrl-C is 130. Anything else is a defect and keeps its
    traceback.

    Args:
        show_traceback: Let errors through as they are.
        when_interrupted: What to say on Ctrl-C: what is kept, how to go on.

    Raises:
        typer.Exit: With the exit code.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        warnings.filterwarnings("always", category=UserWarning)
        try:
            yield
        except KeyboardInterrupt as interrupt:
            _say(f"interrupted: {when_interrupted}" if when_interrupted else "interrupted")
            raise typer.Exit(INTERRUPTED) from interrupt
        except (ValueError, OSError, RuntimeError) as error:
            if show_traceback or not (isinstance(error, (ValueError, OSError)) or _is_lost_process(error)):
                raise
            _say(f"error: {error}")
            raise typer.Exit(BAD_INPUT if isinstance(error, ValueError) else SYSTEM_ERROR) from error


@contextmanager
def lasting_interrupts() -> Iterator[Callable[[], None]]:
    """Makes Ctrl-C last.

    Python drops a `KeyboardInterrupt` that is raised while garbage is collected, and JAX has a callback there: about
    one Ctrl-C in ten would go unheard.

    Yields:
        A check that raises a `KeyboardInterrupt` if one was asked for before.
    """
    asked = False

    def hear(signum: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield check  # only the main thread hears signals
        return
    before = signal.signal(signal.SIGINT, hear)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)


def leave_at_once(code: str | int | None) -> None:
    """Ends a process whose work was cut short, without the interpreter's own tidying up.

    Threads of JAX and TensorStore may still be at work, and tearing down the interpreter under them crashes: Ctrl-C
    would end in a segmentation fault instead of exit code 130. Nothing is lost, because features and results are
    written so that a process may be killed at any time. Processes of a distributed run do take leave of each other.

    Args:
        code: The exit code; nothing happens for success.
    """
    jax = sys.modules.get("jax")
    if not isinstance(code, int) or code == 0 or (jax is not None and jax.distributed.is_initialized()):
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _is_lost_process(error: BaseException) -> bool:
    """Whether a process of a distributed run was lost, without importing JAX to find out."""
    kernels = sys.modules.get("jaxsim_kernels")
    return kernels is not None and isinstance(error, kernels.LostProcessError)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as one line, without the source line it came from."""
    _say(f"warning: {message}")


def _say(text: str) -> None:
    """One line on stderr, whatever line breaks the text has."""
    print(printable(" ".join(text.split())), file=sys.stderr, flush=True)
