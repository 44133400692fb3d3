"""The command as a process of its own, from its first line to its exit code."""

from __future__ import annotations

import sys
import traceback

from jaxsim.cli.signals import hear_signals, interrupted, say_interrupted, tell_others


def main() -> None:
    """Runs the command line as a process of its own, which it ends."""
    hear_signals()
    code: int = 1
    try:
        code = _run()
    except KeyboardInterrupt:
        code = say_interrupted()
    finally:
        _end(say_interrupted() if interrupted() else code)


def _run() -> int:
    """Runs the command.

    Returns:
        Its exit code.
    """
    # Imported where signals are heard already.
    from jaxsim.cli.app import app
    from jaxsim.cli.outcome import BROKEN_PIPE

    code = 0
    try:
        app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:
        return BROKEN_PIPE
    except Exception as error:
        traceback.print_exc()
        tell_others(f"{type(error).__name__}: {error}")
        return 1
    if code != 0:
        tell_others(f"it ended with exit code {code}")
    elif "jaxsim.cli.hosts" in sys.modules:
        from jaxsim.cli.hosts import leave_hosts

        leave_hosts()
    return code


def _end(code: int) -> None:
    from jaxsim.cli.outcome import end_process

    end_process(code)
