"""Counts below thresholds on NVIDIA GPUs, by Triton: few thresholds are compared, many are searched."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from .cost import strip_cost
from .tiles import largest_tile

_Add = Callable[[Any, jax.Array, jax.Array, jax.Array], None]

SEARCHED_FROM = 64
"""Thresholds of a row from which on they are searched: ten steps of a search and one atomic addition then cost less
than that many comparisons."""

_SEARCHED_COLUMNS, _COMPARED_COLUMNS = 1024, 128


def counts_by_triton(
    strip: jax.Array, half_norms: jax.Array, thresholds: jax.Array, *, interpret: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Counts of scores below, and not above, each of a row's thresholds; the strip is read once.

    Args:
        strip: Gram strip `[n_rows, n_columns]`, float32, columns a multiple of 128; `-inf` where a sample is left out.
        half_norms: Half squared norms `[n_columns]`, `inf` for padding.
        thresholds: `[n_rows, n_thresholds]`, finite, at least one.
        interpret: Run the kernel's steps one by one on any platform.

    Returns:
        Two int32 arrays `[n_rows, n_thresholds]`: below, and not above.

    Example:
        >>> strip, norms = jnp.zeros((1, 128)), jnp.arange(128.0)
        >>> less, upto = counts_by_triton(strip, norms, jnp.array([[2.0]]), interpret=True)
        >>> less.tolist(), upto.tolist()
        ([[2]], [[3]])
    """
    count = _by_search if thresholds.shape[1] >= SEARCHED_FROM else _by_comparison
    return count(strip, half_norms, thresholds, interpret)


def _by_comparison(
    strip: jax.Array, half_norms: jax.Array, thresholds: jax.Array, interpret: bool
) -> tuple[jax.Array, jax.Array]:
    n_rows, n_columns = strip.shape
    places = max(pl.next_power_of_2(thresholds.shape[1]), 16)
    bounds = jnp.pad(thresholds, ((0, 0), (0, places - thresholds.shape[1])))
    counts = pl.BlockSpec((1, places), lambda i: (i, 0))
    less, upto = pl.pallas_call(
        partial(_compare_row, width=largest_tile(n_columns, _COMPARED_COLUMNS, _COMPARED_COLUMNS)),
        grid=(n_rows,),
        in_specs=[*_strip_specs(n_columns), pl.BlockSpec((1, places), lambda i: (i, 0))],
        out_specs=[counts, counts],
        out_shape=[jax.ShapeDtypeStruct((n_rows, places), jnp.int32)] * 2,
        compiler_params=plgpu.CompilerParams(num_warps=4),
        cost_estimate=strip_cost(n_rows, n_columns, operations=4 * places, kept=3 * places),
        name=f"counts_{places}",
        interpret=interpret,
    )(half_norms[None], strip, bounds)
    return less[:, : thresholds.shape[1]], upto[:, : thresholds.shape[1]]


