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
    return _limb_sums(values.astype(jnp.uint32))


def wide_sum_of_squares(values: jax.Array) -> jax.Array:
    """The sum of squares along the first axis, in five limbs, not carried; those of 2^11 parts can be added.

    Example:
        >>> wide_value(np.asarray(wide_sum_of_squares(jnp.array([3, 2**16], jnp.int32)))).item()
        4294967305.0
    """
    values = values.astype(jnp.uint32)
    low, high = values & _MASK, values >> BITS
    # A limb of one product has the place of the limb below it of the next one.
    sums = [_limb_sums(product) for product in (low * low, 2 * low * high, high * high)]
    # Each is below 2^31, but not three of them: what is beyond a limb is added to the next one, except in the last.
    places = [[], [], [], [], []]
    for at, product in enumerate(sums):
        for place, limb in enumerate(product, at):
            places[place].append(limb & _MASK if place < 4 else limb)
            if place < 4:
                places[place + 1].append(limb >> BITS)
    return jnp.stack([sum(parts) for parts in places])


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


def _limb_sums(values: jax.Array) -> jax.Array:
    """Sums along the first axis of the three limbs of uint32, `[3, ...]`, in one reduction."""
    shifts = jnp.arange(3, dtype=jnp.uint32).reshape(3, *[1] * values.ndim) * BITS
    return jnp.sum((values >> shifts) & _MASK, axis=1, dtype=jnp.int32)
