"""The loops of `kernel_sums`, in the part of Python that Numba compiles. Importing this imports Numba."""

from functools import partial

import numpy as np
from numba import carray, types  # pyright: ignore[reportPrivateImportUsage]
from numba.extending import intrinsic

from .machine_code import compiled

LINEAR, SQUARED_DISTANCE, DISTANCE, RBF = 0, 1, 2, 3


@intrinsic
def as_pointer(typing_context, address):
    """The memory at an address: strips are separate arrays, and loops over all of them need no copy this way."""

    def code(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), code


@partial(compiled, any_order=True)
def add_products(values, n, into):
    """Add the products of all layers' kernels, four layers by four, so that vectors stay in registers.

    Args:
        values: `[n_layers, at least n]`; the number of layers is a multiple of four.
        n: Number of columns.
        into: `[n_layers, n_layers]` float64, added to on and below the diagonal.
    """
    n_layers, zero = values.shape[0], values.dtype.type(0)
    for a in range(0, n_layers, 4):
        a0, a1, a2, a3 = values[a], values[a + 1], values[a + 2], values[a + 3]
        for b in range(0, a + 4, 4):
            b0, b1, b2, b3 = values[b], values[b + 1], values[b + 2], values[b + 3]
            s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = zero
            s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = zero
            for at in range(n):
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


@partial(compiled, any_order=True)
def kernel_of_part(products, half_norms, own, left_out, order, kernel, given, coefficient, values):
    """Write a kernel of a row with some columns, and return its sum.

    One plain loop a step over arrays from their beginnings, each of which becomes vectors.

    Args:
        products: Inner products of the row's sample with these columns; with all, where `order` is not empty.
        half_norms: Of these columns `[n]`.
        own: Half norm of the row's sample.
        left_out: Its place among these columns, if it is there; its value becomes 0: in a strip it is -inf.
        order: Which columns these are; empty where `products` are theirs.
        kernel: Its number.
        given: Whether products are distances that were given, with the opposite sign.
        coefficient: Of `RBF`.
        values: `[n]`.
    """
    n, zero = len(values), values.dtype.type(0)
    if len(order) == 0:
        for at in range(n):
            values[at] = products[at]
    else:
        for at in range(n):
            values[at] = products[order[at]]
    if given:
        if kernel == DISTANCE:
            for at in range(n):
                values[at] = -values[at]
        else:
            for at in range(n):
                values[at] = values[at] * values[at]
    elif kernel != LINEAR:
        for at in range(n):
            half = own + half_norms[at] - values[at]
            values[at] = max(half + half, zero)
        if kernel == DISTANCE:
            for at in range(n):
                values[at] = np.sqrt(values[at])
    if kernel == RBF:
        for at in range(n):
            values[at] = np.exp(-coefficient * values[at])
    if 0 <= left_out < n:
        values[left_out] = zero
    total = zero
    for at in range(n):
        total += values[at]
    return total


@partial(compiled, any_order=True)
def add_powers(values, into):
    """Add the squares and the cubes of values to two numbers in float64."""
    squares = cubes = values.dtype.type(0)
    for at in range(len(values)):
        value = values[at]
        squares += value * value
        cubes += value * value * value
    into[0] += squares
    into[1] += cubes


@partial(compiled, any_order=True)
def add_rows(
    addresses, half_norms, n_columns, places, groups, order, ends, halved, kernels, given, coefficients, first, last,
    at_powers, values, sums, powers, found,
):  # fmt: skip
    """Add the rows `first` to `last` of the strips of all layers, as many columns at a time as stay in the cache.

    Args:
        addresses: Of the strips' memory, each `[n_rows, n_columns]`, `[n_layers]` int64.
        half_norms: Of the samples in the order of places `[n_layers, n_samples]`.
        n_columns: Columns of a strip.
        places: Place of every row's sample in the order of groups.
        groups: Its group.
        order: Which column comes at every place; empty where they stay where they are.
        ends: Place after the last of every group.
        halved: Whether pairs of two groups are looked at from the earlier one alone.
        kernels: Numbers of the kernels.
        given: Of every layer, whether it is given by distances.
        coefficients: `[n_kernels, n_layers]`.
        first: First row.
        last: Row to stop before.
        at_powers: Where a kernel's squares and cubes are added up, -1 where they are not, `[n_kernels]`.
        values: Working memory `[n_layers padded to a multiple of four, columns at a time]`, zero in the padding.
        sums: `[n_kernels, n_layers, n_rows, n_groups]` float64, added to.
        powers: `[n_kernels that have them, 2, n_layers, n_rows]` float64, added to.
        found: `[n_kernels, n_groups, n_groups, n_layers, n_layers]` float64 with layers padded, added to on and below
            the diagonal.
    """
    n_layers, n_rows, at_a_time = len(addresses), len(places), values.shape[1]
    gathers = len(order) > 0
    for row in range(first, last):
        place, group = places[row], groups[row]
        for other in range(len(ends)):
            start = 0 if other == 0 else ends[other - 1]
            while start < ends[other]:
                stop = min(start + at_a_time, ends[other])
                for kernel in range(len(kernels)):
                    for layer in range(n_layers):
                        strip = carray(as_pointer(addresses[layer]), (n_rows, n_columns), values.dtype)  # pyright: ignore[reportCallIssue]
                        row_of_strip, norms = strip[row], half_norms[layer]
                        products = row_of_strip if gathers else row_of_strip[start:stop]
                        sums[kernel, layer, row, other] += kernel_of_part(
                            products, norms[start:stop], norms[place], place - start, order[start:stop],
                            kernels[kernel], given[layer], coefficients[kernel, layer], values[layer, : stop - start],
                        )  # fmt: skip
                        if at_powers[kernel] >= 0:
                            add_powers(values[layer, : stop - start], powers[at_powers[kernel], :, layer, row])
                    if other >= group or not halved:
                        add_products(values, stop - start, found[kernel, group, other])
                start = stop
