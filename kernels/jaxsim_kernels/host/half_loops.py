"""The loops of `halves`, in the part of Python that Numba compiles. Importing this imports Numba."""

import numpy as np

from .bucket_loops import deal
from .machine_code import compiled

LANES = 8
"""Splits that are worked on at a time: their counts lie side by side in one vector."""

_CHUNK = 32


@compiled
def nearest_rows(strip, half_norms, strata, table, own, n_splits, k, first, last, found, scores):
    """Columns of the k nearest of every row within its own half of every split, equally near ones in index order."""
    infinity = half_norms.dtype.type(np.inf)
    best = np.empty((LANES, k), half_norms.dtype)
    for row in range(first, last):
        lanes, products = table[own[row]], strip[row]
        best[:] = infinity
        worst = infinity
        for start in range(0, len(half_norms), _CHUNK):
            # Most chunks hold nothing near, which takes no branch to see.
            n_near = np.int32(0)
            for place in range(_CHUNK):
                score = half_norms[start + place] - products[start + place]
                scores[place] = score
                n_near = np.int32(n_near + (score < worst))
            if n_near == 0:
                continue
            for place in range(_CHUNK):
                score = scores[place]
                if score < worst:
                    column = start + place
                    inside = lanes[strata[column]]
                    for split in range(n_splits):
                        if inside[split] and score < best[split, k - 1]:
                            at = k - 1
                            while at > 0 and best[split, at - 1] > score:
                                best[split, at] = best[split, at - 1]
                                found[row, split, at] = found[row, split, at - 1]
                                at -= 1
                            best[split, at] = score
                            found[row, split, at] = column
                    worst = best[0, k - 1]
                    for split in range(1, n_splits):
                        worst = max(worst, best[split, k - 1])


@compiled
def count_before(buckets, strata, lanes, ends, columns, before):
    """The columns in bucket order, and for every bucket how many of each half lie in the buckets before it."""
    starts = ends.copy()
    before[:] = 0
    # From the last column to the first: the order that the scores were dealt in.
    for column in range(len(buckets) - 1, -1, -1):
        bucket = buckets[column]
        place = starts[bucket] - 1
        starts[bucket] = place
        columns[place] = column
        inside = lanes[strata[column]]
        for split in range(LANES):
            before[bucket, split] += inside[split]
    total = np.zeros(LANES, before.dtype)
    for bucket in range(len(ends)):
        for split in range(LANES):
            own = before[bucket, split]
            before[bucket, split] = total[split]
            total[split] += own


@compiled
def rank_rows(
    strip, half_norms, strata, table, own, n_splits, found, n_found, places, ks, strict, first, last,
    scores, buckets, ends, dealt, columns, before, ranks, doubled,
):  # fmt: skip
    """Sum the doubled ranks, within a row's own half of every split, of that half's neighbours by every source."""
    n_sources, k = doubled.shape[2], ks[-1]
    for row in range(first, last):
        lanes = table[own[row]]
        deal(strip[row], half_norms, scores, buckets, ends, dealt)
        count_before(buckets, strata, lanes, ends, columns, before)
        for i in range(n_found[row]):
            column = found[row, i]
            score, bucket = scores[column], np.int64(buckets[column])
            start = np.int64(ends[bucket - 1]) if bucket > 0 else 0
            for split in range(LANES):
                ranks[i, split] = (2 if strict else 1) + 2 * np.int32(before[bucket, split])
            for place in range(start, np.int64(ends[bucket])):
                # Below counts twice; an equal one, the column itself among them, once, where ranks of ties are means.
                weight = np.int32(2) * (dealt[place] < score)
                if not strict:
                    weight += np.int32(dealt[place] == score)
                if weight:
                    inside = lanes[strata[columns[place]]]
                    for split in range(LANES):
                        ranks[i, split] += weight * np.int32(inside[split])
        for split in range(n_splits):
            at = split * n_sources * k
            for source in range(n_sources):
                total, place = np.int64(0), 0
                for neighbour in range(1, k + 1):
                    total += ranks[places[row, at], split]
                    at += 1
                    if neighbour == ks[place]:
                        doubled[row, split, source, place] = total
                        place += 1
