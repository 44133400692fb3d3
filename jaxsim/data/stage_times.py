"""Where the time of an extraction goes: decoding, preprocessing, the device, writing."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

#: The stages. Decoding and preprocessing count the seconds of all threads, the others those of the caller: waiting
#: until images are ready, waiting for the device (its compiler included), handing rows to the writer.
STAGES = ("decode", "preprocess", "wait", "device", "write")

_listener: ContextVar[Callable[[str, Mapping[str, float]], None] | None] = ContextVar("stage times", default=None)


class StageTimes:
    """Seconds of stages, added up by several threads.

    Args:
        seconds: To go on from; changed in place.

    Example:
        >>> times = StageTimes()
        >>> with times.of("decode"):
        ...     pass
        >>> 0 <= times.seconds["decode"] < 1
        True
    """

    def __init__(self, seconds: dict[str, float] | None = None) -> None:
        self.seconds: dict[str, float] = {} if seconds is None else seconds
        self._lock = threading.Lock()

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Adds the time that the block takes to a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add({stage: time.perf_counter() - started})

    def add(self, seconds: Mapping[str, float]) -> None:
        """Adds the seconds of stages."""
        with self._lock:
            for stage, taken in seconds.items():
                self.seconds[stage] = self.seconds.get(stage, 0.0) + taken

    def take(self) -> dict[str, float]:
        """The seconds since they were last taken; they are counted from zero again."""
        with self._lock:
            taken = dict(self.seconds)
            self.seconds.clear()
        return taken


@contextmanager
def heard_stages(listen: Callable[[str, Mapping[str, float]], None]) -> Iterator[None]:
    """Has a callable told the seconds of all stages, batch by batch, of extractions within the block.

    Args:
        listen: Called as `listen(what, seconds)`, `what` as progress calls it.

    Example:
        >>> with heard_stages(lambda what, seconds: print(what, seconds)):
        ...     tell_stages("images", {"decode": 1.0})
        images {'decode': 1.0}
    """
    token = _listener.set(listen)
    try:
        yield
    finally:
        _listener.reset(token)


def tell_stages(what: str, seconds: Mapping[str, float]) -> None:
    """Tells who listens how long the stages took up to now."""
    listen = _listener.get()
    if listen is not None:
        listen(what, seconds)


def stage_shares(seconds: Mapping[str, float]) -> str:
    """The shares of the stages in words; the waiting, in which others work, is none.

    Example:
        >>> stage_shares({"decode": 6.0, "preprocess": 2.0, "wait": 5.0, "device": 1.5, "write": 0.5})
        'decode 60 %, preprocess 20 %, device 15 %, write 5 %'
        >>> stage_shares({})
        ''
    """
    worked = {stage: seconds.get(stage, 0.0) for stage in STAGES if stage != "wait"}
    total = sum(worked.values())
    return (
        ", ".join(f"{stage} {each / total:.0%}".replace("%", " %") for stage, each in worked.items()) if total else ""
    )
