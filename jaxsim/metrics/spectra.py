"""Eigenvalues of the covariance of a representation, from the smaller of its two Gram matrices."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxsim_kernels.prepare import prepared_rows
from jaxtyping import Float
from scipy.linalg import eigvalsh

_CHUNK_ROWS = 4096


def spectra_of(x: Any, samples: np.ndarray | None = None) -> Float[np.ndarray, " n_eigenvalues"]:
    """Eigenvalues of `X^T X` of features about their mean, in float64.

    Args:
        x: `[n_samples, n_features]` with `shape`, `dtype` and row slices.
        samples: Which samples to take; None for all.

    Returns:
        The `min(n_samples - 1, n_features)` largest, largest first, none below 0.

    Example:
        >>> spectra_of(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])).tolist()
        [2.0, 0.0]
    """
    rows, scale = prepared_rows(x, "euclidean")
    rows = rows if samples is None else rows[samples]
    # About the mean to the last bit: what is left of it would be an eigenvalue of its own.
    rows = rows - rows.mean(0)
    n_samples, n_features = rows.shape
    if n_samples <= n_features:
        gram = rows @ rows.T
    else:
        gram = np.zeros((n_features, n_features))
        for start in range(0, n_samples, _CHUNK_ROWS):
            part = rows[start : start + _CHUNK_ROWS]
            gram += part.T @ part
    values = eigvalsh(gram)[::-1][: min(n_samples - 1, n_features)]
    return np.maximum(values, 0) * scale**2


def traced_spectrum(x: jax.Array) -> jax.Array:
    """The same of a traced array.

    Example:
        >>> traced_spectrum(jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])).tolist()
        [2.0, 0.0]
    """
    x = x.astype(jnp.float64 if x.dtype == jnp.float64 else jnp.float32)
    rows = x - x.mean(0)
    n_samples, n_features = rows.shape
    gram = jnp.matmul(*((rows, rows.T) if n_samples <= n_features else (rows.T, rows)), precision="highest")
    values = jnp.linalg.eigvalsh(gram)[::-1][: min(n_samples - 1, n_features)]
    return jnp.maximum(values, 0)
