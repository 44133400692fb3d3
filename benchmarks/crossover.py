"""From how many thresholds per row on sorting a row once beats counting against every threshold."""

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxsim_kernels import Placement
from jaxsim_kernels.counting import Counts
from jaxsim_kernels.host.sorting import distinct_columns, ranks_by_sorting
from jaxsim_kernels.padding import padded_samples
from jaxsim_kernels.plan import SORT_FROM_THRESHOLDS
from jaxsim_kernels.prepare import Layer, prepare_layer
from jaxsim_kernels.programs import count_program, strip_program
from jaxsim_kernels.strips import gram_strip, row_ranks

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, numbers, positive

THRESHOLDS = (2, 4, 8, 12, 16, 24, 32, 48, 64, 128, 256)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_run_options(parser)
    parser.add_argument("--samples", type=numbers, default=(4096, 16384), metavar="N[,N...]", help="row lengths")
    parser.add_argument("--features", type=positive, default=64, metavar="D", help="of the layer (default 64)")
    parser.add_argument("--rows", type=positive, default=256, metavar="R", help="rows of the block (default 256)")
    parser.add_argument("--thresholds", type=numbers, default=THRESHOLDS, metavar="T[,T...]", help="per row")


def run(options: argparse.Namespace, write: Write) -> None:
    """One record per number of samples."""
    for n_samples in options.samples:
        rows = min(options.rows, n_samples)
        write(measure_crossover(n_samples, options.features, rows, options.thresholds, options.runs, options.seed))


def measure_crossover(
    n_samples: int, n_features: int, n_rows: int, thresholds: tuple[int, ...], runs: int = measure.RUNS, seed: int = 0
) -> dict[str, Any]:
    """Time one block of rows both ways, the Gram strip included.

    Args:
        n_samples: Length of a row.
        n_features: Of the layer.
        n_rows: Rows of the block.
        thresholds: Numbers of thresholds per row, each a random sample's score.
        runs: Timed runs of each side.
        seed: Of layer and thresholds.

    Returns:
        The record.

    Raises:
        RuntimeError: If the two ways do not give the same integers.
    """
    rng = np.random.default_rng(seed)
    placement, ascending = Placement(), tuple(sorted(set(thresholds)))
    layer = prepare_layer(
        rng.standard_normal((n_samples, n_features), np.float32), "euclidean", padded_samples(n_samples)
    )
    # A row's own column is left out, as in all pairs: it is nobody's neighbour.
    drawn = (np.arange(n_rows)[:, None] + rng.integers(1, n_samples, (n_rows, ascending[-1]))) % n_samples
    counted, other = "count", "sort" if jax.default_backend() == "cpu" else "device-sort"
    timings: dict[str, measure.Timing] = {}
    quotients: dict[int, float] = {}
    for count in ascending:
        columns = placement.replicate(drawn[:, :count].astype(np.int32))
        sides = {
            counted: _counting(layer, n_rows, columns),
            other: (_host_sorting if other == "sort" else _device_sorting)(layer, n_rows, columns),
        }
        if not all(np.array_equal(a, b) for a, b in zip(sides[counted](), sides[other](), strict=True)):
            raise RuntimeError(f"counting and sorting disagree at {count} thresholds of {n_samples} samples")
        taken = measure.interleaved(sides, runs)
        timings |= {f"{name} {count}": timing for name, timing in taken.items()}
        quotients[count] = taken[counted].median / taken[other].median
    return records.record(
        "crossover",
        {"n_samples": n_samples, "n_features": n_features, "n_rows": n_rows, "against": other},
        thresholds=list(ascending),
        count_over_sort=[quotients[count] for count in ascending],
        timings={name: timing.as_json() for name, timing in timings.items()},
        found={
            "sort_wins_from": crossing(list(quotients), list(quotients.values())),
            "planner_sorts_from": SORT_FROM_THRESHOLDS if other == "sort" else None,
        },
    )


def crossing(sizes: list[int], quotients: list[float]) -> float | None:
    """Where a rising quotient passes 1 for good, interpolated in logarithms; None if it stays below.

    Example:
        >>> crossing([10, 40], [0.5, 2.0])
        20.0
        >>> crossing([10, 40], [0.5, 0.9]) is None
        True
    """
    below = [i for i, value in enumerate(quotients) if value < 1]
    if not below:
        return float(sizes[0])
    last = below[-1]
    if last + 1 == len(sizes):
        return None
    x, y = np.log(sizes[last : last + 2]), np.log(quotients[last : last + 2])
    return float(np.round(np.exp(x[0] - y[0] * (x[1] - x[0]) / (y[1] - y[0])), 1))


def _counting(layer: Layer, n_rows: int, columns: jax.Array) -> Callable[[], Any]:
    strip, count = strip_program(Placement(), 0, "highest"), count_program(Placement(), columns.shape[1], (1,), False)
    rows = np.arange(n_rows, dtype=np.int32)
    return lambda: count(strip(layer.features, layer.half_norms, rows), layer.half_norms, columns)


def _host_sorting(layer: Layer, n_rows: int, columns: jax.Array) -> Callable[[], Any]:
    strip, norms = strip_program(Placement(), 0, "highest"), np.asarray(layer.half_norms)
    rows, n_samples = np.arange(n_rows, dtype=np.int32), int(np.isfinite(norms).sum())

    def side() -> Any:
        found = distinct_columns(np.asarray(columns), n_samples)
        return ranks_by_sorting(np.asarray(strip(layer.features, norms, rows)), norms, found, n_samples, (1,))

    return side


def _device_sorting(layer: Layer, n_rows: int, columns: jax.Array) -> Callable[[], Any]:
    """XLA's sort and a search: not a way the planner has, but what an accelerator would do instead of counting."""

    @jax.jit
    def side(layer: Layer, columns: jax.Array) -> Any:
        scores = layer.half_norms - gram_strip(layer.features, jnp.arange(n_rows))
        ordered, thresholds = jnp.sort(scores, axis=1), jnp.take_along_axis(scores, columns, axis=1)
        less, upto = (jax.vmap(partial(jnp.searchsorted, side=end))(ordered, thresholds) for end in ("left", "right"))
        return row_ranks(Counts(less, upto), columns.shape[1], (1,))

    return lambda: side(layer, columns)