def _compare_row(norms, strip, bounds, less, upto, *, width: int) -> None:
    # Thresholds along the last axis: the sums over a tile's columns leave them in place.
    bound = bounds[...]

    def tile(number: jax.Array, counts: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        at = pl.ds(number * width, width)
        scores = (norms[0, at] - strip[0, at])[:, None]
        below, not_above = (jnp.sum(compare(scores, bound), axis=0, dtype=jnp.int32) for compare in (_less, _upto))
        return counts[0] + below, counts[1] + not_above

    none = jnp.zeros(bounds.shape[1], jnp.int32)
    less[0, :], upto[0, :] = lax.fori_loop(0, strip.shape[1] // width, tile, (none, none))


def _less(a: jax.Array, b: jax.Array) -> jax.Array:
    return a < b


def _upto(a: jax.Array, b: jax.Array) -> jax.Array:
    return a <= b


def _by_search(
    strip: jax.Array, half_norms: jax.Array, thresholds: jax.Array, interpret: bool
) -> tuple[jax.Array, jax.Array]:
    """Every score finds its place among the sorted thresholds and is counted there; sums of places are the counts."""
    n_rows, n_columns = strip.shape
    n_thresholds = thresholds.shape[1]
    order = jnp.argsort(thresholds, axis=1)
    bounds = jnp.take_along_axis(thresholds, order, axis=1)
    # One more than the thresholds, so that no score is above all places.
    places = pl.next_power_of_2(n_thresholds + 1)
    padded = jnp.pad(bounds, ((0, 0), (0, places - n_thresholds)), constant_values=jnp.inf)
    of_rows = [pl.BlockSpec((1, width), lambda i: (i, 0)) for width in (places, 2 * places)]
    step = partial(
        _search_row,
        n_thresholds=n_thresholds,
        add=_add_alone if interpret else _add_together,
        width=largest_tile(n_columns, _SEARCHED_COLUMNS, 128),
    )
    found = pl.pallas_call(
        step,
        grid=(n_rows,),
        in_specs=[*_strip_specs(n_columns), *of_rows],
        out_specs=of_rows[1],
        out_shape=jax.ShapeDtypeStruct((n_rows, 2 * places), jnp.int32),
        input_output_aliases={3: 0},
        compiler_params=plgpu.CompilerParams(num_warps=4),
        cost_estimate=strip_cost(n_rows, n_columns, operations=3 * places.bit_length(), kept=5 * places),
        name=f"counts_{places}_searched",
        interpret=interpret,
    )(half_norms[None], strip, padded, jnp.zeros((n_rows, 2 * places), jnp.int32))
    upto_place = jnp.cumsum(found, axis=1, dtype=jnp.int32)
    place = jnp.arange(n_thresholds, dtype=jnp.int32)
    # Of equal thresholds all take the last one's place, where the scores equal to them were counted.
    last = lax.cummin(jnp.where(_ends_a_run(bounds), place, n_thresholds), axis=1, reverse=True)
    less, upto = (jnp.take_along_axis(upto_place, 2 * last + equal, axis=1) for equal in (0, 1))
    back = jnp.argsort(order, axis=1)
    return jnp.take_along_axis(less, back, axis=1), jnp.take_along_axis(upto, back, axis=1)


def _ends_a_run(bounds: jax.Array) -> jax.Array:
    last = jnp.ones((bounds.shape[0], 1), bool)
    return jnp.concatenate([bounds[:, 1:] != bounds[:, :-1], last], axis=1)


def _search_row(norms, strip, bounds, _, counts, *, n_thresholds: int, add: _Add, width: int) -> None:
    n_places = bounds.shape[1]
    row = jnp.zeros(width, jnp.int32)

    def bound_at(place: jax.Array) -> jax.Array:
        return plgpu.load(bounds.at[row, place])

    def tile(number: jax.Array, carry: jax.Array) -> jax.Array:
        at = pl.ds(number * width, width)
        scores = norms[0, at] - strip[0, at]
        # How many thresholds are not above the score, bit by bit; the last place is never one of them.
        below = jnp.zeros(width, jnp.int32)
        half = n_places // 2
        while half:
            below = below + jnp.where(bound_at(below + (half - 1)) <= scores, half, 0)
            half //= 2
        equal = (below > 0) & (bound_at(jnp.maximum(below - 1, 0)) == scores)
        place = 2 * below - equal.astype(jnp.int32)
        # What is above all thresholds, mostly nearly everything, is counted nowhere.
        add(counts, row, place, place < 2 * n_thresholds)
        return carry

    lax.fori_loop(0, strip.shape[1] // width, tile, jnp.int32(0))


def _add_together(counts, row: jax.Array, place: jax.Array, counted: jax.Array) -> None:
    plgpu.atomic_add(counts, (row, place), jnp.ones(place.shape, jnp.int32), mask=counted)


def _add_alone(counts, _: jax.Array, place: jax.Array, counted: jax.Array) -> None:
    """The same in the interpreter, which has one thread and no atomic addition of several numbers."""
    counts[0, :] = counts[0, :].at[place].add(counted.astype(jnp.int32))


def _strip_specs(n_columns: int) -> list[pl.BlockSpec]:
    """Half norms for every program, one row of the strip for each: together they read it once."""
    return [pl.BlockSpec((1, n_columns), lambda i: (0, 0)), pl.BlockSpec((1, n_columns), lambda i: (i, 0))]
