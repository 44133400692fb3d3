"""Is a representation the same for every sample, up to rounding?

The rule. Of every feature the mean absolute difference from the first sample is taken. A feature differs between
samples if that is more than 2^-20 (about 1e-6: a few roundings of float32) of its size in the first sample, and of the
typical size of the features that differ at all (their median), since what is left of large terms that cancel carries
their rounding. A representation is constant if no feature differs.

A large constant feature beside small ones that vary hides nothing: it differs not at all, and the others are measured
by their own size. Float16 and bfloat16 step by far more than 2^-20 and integers are exact, so there any step counts;
float64 that float32 cannot hold is judged by its own rounding, 2^-49.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxsim_kernels.centring import chunk_rows

ROUNDING = 2.0**-20
ROUNDING_FLOAT64 = 2.0**-49


def is_constant(x: Any) -> bool:
    """Whether a representation is the same for every sample, exactly or up to rounding; see the rule above.

    Rows are read in blocks, and no further than to the first that settle it.

    Args:
        x: `[n_samples, n_features]` with `shape`, `dtype` and row slices, real numbers.

    Returns:
        True if no feature differs between samples; False where there is NaN or infinity.

    Example:
        >>> token = np.random.default_rng(0).normal(size=64)
        >>> is_constant(np.tile(token, (100, 1)))
        True
        >>> is_constant(token + 1e-4 * np.arange(100)[:, None])
        False
    """
    n_samples, dtype = x.shape[0], np.dtype(x.dtype)
    exact = dtype.kind in "iub"
    first = np.asarray(x[:1])
    size = np.abs(first[0].astype(np.float64))
    total, wide = np.zeros(x.shape[1]), False
    step = chunk_rows(x.shape)
    for start in range(0, n_samples, step):
        chunk = np.asarray(x[start : start + step])
        if exact and (chunk != first).any():
            return False
        if exact:
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            total += np.abs(chunk.astype(np.float64) - first).sum(axis=0, dtype=np.float64)
            if jnp.issubdtype(dtype, np.floating) and dtype.itemsize > 4:
                wide = wide or bool((chunk.astype(np.float32) != chunk).any())
        # Further rows can only add to the sum, and no typical size is above the largest.
        if (total > ROUNDING * n_samples * size.max()).any():
            return False
    moved = total != 0
    if not moved.any():
        return True
    typical = np.maximum(size, np.median(size[moved]))
    tolerance = ROUNDING_FLOAT64 if wide else ROUNDING
    return bool((total <= tolerance * n_samples * typical).all())
