"""What a kernel tells the compiler about itself: without it a call counts for nothing where programs are scheduled."""

from jax.experimental import pallas as pl


def strip_cost(
    n_rows: int, n_columns: int, operations: int, readings_of_norms: int = 1, kept: int = 0
) -> pl.CostEstimate:
    """Cost of a kernel that reads a float32 strip once.

    Args:
        n_rows: Of the strip.
        n_columns: Of the strip.
        operations: For each of its elements.
        readings_of_norms: How often the half norms are read: once for each block of rows.
        kept: Numbers of four bytes read or written for each row beside the strip.

    Returns:
        Operations and bytes.

    Example:
        >>> strip_cost(8, 128, 2).bytes_accessed
        4608
    """
    n_bytes = 4 * (n_rows * n_columns + readings_of_norms * n_columns + n_rows * kept)
    return pl.CostEstimate(flops=operations * n_rows * n_columns, transcendentals=0, bytes_accessed=n_bytes)
