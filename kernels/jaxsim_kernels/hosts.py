"""Several processes: which one was lost when a collective failed."""

import re
from itertools import count

import jax
from jax._src import distributed  # JAX has no public way to ask its coordination service.

WAIT_SECONDS = 20
_meetings = count()


class LostProcessError(RuntimeError):
    """A process of a distributed computation ended or hung while the others needed it."""


def meet(what: str, seconds: int = 24 * 3600) -> None:
    """Wait until every process has come to the same point.

    Args:
        what: Name of the point, the same on every process.
        seconds: How long to wait; a process that dies ends the waiting much earlier.

    Raises:
        LostProcessError: Names the processes that did not come.

    Example:
        >>> meet("start")  # one process: nobody to wait for
    """
    client = distributed.global_state.client
    if client is None or jax.process_count() == 1:
        return
    try:
        client.wait_at_barrier(f"jaxsim-{what}-{next(_meetings)}", seconds * 1000)
    except Exception as error:
        raise LostProcessError(_lost(error, error)) from error


def explain_failure(error: Exception) -> Exception:
    """The error to raise after a collective failed: names the processes that do not answer.

    Every surviving process comes here, so the ones that miss the meeting are the lost ones.

    Args:
        error: What the collective raised.

    Returns:
        A `LostProcessError` that names processes, or `error` itself if all answer.

    Example:
        >>> explain_failure(ValueError("x"))
        ValueError('x')
    """
    client = distributed.global_state.client
    if client is None or jax.process_count() == 1:
        return error
    try:
        client.wait_at_barrier(f"jaxsim-failure-{next(_meetings)}", WAIT_SECONDS * 1000)
    except Exception as meeting:  # The service reports lost tasks with several exception types.
        return LostProcessError(_lost(meeting, error))
    return error


def _lost(meeting: Exception, error: Exception) -> str:
    # JAX writes "task:1" or "Task 1", and those that missed a meeting as lines of a list.
    named = str(meeting).partition("timed out task names:")[2].partition("RPC:")[0]
    listed = re.findall(r"^\s*(?:\S*task[:\s]\s*)?(\d+)\s*$", named, re.MULTILINE | re.IGNORECASE)
    listed = listed or re.findall(r"\btask[:\s]\s*(\d+)", str(meeting), re.IGNORECASE)
    lost = sorted({int(task) for task in listed} - {jax.process_index()})
    who = f"process {', '.join(map(str, lost))}" if lost else "the coordinating process (0)"
    return (
        f"{who} of {jax.process_count()} ended or hung, so this distributed computation cannot go on "
        f"(process {jax.process_index()} noticed). Start all processes again with the same command; features "
        f"that were extracted are reused. The failed collective said: {str(error).splitlines()[0][:300]}"
    )
