"""Sums over a centred kernel of one layer that decide how its products with another vary over shuffled pairings."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_BLOCK_BYTES = 1 << 26
_FLOAT64_SAMPLES = 1024
"""Up to so many samples, products of samples are worked out in float64; beyond, in float32."""


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
        return _nothing()
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


def spread_of_features(x: Float[np.ndarray, "n n_features"], debiased: bool) -> KernelSpread:
    """The same of inner products, from features: a half of N^2 products of samples, and sums of features' products.

    Args:
        x: Features about their mean.
        debiased: Whether the kernel is U-centred.

    Returns:
        What `spread_of_kernel` gives.

    Example:
        >>> x = np.array([[1.0], [0.0], [-1.0]])
        >>> round(spread_of_features(x, False).mean, 9), round(spread_of_kernel(x @ x.T / 2).mean, 9)
        (0.707106781, 0.707106781)
    """
    n, n_features = x.shape
    norm = np.linalg.norm(x)
    if norm == 0:
        return _nothing()
    if n_features >= n:
        # One product of samples is what feature space is too wide for.
        return spread_of_kernel(centred_kernel(x @ x.T, debiased))
    x = x / norm
    squares = np.einsum("ij,ij->i", x, x)
    return _debiased(x, squares) if debiased else _biased(x, squares)


def _biased(x: np.ndarray, squares: np.ndarray) -> KernelSpread:
    n = len(x)
    products = x.T @ x
    size = np.linalg.norm(products)
    share = squares.sum() / (n - 1)
    diagonal = squares - share * (1 - 1 / n)
    of_rows = np.einsum("ij,ij->i", x @ products, x) - 2 * share * squares + share**2 * (1 - 1 / n)
    cubes = sum(_cubes(block, own, share / n) for block, own in _blocks(x, np.zeros(n)))
    apart = squares - squares.mean()
    second = [(diagonal**2).sum(), size**2 - squares.sum() ** 2 / (n - 1)]
    trace = (products @ products * products).sum() - 3 * share * size**2 + 2 * share**2 * squares.sum()
    third = [
        (diagonal**3).sum(),
        diagonal @ of_rows,
        trace,
        cubes + (diagonal**3).sum(),
        np.sum((x.T @ squares) ** 2) - share * apart @ apart,
    ]
    return KernelSpread(float(share / size * np.sqrt(n - 1)), np.array(second) / size**2, np.array(third) / size**3)


def _debiased(x: np.ndarray, squares: np.ndarray) -> KernelSpread:
    """Of `X X^T + u 1^T + 1 u^T` without its diagonal, which is what U-centring makes of inner products."""
    n = len(x)
    offsets = squares / (n - 2) - squares.sum() / (2 * (n - 1) * (n - 2))
    ones = np.ones((n, 1))
    left, right = np.hstack([x, offsets[:, None], ones]), np.hstack([x, ones, offsets[:, None]])
    inner = right.T @ left
    diagonal = squares + 2 * offsets
    of_rows = np.einsum("ij,ij->i", left @ inner, right)
    size = np.sqrt(np.trace(inner @ inner) - diagonal @ diagonal)
    trace = np.trace(inner @ inner @ inner) - 3 * diagonal @ of_rows + 2 * (diagonal**3).sum()
    cubes = sum(_cubes(block, own, 0.0) for block, own in _blocks(x, offsets))
    return KernelSpread(0.0, np.array([0.0, 1.0]), np.array([0.0, 0.0, trace, cubes, 0.0]) / size**3)


def _blocks(x: np.ndarray, offsets: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
    """Products of some samples with themselves and all later ones, plus both offsets, and how many they are."""
    n = len(x)
    rows = x if n <= _FLOAT64_SAMPLES else x.astype(np.float32)
    moved = offsets.astype(rows.dtype)
    step = max(1, min(n, 512, _BLOCK_BYTES // (n * rows.itemsize)))
    for start in range(0, n, step):
        stop = min(start + step, n)
        block = rows[start:stop] @ rows[start:].T
        if offsets.any():
            block += moved[start:stop, None]
            block += moved[start:]
        yield block, stop - start


def _cubes(block: np.ndarray, own: int, added: float) -> float:
    """Sum of the cubes of all entries off the diagonal, those beyond the block's own samples twice."""
    block += block.dtype.type(added)
    block[np.arange(own), np.arange(own)] = 0
    cubes = block * block
    cubes *= block
    return float(cubes[:, :own].sum(dtype=np.float64) + 2 * cubes[:, own:].sum(dtype=np.float64))


def _nothing() -> KernelSpread:
    return KernelSpread(np.nan, np.full(2, np.nan), np.full(5, np.nan))
