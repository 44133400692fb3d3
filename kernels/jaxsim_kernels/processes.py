"""Several processes: whether all were called alike, and which one was lost when a collective failed."""

import atexit
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import jax
from jax._src import distributed  # JAX has no public way to ask its coordination service.

WAIT_SECONDS = 20
_LONGEST_WAIT = 24 * 3600
_PATIENCE_SECONDS = 30
_MOST_NAMED = 5
_LEFT = "jaxsim-left"
_FAILED = "jaxsim-failed"
# Where processes say that they failed at the work they do now, see `failing_together`.
_failures: list[str] = []
# One count for every meeting of every set of processes: those come there in one order, whatever else each of them does.
_meetings: defaultdict[str, Iterator[int]] = defaultdict(count)


class LostProcessError(RuntimeError):
    """A process of a distributed computation ended or hung while the others needed it."""


def meet(what: str, seconds: int = _LONGEST_WAIT) -> None:
    """Wait until every process has come to the same point.

    Args:
        what: Name of the point, the same on every process.
        seconds: How long to wait; a process that ends ends the waiting much earlier.

    Raises:
        LostProcessError: Names the processes that did not come.

    Example:
        >>> meet("start")  # one process: nobody to wait for
    """
    if distributed.global_state.client is not None and jax.process_count() > 1:
        _gather(what, "", range(jax.process_count()), seconds)


@contextmanager
def failing_together(what: str) -> Generator[Callable[[], None], None, None]:
    """Around work that processes divide among themselves: an error in one is raised in all.

    The one that failed raises its own error at once and waits for nobody. The others raise at the next meeting, at
    which they would wait for it in vain, or when they ask in between.

    Args:
        what: Name of the work, the same on every process.

    Yields:
        A callable without arguments, which raises if another process has failed by now.

    Raises:
        LostProcessError: In the other processes; says which one failed, and its error.

    Example:
        >>> with failing_together("a sum") as check:  # one process: nobody to hear from
        ...     check()
    """
    client = distributed.global_state.client
    if client is None or jax.process_count() == 1:
        yield lambda: None
        return
    place = f"{_FAILED}/{what}/{next(_meetings[f'{_FAILED}/{what}'])}"
    _failures.append(place)
    try:
        yield _raise_failures
    except LostProcessError:
        raise
    except Exception as error:
        with suppress(jax.errors.JaxRuntimeError):  # the service is gone: nobody is left to be told
            client.key_value_set(f"{place}/{jax.process_index()}", f"{type(error).__name__}: {error}")
        raise
    finally:
        _failures.remove(place)


def agree(
    facts: Mapping[str, Any], processes: Sequence[int] | None = None, *, following: Mapping[str, Any] | None = None
) -> None:
    """Compare what processes were called with, before any of them needs another.

    Processes with different shapes or options run different programs: their collectives wait for ever, or mix numbers
    that do not belong together. Nothing here is a collective, so that any difference can be told.

    Args:
        facts: What must be the same in every process: name -> something short with a `str`.
        processes: Numbers of the processes that call; all by default.
        following: Further facts, which are told only where none of the others differs, since they follow from those.

    Raises:
        ValueError: In every process, if a fact differs: names the first five that do.
        LostProcessError: If another process ended or hung.

    Example:
        >>> agree({"n_samples": 100})  # one process: nobody to differ from
    """
    members = tuple(range(jax.process_count()) if processes is None else sorted(processes))
    if distributed.global_state.client is None or len(members) == 1:
        return
    both = [{name: str(value) for name, value in each.items()} for each in (facts, following or {})]
    told = {process: json.loads(said) for process, said in _gather("agreement", json.dumps(both), members).items()}
    first, second = (_differences({process: said[at] for process, said in told.items()}) for at in (0, 1))
    problems = first or second
    if problems:
        raise ValueError(
            f"expected {len(members)} processes that were called alike, got different ones: {problems}. Call all "
            "processes with the same data and the same options."
        )


def smallest(what: str, value: int, processes: Sequence[int]) -> int:
    """The smallest of the numbers that processes come with.

    Args:
        what: Name of the number, the same on every process.
        value: This process's.
        processes: Numbers of the processes that call.

    Returns:
        The same on every process.

    Raises:
        LostProcessError: If another process ended or hung.

    Example:
        >>> smallest("memory", 5, (0,))
        5
    """
    if distributed.global_state.client is None or len(processes) == 1:
        return value
    return min(int(said) for said in _gather(what.replace(" ", "-"), str(value), tuple(processes)).values())


