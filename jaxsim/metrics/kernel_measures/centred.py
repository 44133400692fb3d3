"""Products of centred kernels, from sums over pairs of samples: what CKA, HSIC, distance correlation and RSA share."""

from typing import Any

from ..statistics import Sums

_ROUNDING = 64
"""Rounding errors of a kernel's own product: what is left of it after centring has to be larger than that."""


def u_centred_products(sums: Sums) -> Any:
    """`sum_{i != j} K_ij L_ij` of U-centred kernels, without their units, `[n_layers, n_layers]`.

    U-centred kernels have rows that add up to zero without the diagonal, which is left out throughout. An inner
    product, so that Cauchy and Schwarz's inequality holds.

    Source:
        Szekely & Rizzo, Annals of Statistics 2014; N (N - 3) times eq. 5 of Song et al., JMLR 2012.

    Example:
        >>> import numpy as np
        >>> even = Sums(np.array([[12.0]]), np.full((1, 4), 3.0), np.zeros((1, 4)), 4)
        >>> u_centred_products(even).tolist()
        [[0.0]]
    """
    n = sums.n_samples
    apart, totals = _about_mean(sums.row_sums)
    return between_pairs(sums.products, totals, n * (n - 1)) - 2 / (n - 2) * (apart @ apart.T)


def centred_products(sums: Sums) -> Any:
    """`tr(K H L H)` of kernels with their diagonals, without their units, `[n_layers, n_layers]`.

    Source:
        Gretton et al., ALT 2005, up to a factor of (N - 1)^2.

    Example:
        >>> import numpy as np
        >>> even = Sums(np.array([[12.0]]), np.full((1, 4), 3.0), np.ones((1, 4)), 4)
        >>> centred_products(even).tolist()
        [[0.0]]
    """
    n = sums.n_samples
    apart, totals = _about_mean(sums.row_sums + sums.diagonal)
    return between_pairs(full_products(sums), totals, n * n) - 2 / n * (apart @ apart.T)


def full_products(sums: Sums) -> Any:
    """`sum_ij K_ij L_ij`, the diagonal in it, without units `[n_layers, n_layers]`."""
    return sums.products + sums.diagonal @ sums.diagonal.T


def between_pairs(products: Any, totals: Any, n_pairs: int) -> Any:
    """Sums of products of values about their mean over pairs, from those as they are.

    Args:
        products: `[n_layers, n_layers]`, over `n_pairs` pairs.
        totals: Sums of the values `[n_layers]`.
        n_pairs: Number of pairs.

    Returns:
        `[n_layers, n_layers]`.

    Example:
        >>> import numpy as np
        >>> between_pairs(np.array([[5.0]]), np.array([3.0]), 2).tolist()
        [[0.5]]
    """
    means = totals / n_pairs
    return products - totals[:, None] * means[None, :]


def in_units(products: Any, sums: Sums) -> Any:
    """Products of two kernels each in the units of the layers.

    Example:
        >>> import numpy as np
        >>> in_units(np.ones((2, 2)), Sums(None, None, None, 4, np.array([1.0, 3.0]))).tolist()
        [[1.0, 3.0], [3.0, 9.0]]
    """
    xp = products.__array_namespace__()
    units = xp.broadcast_to(xp.asarray(sums.units, dtype=products.dtype), products.shape[:1])
    return products * (units[:, None] * units[None, :])


def normalised(products: Any, before: Any) -> Any:
    """Products over the geometric mean of the layers' own, `[n_layers, n_layers]`.

    Args:
        products: Of centred kernels `[n_layers, n_layers]`.
        before: The same before centring.

    Returns:
        1 for a layer with itself; NaN where nothing of a layer is left but rounding, such as for equal samples.

    Example:
        >>> import numpy as np
        >>> normalised(np.array([[4.0, 1.0], [1.0, 1.0]]), np.ones((2, 2))).tolist()
        [[1.0, 0.5], [0.5, 1.0]]
    """
    xp = products.__array_namespace__()
    own = xp.linalg.diagonal(products)
    varies = own > _ROUNDING * xp.finfo(products.dtype).eps * xp.linalg.diagonal(before)
    both = varies[:, None] & varies[None, :]
    safe = xp.where(varies, own, 1)
    # The root of a square is exact, so that a layer with itself gives exactly 1.
    return xp.where(both, products / xp.sqrt(safe[:, None] * safe[None, :]), xp.nan)


def root(values: Any) -> Any:
    """Square roots, 0 below zero, where rounding or given distances that are none lead.

    Example:
        >>> import numpy as np
        >>> root(np.array([4.0, -1e-20, np.nan])).tolist()
        [2.0, 0.0, nan]
    """
    xp = values.__array_namespace__()
    # The slope at 0 is infinite, and would make gradients NaN.
    return xp.where(values > 0, xp.sqrt(xp.where(values > 0, values, 1)), xp.where(values <= 0, 0, values))


def _about_mean(row_sums: Any) -> tuple[Any, Any]:
    """Row sums about their mean `[n_layers, n_samples]`, which cancel less, and totals `[n_layers]`."""
    totals = row_sums.sum(1)
    return row_sums - totals[:, None] / row_sums.shape[1], totals
