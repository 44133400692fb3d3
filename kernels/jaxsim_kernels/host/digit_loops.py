"""The loop of `median_distance`, in the part of Python that Numba compiles. Importing this imports Numba."""

from functools import partial

import numpy as np

from .machine_code import compiled


@partial(compiled, any_order=True)
def count_digits(strip, bits, half_norms, samples, given, first, last, shift, prefix, is_first, values, counts):
    """Count a digit of the squared distances of some rows that begin with the digits found so far.

    Args:
        strip: `[n_rows, n_columns]` inner products.
        bits: `values` seen as unsigned integers.
        half_norms: `[n_samples]`.
        samples: Sample of every row, which is left out of it.
        given: Whether the strip holds distances that were given, with the opposite sign.
        first: First row.
        last: Row to stop before.
        shift: Place of the digit's last bit.
        prefix: The digits before it.
        is_first: Whether there are none.
        values: Working memory `[n_samples]`.
        counts: How often each digit comes, added to `[2^16]` int64.

    Returns:
        The smallest larger number that begins with other digits; the largest there is without one.
    """
    n_samples = len(half_norms)
    mask = bits.dtype.type(0xFFFF)
    above = bits.dtype.type(0) - bits.dtype.type(1)
    unsigned = above >> bits.dtype.type(1)
    for row in range(first, last):
        own, products = half_norms[samples[row]], strip[row]
        if given:
            for column in range(n_samples):
                values[column] = products[column] * products[column]
        else:
            for column in range(n_samples):
                half = own + half_norms[column] - products[column]
                values[column] = half + half if half > 0 else half * 0
        for column in range(n_samples):
            if column == samples[row]:
                continue
            # Zero may come with a sign, whose bit is the first.
            number = bits[column] & unsigned
            begins = number >> bits.dtype.type(shift + 16) if not is_first else prefix
            if begins == prefix:
                counts[np.int64((number >> bits.dtype.type(shift)) & mask)] += 1
            elif begins > prefix:
                above = min(above, number)
    return above
