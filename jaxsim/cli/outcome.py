"""How a command ends: exit codes, and one readable line for whatever the user can mend."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, TextIO

import typer

from jaxsim.cli.flags import with_flags
from jaxsim.cli.signals import advise, say_interrupted, tell_others
from jaxsim.names import printable

BAD_INPUT = 2
BROKEN_PIPE = 141
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
        advise(when_interrupted)
        try:
            yield
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(say_interrupted()) from interrupt
        except BrokenPipeError:
            raise
        except (ValueError, OSError, RuntimeError) as error:
            if show_traceback or not (isinstance(error, (ValueError, OSError)) or _is_lost_process(error)):
                raise
            said = with_flags(f"error: {error}")
            _say(said)
            tell_others(said)
            raise typer.Exit(BAD_INPUT if isinstance(error, ValueError) else SYSTEM_ERROR) from error


def end_process(code: int) -> NoReturn:
    """Ends the process without the interpreter's own tidying up.

    Threads of JAX and TensorStore may still be at work, and tearing down the interpreter under them crashes: Ctrl-C
    would end in a segmentation fault instead of exit code 130. Nothing is lost, because features and results are
    written so that a process may be killed at any time.

    Args:
        code: The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a reader such as `head` went away
            stream.flush()
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
    _say(with_flags(f"warning: {message}"))


def _say(text: str) -> None:
    """One line on stderr, whatever line breaks the text has."""
    print(printable(" ".join(text.split())), file=sys.stderr, flush=True)
