"""The loops of `neighbour_overlap`, in the part of Python that Numba compiles. Importing this imports Numba.

Lists lie as `[n_rows, n_layers, k]`: those of one row by all layers side by side. A neighbour at place p of one list
and at place q of the other counts for every k above both places, so that one look serves all k: its level is the larger
of the two. `places` is -1 but while a row is worked on, where it holds the place of every neighbour in a list.
"""

import numpy as np

from .machine_code import compiled


@compiled
def count_common(lists, ks, first, last, places, counts):
    """Counts rows by how many neighbours two layers have in common, into `[n_k, n_layers, n_layers, k + 1]`, b >= a."""
    n_layers, k_max = lists.shape[1:]
    levels = np.empty(k_max, np.int64)
    several = len(ks) > 1
    for row in range(first, last):
        for a in range(n_layers):
            for p in range(k_max):
                places[lists[row, a, p]] = p
            for b in range(a, n_layers):
                if not several:
                    n = 0
                    for q in range(k_max):
                        n += places[lists[row, b, q]] >= 0
                    counts[0, a, b, n] += 1
                    continue
                levels[:] = 0
                for q in range(k_max):
                    p = places[lists[row, b, q]]
                    if p >= 0:
                        levels[max(p, q)] += 1
                n, at = 0, 0
                for level in range(k_max):
                    n += levels[level]
                    if level + 1 == ks[at]:
                        counts[at, a, b, n] += 1
                        at += 1
            for p in range(k_max):
                places[lists[row, a, p]] = -1


@compiled
def weigh_common(lists, ks, weights, first, last, places, sums):
    """As `count_common`, but adds up `weights[p, q]` of what is in common at the places p and q."""
    n_layers, k_max = lists.shape[1:]
    levels, at_level = np.empty(k_max, np.int64), np.empty(k_max)
    for row in range(first, last):
        for a in range(n_layers):
            for p in range(k_max):
                places[lists[row, a, p]] = p
            for b in range(a, n_layers):
                levels[:], at_level[:] = 0, 0.0
                for q in range(k_max):
                    p = places[lists[row, b, q]]
                    if p >= 0:
                        levels[max(p, q)] += 1
                        at_level[max(p, q)] += weights[p, q]
                n, total, at = 0, 0.0, 0
                for level in range(k_max):
                    n += levels[level]
                    total += at_level[level]
                    if level + 1 == ks[at]:
                        sums[at, a, b, n] += total
                        at += 1
            for p in range(k_max):
                places[lists[row, a, p]] = -1


@compiled
def sum_subsequences(lists, ks, first, last, places, sums):
    """Adds up lengths of the longest common subsequence of two lists, into `[n_k, n_layers, n_layers]`, b >= a.

    A list holds no sample twice, so this is the longest rising sequence of places: `ends[n]` is the smallest place that
    a rising sequence of n + 1 can end in.
    """
    n_layers, k_max = lists.shape[1:]
    ends = np.empty(k_max, np.int64)
    for row in range(first, last):
        for a in range(n_layers):
            for p in range(k_max):
                places[lists[row, a, p]] = p
            for b in range(a, n_layers):
                for at in range(len(ks)):
                    n = 0
                    for q in range(ks[at]):
                        p = places[lists[row, b, q]]
                        if 0 <= p < ks[at]:
                            place = n
                            while place > 0 and ends[place - 1] > p:
                                place -= 1
                            ends[place] = p
                            n = max(n, place + 1)
                    sums[at, a, b] += n
            for p in range(k_max):
                places[lists[row, a, p]] = -1


