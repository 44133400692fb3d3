"""Rows in 16 bits: taken off their centre before, so that what is lost is measured from where the samples differ."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxsim.rows import LazyRows

DTYPES = ("float32", "float16", "bfloat16")


def is_narrow(dtype: str) -> bool:
    """Whether rows of a dtype are centred.

    Example:
        >>> is_narrow("float32"), is_narrow("bfloat16")
        (False, True)
    """
    return dtype != "float32"


def centre_of_rows(rows: Float[np.ndarray, "n features"]) -> Float[np.ndarray, " features"]:
    """What to take off the rows of a step: the mean of those that came first, float32; zero where that is not finite.

    Example:
        >>> centre_of_rows(np.array([[1.0, 2.0], [3.0, 2.0]], np.float32)).tolist()
        [2.0, 2.0]
    """
    centre = rows.astype(np.float64).mean(axis=0).astype(np.float32)
    return np.where(np.isfinite(centre), centre, np.float32(0))


def narrowed(rows: Float[np.ndarray, "n features"], centre: Float[np.ndarray, " features"] | None, dtype: str) -> Any:
    """Rows as they are kept: without their centre, in the dtype; float32 rows stay as they are.

    Example:
        >>> narrowed(np.array([[1000.25]], np.float32), np.array([1000.0], np.float32), "bfloat16").tolist()
        [[0.25]]
    """
    if centre is None:
        return rows.astype(jnp.dtype(dtype), copy=False)
    with np.errstate(over="ignore"):  # infinities are told with the sample's name
        return (rows - centre).astype(jnp.dtype(dtype))


class WidenedRows(LazyRows):
    """Rows that are kept in 16 bits without their centre, given as float32 with it.

    Args:
        x: `[n_samples, n_features]` with row slices, narrow.
        centre: what was taken off, float32.

    Example:
        >>> WidenedRows(np.array([[0.25]], np.float16), np.array([1000.0], np.float32))[0].tolist()
        [1000.25]
    """

    def __init__(self, x: Any, centre: Float[np.ndarray, " features"]):
        super().__init__(
            lambda start, stop: np.asarray(x[start:stop]).astype(np.float32) + centre,
            x.shape,
            np.float32,
            chunk_rows=getattr(x, "chunk_rows", 1),
        )
