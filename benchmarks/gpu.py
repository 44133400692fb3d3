"""Everything an accelerator is asked for, in one call; at toy sizes it runs on a CPU too.

For every size and precision: seconds over a Gram pass at that same precision, the share of the `jnp.dot` rate, what
reading and placing the features takes, peak device memory; a sort-based torch peer; and from the largest size the
extrapolated cost of all pairs of the layers on the ImageNet training images. Needs the kernels alone, not jaxsim.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any, get_args

import jax
import numpy as np
from jaxsim_kernels import Options, Placement, Precision, all_pairs, plan_for
from jaxsim_kernels.prepare import prepare_layer
from jaxsim_kernels.scores import arithmetic

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, neighbours, numbers, positive, words
from benchmarks.gram_pass import gram_pass
from benchmarks.peer_programs.torch_sort import torch_imbalance
from benchmarks.wording import seconds
from benchmarks.workloads import IMAGENET_TRAIN, Shape, synthetic_layers, uniform

SAMPLES = (4096, 16_384, 50_000, 100_000, 200_000)
AIM = 0.5
"""Share of the measured `jnp.dot` rate that is aimed at."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    levels = get_args(Precision)
    add_run_options(parser)
    parser.add_argument("--samples", type=numbers, default=SAMPLES, metavar="N[,N...]", help="up to 200,000 by default")
    parser.add_argument("--features", type=positive, default=384, metavar="D", help="of every layer (default 384)")
    parser.add_argument("--layers", type=positive, default=24, metavar="L", help="default 24")
    parser.add_argument("--k", type=neighbours, default=(1,), metavar="K[,K...]", help="default 1")
    parser.add_argument(
        "--queries", type=int, default=16_384, metavar="M", help="rows worked out at most; 0 for all (default 16384)"
    )
    parser.add_argument(
        "--precisions", type=words(*levels), default=("highest", "high", "fast"), metavar="NAME[,NAME...]", help="which"
    )
    parser.add_argument("--peer-samples", type=int, default=16_384, help="largest N for the torch peer; 0 for none")
    parser.add_argument("--extrapolate", type=positive, default=IMAGENET_TRAIN, metavar="N", help="default 1,281,167")


def run(options: argparse.Namespace, write: Write) -> None:
    """Floor rows for every size and precision, torch rows, extrapolations."""
    largest: dict[Precision, dict[str, Any]] = {}
    for n_samples in sorted(options.samples):
        shape = uniform(n_samples, options.features, options.layers, options.k)
        layers = synthetic_layers(shape, options.seed)
        n_queries = min(options.queries or n_samples, n_samples)
        for precision in options.precisions:
            line = measure_accelerator(shape, layers, precision, n_queries, options.runs)
            if "absent" not in line:
                largest[precision] = line
            write(line)
        if 0 < n_samples <= options.peer_samples:
            write(measure_torch(shape, layers, n_queries, options.runs))
    for precision, line in largest.items():
        write(extrapolated(line, precision, options.extrapolate))


