"""Peak memory over the features: one computation per fresh process, read from the operating system and the device."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from jaxsim_kernels import Precision
from jaxsim_kernels.plan import Passes

from benchmarks import records
from benchmarks.arguments import Write, add_run_options, add_shape_options, positive, shape_of
from benchmarks.wording import n_bytes
from benchmarks.workers import Worker
from benchmarks.workloads import BY_NAME, Shape, uniform

GB = 10**9


@dataclass(frozen=True)
class MemoryGoal:
    """A shape, how it is run, and what its memory is to stay under.

    Attributes:
        shape: What is measured.
        reach: Bytes that the peak may lie over the features, libraries included.
        passes: Forced number of passes.
        budget: Bytes given to `imbalance_matrix`; the peak over the state before the call is to stay within.
        check_layers: Layers whose values are compared with a one-pass computation.
    """

    shape: Shape
    reach: float | None = None
    passes: Passes | None = None
    budget: int | None = None
    check_layers: int = 0


GOALS = (
    MemoryGoal(uniform(20_000, 384, 2, name="n20k-pair"), 1.0 * GB),
    MemoryGoal(BY_NAME["validation-pair"], 1.5 * GB),
    MemoryGoal(BY_NAME["many-layers"], None, "two-pass", 2 * GB, 8),
    MemoryGoal(BY_NAME["large-pair"]),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_shape_options(parser)
    add_run_options(parser, runs=1)
    parser.add_argument("--plan", choices=get_args(Passes), help="force one pass or two")
    parser.add_argument("--precision", choices=get_args(Precision), default="highest")
    parser.add_argument("--budget", type=positive, metavar="BYTES", help="budget of the computation")
    parser.add_argument("--on-disk", action="store_true", help="features as memory-mapped files, not in memory")
    parser.add_argument(
        "--stored",
        action="store_true",
        help="features as a Zarr group that is written in chunks, opened by open_features; never whole in memory",
    )
    parser.add_argument("--queries", type=positive, metavar="Q", help="ranks of so many rows only (default all)")
    parser.add_argument("--check-layers", type=positive, metavar="C", help="compare the first C layers with one pass")


def run(options: argparse.Namespace, write: Write) -> None:
    """Measure the goals, or the one shape that the options name."""
    if not Path("/proc/self/status").exists():
        raise ValueError("memory reads /proc/self/status, which this system does not have; run it on Linux.")
    shape = shape_of(options)
    goals = GOALS
    if shape is not None:
        goals = (MemoryGoal(shape, None, options.plan, options.budget, options.check_layers or 0),)
    for goal in goals:
        for _ in range(options.runs):
            stored = "zarr" if options.stored else "npy" if options.on_disk else None
            write(measure_memory(goal, options.precision, stored, options.seed, options.queries))


def measure_memory(
    goal: MemoryGoal,
    precision: Precision = "highest",
    stored: Literal["npy", "zarr"] | None = None,
    seed: int = 0,
    n_queries: int | None = None,
) -> dict[str, Any]:
    """One fresh process, one computation.

    Args:
        goal: What to run.
        precision: Of the Gram products.
        stored: Give the features as memory-mapped files, or as a Zarr group; None in memory.
        seed: Of the features.
        n_queries: Rows whose ranks are taken; None for all.

    Returns:
        The record.
    """
    shape = goal.shape
    request = {
        "n_samples": shape.n_samples,
        "widths": shape.widths,
        "k": shape.ks,
        "plan": goal.passes,
        "budget": goal.budget,
        "precision": precision,
        "seed": seed,
        "stored": stored,
        "n_queries": n_queries,
        "check_layers": goal.check_layers,
    }
    with Worker(["-m", "benchmarks.memory_worker"]) as worker:
        seen = worker.ask(request)
    over_features = seen["peak"] - shape.feature_bytes
    over_start = seen["peak"] - seen["before"]
    reached = None
    if goal.reach is not None:
        reached = over_features <= goal.reach
    elif goal.budget is not None:
        # Pages of mapped features are the system's to take back.
        taken = over_start if stored is None else seen["anonymous"]
        reached = taken <= goal.budget and seen["subset_equal"] is not False
    return records.record(
        "memory",
        {
            **shape.describe(),
            "passes": goal.passes,
            "budget": goal.budget,
            "precision": precision,
            "on_disk": stored is not None,
            **({"stored": stored, "n_queries": n_queries} if stored == "zarr" or n_queries else {}),
        },
        found={
            "over_features": n_bytes(over_features),
            "over_start": n_bytes(over_start),
            "over_start_without_mapped_files": n_bytes(seen["anonymous"]),
            "features": n_bytes(shape.feature_bytes),
            "seconds": seen["seconds"],
            "plan": seen["plan"],
            **({} if seen["subset_equal"] is None else {"subset_equal": seen["subset_equal"]}),
        },
        bytes={
            "features": shape.feature_bytes,
            "libraries": seen["started"],
            "before": seen["before"],
            "peak": seen["peak"],
            "over_features": over_features,
            "over_start": over_start,
            "over_start_without_mapped_files": seen["anonymous"],
            "device_peak": seen["device_peak"],
            "planned": seen["planned_bytes"],
        },
        seconds=seen["seconds"],
        peak_was_reset=seen["peak_was_reset"],
        subset_equal=seen["subset_equal"],
        notes=seen["notes"],
        reach=_reach(goal),
        reached=reached,
    )


def _reach(goal: MemoryGoal) -> str | None:
    if goal.reach is not None:
        return f"{goal.reach / GB:.3g} GB over the features"
    return None if goal.budget is None else f"{goal.budget / GB:.3g} GB over the state before, equal to one pass"