@compiled
def count_cycles(lists, first, last, levels):
    """Counts rows that layer a leads back to from a neighbour by layer b, into `levels` `[a, b, k]`.

    A row counts at the lowest level of such a neighbour: its place in the row's list by b, or the row's place in its
    list by a, whichever is larger.
    """
    n_layers, k_max = lists.shape[1:]
    lowest = np.empty(n_layers, np.int64)
    for row in range(first, last):
        for b in range(n_layers):
            lowest[:] = k_max
            for p in range(k_max):
                neighbour = lists[row, b, p]
                for a in range(n_layers):
                    for q in range(lowest[a]):
                        if lists[neighbour, a, q] == row:
                            lowest[a] = min(lowest[a], max(p, q))
                            break
            for a in range(n_layers):
                if lowest[a] < k_max:
                    levels[a, b, lowest[a]] += 1


@compiled
def find_returns(lists, first, last, returns):
    """Writes the place that every row has in the list of each of its neighbours, k where it has none."""
    n_layers, k_max = lists.shape[1:]
    for row in range(first, last):
        for a in range(n_layers):
            for p in range(k_max):
                neighbour = lists[row, a, p]
                returns[row, a, p] = k_max
                for q in range(k_max):
                    if lists[neighbour, a, q] == row:
                        returns[row, a, p] = q
                        break


@compiled
def sum_masked(lists, values, returns, k, a, places, of_columns, of_rows, sums):
    """Sums over the neighbours that layer a has in common with every layer b, into `sums` `[n_layers, 4]`.

    The values of a times those of b, where neighbours return; the values of a; those of b; and the matrix product of
    the masked values of a with those of b, all of its entries.
    """
    n_rows, n_layers = lists.shape[:2]
    of_columns[:], of_rows[:] = 0.0, 0.0
    for row in range(n_rows):
        for p in range(k):
            places[lists[row, a, p]] = p
        for b in range(n_layers):
            for q in range(k):
                column = lists[row, b, q]
                p = places[column]
                if p >= 0:
                    own, other = values[row, a, p], values[row, b, q]
                    if returns[row, a, p] < k and returns[row, b, q] < k:
                        sums[b, 0] += own * other
                    sums[b, 1] += own
                    of_columns[b, column] += own
                    of_rows[b, row] += other
        for p in range(k):
            places[lists[row, a, p]] = -1
    for b in range(n_layers):
        for sample in range(of_rows.shape[1]):
            sums[b, 2] += of_rows[b, sample]
            sums[b, 3] += of_columns[b, sample] * of_rows[b, sample]


@compiled
def sum_cosines(lists, own, across, ks, first, last, places, sums):
    """Adds up cosines between similarities of a row by two layers, at the neighbours by either, `[n_k, a, b]`, b >= a.

    `own` is `[n_rows, n_layers, k]`; `across` is `[a, b, n_rows, k]`, similarities by a at the neighbours by b.
    """
    n_layers, k_max = lists.shape[1:]
    for row in range(first, last):
        for a in range(n_layers):
            for p in range(k_max):
                places[lists[row, a, p]] = p
            for b in range(a, n_layers):
                for at in range(len(ks)):
                    product, of_a, of_b = 0.0, 0.0, 0.0
                    for p in range(ks[at]):
                        by_a, by_b = own[row, a, p], across[b, a, row, p]
                        product += by_a * by_b
                        of_a += by_a * by_a
                        of_b += by_b * by_b
                    for q in range(ks[at]):
                        p = places[lists[row, b, q]]
                        if p < 0 or p >= ks[at]:
                            by_a, by_b = across[a, b, row, q], own[row, b, q]
                            product += by_a * by_b
                            of_a += by_a * by_a
                            of_b += by_b * by_b
                    sums[at, a, b] += product / np.sqrt(of_a * of_b)
            for p in range(k_max):
                places[lists[row, a, p]] = -1


@compiled
def count_occurrences(lists, ks, first, last, counts):
    """Counts how often every sample is among the k nearest of a row, for layers from `first` to `last`."""
    n_rows, _, k_max = lists.shape
    for row in range(n_rows):
        for a in range(first, last):
            at = 0
            for p in range(k_max):
                while ks[at] <= p:
                    at += 1
                counts[at, a, lists[row, a, p]] += 1
