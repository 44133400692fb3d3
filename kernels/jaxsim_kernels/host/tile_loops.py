"""The loops of `tiles`, in the part of Python that Numba compiles. Importing this imports Numba."""

from functools import partial

import numpy as np

from ..padding import TILE
from .bucket_loops import sum_ranks
from .machine_code import compiled

_CHUNK = 64


@partial(compiled, any_order=True)
def guess(features, half_norms, found, n_found, tolerance, first, last, low, high):
    """Bounds of the scores that matrix products will give for the columns in `found`."""
    for row in range(first, last):
        queries = features[row]
        for i in range(n_found[row]):
            column = found[row, i]
            others, product = features[column], features.dtype.type(0)
            for feature in range(features.shape[1]):
                product += queries[feature] * others[feature]
            reach = tolerance * (half_norms[row] + half_norms[column])
            low[row, i] = half_norms[column] - product - reach
            high[row, i] = half_norms[column] - product + reach


@compiled
def compared(scores, low, high):
    """How many of `TILE` scores are below `low`, and how many not above `high`."""
    n_below, n_upto = np.int32(0), np.int32(0)
    for i in range(TILE):
        n_below = np.int32(n_below + (scores[i] < low))
        n_upto = np.int32(n_upto + (scores[i] <= high))
    return n_below, n_upto


@compiled
def keep_within(scores, low, high, apart, near, n_near):
    """Keep the scores within the bounds, but for the one at `apart`; returns how many there are by now."""
    for start in range(0, TILE, _CHUNK):
        # Most chunks have none, which takes no branch to see.
        within = np.int32(0)
        for place in range(start, start + _CHUNK):
            within = np.int32(within + (low <= scores[place]) * (scores[place] <= high))
        if within > 0:
            for place in range(start, start + _CHUNK):
                if low <= scores[place] <= high and place != apart:
                    if n_near < len(near):
                        near[n_near] = scores[place]
                    n_near += 1
    return n_near


@compiled
def add_segment(scores, offset, found, low, high, below, near, n_near, exact):
    """Count what a part of a row has below each column's bounds, and keep what others it has within them."""
    for i in range(len(found)):
        n_below, n_upto = compared(scores, low[i], high[i])
        below[i] += n_below
        column, n_within = np.int64(found[i]) - offset, n_upto - n_below
        if 0 <= column < TILE:
            exact[i] = scores[column]
            n_within -= np.int32(low[i] <= scores[column] <= high[i])
        if n_within > 0:
            n_near[i] = keep_within(scores, low[i], high[i], column, near[i], n_near[i])


@compiled
def add_tile(tile, half_norms, row_start, column_start, found, n_found, first, last, bounds, counts, turned):
    """Give the rows from `first` to `last` of a tile to these rows, and the same columns to the columns.

    A tile on the diagonal is symmetric in itself: its rows are all there is. Padding has infinite scores.
    """
    low, high = bounds
    below, near, n_near, exact = counts
    diagonal = row_start == column_start
    scores, norms = turned[0], half_norms[column_start : column_start + TILE]
    for row in range(first, min(last, len(found) - row_start)):
        own, n = row_start + row, n_found[row_start + row]
        products = tile[row]
        for column in range(TILE):
            scores[column] = norms[column] - products[column]
        if diagonal:
            scores[row] = np.inf
        add_segment(
            scores, column_start, found[own, :n], low[own], high[own], below[own], near[own], n_near[own], exact[own]
        )
    if diagonal:
        return
    last = min(last, len(found) - column_start)
    for start in range(first, last, len(turned)):
        stop = min(start + len(turned), last)
        for row in range(TILE):
            norm, products = half_norms[row_start + row], tile[row]
            for column in range(start, stop):
                turned[column - start, row] = norm - products[column]
        for column in range(start, stop):
            own, n = column_start + column, n_found[column_start + column]
            add_segment(
                turned[column - start], row_start, found[own, :n], low[own], high[own], below[own], near[own],
                n_near[own], exact[own],
            )  # fmt: skip


@compiled
def settle(found, n_found, places, ks, strict, first, last, bounds, counts, doubled, tied, settled):
    """From counts and kept scores to sums; a row is settled unless a bound was wrong or there was more to keep."""
    low, high = bounds
    below, near, n_near, exact = counts
    ranks, ties = np.empty(found.shape[1], np.int64), np.empty(found.shape[1], np.bool_)
    for row in range(first, last):
        settled[row] = True
        for i in range(n_found[row]):
            score, kept = exact[row, i], n_near[row, i]
            if kept > near.shape[2] or not low[row, i] <= score <= high[row, i]:
                settled[row] = False
                break
            less, upto = 0, 1
            for place in range(kept):
                less += np.int64(near[row, i, place] < score)
                upto += np.int64(near[row, i, place] <= score)
            ranks[i] = 2 + 2 * (below[row, i] + less) if strict else 1 + 2 * np.int64(below[row, i]) + less + upto
            ties[i] = upto - less > 1
        if settled[row]:
            sum_ranks(ranks, ties, places[row], ks, doubled[row], tied[row])
