"""Numbers as text of four or fewer characters each, as the page carries them."""

from collections.abc import Sequence
from typing import TypeGuard

import numpy as np
from jaxtyping import Float

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#: Characters of a number of any size; five decimal digits of it are kept.
FLOAT_DIGITS = 4
_MANTISSA = 99_999
_LARGEST_POWER = 60


def packed(values: Float[np.ndarray, "..."], *, decimals: int, digits: int) -> str:
    """Numbers from 0 up as fixed-point text, in row-major order.

    A value is a fixed-point number of `decimals` decimals, written with `digits` digits of base 64, most significant
    first; the largest number of that many digits stands for "undefined".

    Args:
        values: Non-negative numbers or NaN, any shape.
        decimals: Decimals that are kept.
        digits: Digits of base 64 per number.

    Returns:
        `values.size * digits` characters.

    Raises:
        ValueError: A number is negative or too large for so many digits.

    Example:
        >>> packed(np.array([0.0, 0.00064, np.nan]), decimals=5, digits=2)
        'AABA//'
    """
    undefined = 64**digits - 1
    flat = np.asarray(values, dtype=np.float64).ravel()
    defined = np.isfinite(flat)
    whole = np.full(flat.shape, undefined, dtype=np.int64)
    whole[defined] = np.rint(flat[defined] * 10.0**decimals).astype(np.int64)
    if (whole < 0).any() or (whole[defined] >= undefined).any():
        raise ValueError(
            f"Expected numbers from 0 to below {(undefined) / 10**decimals:g}, but they reach from "
            f"{flat[defined].min():g} to {flat[defined].max():g}. An imbalance lies between 0 and 2."
        )
    return _text_of(whole, digits)


def packed_floats(values: Sequence[float | int | None]) -> str:
    """Numbers of any size and sign with five decimal digits, as text of four characters each.

    A number is `m / 10**e` with a whole `m` of at most five digits; its code is `e * 199999 + m + 99999`.

    Args:
        values: Numbers of five digits or fewer; None where there is none, which has the largest code.

    Returns:
        Four characters for each.

    Raises:
        ValueError: A number has more digits before its point.

    Example:
        >>> packed_floats([0.12346, None]), len(packed_floats([-0.5, 1e-9, 3]))
        ('EPkU////', 12)
    """
    given = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    value, size = np.nan_to_num(given), np.nan_to_num(np.abs(given))
    if (size > _MANTISSA).any():
        raise ValueError(f"Expected numbers of at most five digits before the point, but {size.max():g} came.")
    # What lies below 1e-60 is 0.
    before = np.floor(np.log10(np.maximum(size, 10.0**-_LARGEST_POWER))) + 1
    power = np.clip(5 - before, 0, _LARGEST_POWER)
    # Rounding may give a number a digit more.
    power = np.where(np.rint(size * 10.0**power) > _MANTISSA, power - 1, power)
    code = (power * (2 * _MANTISSA + 1) + np.rint(value * 10.0**power) + _MANTISSA).astype(np.int64)
    code[np.isnan(given)] = 64**FLOAT_DIGITS - 1
    return _text_of(code, FLOAT_DIGITS)


def fits_floats(values: Sequence[object]) -> TypeGuard[Sequence[float | int | None]]:
    """Whether `packed_floats` can hold a list: numbers of at most five digits before the point, or None.

    Example:
        >>> fits_floats([0.5, None, 12]), fits_floats(["a"]), fits_floats([123_456])
        (True, False, False)
    """
    return all(
        value is None or (isinstance(value, float | int) and (abs(value) < 1 or abs(value) <= _MANTISSA))
        for value in values
    )


def _text_of(codes: np.ndarray, digits: int) -> str:
    """Whole numbers to base 64, most significant digit first."""
    places = 64 ** np.arange(digits - 1, -1, -1)
    return np.frombuffer(DIGITS.encode(), dtype=np.uint8)[codes[:, None] // places % 64].tobytes().decode()
