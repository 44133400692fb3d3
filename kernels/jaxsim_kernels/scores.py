"""Scores that order each row like its distances: `s_im = |x_m|^2 / 2 - x_i . x_m`.

The kernels keep the Gram strip `G = Q X^T` and the half squared norms `h` apart and form `h - G` where it is used: one
subtraction, the same bits everywhere, and no pass over memory of its own.
"""

from functools import reduce
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .folding import folded_features

Precision = Literal["float64", "highest", "high", "fast"]

_LANES = 128

FLOAT64_UPTO = 1024
"""Up to this many samples `highest` works in float64: there one pair of near-equal distances that float32 orders the
other way would show in the fifth digit of a result, and the cost is nothing."""


def check_precision(precision: str) -> Precision:
    """The precision by its name.

    Raises:
        ValueError: Unless it is one that exists.

    Example:
        >>> check_precision("highest")
        'highest'
    """
    if precision not in get_args(Precision):
        raise ValueError(f"precision must be one of {get_args(Precision)}, got {precision!r}.")
    return precision  # pyright: ignore[reportReturnType]


def arithmetic(precision: Precision, n_samples: int, platform: str) -> np.dtype:
    """Dtype that scores are worked out in.

    Args:
        precision: `float64` asks for it; `highest` takes it for small problems, but not on TPU, which has none.
        n_samples: Number of samples.
        platform: `cpu`, `gpu` or `tpu`.

    Returns:
        float64 or float32.

    Raises:
        ValueError: For `float64` on TPU.

    Example:
        >>> arithmetic("highest", 200, "cpu"), arithmetic("highest", 5000, "cpu")
        (dtype('float64'), dtype('float32'))
    """
    if precision == "float64" and platform == "tpu":
        raise ValueError("precision='float64' does not exist on TPU; use 'highest' (float32).")
    small = precision == "highest" and n_samples <= FLOAT64_UPTO and platform != "tpu"
    return np.dtype(np.float64 if precision == "float64" or small else np.float32)


def gram(queries: jax.Array, features: jax.Array, precision: Precision = "highest") -> jax.Array:
    """Dot products of every query with every sample.

    What a precision maps to:

    | | CPU | GPU | TPU |
    | --- | --- | --- | --- |
    | `float64` | float64 | float64 | not there |
    | `highest` | float32 | float32 | float32 (six bf16 passes) |
    | `high` | bf16x3, one product of three times the width | TF32 x 3 | bf16 x 3 |
    | `fast` | bf16 operands | TF32 | bf16 |

    Products accumulate in the dtype of the inputs; `arithmetic` says which that is. On CPU the two lower modes have
    the numerics of the accelerators and none of their speed: they are there to measure what a mode does to a result.

    Args:
        queries: `[n_queries, n_features]`, float32 or float64; float64 is taken as it is, whatever `precision`.
        features: `[n_samples, n_features]`, same dtype.
        precision: See above.

    Returns:
        `[n_queries, n_samples]` in the dtype of the inputs.

    Example:
        >>> gram(jnp.ones((1, 2)), jnp.ones((3, 2))).tolist()
        [[2.0, 2.0, 2.0]]
    """
    if precision in ("highest", "float64") or queries.dtype == jnp.float64:
        return _dot(queries, features, lax.Precision.HIGHEST)

    def on_cpu(q: jax.Array, x: jax.Array) -> jax.Array:
        if precision == "fast":
            return _dot(_rounded(q), _rounded(x), lax.Precision.HIGHEST)
        q_high, x_high = _rounded(q), _rounded(x)
        q_low, x_low = _rounded(q - q_high), _rounded(x - x_high)
        left = jnp.concatenate([q_low, q_high, q_high], axis=1)
        right = jnp.concatenate([x_high, x_low, x_high], axis=1)
        return _dot(left, right, lax.Precision.HIGHEST)

    def on_gpu(q: jax.Array, x: jax.Array) -> jax.Array:
        preset = lax.DotAlgorithmPreset
        return _dot(q, x, preset.TF32_TF32_F32_X3 if precision == "high" else preset.TF32_TF32_F32)

    def on_tpu(q: jax.Array, x: jax.Array) -> jax.Array:
        return _dot(q, x, lax.Precision.HIGH if precision == "high" else lax.Precision.DEFAULT)

    return lax.platform_dependent(queries, features, cpu=on_cpu, cuda=on_gpu, rocm=on_gpu, tpu=on_tpu)


def half_squared_norms(features: jax.Array, n_valid: jax.Array | int) -> jax.Array:
    """Half squared norm of every sample, `inf` for padding rows so that these are nobody's neighbour.

    Args:
        features: `[n_padded, n_features]`, centred.
        n_valid: Number of leading rows that are samples.

    Returns:
        `[n_padded]`.

    Example:
        >>> half_squared_norms(jnp.ones((2, 4)), 1).tolist()
        [2.0, inf]
    """
    norms = lax.platform_dependent(features, cpu=_squared_norms_in_registers, default=_squared_norms_by_lanes) * 0.5
    return jnp.where(jnp.arange(features.shape[0]) < n_valid, norms, jnp.inf)


def _squared_norms_in_registers(features: jax.Array) -> jax.Array:
    parts = folded_features(jnp.add, jnp.square, features)
    while parts.shape[1] > 1:
        # One order of adding, whatever the sharding: a sum over an axis has none.
        rest, half = parts[:, parts.shape[1] // 2 * 2 :], parts.shape[1] // 2
        parts = jnp.concatenate([parts[:, :half] + parts[:, half : 2 * half], rest], axis=1)
    return parts[:, 0]


def _squared_norms_by_lanes(features: jax.Array) -> jax.Array:
    """On devices: the lanes of a TPU's register, added one register after the other, so that one sum of 128 is left.

    Whatever the number of samples and their sharding, that sum has one shape.
    """
    padded = jnp.pad(features, ((0, 0), (0, -features.shape[1] % _LANES)))
    registers = [jnp.square(padded[:, at : at + _LANES]) for at in range(0, padded.shape[1], _LANES)]
    return jnp.sum(reduce(jnp.add, registers), axis=1)


def _dot(q: jax.Array, x: jax.Array, precision: lax.Precision | lax.DotAlgorithmPreset) -> jax.Array:
    return lax.dot_general(q, x, (((1,), (1,)), ((), ())), precision=precision, preferred_element_type=q.dtype)


def _rounded(x: jax.Array) -> jax.Array:
    """X rounded to bfloat16 and kept in its own dtype; `reduce_precision` is not optimised away as casts are."""
    return lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)
