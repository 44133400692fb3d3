"""Sums of singular values, without singular vectors and as fast as their digits allow."""

from typing import Any

import jax.numpy as jnp
import numpy as np

_LARGEST_ERROR = 1e-11
"""Of a sum from eigenvalues, relative; beyond it singular values are worked out as such."""

_ROUNDINGS = 8
"""Rounding errors that an eigenvalue of a Gram matrix is off by, as a multiple of the largest eigenvalue's own."""


def nuclear_norm(matrix: Any) -> Any:
    """Sum of the singular values of a matrix.

    On the host it comes from the eigenvalues of the smaller Gram matrix, which are two times as fast to have, wherever
    their rounding is known to change less than 1e-11 of the sum. An eigenvalue is off by a few roundings of the largest
    one, so that a singular value s is off by as much as `8 eps s_max^2 / (2 s)`.

    Args:
        matrix: `[n, m]`.

    Returns:
        The sum.

    Example:
        >>> round(float(nuclear_norm(np.diag([3.0, -4.0]))), 12)
        7.0
    """
    if not isinstance(matrix, np.ndarray):
        return jnp.linalg.svd(matrix, compute_uv=False).sum()
    if 0 in matrix.shape:
        return 0.0
    values = np.linalg.eigvalsh(matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix)
    rounding = _ROUNDINGS * np.finfo(matrix.dtype).eps * values[-1]
    if values[0] > rounding:
        roots = np.sqrt(values)
        if (rounding / (2 * roots)).sum() <= _LARGEST_ERROR * roots.sum():
            return roots.sum()
    return np.linalg.svd(matrix, compute_uv=False).sum()
