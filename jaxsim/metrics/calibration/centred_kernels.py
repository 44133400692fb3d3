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
        The matrix; zeros where nothing but rounding is left.

    Source:
        Szekely & Rizzo, Annals of Statistics 2014, for U-centring.

    Example:
        >>> centred_kernel(np.array([[2.0, 0.0], [0.0, 2.0]]), False).tolist()
        [[0.5, -0.5], [-0.5, 0.5]]
    """
    n = len(kernel)
    size = np.linalg.norm(kernel)
    if debiased:
        found = kernel - np.diag(np.diag(kernel))
        sums = found.sum(1)
        found = found - (sums[:, None] + sums) / (n - 2) + sums.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(found, 0)
    else:
        means = kernel.mean(1)
        found = kernel - means[:, None] - means + means.mean()
    norm = np.linalg.norm(found)
    return found / norm if norm > 64 * np.finfo(np.float64).eps * size else np.zeros_like(found)


def spread_of_kernel(centred: Float[np.ndarray, "n n"]) -> KernelSpread:
    """What `KernelSpread` holds, of any kernel: N^3 products.

    Args:
        centred: From `centred_kernel`.

    Returns:
        The sums; NaN for a kernel of zeros.

    Example:
        >>> round(spread_of_kernel(centred_kernel(np.diag([1.0, 2.0, 4.0]), False)).mean, 4)
        0.9354
    """
    n = len(centred)
    share = np.trace(centred) / (n - 1)
    left = centred - share * (np.eye(n) - 1 / n)
    if not centred.any():
        return nothing_varies()
    diagonal = np.diag(left)
    square = left @ left
    return KernelSpread(
        float(share * np.sqrt(n - 1)),
        np.array([(diagonal**2).sum(), np.trace(square)]),
        np.array(
            [
                (diagonal**3).sum(),
                diagonal @ np.diag(square),
                (square * left).sum(),
                (left**3).sum(),
                diagonal @ left @ diagonal,
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
