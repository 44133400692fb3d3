"""The same sums of a linear kernel, from features and from what a pass over all pairs of samples adds up anyway.

Of a kernel of inner products, traces of powers follow from products of features and row sums from features: N D^2
operations. What is left are the squares and cubes of single entries, row by row. A pass that makes strips of inner
products for CKA adds them up beside; where none does, a half of the N^2 products of samples is made for them.

The sum of cubes is also the squared norm of the third moments of features, N D^3 / 6 multiply-adds against N^2 D / 2.
For D = 384 that would be fewer from N = 49,000 on; but moments need float64 and are put together of many small
products: at N = 4,096 they were 9 times faster for 16 features, which strips take 0.7 s for, and half as fast for 63.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxsim_kernels import Metric
from jaxsim_kernels.prepare import prepared_rows
from jaxtyping import Float

from ..statistics import Sums
from .centred_kernels import KernelSpread, centred_kernel, nothing_varies, spread_of_kernel

_BLOCK_BYTES = 1 << 26
_MEAN_BYTES = 1 << 28
_CHUNK = 4096
FLOAT64_SAMPLES = 1024
"""Up to so many samples, products are worked out in float64; beyond, in float32 and added up in float64."""


@dataclass(frozen=True)
class EntrySums:
    """Sums over the entries of every row of a matrix of inner products, off the diagonal.

    Features may be about any centre: which one follows from the sums themselves.

    Attributes:
        entries: `sum_{j != i} K_ij` `[n]`.
        squares: The same of squares.
        cubes: The same of cubes.
        diagonal: `K_ii`.
    """

    entries: Float[np.ndarray, " n"]
    squares: Float[np.ndarray, " n"]
    cubes: Float[np.ndarray, " n"]
    diagonal: Float[np.ndarray, " n"]

    @property
    def trace(self) -> float:
        """Of features about their mean."""
        return float(self.diagonal.sum() - (self.entries + self.diagonal).sum() / len(self.diagonal))


def entry_sums(sums: Sums, layer: int) -> EntrySums | None:
    """What a pass has added up of one layer; None where it has made no strips.

    Example:
        >>> zero = np.zeros((1, 3))
        >>> entry_sums(Sums(None, zero, zero, 3, powers=np.ones((2, 1, 3))), 0).cubes.tolist()
        [1.0, 1.0, 1.0]
    """
    if sums.powers is None:
        return None
    return EntrySums(sums.row_sums[layer], sums.powers[0, layer], sums.powers[1, layer], sums.diagonal[layer])


def feature_rows(x: Any, metric: Metric) -> Float[np.ndarray, "n n_features"]:
    """Features about a centre of theirs, in some unit, in the precision that products are worked out in.

    Args:
        x: `[n_samples, n_features]` with `shape`, `dtype` and row slices.
        metric: `euclidean`, or `cosine` or `correlation` for rows of length one.

    Returns:
        Float64 up to 1,024 samples, float32 beyond.

    Example:
        >>> feature_rows(np.array([[5.0], [6.0], [8.0]]), "euclidean").round(3).tolist()
        [[-0.333], [-0.083], [0.417]]
    """
    n_samples, dtype = x.shape[0], np.dtype(x.dtype)
    if n_samples > FLOAT64_SAMPLES and metric == "euclidean" and dtype == np.float32:
        rows = np.asarray(x[:])
        centre = rows.mean(0, dtype=np.float64).astype(np.float32)
        # Differences of numbers that lie close together are exact; what the centre is off by is taken off the sums.
        rows = rows - centre
        largest = float(max(rows.max(), -rows.min()))
        if 0 < largest < np.inf:
            return rows * np.float32(np.exp2(-np.round(np.log2(largest)))) if not 1e-9 < largest < 1e9 else rows
    rows, _ = prepared_rows(x, metric)
    rows -= rows.mean(0)
    return rows if n_samples <= FLOAT64_SAMPLES else rows.astype(np.float32)


def spread_of_features(
    x: Float[np.ndarray, "n n_features"], debiased: bool, entries: EntrySums | None = None
) -> KernelSpread:
    """What `spread_of_kernel` gives of inner products.

    Args:
        x: Features, from `feature_rows`.
        debiased: Whether the kernel is U-centred.
        entries: From `entry_sums`, in any unit; None to work them out.

    Returns:
        The sums; NaN for a layer that does not vary.

    Example:
        >>> x = np.array([[1.0], [0.0], [-1.0]])
        >>> round(spread_of_features(x, False).mean, 9), round(spread_of_kernel(x @ x.T / 2).mean, 9)
        (0.707106781, 0.707106781)
    """
    n, n_features = x.shape
    if not x.any():
        return nothing_varies()
    if n_features >= n:
        # One product of samples is what feature space is too wide for.
        wide = x.astype(np.float64)
        wide -= wide.mean(0)
        return spread_of_kernel(centred_kernel(wide @ wide.T, debiased))
    features = _Centred.of(x)
    found = _entry_sums_of(x) if entries is None else entries
    return _debiased(features, found) if debiased else _biased(features, found)


def mean_kernel(layers: Sequence[Any], metric: Metric, debiased: bool) -> Float[np.ndarray, "n n"]:
    """The mean over layers of their kernels divided by the norms that these have once they are centred.

    Args:
        layers: `[n_samples, n_features]`.
        metric: `euclidean`, or `cosine` or `correlation` for rows of length one.
        debiased: Whether the norms are those of U-centred kernels.

    Returns:
        A kernel that is to be centred, in the precision of `feature_rows`.

    Example:
        >>> mean_kernel([np.array([[1.0], [-1.0], [0.0]])], "euclidean", False).round(9).tolist()
        [[0.5, -0.5, 0.0], [-0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]
    """
    n = layers[0].shape[0]
    total, pending = np.zeros((n, n), np.float64 if n <= FLOAT64_SAMPLES else np.float32), []

    def multiply() -> None:
        together = np.concatenate(pending, axis=1)
        pending.clear()
        np.add(total, together @ together.T, out=total)

    for x in layers:
        rows = feature_rows(x, metric)
        if rows.shape[1] >= n:
            total += centred_kernel(rows @ rows.T, debiased) / total.dtype.type(len(layers))
        elif rows.any():
            features = _Centred.of(rows)
            share = features.norm * np.sqrt(features.kernel_norm(debiased) * len(layers))
            pending.append((rows - features.mean.astype(rows.dtype)) / rows.dtype.type(share))
        if sum(each.nbytes for each in pending) > _MEAN_BYTES:
            multiply()
    if pending:
        multiply()
    return total


@dataclass(frozen=True)
class _Centred:
    """Features about their mean, of Frobenius norm 1, as products of the given ones.

    Attributes:
        given: `[n, n_features]`, about another centre and of another norm.
        mean: Of the given ones.
        norm: Of the given ones about their mean.
        squares: `|x_i|^2`.
        square: `tr((X^T X)^2)`.
        cube: `tr((X^T X)^3)`.
    """

    given: np.ndarray
    mean: np.ndarray
    norm: float
    squares: np.ndarray
    square: float
    cube: float

    @classmethod
    def of(cls, x: np.ndarray) -> "_Centred":
        n = len(x)
        total, products = np.zeros(x.shape[1]), np.zeros((x.shape[1],) * 2)
        for start in range(0, n, _CHUNK):
            for own, found in zip((total, products), _ask(_feature_products, x[start : start + _CHUNK]), strict=True):
                own += found
        mean = total / n
        (squares,) = _ask(_squares, x, mean)
        products -= n * np.outer(mean, mean)
        norm = float(np.sqrt(np.trace(products)))
        products /= norm**2
        (square,) = _ask(_product, products.astype(x.dtype), products)
        cube = (square * products).sum()
        return cls(x, mean, norm, squares / norm**2, float((products**2).sum()), float(cube))

    @property
    def offsets(self) -> np.ndarray:
        """The u of `X X^T + u 1^T + 1 u^T`, whose rows add up to 0 without the diagonal."""
        n = len(self.squares)
        return self.squares / (n - 2) - self.squares.sum() / (2 * (n - 1) * (n - 2))

    def kernel_norm(self, debiased: bool) -> float:
        """Frobenius norm of the centred kernel."""
        if not debiased:
            return float(np.sqrt(self.square))
        offsets = self.offsets
        whole = self.square + 2 * (offsets.sum() ** 2 + len(offsets) * (offsets**2).sum())
        return float(np.sqrt(whole - ((self.squares + 2 * offsets) ** 2).sum()))

    def sums(self, *weights: np.ndarray) -> list[np.ndarray]:
        """`X^T w`, and `X X^T w`, for each w."""
        stacked = np.stack(weights, axis=1)
        sizes = np.abs(stacked).max(0)
        sizes[sizes == 0] = 1
        stacked /= sizes
        (below,) = _ask(_product, self.given.T, stacked)
        below = (below - np.outer(self.mean, stacked.sum(0))) / self.norm
        (back,) = _ask(_product, self.given, below)
        back = (back - self.mean @ below) / self.norm
        return [*(below * sizes).T, *(back * sizes).T]


def _ask(program: Any, x: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """What a program says of arrays in the precision of the first, in float64.

    XLA's products share the cores better with what else runs than those of NumPy.
    """
    with jax.enable_x64(x.dtype == np.float64):
        return [np.asarray(each, np.float64) for each in program(x, *(other.astype(x.dtype) for other in others))]


@jax.jit
def _feature_products(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jnp.ones(len(x), x.dtype) @ x, jnp.matmul(x.T, x, precision="highest")


@jax.jit
def _squares(x: jax.Array, mean: jax.Array) -> tuple[jax.Array]:
    return (((x - mean) ** 2).sum(1),)


@jax.jit
def _product(x: jax.Array, y: jax.Array) -> tuple[jax.Array]:
    return (jnp.matmul(x, y, precision="highest"),)


def _biased(x: _Centred, given: EntrySums) -> KernelSpread:
    n, size = len(x.squares), np.sqrt(x.square)
    share = x.squares.sum() / (n - 1)
    diagonal = x.squares - share * (1 - 1 / n)
    sums = given.entries + given.diagonal
    moved = sums.sum() / (2 * n * n) - sums / n
    added = moved / given.trace + share / (2 * n)
    of_diagonal, _, _, through = x.sums(diagonal, added)
    squares, cubes = _about(x, given, moved / given.trace, added, through)
    second = [(diagonal**2).sum(), size**2 - x.squares.sum() ** 2 / (n - 1)]
    trace = x.cube - 3 * share * size**2 + 2 * share**2 * x.squares.sum()
    third = [
        (diagonal**3).sum(),
        diagonal @ (squares + diagonal**2),
        trace,
        cubes + (diagonal**3).sum(),
        np.sum(of_diagonal**2) - share * diagonal @ diagonal,
    ]
    return KernelSpread(float(share / size * np.sqrt(n - 1)), np.array(second) / size**2, np.array(third) / size**3)


def _debiased(x: _Centred, given: EntrySums) -> KernelSpread:
    """Of `M = X X^T + u 1^T + 1 u^T` without its diagonal, which is what U-centring makes of inner products."""
    n = len(x.squares)
    offsets = x.offsets
    moved = given.entries.sum() / (2 * (n - 1) * (n - 2)) - given.entries / (n - 2)
    added = moved / given.trace
    of_offsets, _, _, through = x.sums(offsets, added)
    squares, cubes = _about(x, given, added - offsets, added, through)
    total, square = offsets.sum(), offsets @ offsets
    trace = x.cube + 3 * n * (of_offsets**2).sum()
    trace += 2 * total**3 + 6 * total * n * square
    diagonal = x.squares + 2 * offsets
    trace -= 3 * diagonal @ squares + (diagonal**3).sum()
    size = np.sqrt(squares.sum())
    return KernelSpread(0.0, np.array([0.0, 1.0]), np.array([0.0, 0.0, trace, cubes, 0.0]) / size**3)


def _about(
    x: _Centred, given: EntrySums, moved: np.ndarray, added: np.ndarray, through: np.ndarray
) -> tuple[Float[np.ndarray, " n"], float]:
    """Sums of squares of every row, and of all cubes, of `K_ij + a_i + a_j` off the diagonal.

    Args:
        x: Features.
        given: Sums of `K_ij = (X X^T)_ij - moved_i - moved_j`, times the trace.
        moved: See there.
        added: The a_i.
        through: `X X^T a`.
    """
    n, trace = len(added), given.trace
    entries, squares, cubes = given.entries / trace, given.squares / trace**2, given.cubes.sum() / trace**3
    # sum_{j != i} K_ij a_j.
    weighted = through - x.squares * added - moved * (added.sum() - 2 * added) - moved @ added
    alone, own = added.sum(), added**2
    of_rows = squares + 2 * added * entries + 2 * weighted
    of_rows += n * own + 2 * added * alone + own.sum() - 4 * own
    total = cubes + 6 * added @ squares + 6 * (own @ entries + added @ weighted)
    total += 2 * n * (own @ added) + 6 * own.sum() * alone - 8 * own @ added
    return of_rows, float(total)


def _entry_sums_of(x: np.ndarray) -> EntrySums:
    """From products of some samples with themselves and all later ones."""
    n = len(x)
    entries, squares, cubes = np.zeros((3, n))
    diagonal = np.empty(n)
    step = max(1, min(n, 512, _BLOCK_BYTES // (n * x.itemsize)))
    for start in range(0, n, step):
        stop = min(start + step, n)
        block = x[start:stop] @ x[start:].T
        at = np.arange(stop - start)
        diagonal[start:stop] = block[at, at]
        block[at, at] = 0
        power = block.copy()
        for sums in (entries, squares, cubes):
            sums[start:stop] += power.sum(1, dtype=np.float64)
            sums[stop:] += power[:, stop - start :].sum(0, dtype=np.float64)
            power *= block
    return EntrySums(entries, squares, cubes, diagonal)
