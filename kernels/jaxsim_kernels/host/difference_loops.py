"""Distances of a few rows from all samples by direct differences, in the part of Python that Numba compiles.

Nothing cancels, and there is no centring to pay for. Importing this imports Numba.
"""

from functools import partial

import numpy as np

from .machine_code import compiled


@partial(compiled, any_order=True)
def squared_differences(x, queries, first, last, scaled, shifted, out):
    """Squared distances of the samples from `first` to `last` from every query, into `out` `[n_queries, n_samples]`.

    With `scaled` every sample is first divided by its norm, with `shifted` its own mean is taken off before that.
    """
    n_features = x.shape[1]
    for row in range(first, last):
        sample = x[row]
        shift, scale = x.dtype.type(0), x.dtype.type(1)
        if shifted:
            for feature in range(n_features):
                shift += sample[feature]
            shift /= x.dtype.type(n_features)
        if scaled:
            norm = x.dtype.type(0)
            for feature in range(n_features):
                norm += (sample[feature] - shift) * (sample[feature] - shift)
            scale = x.dtype.type(1) / np.sqrt(norm)
        for query in range(queries.shape[0]):
            of_query = queries[query]
            total = x.dtype.type(0)
            for feature in range(n_features):
                apart = (sample[feature] - shift) * scale - of_query[feature]
                total += apart * apart
            out[query, row] = total
