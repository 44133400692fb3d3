"""What each precision does to ranks and to Delta, against float64, and what it costs."""

import argparse
from dataclasses import asdict
from functools import partial
from typing import Any, get_args

import jax
import numpy as np
from jaxsim_kernels import AllPairs, Options, Precision, all_pairs, verify_rows

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, add_shape_options, positive, shape_of, words
from benchmarks.workloads import Shape, synthetic_layers, uniform

DEFAULT = uniform(4096, 384, 6, (1, 10), name="precision")
OFFSET = 30.0
"""Mean of the shifted data, in standard deviations of its first feature: what the Gram trick suffers from uncentred."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_shape_options(parser)
    add_run_options(parser)
    levels = get_args(Precision)
    lower = tuple(level for level in levels if level != "float64")
    parser.add_argument("--precisions", type=words(*levels), default=lower, metavar="NAME[,NAME...]", help="which")
    parser.add_argument("--data", type=words("plain", "shifted"), default=("plain", "shifted"), help="which data")
    parser.add_argument("--verified-rows", type=positive, default=32, help="rows rechecked by the kernels' verify")


def run(options: argparse.Namespace, write: Write) -> None:
    """One record per data set and precision."""
    shape = shape_of(options) or DEFAULT
    if jax.default_backend() == "tpu":
        raise ValueError("precision compares with float64, which a TPU does not have; run it on CPU or GPU.")
    for data in options.data:
        layers = synthetic_layers(shape, options.seed)
        if data == "shifted":
            layers = [x + np.float32(OFFSET) for x in layers]
        for line in measure_precisions(
            shape, layers, data, options.precisions, options.runs, options.verified_rows, options.seed
        ):
            write(line)


def measure_precisions(
    shape: Shape,
    layers: list[np.ndarray],
    data: str,
    precisions: tuple[Precision, ...],
    runs: int = measure.RUNS,
    verified_rows: int = 32,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Error and seconds of every precision, the sides taking turns.

    Args:
        shape: Of the layers.
        layers: `[n_samples, n_features]` float32.
        data: Their name in the records.
        precisions: Which.
        runs: Timed runs of each.
        verified_rows: Rows rechecked by direct differences.
        seed: Of the draw of these rows.

    Returns:
        One record per precision.
    """
    asked: list[Precision] = [*precisions, *([] if "highest" in precisions else ["highest"])]
    wanted = {p: Options(ks=shape.ks, precision=p) for p in asked}
    timings = measure.interleaved({p: partial(all_pairs, layers, None, o) for p, o in wanted.items()}, runs)
    exact = all_pairs(layers, options=Options(ks=shape.ks, precision="float64", keep_rows=True))
    rows = np.sort(np.random.default_rng([seed, 1]).choice(shape.n_samples, min(verified_rows, shape.n_samples), False))
    lines = []
    for p in precisions:
        found = all_pairs(layers, options=Options(ks=shape.ks, precision=p, keep_rows=True))
        check = verify_rows(layers, rows, wanted[p])
        lines.append(
            records.record(
                "precision",
                {**shape.describe(), "data": data, "precision": p},
                found=rank_changes(found, exact),
                verify=asdict(check),
                timings={"all_pairs": timings[p].as_json(), "highest": timings["highest"].as_json()},
                ratios={"all_pairs": measure.ratio(timings[p], timings["highest"]).as_json()},
                ratios_over="all_pairs at highest",
                arithmetic="float64" if found.plan.itemsize == 8 else "float32",
            )
        )
    return lines


def rank_changes(found: AllPairs, exact: AllPairs) -> dict[str, float]:
    """How far a computation is from the same in float64.

    Args:
        found: With rows kept.
        exact: The same in float64, with rows kept.

    Returns:
        `changed_rows`: fraction of (k, source, target, row) whose mean rank differs; `mean_rank_change` and
        `largest_rank_change` of these mean ranks; `largest_error` and `rms_error` of Delta off the diagonal.

    Raises:
        ValueError: If rows were not kept.
    """
    if found.rows is None or exact.rows is None:
        raise ValueError("rank_changes compares rows: compute with keep_rows=True.")
    change = np.abs(found.rows - exact.rows)
    off = ~np.eye(found.values.shape[-1], dtype=bool)
    error = (found.values - exact.values)[:, off] if off.any() else found.values - exact.values
    return {
        "changed_rows": float((change > 1e-6 * exact.rows).mean()),
        "mean_rank_change": float(change.mean()),
        "largest_rank_change": float(change.max()),
        "largest_error": float(np.abs(error).max()),
        "rms_error": float(np.sqrt(np.mean(error**2))),
    }
