"""Resizing a grid of position embeddings exactly as the original codebases do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Resize = Literal["bicubic", "bilinear", "bicubic_antialias", "bilinear_antialias", "linear_corners"]


def _cubic(x: float, a: float) -> float:
    x = abs(x)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    if x < 2:
        return a * (((x - 5) * x + 8) * x - 4)
    return 0.0


def _triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def _sampled(n_in: int, n_out: int, kernel: Callable[[float], float], reach: int) -> np.ndarray:
    """Weights of a kernel laid around each output's centre; taps outside repeat the border."""
    matrix = np.zeros((n_out, n_in))
    for row in range(n_out):
        centre = (row + 0.5) * n_in / n_out - 0.5
        for tap in range(math.floor(centre) - reach + 1, math.floor(centre) + reach + 1):
            matrix[row, min(max(tap, 0), n_in - 1)] += kernel(centre - tap)
    return matrix


def _antialiased(n_in: int, n_out: int, kernel: Callable[[float], float], reach: int) -> np.ndarray:
    """Weights of a kernel widened by the shrink factor, cut at the border and normalised."""
    matrix = np.zeros((n_out, n_in))
    step = n_in / n_out
    stretch = max(step, 1.0)
    for row in range(n_out):
        centre = (row + 0.5) * step
        first = max(int(centre - reach * stretch + 0.5), 0)
        last = min(int(centre + reach * stretch + 0.5), n_in)
        for tap in range(first, last):
            matrix[row, tap] = kernel((tap - centre + 0.5) / stretch)
    return matrix / matrix.sum(axis=1, keepdims=True)


def _corners(n_in: int, n_out: int) -> np.ndarray:
    """Returns linear interpolation whose first and last samples are the input's (`scipy.ndimage.zoom(order=1)`)."""
    where = np.linspace(0, n_in - 1, n_out) if n_out > 1 else np.zeros(1)
    return np.maximum(0.0, 1.0 - np.abs(where[:, None] - np.arange(n_in)[None, :]))


def resize_matrix(n_in: int, n_out: int, method: Resize) -> Float[np.ndarray, "n_out n_in"]:
    """Returns the matrix that resizes one axis from `n_in` to `n_out` samples.

    Args:
        n_in: Samples of the input.
        n_out: Samples of the output.
        method: `"bicubic"` and `"bilinear"` are torch's `interpolate(size=..., align_corners=False)` (bicubic
            with A = -0.75), the `_antialias` ones the same with `antialias=True` (A = -0.5);
            `"linear_corners"` is `scipy.ndimage.zoom(order=1)`.

    Example:
        >>> resize_matrix(2, 4, "bilinear")[0]
        array([1., 0.])
    """
    match method:
        case "bicubic":
            return _sampled(n_in, n_out, lambda x: _cubic(x, -0.75), 2)
        case "bilinear":
            return _sampled(n_in, n_out, _triangle, 1)
        case "bicubic_antialias":
            return _antialiased(n_in, n_out, lambda x: _cubic(x, -0.5), 2)
        case "bilinear_antialias":
            return _antialiased(n_in, n_out, _triangle, 1)
        case "linear_corners":
            return _corners(n_in, n_out)


def resize_grid(
    table: Float[Array | np.ndarray, "h w features"], grid: tuple[int, int], method: Resize
) -> Float[Array, "new_h new_w features"]:
    """Resizes a grid of embeddings; returned as it is when the grid already fits.

    Args:
        table: Embeddings, `[h, w, features]`.
        grid: Rows and columns wanted.
        method: See `resize_matrix`.

    Example:
        >>> resize_grid(jnp.ones((2, 2, 3)), (4, 6), "bicubic").shape
        (4, 6, 3)
    """
    table = jnp.asarray(table)
    if table.shape[:2] == tuple(grid):
        return table
    rows = jnp.asarray(resize_matrix(table.shape[0], grid[0], method), jnp.float32)
    columns = jnp.asarray(resize_matrix(table.shape[1], grid[1], method), jnp.float32)
    highest = jax.lax.Precision.HIGHEST
    resized = jnp.einsum("ah,hwc->awc", rows, table.astype(jnp.float32), precision=highest)
    return jnp.einsum("bw,awc->abc", columns, resized, precision=highest).astype(table.dtype)
