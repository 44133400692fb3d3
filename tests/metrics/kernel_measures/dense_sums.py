"""Statistics of kernel measures from whole N x N matrices in float64, the definitions as they are written."""

import numpy as np
from scipy.spatial.distance import cdist, pdist

from jaxsim.metrics.statistics import CondensedDistances, KernelSums, Statistics, Sums


def rows_of(x, metric):
    if metric == "correlation":
        x = x - x.mean(1, keepdims=True)
    return x if metric in (None, "euclidean") else x / np.linalg.norm(x, axis=1, keepdims=True)


def median_square(x, with_itself=False):
    squares = cdist(x, x, "sqeuclidean")
    return np.median(squares if with_itself else squares[~np.eye(len(x), dtype=bool)])


def kernel_matrix(need, x, square=None):
    """A kernel of all pairs; `square` is the s^2 of `rbf` if it is not that of the need."""
    x = rows_of(x, need.metric)
    if need.kernel == "linear":
        x = x - x.mean(0)
        return x @ x.T
    if need.kernel == "distance":
        return cdist(x, x)
    squares = cdist(x, x, "sqeuclidean")
    if need.kernel == "squared_distance":
        return squares
    return np.exp(-squares / (2 * (need.bandwidth**2 * median_square(x) if square is None else square)))


def sums_of(matrices, units=None):
    """Sums of matrices, which are said to be in some units."""
    units = np.ones(len(matrices)) if units is None else np.asarray(units)
    stacked = np.stack(matrices) / units[:, None, None]
    diagonal = np.stack([np.diag(each) for each in stacked])
    off = stacked * (1 - np.eye(stacked.shape[1]))
    return Sums(np.einsum("aij,bij->ab", off, off), off.sum(2), diagonal, stacked.shape[1], units)


def dense_statistics(layers, measure, squares=None, made=None):
    """What a measure needs of layers; `made` keeps it for further measures of the same layers."""
    found, made = {}, {} if made is None else made
    for need in measure.needs:
        key = need, None if squares is None else tuple(squares)
        if key in made:
            found[need] = made[key]
        elif isinstance(need, CondensedDistances):
            found[need] = made[key] = np.stack([pdist(x, need.metric or "euclidean") for x in layers])
        else:
            assert isinstance(need, KernelSums)
            matrices = [
                kernel_matrix(need, x, None if squares is None else squares[number]) for number, x in enumerate(layers)
            ]
            found[need] = made[key] = sums_of(matrices, [2.0**number for number in range(len(layers))])
    return Statistics(len(layers[0]), (1,), tuple(x.shape[1] for x in layers), found)
