"""How time grows with samples, features, layers and neighbours: a sweep of each, and the exponent fitted to it."""

import argparse
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

from jaxsim_kernels import Options, Precision, all_pairs
from jaxsim_kernels.plan import Passes

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, add_shape_options, numbers, shape_of, words
from benchmarks.workloads import Shape, synthetic_layers, uniform


@dataclass(frozen=True)
class Sweep:
    """One quantity varied, the others held.

    Attributes:
        sizes: Values of the quantity.
        held: Samples, features, layers, k of the other quantities.
        reach: Interval that the exponent is to lie in, if one is asked for.
    """

    sizes: tuple[int, ...]
    held: tuple[int, int, int, int]
    reach: tuple[float, float] | None = None


SWEEPS = {
    "samples": Sweep((2000, 4000, 8000, 16000, 32000), (0, 384, 2, 1), (1.9, 2.1)),
    "features": Sweep((64, 128, 256, 512, 1024, 2048), (4096, 0, 2, 1)),
    "layers": Sweep((2, 4, 8, 16, 24, 48), (4096, 384, 0, 1), (0.0, 1.3)),
    "neighbours": Sweep((1, 3, 10, 30, 100), (4096, 384, 2, 0)),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_shape_options(parser)
    add_run_options(parser)
    parser.add_argument("--sweep", type=words(*SWEEPS), default=tuple(SWEEPS), metavar="NAME[,NAME...]", help="which")
    parser.add_argument("--sizes", type=numbers, metavar="A,B,...", help="other sizes (with one --sweep)")
    parser.add_argument("--plan", choices=get_args(Passes), help="force one pass or two")
    parser.add_argument("--precision", choices=get_args(Precision), default="highest")


def run(options: argparse.Namespace, write: Write) -> None:
    """One record per sweep, with its points and its exponent."""
    if options.sizes and len(options.sweep) > 1:
        raise ValueError("--sizes belongs to one sweep: name it with --sweep.")
    base = shape_of(options)
    for name in options.sweep:
        write(
            measure_sweep(
                name, options.sizes, base, options.plan, options.precision, runs=options.runs, seed=options.seed
            )
        )


def measure_sweep(
    name: str,
    sizes: tuple[int, ...] | None = None,
    base: Shape | None = None,
    passes: Passes | None = None,
    precision: Precision = "highest",
    *,
    runs: int = measure.RUNS,
    seed: int = 0,
) -> dict[str, Any]:
    """Time all points of a sweep in turns and fit a power law to the medians.

    Args:
        name: Of the sweep, see `SWEEPS`.
        sizes: Other sizes than the sweep's own.
        base: Other held quantities than the sweep's own.
        passes: Forced number of passes.
        precision: Of the Gram products.
        runs: Timed runs of each point.
        seed: Of the layers.

    Returns:
        The record.

    Raises:
        ValueError: For fewer than two sizes.
    """
    sweep = SWEEPS[name]
    sizes = sizes or sweep.sizes
    shapes = {size: _point(name, size, sweep, base) for size in sizes}
    options = {size: Options(ks=shape.ks, passes=passes, precision=precision) for size, shape in shapes.items()}
    sides = {
        str(size): partial(all_pairs, synthetic_layers(shape, seed), None, options[size])
        for size, shape in shapes.items()
    }
    timings = measure.interleaved(sides, runs)
    fit = measure.exponent(sizes, [timings[str(size)].median for size in sizes])
    low, high = sweep.reach or (None, None)
    held = next(iter(shapes.values())).describe()
    held.pop({"samples": "n_samples", "features": "n_features", "layers": "n_layers", "neighbours": "k"}[name])
    held.pop("workload")
    return records.record(
        "scaling",
        {"sweep": name, **held, "passes": passes, "precision": precision},
        timings={
            label: {**t.as_json(), "tflop_per_s": shapes[int(label)].gram_flops() / t.median / 1e12}
            for label, t in timings.items()
        },
        sizes=list(sizes),
        fit=fit,
        found={"exponent": fit["exponent"], "interval": fit["interval"]},
        reach=None if low is None else f"{low} to {high}",
        reached=None if low is None or high is None else low <= fit["exponent"] <= high,
    )


def _point(name: str, size: int, sweep: Sweep, base: Shape | None) -> Shape:
    held = sweep.held if base is None else (base.n_samples, base.widths[0], base.n_layers, base.ks[-1])
    n, d, n_layers, k = held
    return {
        "samples": lambda: uniform(size, d, n_layers, (k,)),
        "features": lambda: uniform(n, size, n_layers, (k,)),
        "layers": lambda: uniform(n, d, size, (k,)),
        "neighbours": lambda: uniform(n, d, n_layers, (size,)),
    }[name]()