def _differences(told: Mapping[int, Mapping[str, str]]) -> str:
    """What differs between processes, the first of it in words.

    Example:
        >>> _differences({0: {"n_samples": "9", "k": "1"}, 1: {"n_samples": "8", "k": "1"}})
        'n_samples is 9 in process 0 and 8 in process 1'
    """
    problems = []
    for name in dict.fromkeys(name for facts in told.values() for name in facts):
        who: dict[str | None, list[int]] = {}
        for process, facts in told.items():
            who.setdefault(facts.get(name), []).append(process)
        if len(who) > 1:
            said = (
                f"{'missing' if value is None else value} in process{'es' if len(those) > 1 else ''} "
                f"{', '.join(map(str, those))}"
                for value, those in who.items()
            )
            problems.append(f"{name} is {' and '.join(said)}")
    further = len(problems) - _MOST_NAMED
    return "; ".join(problems[:_MOST_NAMED]) + (f"; and {further} more" if further > 0 else "")


@contextmanager
def explained_failures(n_processes: int) -> Generator[None, None, None]:
    """Around collectives of `n_processes`: where one fails, the processes that do not answer are named.

    Raises:
        LostProcessError: In place of what a collective raised, if a process was lost.

    Example:
        >>> with explained_failures(1):
        ...     pass
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if n_processes == 1:
            raise
        raise explain_failure(error) from error


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
    if distributed.global_state.client is None or jax.process_count() == 1:
        return error
    try:
        _gather("failure", "", range(jax.process_count()), WAIT_SECONDS, str(error))
    except LostProcessError as lost:
        return lost
    return error


def _gather(
    name: str, said: str, members: Sequence[int], seconds: float = _LONGEST_WAIT, failure: str = ""
) -> dict[int, str]:
    """What every process says at a meeting, by its number.

    Looks again and again instead of waiting in a barrier of JAX's: a process that ends would wait for this one there,
    and this one for it, until JAX ends both five minutes later with a stack trace.
    """
    client = distributed.global_state.client
    if client is None:
        raise RuntimeError("expected a process that has joined others, got one on its own")
    own = jax.process_index()
    place = f"jaxsim-meeting/{'-'.join(map(str, members))}/{name}"
    number = next(_meetings[place])
    started, pause, patient = time.monotonic(), 0.01, True
    try:
        client.key_value_set(f"{place}/{number}/{own}", said)
        while True:
            _raise_failures()
            left = _numbered(client.key_value_dir_get(_LEFT))
            # Read after: a process may come, and then end.
            told = _numbered(client.key_value_dir_get(f"{place}/{number}"))
            missing = [each for each in members if each not in told]
            waited = time.monotonic() - started
            if not missing:
                break
            if waited > seconds or any(each in left for each in missing):
                lost = [each for each in missing if each in left] or missing
                raise LostProcessError(_lost(lost, failure))
            if patient and waited > _PATIENCE_SECONDS:
                patient = False
                logging.getLogger("jaxsim").warning(
                    "process %d waits for process %s (%s)", own, ", ".join(map(str, missing)), name
                )
            time.sleep(pause)
            pause = min(2 * pause, 0.2)
        if number > 0:  # read by all, since all have come to this meeting
            client.key_value_delete(f"{place}/{number - 1}/{own}")
    except jax.errors.JaxRuntimeError as error:  # the service does not answer
        raise LostProcessError(_lost([], failure or str(error))) from error
    return {each: told[each] for each in members}


def _raise_failures() -> None:
    client = distributed.global_state.client
    if client is None:
        return
    for place in _failures:
        for process, said in _numbered(client.key_value_dir_get(place)).items():
            raise LostProcessError(f"process {process} of {jax.process_count()} failed, and all end with it: {said}")


def _numbered(entries: Sequence[tuple[str, str]]) -> dict[int, str]:
    """Keys that end in the number of a process, by that."""
    return {int(key.rpartition("/")[2]): value for key, value in entries}


@atexit.register  # JAX's own leave of the others, registered when it was imported, comes after this.
def _say_leaving() -> None:
    client = distributed.global_state.client
    if client is not None and distributed.global_state.num_processes > 1:
        with suppress(jax.errors.JaxRuntimeError):  # the service is gone: nobody is left to be told
            client.key_value_set(f"{_LEFT}/{distributed.global_state.process_id}", "")


def _lost(lost: Sequence[int], failure: str) -> str:
    others = [each for each in lost if each != jax.process_index()]
    who = f"process {', '.join(map(str, others))}" if others else "the coordinating process (0)"
    return (
        f"{who} of {jax.process_count()} ended or hung, so this distributed computation cannot go on "
        f"(process {jax.process_index()} noticed). Start all processes again with the same command; features "
        "that were extracted are reused."
        + (f" The failed collective said: {failure.splitlines()[0][:300]}" if failure else "")
    )
