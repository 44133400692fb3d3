"""The loops of `kernel_sums`, in the part of Python that Numba compiles. Importing this imports Numba."""

from functools import partial

import numpy as np
from numba import carray, types
from numba.extending import intrinsic

from .machine_code import compiled

LINEAR, SQUARED_DISTANCE, DISTANCE, RBF = 0, 1, 2, 3
LONGEST = 2048
"""Columns whose products are added in the dtype of the scores; longer sums are added in float64."""


@intrinsic
def as_pointer(typing_context, address):
    """The memory at an address: strips are separate arrays, and loops over all of them need no copy this way."""

    def code(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), code


@partial(compiled, any_order=True)
def kernel_value(product, own, other, kernel, given, coefficient):
    """A kernel of two samples, from their inner product and their half squared norms."""
    if kernel == LINEAR:
        return product
    if given:
        # The distance itself, with the sign of a product.
        if kernel == DISTANCE:
            return -product
        squared = product * product
    else:
        squared = own + other - product
        squared = squared + squared
        squared = squared if squared > 0 else squared * 0
    if kernel == SQUARED_DISTANCE:
        return squared
    if kernel == DISTANCE:
        return np.sqrt(squared)
    return np.exp(-coefficient * squared)


@partial(compiled, any_order=True)
def products_of_row(values, group, ends, begin, found):
    """Add the products of all layers' kernels in one row to `found`, four layers by four.

    Args:
        values: `[n_layers, n_samples]`, columns in the order of groups; the number of layers is a multiple of four.
        group: Group of the row.
        ends: Place after the last of every group.
        begin: First group of columns; those before are left out.
        found: `[n_groups, n_groups, n_layers, n_layers]` float64, added to on and below the diagonal.
    """
    n_layers, zero = values.shape[0], values.dtype.type(0)
    for other in range(begin, len(ends)):
        start = 0 if other == 0 else ends[other - 1]
        into = found[group, other]
        while start < ends[other]:
            stop = min(start + LONGEST, ends[other])
            for a in range(0, n_layers, 4):
                a0, a1, a2, a3 = values[a], values[a + 1], values[a + 2], values[a + 3]
                for b in range(0, a + 4, 4):
                    b0, b1, b2, b3 = values[b], values[b + 1], values[b + 2], values[b + 3]
                    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = zero
                    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = zero
                    for at in range(start, stop):
                        x0, x1, x2, x3 = a0[at], a1[at], a2[at], a3[at]
                        y0, y1, y2, y3 = b0[at], b1[at], b2[at], b3[at]
                        s00 += x0 * y0
                        s01 += x0 * y1
                        s02 += x0 * y2
                        s03 += x0 * y3
                        s10 += x1 * y0
                        s11 += x1 * y1
                        s12 += x1 * y2
                        s13 += x1 * y3
                        s20 += x2 * y0
                        s21 += x2 * y1
                        s22 += x2 * y2
                        s23 += x2 * y3
                        s30 += x3 * y0
                        s31 += x3 * y1
                        s32 += x3 * y2
                        s33 += x3 * y3
                    into[a, b] += s00
                    into[a, b + 1] += s01
                    into[a, b + 2] += s02
                    into[a, b + 3] += s03
                    into[a + 1, b] += s10
                    into[a + 1, b + 1] += s11
                    into[a + 1, b + 2] += s12
                    into[a + 1, b + 3] += s13
                    into[a + 2, b] += s20
                    into[a + 2, b + 1] += s21
                    into[a + 2, b + 2] += s22
                    into[a + 2, b + 3] += s23
                    into[a + 3, b] += s30
                    into[a + 3, b + 1] += s31
                    into[a + 3, b + 2] += s32
                    into[a + 3, b + 3] += s33
            start = stop


@partial(compiled, any_order=True)
def kernel_of_row(products, half_norms, own, left_out, order, ends, kernel, given, coefficient, values, sums):
    """Write a kernel of one row, columns in the order of their groups, and add up every group.

    Args:
        products: Inner products of the row's sample with all `[n_columns]`.
        half_norms: `[n_columns]`.
        own: Half norm of the row's sample.
        left_out: Its place among the values, which becomes 0: in a strip its product with itself is -inf.
        order: Which column comes at every place; empty where they stay where they are.
        ends: Place after the last of every group.
        kernel: Its number.
        given: Whether products are distances that were given, with the opposite sign.
        coefficient: Of `RBF`.
        values: `[n_samples]`.
        sums: `[n_groups]` float64.
    """
    zero = values.dtype.type(0)
    for group in range(len(ends)):
        start, total = 0 if group == 0 else ends[group - 1], 0.0
        while start < ends[group]:
            stop, part = min(start + LONGEST, ends[group]), zero
            if len(order) == 0:
                for place in range(start, stop):
                    value = kernel_value(products[place], own, half_norms[place], kernel, given, coefficient)
                    values[place] = value
                    part += value
            else:
                for place in range(start, stop):
                    column = order[place]
                    value = kernel_value(products[column], own, half_norms[column], kernel, given, coefficient)
                    values[place] = value
                    part += value
            if start <= left_out < stop:
                values[left_out] = zero
                part = zero
                for place in range(start, stop):
                    part += values[place]
            total += part
            start = stop
        sums[group] = total


@partial(compiled, any_order=True)
def add_rows(
    addresses, half_norms, samples, places, groups, order, ends, halved, kernel, given, coefficients,
    first, last, values, sums, found,
):  # fmt: skip
    """Add the rows `first` to `last` of the strips of all layers.

    Args:
        addresses: Of the strips' memory, each `[n_rows, n_columns]`, `[n_layers]` int64.
        half_norms: `[n_layers, n_columns]`.
        samples: Sample of every row.
        places: Place of that sample among the columns in the order of groups.
        groups: Its group.
        order: Which column comes at every place; empty where they stay where they are.
        ends: Place after the last of every group.
        halved: Whether pairs of two groups are looked at from the earlier one alone.
        kernel: Its number.
        given: Of every layer, whether it is given by distances.
        coefficients: Of every layer.
        first: First row.
        last: Row to stop before.
        values: Working memory `[n_layers padded to a multiple of four, n_samples]`, zero in the padding.
        sums: `[n_layers, n_rows, n_groups]` float64, written to.
        found: As for `products_of_row`.
    """
    n_layers, n_columns = half_norms.shape
    n_rows = len(samples)
    for row in range(first, last):
        for layer in range(n_layers):
            strip = carray(as_pointer(addresses[layer]), (n_rows, n_columns), values.dtype)
            norms = half_norms[layer]
            kernel_of_row(
                strip[row], norms, norms[samples[row]], places[row], order, ends, kernel,
                given[layer], coefficients[layer], values[layer], sums[layer, row],
            )  # fmt: skip
        products_of_row(values, groups[row], ends, groups[row] if halved else 0, found)
