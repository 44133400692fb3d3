"""Times that can be trusted: compiling apart from running, warm-ups, several runs, sides that take turns."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

RUNS = 5
"""Runs that a reported median needs at least; fewer are recorded and marked."""

_COMPILING = "/jax/core/compile/"
_BACKEND = "/jax/core/compile/backend_compile_duration"


@dataclass(frozen=True)
class Timing:
    """Wall seconds of one side.

    Attributes:
        runs: Seconds of every timed run, in order.
        first: Seconds of the first call, compiling included.
        compile_seconds: Of the first call, tracing, lowering and compiling.
        programs: Programs that the first call compiled.
    """

    runs: tuple[float, ...]
    first: float
    compile_seconds: float = 0.0
    programs: int = 0

    @property
    def median(self) -> float:
        """Median seconds."""
        return statistics.median(self.runs)

    def as_json(self) -> dict[str, Any]:
        """Fields of a record."""
        low, high = np.percentile(self.runs, [25, 75])
        return {
            "median": self.median,
            "q25": float(low),
            "q75": float(high),
            "best": min(self.runs),
            "runs": list(self.runs),
            "enough_runs": len(self.runs) >= RUNS,
            "first_call": self.first,
            "compile_seconds": self.compile_seconds,
            "programs": self.programs,
        }


@dataclass(frozen=True)
class Ratio:
    """Seconds of one side over those of another that took turns with it.

    Attributes:
        of_medians: Ratio of the two medians.
        q25: Lower quartile of the ratios of runs that stood next to each other.
        q75: Upper quartile of these.
    """

    of_medians: float
    q25: float
    q75: float

    def scaled(self, factor: float) -> "Ratio":
        """The ratio to `1 / factor` times the other side, as where a part of it was timed.

        Example:
            >>> Ratio(4.0, 2.0, 8.0).scaled(0.5)
            Ratio(of_medians=2.0, q25=1.0, q75=4.0)
        """
        return Ratio(self.of_medians * factor, self.q25 * factor, self.q75 * factor)

    def as_json(self) -> dict[str, float]:
        """Fields of a record."""
        return {"of_medians": self.of_medians, "q25": self.q25, "q75": self.q75}


def ratio(of: Timing, over: Timing) -> Ratio:
    """The ratio of two timings that were taken in turns, with the spread of the pairwise ratios.

    Example:
        >>> ratio(Timing((2.0, 4.0), 2.0), Timing((1.0, 1.0), 1.0))
        Ratio(of_medians=3.0, q25=2.5, q75=3.5)
    """
    pairs = np.asarray(of.runs) / np.asarray(over.runs)
    low, high = np.percentile(pairs, [25, 75])
    return Ratio(of.median / over.median, float(low), float(high))


def interleaved(
    sides: Mapping[str, Callable[[], Any]],
    runs: int = RUNS,
    warm_ups: int = 1,
    between: Callable[[str, float], None] | None = None,
    within: float | None = None,
) -> dict[str, Timing]:
    """Time several sides in turns, A B C A B C ..., so that a drift of the machine meets all alike.

    Args:
        sides: Name -> function; what it returns is waited for.
        runs: Timed runs of each.
        warm_ups: Calls before that, of which the first is recorded as such. At least one.
        between: Called as `between(name, seconds)` after every timed run.
        within: Seconds after which no further turn begins, the first excepted; None for no end.

    Returns:
        Name -> timing.

    Raises:
        ValueError: If there is nothing to run.

    Example:
        >>> len(interleaved({"a": lambda: None, "b": lambda: None})["a"].runs)
        5
    """
    if runs < 1 or warm_ups < 1:
        raise ValueError(f"expected at least one run and one warm-up, got runs={runs}, warm_ups={warm_ups}.")
    begun = time.perf_counter()
    first: dict[str, tuple[float, CompileClock]] = {}
    for name, side in sides.items():
        with compile_clock() as clock:
            first[name] = (seconds_of(side), clock)
        for _ in range(warm_ups - 1):
            seconds_of(side)
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(runs):
        if turn and within is not None and time.perf_counter() - begun > within:
            break
        for name, side in sides.items():
            gc.collect()
            taken[name].append(seconds_of(side))
            if between is not None:
                between(name, taken[name][-1])
    return {
        name: Timing(tuple(taken[name]), seconds, clock.seconds, clock.programs)
        for name, (seconds, clock) in first.items()
    }


def seconds_of(call: Callable[[], Any]) -> float:
    """Wall seconds of one call, its device work included.

    Example:
        >>> seconds_of(lambda: None) < 1
        True
    """
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


@dataclass
class CompileClock:
    """What JAX spent on compiling while the clock ran.

    Attributes:
        seconds: Tracing, lowering and compiling.
        programs: Programs that reached the compiler.
    """

    seconds: float = 0.0
    programs: int = 0


@contextmanager
def compile_clock() -> Iterator[CompileClock]:
    """Count the programs that JAX compiles inside the block, and their seconds.

    Example:
        >>> with compile_clock() as clock:
        ...     _ = jax.jit(lambda x: x * 3 + 7)(1.0)
        >>> clock.programs >= 1
        True
    """
    clock = CompileClock()

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        if event.startswith(_COMPILING):
            clock.seconds += duration_secs
            clock.programs += event == _BACKEND

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield clock
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def exponent(sizes: Sequence[float], seconds: Sequence[float], confidence: float = 0.95) -> dict[str, Any]:
    """The power law through points: least squares in logarithms, with a t interval of the slope.

    Args:
        sizes: At least two different sizes.
        seconds: One per size.
        confidence: Of the interval; it needs three points, with two it is null.

    Returns:
        `exponent`, `interval` (low, high) or None, `coefficient` (seconds at size 1), `points`.

    Raises:
        ValueError: For fewer than two different sizes.

    Example:
        >>> round(exponent([1, 2, 4], [3, 12, 48])["exponent"], 6)
        2.0
    """
    from scipy import stats

    if len(set(sizes)) < 2:
        raise ValueError(f"an exponent needs at least two different sizes, got {list(sizes)}.")
    fit: Any = stats.linregress(np.log(sizes), np.log(seconds))
    interval = None
    if len(sizes) > 2:
        half = float(stats.t.ppf(0.5 + confidence / 2, len(sizes) - 2)) * fit.stderr
        interval = [float(fit.slope - half), float(fit.slope + half)]
    return {
        "exponent": float(fit.slope),
        "interval": interval,
        "confidence": confidence,
        "coefficient": float(np.exp(fit.intercept)),
        "points": len(sizes),
    }
