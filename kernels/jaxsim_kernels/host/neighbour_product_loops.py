"""Inner products of rows with a few others, in the part of Python that Numba compiles. Importing this imports Numba."""

from functools import partial

from .machine_code import compiled


@partial(compiled, any_order=True)
def inner_products(features, rows, distinct, n_distinct, first, last, products):
    """Writes inner products of every row with its different columns into `products` `[n_rows, n_columns]`."""
    n_features = features.shape[1]
    for row in range(first, last):
        own = features[rows[row]]
        for at in range(n_distinct[row]):
            other = features[distinct[row, at]]
            total = features.dtype.type(0)
            for feature in range(n_features):
                total += own[feature] * other[feature]
            products[row, at] = total
