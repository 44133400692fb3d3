"""Seconds of all-pairs imbalance over seconds of a Gram pass of the same shape, in turns in one process."""

import argparse
from typing import Any, get_args

import jax
import numpy as np
from jaxsim_kernels import Options, Placement, Precision, all_pairs, plan_for
from jaxsim_kernels.plan import Passes

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, add_shape_options, shape_of
from benchmarks.gram_pass import gram_pass, whole_products
from benchmarks.workloads import FLOOR_GOALS, FloorGoal, Shape, synthetic_layers

GRAM, WHOLE, KERNELS, PUBLIC = "gram", "whole_products", "all_pairs", "imbalance_matrix"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_shape_options(parser)
    add_run_options(parser)
    parser.add_argument(
        "--plan", choices=get_args(Passes), help="force one pass or two (default: the planner's choice)"
    )
    parser.add_argument("--precision", choices=get_args(Precision), default="highest")
    parser.add_argument("--queries", type=int, metavar="M", help="query rows (default: all samples)")


def run(options: argparse.Namespace, write: Write) -> None:
    """Measure the rows of the goal table, or the one shape that the options name."""
    shape = shape_of(options)
    goals = [FloorGoal(shape, float("inf"), options.plan)] if shape else list(FLOOR_GOALS)
    for goal in goals:
        write(
            measure_floor(
                goal.shape,
                passes=options.plan or goal.passes,
                precision=options.precision,
                n_queries=options.queries,
                runs=options.runs,
                seed=options.seed,
                reach=None if options.plan or goal.reach == float("inf") else goal.reach,
            )
        )


def measure_floor(
    shape: Shape,
    *,
    passes: Passes | None = None,
    precision: Precision = "highest",
    n_queries: int | None = None,
    runs: int = measure.RUNS,
    seed: int = 0,
    reach: float | None = None,
    public: bool = True,
    command: str = "floor",
) -> dict[str, Any]:
    """One row: the Gram pass, the kernels and the public function take turns.

    Args:
        shape: What to measure.
        passes: Forced number of passes.
        precision: Of the kernels and of the Gram pass.
        n_queries: Query rows, the first of the samples for the kernels and the Gram pass; all by default.
        runs: Timed runs of each side.
        seed: Of the layers.
        reach: Ratio that the kernels are to reach.
        public: Measure `jaxsim.imbalance_matrix` too.
        command: Subcommand that the record belongs to.

    Returns:
        The record.

    Raises:
        ValueError: If there are more query rows than samples.
    """
    if n_queries is not None and not 2 <= n_queries <= shape.n_samples:
        raise ValueError(f"expected 2 to {shape.n_samples} query rows, got {n_queries}.")
    layers = synthetic_layers(shape, seed)
    wanted = Options(ks=shape.ks, precision=precision, passes=passes)
    queries = None if n_queries is None else np.arange(n_queries)
    plan = plan_for(shape.workload(n_queries), wanted, Placement())
    with measure.compile_clock() as gram_clock:
        floor, height = gram_pass(layers, n_queries, precision)
    sides = {GRAM: floor, KERNELS: lambda: all_pairs(layers, queries, wanted)}
    if whole := whole_products(layers, n_queries, precision):
        sides[WHOLE] = whole
    if public:
        from jaxsim.metrics import imbalance_matrix

        sides[PUBLIC] = lambda: imbalance_matrix(
            layers, k=shape.ks, plan=passes, precision=precision, n_queries=n_queries
        )
    timings = measure.interleaved(sides, runs)
    flops = shape.gram_flops(n_queries)
    ours = [name for name in timings if name not in (GRAM, WHOLE)]
    ratios = {name: measure.ratio(timings[name], timings[GRAM]).as_json() for name in ours}
    return records.record(
        command,
        {
            **shape.describe(),
            "n_queries": n_queries or shape.n_samples,
            "passes": passes,
            "precision": precision,
        },
        timings={
            name: {
                **t.as_json(),
                "tflop_per_s": flops / t.median / 1e12,
                "share_of_floor": timings[GRAM].median / t.median,
            }
            for name, t in timings.items()
        },
        ratios=ratios,
        of_whole_products={
            name: measure.ratio(timings[name], timings[WHOLE]).as_json() for name in ours if WHOLE in timings
        },
        reach=reach,
        reached=None if reach is None else ratios[KERNELS]["of_medians"] <= reach,
        gram_flops=flops,
        gram_strip_rows=height,
        gram_compile_seconds=gram_clock.seconds,
        plan={
            "passes": plan.passes,
            "rows": plan.rows,
            "ranking": plan.ranking,
            "n_padded": plan.n_padded,
            "n_bytes": plan.n_bytes,
            "itemsize": plan.itemsize,
        },
        arithmetic="float64" if plan.itemsize == 8 else "float32",
        default_backend=jax.default_backend(),
    )
