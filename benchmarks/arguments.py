"""Options that several subcommands share."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import measure
from benchmarks.workloads import BY_NAME, Shape, uniform

Write = Callable[[dict[str, Any]], None]
"""Takes a record: appends it to the result file and prints a line."""


def add_shape_options(parser: argparse.ArgumentParser) -> None:
    """Options that name a shape: a workload of the list, or numbers."""
    group = parser.add_argument_group("shape", "without any of these the subcommand's own list is measured")
    group.add_argument("--workload", choices=sorted(BY_NAME), help="a study shape by name")
    group.add_argument("--samples", type=positive, metavar="N", help="samples (default 4096)")
    group.add_argument("--features", type=positive, metavar="D", help="features of every layer (default 384)")
    group.add_argument("--layers", type=positive, metavar="L", help="layers (default 24)")
    group.add_argument("--k", type=neighbours, metavar="K[,K...]", help="numbers of neighbours (default 1)")


def add_run_options(parser: argparse.ArgumentParser, runs: int = measure.RUNS) -> None:
    """Options of every subcommand that measures."""
    parser.add_argument("--runs", type=positive, default=runs, help="timed runs of each side (default %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the synthetic layers (default 0)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="result file (default benchmarks/results/COMMAND.jsonl)"
    )


def shape_of(options: argparse.Namespace) -> Shape | None:
    """The one shape that the options ask for, None if they ask for none.

    Raises:
        ValueError: If a workload is named and numbers are given too, or the shape has too few samples.

    Example:
        >>> parser = argparse.ArgumentParser(); add_shape_options(parser)
        >>> shape_of(parser.parse_args(["--samples", "64"])).name
        'n64-d384-l24-k1'
    """
    given = [options.samples, options.features, options.layers, options.k]
    if options.workload:
        if any(value is not None for value in given):
            raise ValueError("--workload brings its own shape: leave out --samples, --features, --layers and --k.")
        return BY_NAME[options.workload]
    if all(value is None for value in given):
        return None
    shape = uniform(options.samples or 4096, options.features or 384, options.layers or 24, options.k or (1,))
    if shape.n_samples < shape.ks[-1] + 2:
        raise ValueError(f"k={shape.ks[-1]} needs at least {shape.ks[-1] + 2} samples, got {shape.n_samples}.")
    return shape


def positive(text: str) -> int:
    """A number of at least 1, underscores allowed.

    Example:
        >>> positive("1_000")
        1000
    """
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return value


def numbers(text: str) -> tuple[int, ...]:
    """Whole numbers separated by commas.

    Example:
        >>> numbers("1,2,8")
        (1, 2, 8)
    """
    return tuple(positive(part) for part in text.split(","))


def neighbours(text: str) -> tuple[int, ...]:
    """Numbers of neighbours, sorted, each once.

    Example:
        >>> neighbours("10,1")
        (1, 10)
    """
    return tuple(sorted(set(numbers(text))))


def words(*allowed: str) -> Callable[[str], tuple[str, ...]]:
    """A parser of names separated by commas, each one of `allowed`.

    Example:
        >>> words("a", "b")("b,a")
        ('b', 'a')
    """

    def parse(text: str) -> tuple[str, ...]:
        found = tuple(part.strip() for part in text.split(","))
        unknown = [part for part in found if part not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(allowed)}")
        return found

    return parse