def measure_accelerator(
    shape: Shape, layers: Sequence[np.ndarray], precision: Precision, n_queries: int, runs: int = measure.RUNS
) -> dict[str, Any]:
    """One size at one precision: the Gram pass, all pairs and the preparation take turns.

    Args:
        shape: Of the layers.
        layers: `[n_samples, n_features]` float32, on the host: placing them is part of the work.
        precision: Of the kernels and of the Gram pass.
        n_queries: Leading rows that are worked out.
        runs: Timed runs of each side.

    Returns:
        The record; `absent` where the device ran out of memory.
    """
    key = {**shape.describe(), "n_queries": n_queries, "precision": precision}
    options = Options(ks=shape.ks, precision=precision)
    queries = None if n_queries == shape.n_samples else np.arange(n_queries)
    plan = plan_for(shape.workload(n_queries), options, Placement())
    notes: list[str] = []

    def kernels() -> None:
        notes[:] = all_pairs(layers, queries, options).notes

    try:
        floor, height = gram_pass(layers, n_queries, precision)
        sides = {"gram": floor, "all_pairs": kernels, "prepare": partial(_prepare, layers, plan.n_padded, precision)}
        timings = measure.interleaved(sides, runs)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return records.record("gpu", key, absent=f"the device ran out of memory: {str(error).splitlines()[0]}")
    gram, whole = timings["gram"].median, timings["all_pairs"].median
    prepare, row_part = split(whole, timings["prepare"].median)
    flops = shape.gram_flops(n_queries)
    more = shape.n_samples / n_queries
    share, share_of_all_rows = gram / whole, gram * more / (prepare + row_part * more)
    return records.record(
        "gpu",
        key,
        timings={name: {**t.as_json(), "tflop_per_s": flops / t.median / 1e12} for name, t in timings.items()},
        ratios={"all_pairs": measure.ratio(timings["all_pairs"], timings["gram"]).as_json()},
        found={
            "dot_tflop_per_s": flops / gram / 1e12,
            "share_of_dot_rate": share,
            "share_without_preparing": gram / row_part,
            "share_with_all_rows": share_of_all_rows,
            "seconds_with_all_rows": prepare + row_part * more,
        },
        device_peak=(jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use"),
        gram_strip_rows=height,
        plan=str(plan),
        notes=notes,
        reach=f"{AIM} of the jnp.dot rate with all rows",
        reached=share_of_all_rows >= AIM,
    )


def measure_torch(
    shape: Shape, layers: Sequence[np.ndarray], n_queries: int, runs: int = measure.RUNS
) -> dict[str, Any]:
    """A sort-based torch computation of the same, in turns with the kernels; its layers are on the device already.

    Returns:
        The record; `absent` where torch is not installed.
    """
    key = {**shape.describe(), "n_queries": n_queries, "peer": "torch"}
    try:
        side, device = torch_imbalance(layers, shape.ks[-1], n_queries)
    except ImportError as reason:
        return records.record("gpu", key, absent=str(reason))
    queries = None if n_queries == shape.n_samples else np.arange(n_queries)
    options = Options(ks=shape.ks)
    timings = measure.interleaved({"peer": side, "all_pairs": partial(all_pairs, layers, queries, options)}, runs)
    quotient = measure.ratio(timings["all_pairs"], timings["peer"])
    difference = np.abs(side() - all_pairs(layers, queries, options).values[-1]).max()
    return records.record(
        "gpu",
        key,
        timings={name: t.as_json() for name, t in timings.items()},
        ratios={"all_pairs": quotient.as_json()},
        found={"times_faster": 1 / quotient.of_medians, "largest_difference": float(difference)},
        torch_device=device,
        versions={"torch": records.package_version("torch")},
    )


def extrapolated(line: dict[str, Any], precision: Precision, n_samples: int) -> dict[str, Any]:
    """What more samples would cost: preparing grows with N, rows with N each, and there are N of them.

    Args:
        line: Record of `measure_accelerator`.
        precision: Of it.
        n_samples: To extrapolate to.

    Returns:
        The record.
    """
    key = line["key"]
    grown = n_samples / key["n_samples"]
    prepare, row_part = split(line["timings"]["all_pairs"]["median"], line["timings"]["prepare"]["median"])
    per_row = row_part / key["n_queries"] * grown
    whole, some = (prepare * grown + per_row * rows for rows in (n_samples, min(50_000, n_samples)))
    return records.record(
        "gpu",
        {**key, "n_samples": n_samples, "n_queries": n_samples, "precision": precision, "extrapolated": True},
        found={"all_rows": seconds(whole), "50,000_rows": seconds(some)},
        extrapolated_seconds={"all_rows": whole, "50000_rows": some, "preparing": prepare * grown},
        measured_at={"n_samples": key["n_samples"], "n_queries": key["n_queries"]},
        feature_bytes=4 * n_samples * sum([key["n_features"]] * key["n_layers"]),
        note="extrapolated from the largest size measured, not run; assumes the same block sizes",
    )


def split(whole: float, prepare: float) -> tuple[float, float]:
    """Seconds that do not grow with the rows worked out, and those that do.

    Preparing overlaps with device work, so alone it can take longer than it adds: then all counts as growing, which
    never makes an extrapolation too cheap.

    Example:
        >>> split(5.0, 2.0), split(1.0, 2.0)
        ((2.0, 3.0), (0.0, 1.0))
    """
    return (prepare, whole - prepare) if prepare < whole else (0.0, whole)


def _prepare(layers: Sequence[np.ndarray], n_padded: int, precision: Precision) -> None:
    placement = Placement()
    dtype = arithmetic(precision, len(layers[0]), placement.platform)
    with jax.enable_x64(dtype == np.float64):
        # All at once, as in one pass.
        jax.block_until_ready(
            [prepare_layer(x, "euclidean", n_padded, placement.place, dtype).features for x in layers]
        )
