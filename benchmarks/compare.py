"""Two result files side by side: what got slower, larger or less exact, by ratio."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import records
from benchmarks.arguments import Write
from benchmarks.wording import plain


@dataclass(frozen=True)
class Figure:
    """A number of which less is better, with its spread.

    Attributes:
        name: Of the number in its line.
        value: Median or single value.
        low: Lower quartile, the value itself where there is no spread.
        high: Upper quartile.
    """

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Change:
    """A figure in both files.

    Attributes:
        what: Command and key in words.
        before: In the first file.
        after: In the second.
        regression: Whether it grew by more than the threshold and beyond both spreads.
    """

    what: str
    before: Figure
    after: Figure
    regression: bool

    def __str__(self) -> str:
        """One line for a person."""
        old, new = self.before.value, self.after.value
        times = f"x {new / old:.3f}" if old else "from 0" if new else "0"
        mark = "REGRESSION" if self.regression else "ok"
        return f"{mark:>10}  {times:>8}  {old:.4g} -> {new:.4g}  {self.before.name}: {self.what}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    parser.add_argument("before", type=Path, help="result file of the state to compare with")
    parser.add_argument("after", type=Path, help="result file of the new state")
    parser.add_argument("--threshold", type=float, default=1.1, help="ratio that counts as a regression (default 1.1)")


def run(options: argparse.Namespace, write: Write) -> int:
    """Print every shared figure; exit code 1 if one is a regression."""
    if options.threshold <= 1:
        raise ValueError(f"expected a threshold above 1, got {options.threshold}.")
    before, after = (records.read(path) for path in (options.before, options.after))
    changes = compared(before, after, options.threshold)
    if not changes:
        raise ValueError("the two files share no measurement (same command, key and device).")
    for change in changes:
        print(change)
    for name, one, other in (("second", before, after), ("first", after, before)):
        there = {records.identity(line) for line in other}
        for line in records.latest(one):
            if records.identity(line) not in there:
                print(f"{'missing':>10}  not in the {name} file: {_what(line)}")
    found = sum(change.regression for change in changes)
    print(f"{found} regressions in {len(changes)} figures above a ratio of {options.threshold}")
    return int(found > 0)


def compared(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]], threshold: float = 1.1) -> list[Change]:
    """Figures that both results have, each from its last line.

    Args:
        before: Lines of the state to compare with.
        after: Lines of the new state.
        threshold: Ratio above which growth is a regression, if the quartiles do not overlap either.

    Returns:
        The changes, in the order of the first file.
    """
    new = {records.identity(line): line for line in records.latest(after)}
    changes = []
    for line in records.latest(before):
        other = new.get(records.identity(line))
        if other is None:
            continue
        there = {figure.name: figure for figure in figures_of(other)}
        for figure in figures_of(line):
            if figure.name not in there:
                continue
            now = there[figure.name]
            worse = now.value > threshold * figure.value and now.low > figure.high
            changes.append(Change(_what(line), figure, now, worse))
    return changes


def figures_of(line: dict[str, Any]) -> Iterator[Figure]:
    """The figures of a line of which less is better.

    Ratios to a side that took turns stand where there are any, since they do not depend on how busy the machine was;
    else seconds. Memory over the features, errors of Delta, what compilers
    say and a goal that was missed (1) or reached (0) count too.

    Example:
        >>> [f.name for f in figures_of({"ratios": {"all_pairs": {"of_medians": 1.5, "q25": 1.4, "q75": 1.6}}})]
        ['all_pairs ratio']
    """
    ratios = line.get("ratios", {})
    for side, r in ratios.items():
        yield Figure(f"{side} ratio", r["of_medians"], min(r["q25"], r["of_medians"]), max(r["q75"], r["of_medians"]))
    if not ratios:
        for side, t in line.get("timings", {}).items():
            yield Figure(f"{side} seconds", t["median"], t["q25"], t["q75"])
    single = {
        **line.get("compiled", {}),
        "bytes over features": line.get("bytes", {}).get("over_features"),
        "largest error": line.get("found", {}).get("largest_error"),
        "goal missed": None if line.get("reached") is None else float(not line["reached"]),
    }
    for name, value in single.items():
        if value is not None:
            yield Figure(name, value, value, value)


def _what(line: dict[str, Any]) -> str:
    return f"{line['command']} " + " ".join(f"{n}={plain(v)}" for n, v in line["key"].items() if v is not None)
