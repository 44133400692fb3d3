"""Sums over a centred kernel of one layer that decide how its products with another vary over shuffled pairings."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class KernelSpread:
    """A centred kernel A, divided by its Frobenius norm, without the part of it that no pairing changes.

    That part is `tr(A) / (N - 1)` times the centring matrix: with it, products of two kernels have the mean
    `mean_a * mean_b` over all pairings, and without it the mean 0.

    Attributes:
        mean: `tr(A) / (|A| sqrt(N - 1))`.
        second: `sum_i A_ii^2` and `tr(A^2)` of what is left, as `permutation_moments.SECOND` names them.
        third: As `permutation_moments.THIRD` names them.
    """

    mean: float
    second: Float[np.ndarray, " n_second"]
    third: Float[np.ndarray, " n_third"]


def centred_kernel(kernel: Float[np.ndarray, "n n"], debiased: bool) -> Float[np.ndarray, "n n"]:
    """A kernel doubly centred, or U-centred without its diagonal, divided by its Frobenius norm.

    Args:
        kernel: Symmetric, with its diagonal.
        debiased: Whether it is U-centred.

    Returns:
        The matrix, in the precision of the kernel; zeros where nothing but rounding is left.

    Source:
        Szekely & Rizzo, Annals of Statistics 2014, for U-centring.

    Example:
        >>> centred_kernel(np.array([[2.0, 0.0], [0.0, 2.0]]), False).tolist()
        [[0.5, -0.5], [-0.5, 0.5]]
    """
    found, norm = with_norm(kernel, debiased)
    return found / found.dtype.type(norm or 1)


def with_norm(kernel: Float[np.ndarray, "n n"], debiased: bool) -> tuple[Float[np.ndarray, "n n"], float]:
    """The same before the division, and the Frobenius norm.

    Example:
        >>> with_norm(np.array([[2.0, 0.0], [0.0, 2.0]]), False)[1]
        2.0
    """
    n, dtype = len(kernel), kernel.dtype.type
    before = _norm(kernel)
    if debiased:
        sums = kernel.sum(1, dtype=np.float64) - np.diag(kernel)
        offsets = sums.sum() / (2 * (n - 1) * (n - 2)) - sums / (n - 2)
    else:
        means = kernel.mean(1, dtype=np.float64)
        offsets = means.mean() / 2 - means
    offsets = offsets.astype(dtype)
    found = kernel + offsets[:, None]
    found += offsets
    if debiased:
        np.fill_diagonal(found, 0)
    norm = _norm(found)
    if norm > 64 * np.finfo(dtype).eps * before:
        return found, norm
    return np.zeros_like(found), 0.0


def _norm(matrix: np.ndarray) -> float:
    return float(np.sqrt(np.einsum("ij,ij->i", matrix, matrix).sum(dtype=np.float64)))


def spread_of_kernel(centred: Float[np.ndarray, "n n"]) -> KernelSpread:
    """What `KernelSpread` holds, of any kernel: N^3 products.

    Args:
        centred: From `centred_kernel`.

    Returns:
        The sums, in float64; NaN for a kernel of zeros.

    Example:
        >>> round(spread_of_kernel(centred_kernel(np.diag([1.0, 2.0, 4.0]), False)).mean, 4)
        0.9354
    """
    n, dtype = len(centred), centred.dtype.type
    if not centred.any():
        return nothing_varies()
    share = np.trace(centred, dtype=np.float64) / (n - 1)
    left = centred + dtype(share / n)
    left[np.arange(n), np.arange(n)] -= dtype(share)
    diagonal = np.diag(left).astype(np.float64)
    # A symmetric product, which takes half the time.
    square = left @ left.T
    of_rows = np.diag(square).astype(np.float64)
    square *= left
    trace = square.sum(1, dtype=np.float64).sum()
    through = left @ diagonal.astype(dtype)
    np.multiply(left, left, out=square)
    square *= left
    return KernelSpread(
        float(share * np.sqrt(n - 1)),
        np.array([(diagonal**2).sum(), of_rows.sum()]),
        np.array(
            [
                (diagonal**3).sum(),
                diagonal @ of_rows,
                trace,
                square.sum(1, dtype=np.float64).sum(),
                diagonal @ through,
            ]
        ),
    )


def nothing_varies() -> KernelSpread:
    """Of a layer that is the same for all samples.

    Example:
        >>> nothing_varies().mean
        nan
    """
    return KernelSpread(np.nan, np.full(2, np.nan), np.full(5, np.nan))
