"""Whether a call on damaged files ends as it should: a result, or one sentence that names the file, soon and small."""

from __future__ import annotations

import contextlib
import gc
import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

GIGABYTE = 2**30


class TooSlow(BaseException):
    """Not an `Exception`, which the code under test may catch."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises `TooSlow` in what takes longer, also where it would never end; the test's own alarm goes on afterwards."""

    def stop(*_: Any) -> None:
        raise TooSlow(f"took more than {seconds} s")

    handler = signal.signal(signal.SIGALRM, stop)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    began = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(1.0, left - (time.monotonic() - began)))


@contextlib.contextmanager
def in_memory_of(n_bytes: int) -> Iterator[None]:
    """Lets the process map so many bytes beyond those it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def outcome(call: Callable[[], Any], path: Path, *, seconds: float = 20, memory: int = 2 * GIGABYTE) -> str | None:
    """What a call said, None where it returned.

    Args:
        call: opens something that lies at `path`.
        path: must be named in the sentence.
        seconds: that it may take.
        memory: bytes that it may map.

    Raises:
        AssertionError: it ended in something else than a sentence, was slow or took too much memory.
    """
    refused: Exception | None = None
    try:
        with warnings.catch_warnings(), at_most(seconds), in_memory_of(memory):
            warnings.simplefilter("ignore")
            call()
    except (ValueError, OSError) as error:
        refused = error
    gc.collect(0)
    if refused is None:
        return None
    said = str(refused)
    assert str(path) in said, f"{type(refused).__name__} that does not name the file: {said[:500]}"
    assert len(said) < 6000, f"{len(said)} characters: {said[:500]}"
    return said
