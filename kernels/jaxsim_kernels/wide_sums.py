"""Sums of integers beyond 32 bits, on devices that have no wider ones: limbs of 15 bits, carried after every block."""

import jax
import jax.numpy as jnp
import numpy as np

BITS = 15
"""Bits of a limb: 2^16 numbers below 2^15 add up within an integer of 32 bits."""

MOST_ADDENDS = 1 << 16
_MASK = (1 << BITS) - 1


def wide_sum(values: jax.Array) -> jax.Array:
    """The sum along the first axis, in three limbs.

    Args:
        values: `[n, ...]` int32, not negative, n at most `MOST_ADDENDS`.

    Returns:
        Limbs `[3, ...]` int32, the lowest first, not carried.

    Example:
        >>> wide_value(np.asarray(wide_sum(jnp.array([2**31 - 1, 2**31 - 1], jnp.int32)))).item()
        4294967294.0
    """
    return jnp.stack([limb.sum(0, dtype=jnp.int32) for limb in _limbs(values.astype(jnp.uint32))])


def wide_sum_of_squares(values: jax.Array) -> jax.Array:
    """The sum of squares along the first axis, in five limbs.

    Example:
        >>> wide_value(np.asarray(wide_sum_of_squares(jnp.array([3, 2**16], jnp.int32)))).item()
        4294967305.0
    """
    values = values.astype(jnp.uint32)
    low, high = values & _MASK, values >> BITS
    sums = [[] for _ in range(5)]
    for place, product in enumerate((low * low, 2 * low * high, high * high)):
        for above, limb in enumerate(_limbs(product)):
            sums[place + above].append(limb.sum(0, dtype=jnp.int32))
    # Up to three sums below 2^31 meet in a place: each is carried before they are added.
    total = jnp.zeros((5, *values.shape[1:]), jnp.int32)
    for part in range(3):
        own = [parts[part] if part < len(parts) else jnp.zeros(values.shape[1:], jnp.int32) for parts in sums]
        total = carried(total + carried(jnp.stack(own)))
    return total


def carried(limbs: jax.Array) -> jax.Array:
    """Limbs below 2^15, the last excepted, with the same value.

    Example:
        >>> carried(jnp.array([32768, 1])).tolist()
        [0, 2]
    """
    out, carry = [], jnp.zeros(limbs.shape[1:], jnp.int32)
    for limb in limbs[:-1]:
        limb = limb + carry
        out.append(limb & _MASK)
        carry = limb >> BITS
    return jnp.stack([*out, limbs[-1] + carry])


def wide_value(limbs: np.ndarray) -> np.ndarray:
    """The number that limbs stand for, rounded once.

    Args:
        limbs: `[n_limbs, ...]` integers, the lowest first.

    Returns:
        `[...]` float64.

    Example:
        >>> wide_value(np.array([1, 1])).item()
        32769.0
    """
    # Python's integers have no width.
    exact = sum(limb.astype(object) << (BITS * place) for place, limb in enumerate(np.asarray(limbs)))
    return np.asarray(exact, dtype=object).astype(np.float64)


def _limbs(values: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Of uint32."""
    return values & _MASK, (values >> BITS) & _MASK, values >> (2 * BITS)
