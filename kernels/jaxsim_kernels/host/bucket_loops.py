"""The loops of `sorting`, in the part of Python that Numba compiles. Importing this imports Numba."""

import numpy as np

from .machine_code import compiled

LANES = 64
"""Scores compared at a time."""


@compiled
def distinct(columns, n_samples, first, last, found, n_found, places):
    """Write every row's different columns, how many there are, and where each column is among them."""
    row_seen = np.full(n_samples, -1, np.int32)
    place_seen = np.empty(n_samples, np.int32)
    for row in range(first, last):
        n = np.int32(0)
        for i in range(columns.shape[1]):
            column = columns[row, i]
            if row_seen[column] != row:
                row_seen[column] = row
                place_seen[column] = n
                found[row, n] = column
                n += np.int32(1)
            places[row, i] = place_seen[column]
        n_found[row] = n


@compiled
def deal(products, half_norms, scores, buckets, ends, dealt):
    """Work out a row's scores and deal them: bucket b holds `dealt[ends[b - 1] : ends[b]]`, larger b larger scores."""
    n, one = len(scores), ends.dtype.type(1)
    infinity = dealt[-1]
    lows, highs = np.full(32, infinity, scores.dtype), np.full(32, -infinity, scores.dtype)
    whole = n // 32 * 32
    for start in range(0, whole, 32):
        # Lane by lane, so that it is done in vectors.
        for lane in range(32):
            score = half_norms[start + lane] - products[start + lane]
            scores[start + lane] = score
            lows[lane] = score if score < lows[lane] else lows[lane]
            finite = score if score < infinity else -infinity
            highs[lane] = finite if finite > highs[lane] else highs[lane]
    low, high = infinity, -infinity
    for lane in range(32):
        low, high = min(low, lows[lane]), max(high, highs[lane])
    for column in range(whole, n):
        score = half_norms[column] - products[column]
        scores[column] = score
        low = min(low, score)
        high = max(high, score if score < infinity else -infinity)
    spread = high - low
    largest = scores.dtype.type(len(ends) - 1)
    # Any rising function of the score will do; a spread too small or too large to divide by leaves one bucket.
    scale = largest / spread if 0 < spread < infinity else scores.dtype.type(0)
    scale = scale if scale < infinity else scores.dtype.type(0)
    for column in range(n):
        score = scores[column]
        score = score if score < high else high
        buckets[column] = np.uint16(np.int32((score - low) * scale))
    ends[:] = 0
    for column in range(n):
        ends[buckets[column]] += one
    total = 0
    for bucket in range(len(ends)):
        size = ends[bucket]
        ends[bucket] = total
        total += size
    for column in range(n):
        bucket = buckets[column]
        place = ends[bucket]
        dealt[place] = scores[column]
        ends[bucket] = place + one


@compiled
def compared(others, score):
    """How many of `LANES` scores are below a score, and how many not above it."""
    n_less, n_upto = np.int32(0), np.int32(0)
    for lane in range(LANES):
        n_less = np.int32(n_less + (others[lane] < score))
        n_upto = np.int32(n_upto + (others[lane] <= score))
    return n_less, n_upto


@compiled
def sum_ranks(ranks, tied, places, ks, doubled_sums, tied_sums):
    """Of a row, from each different column's doubled rank to sums `[n_sources, n_k]`."""
    at = 0
    for source in range(len(doubled_sums)):
        total, n_tied, place = np.int64(0), np.int32(0), 0
        for k in range(1, ks[-1] + 1):
            total += ranks[places[at]]
            n_tied += np.int32(tied[places[at]])
            at += 1
            if k == ks[place]:
                doubled_sums[source, place] = total
                tied_sums[source, place] = n_tied
                place += 1


@compiled
def rank_rows(
    strip, half_norms, found, n_found, places, ks, strict, first, last, scores, buckets, ends, dealt, doubled, tied
):
    """Sum doubled ranks and ties of the rows from `first` to `last`."""
    ranks, ties = np.empty(found.shape[1], np.int64), np.empty(found.shape[1], np.bool_)
    for row in range(first, last):
        deal(strip[row], half_norms, scores, buckets, ends, dealt)
        for i in range(n_found[row]):
            column = found[row, i]
            score, bucket = scores[column], np.int64(buckets[column])
            start = np.int64(ends[bucket - 1]) if bucket > 0 else 0
            end = np.int64(ends[bucket])
            # Nearly always enough: no branch to guess, and what lies behind the bucket's end is larger.
            n_less, n_upto = compared(dealt[start : start + LANES], score)
            less, upto = start + n_less, start + n_upto
            if end - start > LANES:
                for block in range(start + LANES, end, LANES):
                    n_less, n_upto = compared(dealt[block : block + LANES], score)
                    less += n_less
                    upto += n_upto
            ranks[i] = 2 + 2 * less if strict else 1 + less + upto
            ties[i] = upto - less > 1
        sum_ranks(ranks, ties, places[row], ks, doubled[row], tied[row])
