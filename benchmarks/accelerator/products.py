"""The same product at every precision, and by parts: how fast, how far from float64, and how many ranks change."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxsim_kernels import Precision
from jaxsim_kernels.accelerator.parts import gram_of_parts, side_by_side
from jaxsim_kernels.scores import gram

from benchmarks import measure

PARTS = {"parts of 6": 6, "parts of 9": 9}
_CHECKED_ROWS, _CHECKED_COLUMNS = 32, 64


class _Product(NamedTuple):
    """A product of rows with all samples, from features as it takes them."""

    step: Callable[..., jax.Array]
    arguments: tuple[jax.Array, ...]


def measure_product(
    way: str,
    n_samples: int,
    n_features: int,
    n_rows: int,
    *,
    seed: int = 0,
    runs: int = measure.RUNS,
    within: float | None = None,
) -> dict[str, Any]:
    """One way to multiply, in turns with `highest`.

    Args:
        way: A precision, or one of `PARTS`.
        n_samples: Columns.
        n_features: Of the samples.
        n_rows: Rows.
        seed: Of the samples.
        runs: Timed runs of each side.
        within: See `measure.interleaved`.

    Returns:
        Fields of the record. `changed_ranks` is the share of ranks of some samples in some rows that are not those of
        float64; `largest_error` of a product is in units of the two lengths; `equal_rows_tie` tells whether two equal
        samples have equal products with every row.
    """
    x = jax.random.normal(jax.random.key(seed), (n_samples, n_features), jnp.float32)
    x = x.at[n_samples - 1].set(x[n_samples // 2])
    product, reference = _product(way, x, n_rows), _product("highest", x, n_rows)
    sides = {name: partial(each.step, *each.arguments) for name, each in (("this", product), ("highest", reference))}
    timings = measure.interleaved(sides, runs, within=within)
    flops = 2 * n_samples * n_features * n_rows
    quotient = measure.ratio(timings["this"], timings["highest"])
    return {
        "timings": {name: {**t.as_json(), "tflop_per_s": flops / t.median / 1e12} for name, t in timings.items()},
        "ratios": {"this": quotient.as_json()},
        "found": {
            "tflop_per_s": flops / timings["this"].median / 1e12,
            "times_faster": 1 / quotient.of_medians,
            **_judged(np.asarray(sides["this"]()[:_CHECKED_ROWS]), np.asarray(x, np.float64)),
        },
    }


def _product(way: str, x: jax.Array, n_rows: int) -> _Product:
    if way in PARTS:
        n_products = PARTS[way]
        queries, samples = side_by_side(x[:n_rows], n_products, True), side_by_side(x, n_products, False)
        return _Product(jax.jit(gram_of_parts), (queries, samples))
    precision: Precision = way  # pyright: ignore[reportAssignmentType]
    return _Product(jax.jit(partial(gram, precision=precision)), (x[:n_rows], x))


def _judged(found: np.ndarray, x: np.ndarray) -> dict[str, Any]:
    """Leading rows of a product against float64."""
    n, rows = len(x), len(found)
    exact = x[:rows] @ x.T
    lengths = np.sqrt((x**2).sum(1))
    own = np.arange(rows)
    columns = np.random.default_rng(0).integers(rows, n, _CHECKED_COLUMNS)
    ranks = []
    for products in (found, exact):
        # Norms as the kernels have them, in the products' own type.
        scores = (lengths**2 / 2).astype(products.dtype) - products
        scores[own, own] = np.inf
        ordered = np.sort(scores, axis=1)
        ranks.append([row.searchsorted(wanted) for row, wanted in zip(ordered, scores[:, columns], strict=True)])
    return {
        "largest_error": float((np.abs(found - exact) / (lengths[:rows, None] * lengths)).max()),
        "changed_ranks": float(np.mean(np.asarray(ranks[0]) != np.asarray(ranks[1]))),
        "equal_rows_tie": bool((found[:, n - 1] == found[:, n // 2]).all()),
    }
