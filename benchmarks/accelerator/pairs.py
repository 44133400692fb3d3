"""All pairs on a device over the Gram products alone, in every form: precisions, kernels, one pass and two."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
from jaxsim_kernels import Options, Placement, Precision, all_pairs, plan_for
from jaxsim_kernels.accelerator.choice import VARIABLE, Kernels
from jaxsim_kernels.block_program import block_program, neighbour_program, rank_program
from jaxsim_kernels.plan import Passes
from jaxsim_kernels.prepare import prepare_layer
from jaxsim_kernels.scores import arithmetic

from benchmarks import measure
from benchmarks.accelerator.session import Absence
from benchmarks.gram_pass import gram_pass
from benchmarks.wording import seconds
from benchmarks.workloads import Shape, synthetic_layers

AIM = 0.6
"""Share of the measured rate of the same product that is aimed at."""

_PROGRAMS = (block_program, neighbour_program, rank_program)
_DRAWN_PER_SECOND, _PRODUCTS_PER_SECOND = 5e7, 2e13


def layers_of(shape: Shape, seed: int) -> list[np.ndarray]:
    """Layers on the host; those asked for last are kept."""
    return _drawn(shape.n_samples, shape.widths, seed)


@lru_cache(maxsize=1)
def _drawn(n_samples: int, widths: tuple[int, ...], seed: int) -> list[np.ndarray]:
    return synthetic_layers(Shape("layers", n_samples, widths), seed)


def expected_seconds(shape: Shape, n_queries: int) -> float:
    """Seconds that a size takes at least on a device: numbers to draw, and three turns of products.

    Example:
        >>> from benchmarks.workloads import uniform
        >>> round(expected_seconds(uniform(100_000, 384, 24), 16_384))
        23
    """
    drawn = shape.feature_bytes / 4 / _DRAWN_PER_SECOND
    return drawn + 3 * shape.gram_flops(n_queries) / _PRODUCTS_PER_SECOND


def key_of(
    shape: Shape, n_queries: int, precision: Precision, kernels: Kernels = "xla", passes: Passes | None = None
) -> dict[str, Any]:
    """What tells a line of all pairs from others; forms that are the default are left out."""
    forms = {"kernels": None if kernels == "xla" else kernels, "passes": passes}
    named = {name: value for name, value in forms.items() if value is not None}
    return {**shape.describe(), "n_queries": n_queries, "precision": precision, **named}


def measure_pairs(
    shape: Shape,
    n_queries: int,
    precision: Precision,
    kernels: Kernels = "xla",
    passes: Passes | None = None,
    *,
    seed: int = 0,
    runs: int = measure.RUNS,
    within: float | None = None,
) -> dict[str, Any]:
    """One size in one form: the Gram pass, all pairs and the preparation take turns.

    Args:
        shape: Of the layers, which are float32 and on the host: placing them is part of the work.
        n_queries: Leading rows that are worked out.
        precision: Of the kernels and of the Gram pass.
        kernels: XLA's or Pallas's.
        passes: One or two; None leaves it to the planner.
        seed: Of the layers.
        runs: Timed runs of each side.
        within: See `measure.interleaved`.

    Returns:
        Fields of the record.

    Raises:
        Absence: For Pallas's kernels on a CPU, which takes no notice of them.
    """
    if kernels == "pallas" and jax.default_backend() == "cpu":
        raise Absence("Pallas's kernels run on GPUs and TPUs; a CPU has forms of its own")
    layers = layers_of(shape, seed)
    options = Options(ks=shape.ks, precision=precision, passes=passes)
    queries = None if n_queries == shape.n_samples else np.arange(n_queries)
    plan = plan_for(shape.workload(n_queries), options, Placement())
    notes: list[str] = []

    def side() -> None:
        notes[:] = all_pairs(layers, queries, options).notes

    with running(kernels):
        floor, height = gram_pass(layers, n_queries, precision)
        sides = {"gram": floor, "all_pairs": side, "prepare": partial(_prepare, layers, plan.n_padded, precision)}
        timings = measure.interleaved(sides, runs, within=within)
    gram, whole = timings["gram"].median, timings["all_pairs"].median
    prepare, row_part = split(whole, timings["prepare"].median)
    flops = shape.gram_flops(n_queries)
    more = shape.n_samples / n_queries
    share_of_all_rows = gram * more / (prepare + row_part * more)
    return {
        "timings": {name: {**t.as_json(), "tflop_per_s": flops / t.median / 1e12} for name, t in timings.items()},
        "ratios": {"all_pairs": measure.ratio(timings["all_pairs"], timings["gram"]).as_json()},
        "found": {
            "dot_tflop_per_s": flops / gram / 1e12,
            "share_of_dot_rate": gram / whole,
            "share_without_preparing": gram / row_part,
            "share_with_all_rows": share_of_all_rows,
            "seconds_with_all_rows": prepare + row_part * more,
        },
        "device_peak": (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use"),
        "gram_strip_rows": height,
        "plan": str(plan),
        "notes": notes,
        "reach": f"{AIM} of the jnp.dot rate with all rows",
        "reached": share_of_all_rows >= AIM,
    }


def extrapolated(line: dict[str, Any], n_samples: int) -> dict[str, Any]:
    """What more samples would cost: preparing grows with N, rows with N each, and there are N of them.

    Args:
        line: Record of `measure_pairs`.
        n_samples: To extrapolate to.

    Returns:
        Fields of the record.
    """
    key = line["key"]
    grown = n_samples / key["n_samples"]
    prepare, row_part = split(line["timings"]["all_pairs"]["median"], line["timings"]["prepare"]["median"])
    widths = key["n_features"] if isinstance(key["n_features"], list) else [key["n_features"]] * key["n_layers"]
    per_row = row_part / key["n_queries"] * grown
    whole, some = (prepare * grown + per_row * rows for rows in (n_samples, min(50_000, n_samples)))
    return {
        "found": {"all_rows": seconds(whole), "50,000_rows": seconds(some)},
        "extrapolated_seconds": {"all_rows": whole, "50000_rows": some, "preparing": prepare * grown},
        "measured_at": {"n_samples": key["n_samples"], "n_queries": key["n_queries"]},
        "feature_bytes": 4 * n_samples * sum(widths),
        "note": "extrapolated from the largest size measured, not run; assumes the same block sizes",
    }


def split(whole: float, prepare: float) -> tuple[float, float]:
    """Seconds that do not grow with the rows worked out, and those that do.

    Preparing overlaps with device work, so alone it can take longer than it adds: then all counts as growing, which
    never makes an extrapolation too cheap.

    Example:
        >>> split(5.0, 2.0), split(1.0, 2.0)
        ((2.0, 3.0), (0.0, 1.0))
    """
    return (prepare, whole - prepare) if prepare < whole else (0.0, whole)


@contextmanager
def running(kernels: Kernels) -> Iterator[None]:
    """Programs that are made inside take these kernels; those made with others are forgotten before and after."""
    before = os.environ.get(VARIABLE)
    _forget_programs()
    os.environ[VARIABLE] = kernels
    try:
        yield
    finally:
        _forget_programs()
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def _forget_programs() -> None:
    for program in _PROGRAMS:
        program.cache_clear()


def _prepare(layers: Sequence[np.ndarray], n_padded: int, precision: Precision) -> None:
    placement = Placement()
    dtype = arithmetic(precision, len(layers[0]), placement.platform)
    with jax.enable_x64(dtype == np.float64):
        # All at once, as in one pass.
        jax.block_until_ready(
            [prepare_layer(x, "euclidean", n_padded, placement.place, dtype).features for x in layers]
        )
