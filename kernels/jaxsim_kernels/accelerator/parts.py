"""Float32 products by one product of bfloat16 parts: what tensor cores of GPUs multiply at many times float32's rate.

A float32 number is the sum of three bfloat16 numbers of eight bits each. A product of two such sums is nine products of
parts; the three smallest lie below float32's last bit. Side by side along the features, six or nine of them are one
product, added up in float32. On TPU `lax.Precision.HIGHEST` is six such products already.

No precision uses it yet: whether it is faster than float32 at the same ranks is for a device to show.
"""

import jax
import jax.numpy as jnp
from jax import lax

_ORDER = {
    9: ((2, 2), (2, 1), (1, 2), (2, 0), (0, 2), (1, 1), (1, 0), (0, 1), (0, 0)),
    6: ((2, 0), (0, 2), (1, 1), (1, 0), (0, 1), (0, 0)),
}
"""Which parts meet, the smallest first, so that they are not lost in a sum that is large already; 0 is the largest."""


def parts(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Three bfloat16 numbers whose sum is a float32 number, the largest first.

    Args:
        x: Float32, of any shape, of magnitudes between 2^-103 and 2^127, or 0: below that the smallest part is
            none that a device keeps.

    Returns:
        The parts, bfloat16, in the shape of `x`. Their sum in float32, smallest first, is `x` to the last bit.

    Example:
        >>> [float(part[0]) for part in parts(jnp.array([1 + 2**-9 + 2**-20], jnp.float32))]
        [1.0, 0.001953125, 9.5367431640625e-07]
    """
    large = _rounded(x)
    middle = _rounded(x - large)
    small = x - large - middle
    return large.astype(jnp.bfloat16), middle.astype(jnp.bfloat16), small.astype(jnp.bfloat16)


def side_by_side(x: jax.Array, n_products: int, of_queries: bool) -> jax.Array:
    """Parts of features, in the order in which those of queries and of samples meet.

    Args:
        x: `[n, n_features]`, float32.
        n_products: 6, or 9 for all.
        of_queries: Whether these are queries; samples lie in another order.

    Returns:
        `[n, n_products * n_features]`, bfloat16.

    Raises:
        ValueError: For another number of products.

    Example:
        >>> side_by_side(jnp.ones((2, 4)), 6, True).shape
        (2, 24)
    """
    if n_products not in _ORDER:
        raise ValueError(f"n_products must be one of {sorted(_ORDER)}, got {n_products}.")
    of_x = parts(x)
    return jnp.concatenate([of_x[pair[0 if of_queries else 1]] for pair in _ORDER[n_products]], axis=1)


def gram_of_parts(queries: jax.Array, samples: jax.Array) -> jax.Array:
    """Dot products of every query with every sample, from their parts.

    Args:
        queries: `[n_queries, n_products * n_features]` from `side_by_side`.
        samples: `[n_samples, n_products * n_features]` likewise.

    Returns:
        `[n_queries, n_samples]`, float32. Products of parts are exact; only their sum is rounded.

    Example:
        >>> x = jnp.full((1, 2), 1 + 2**-20, jnp.float32)
        >>> float(gram_of_parts(side_by_side(x, 6, True), side_by_side(x, 6, False))[0, 0]) == 2 * (1 + 2**-19)
        True
    """

    def product(q: jax.Array, x: jax.Array, precision: lax.Precision | lax.DotAlgorithmPreset | None) -> jax.Array:
        contracted = (((1,), (1,)), ((), ()))
        return lax.dot_general(q, x, contracted, precision=precision, preferred_element_type=jnp.float32)

    def on_cpu(q: jax.Array, x: jax.Array) -> jax.Array:
        return product(q.astype(jnp.float32), x.astype(jnp.float32), lax.Precision.HIGHEST)

    def on_gpu(q: jax.Array, x: jax.Array) -> jax.Array:
        return product(q, x, lax.DotAlgorithmPreset.BF16_BF16_F32)

    def on_tpu(q: jax.Array, x: jax.Array) -> jax.Array:
        return product(q, x, None)

    return lax.platform_dependent(queries, samples, cpu=on_cpu, cuda=on_gpu, rocm=on_gpu, tpu=on_tpu)


def _rounded(x: jax.Array) -> jax.Array:
    """X rounded to eight bits and kept in float32; `reduce_precision` is not optimised away as casts are."""
    return lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)
