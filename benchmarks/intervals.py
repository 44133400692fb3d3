"""What standard errors from half-samples cost: seconds with them over seconds without, in turns in one process."""

import argparse
from functools import partial
from typing import Any

import numpy as np
from jaxsim_kernels import Options, Placement, all_pairs, plan_for

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, add_shape_options, positive, shape_of
from benchmarks.workloads import INTERVAL_REACH, INTERVAL_SHAPES, Shape, synthetic_layers

WITHOUT, WITH, SEPARATE = "without", "with", "one_by_one"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_shape_options(parser)
    add_run_options(parser)
    parser.add_argument("--splits", type=positive, default=8, metavar="P", help="splits into halves (default 8)")
    parser.add_argument("--one-by-one", action="store_true", help="also measure the halves one by one")


def run(options: argparse.Namespace, write: Write) -> None:
    """The shapes of the goal in one pass and in two, or the one shape that the options name."""
    shape = shape_of(options)
    for each in [shape] if shape else INTERVAL_SHAPES:
        for passes in ("one-pass", "two-pass"):
            write(measure_intervals(each, passes, options.splits, options.runs, options.seed, options.one_by_one))


def measure_intervals(
    shape: Shape, passes: Any, n_splits: int = 8, runs: int = measure.RUNS, seed: int = 0, one_by_one: bool = False
) -> dict[str, Any]:
    """Time all pairs without and with halves.

    Args:
        shape: What to measure.
        passes: `one-pass` or `two-pass`.
        n_splits: Splits into halves.
        runs: Timed runs of each side.
        seed: Of the layers.
        one_by_one: Also time the halves measured one by one.

    Returns:
        The record.

    Raises:
        RuntimeError: If a half is not what it is when measured by itself.
    """
    from jaxsim.metrics import balanced_halves

    layers = synthetic_layers(shape, seed)
    sides = balanced_halves(shape.n_samples, n_splits, seed=seed)
    wanted = Options(ks=shape.ks, passes=passes)
    sides_of = {WITHOUT: partial(all_pairs, layers, None, wanted)}
    sides_of[WITH] = partial(all_pairs, layers, None, wanted, sides=sides)
    if one_by_one:
        separate = Options(ks=shape.ks, passes=passes, sharing=False)
        sides_of[SEPARATE] = partial(all_pairs, layers, None, separate, sides=sides)
    timings = measure.interleaved(sides_of, runs)
    found = all_pairs(layers[:3], options=wanted, sides=sides[:1])
    alone = all_pairs(layers[:3], options=Options(ks=shape.ks, sharing=False), sides=sides[:1])
    if found.halves is None or alone.halves is None or not np.array_equal(found.halves, alone.halves):
        raise RuntimeError("halves from the strips of the whole differ from those measured one by one")
    ratios = {name: measure.ratio(timings[name], timings[WITHOUT]).as_json() for name in timings if name != WITHOUT}
    plan = plan_for(shape.workload(None), wanted, Placement())
    return records.record(
        "intervals",
        {**shape.describe(), "passes": passes, "n_splits": n_splits},
        timings={name: timing.as_json() for name, timing in timings.items()},
        ratios=ratios,
        reach=INTERVAL_REACH,
        reached=ratios[WITH]["of_medians"] <= INTERVAL_REACH,
        ranking=plan.ranking,
    )
