"""Sums over pairs of inner products of all layers, from products of features instead of strips of samples.

`sum_ij (x_i . x_j) (y_i . y_j) = |X^T Y|^2`: with many samples and few features this is much less work.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec as P

from .kernel_sums import GroupedSums
from .placement import Placement
from .prepare import Layer
from .programs import compiled_for, mapped_over

_BLOCK_WIDTH = 768
_CHUNK_ROWS = 4096
_MOST_BYTES = 1 << 29
_STRIP_COST = 6
"""Of an operation on strips that are there already, in operations of a matrix product: they wait for memory."""


def in_feature_space(n_samples: int, widths: Sequence[int], n_groups: int, strips_at_hand: bool) -> bool:
    """Whether products of features are the cheaper way to the sums of inner products.

    Args:
        n_samples: Number of samples N.
        widths: Number of features of every layer.
        n_groups: Groups of samples that are kept apart.
        strips_at_hand: Whether strips of samples are worked out anyway.

    Example:
        >>> in_feature_space(4096, (384,) * 24, 1, True), in_feature_space(50_000, (384,) * 24, 1, False)
        (False, True)
    """
    width, n_layers = sum(widths), len(widths)
    widest = max(_BLOCK_WIDTH, max(widths))
    if n_groups * widest * widest * 8 > _MOST_BYTES:
        return False
    by_features = n_samples * width**2
    by_strips = n_samples**2 * (_STRIP_COST * n_layers**2 / 2 + (0 if strips_at_hand else 2 * width))
    return by_features < by_strips


def add_from_features(
    sums: GroupedSums,
    layer_of: Callable[[int], Layer],
    widths: Sequence[int],
    placement: Placement,
    progress: Callable[[int, int, str], None] | None = None,
) -> None:
    """Work out the sums of inner products from features.

    Args:
        sums: Where to; of the linear kernel, begun for every layer.
        layer_of: The layer of a number.
        widths: Number of features of every layer, as placed.
        placement: Devices.
        progress: Called as `progress(done, total, what)`.
    """
    blocks = blocks_of_layers(widths)
    total = len(blocks) * (len(blocks) + 1) // 2
    done, groups = 0, sums.members()
    for place, rows in enumerate(blocks):
        left = [layer_of(number) for number in rows]
        for layer, number in zip(left, rows, strict=True):
            _add_row_sums(sums, number, layer, groups, placement)
        for columns in blocks[: place + 1]:
            right = left if columns is rows else [layer_of(number) for number in columns]
            products = _products(left, right, groups, placement)
            _add_products(sums, products, rows, columns, widths)
            done += 1
            if progress is not None:
                progress(done, total, "multiplying features")
    sums.leave_out_diagonal()


def blocks_of_layers(widths: Sequence[int]) -> list[list[int]]:
    """Numbers of layers, a few at a time: products of narrow matrices are slow.

    Example:
        >>> blocks_of_layers((384, 384, 384))
        [[0, 1], [2]]
    """
    blocks: list[list[int]] = [[]]
    for number, width in enumerate(widths):
        if blocks[-1] and sum(widths[at] for at in blocks[-1]) + width > _BLOCK_WIDTH:
            blocks.append([])
        blocks[-1].append(number)
    return blocks


def _products(
    left: list[Layer], right: list[Layer], groups: list[np.ndarray | None], placement: Placement
) -> np.ndarray:
    """`X_g^T Y_g` of the layers side by side, for every group of samples `[n_groups, width, width]` float64."""
    if not placement.on_one_cpu:
        program = _cross_program(placement)
        found = program(tuple(each.features for each in left), tuple(each.features for each in right))
        return np.asarray(found, np.float64)[None]
    parts = []
    for members in groups:
        total: Any = 0.0
        n_rows = left[0].features.shape[0] if members is None else len(members)
        for start in range(0, n_rows, _CHUNK_ROWS):
            at = slice(start, start + _CHUNK_ROWS) if members is None else members[start : start + _CHUNK_ROWS]
            x = _side_by_side(left, at)
            # One array with itself is a symmetric product, which takes half the time.
            total = total + (x.T @ (x if right is left else _side_by_side(right, at))).astype(np.float64)
        parts.append(total)
    return np.stack(parts)


def _side_by_side(layers: list[Layer], at: Any) -> np.ndarray:
    chosen = [np.asarray(layer.features)[at] for layer in layers]
    return chosen[0] if len(chosen) == 1 else np.concatenate(chosen, axis=1)


def _add_products(
    sums: GroupedSums, products: np.ndarray, rows: list[int], columns: list[int], widths: Sequence[int]
) -> None:
    starts = {number: sum(widths[n] for n in block if n < number) for block in (rows, columns) for number in block}
    for a in rows:
        for b in columns:
            if b > a:
                continue
            own = products[:, starts[a] : starts[a] + widths[a], starts[b] : starts[b] + widths[b]]
            flat = own.reshape(len(products), -1)
            sums.add_products(a, b, flat @ flat.T)


def _add_row_sums(
    sums: GroupedSums, number: int, layer: Layer, groups: list[np.ndarray | None], placement: Placement
) -> None:
    """Inner products of every sample with all samples of a group, added up."""
    if not placement.on_one_cpu:
        found = np.asarray(_sum_program(placement)(layer.features), np.float64)
        sums.set_row_sums(number, found[: sums.n_samples, None])
        return
    features = np.asarray(layer.features)[: sums.n_samples]
    totals = np.stack([(features if at is None else features[at]).sum(0, dtype=np.float64) for at in groups])
    sums.set_row_sums(number, features @ totals.T)


@cache
def _cross_program(placement: Placement) -> Any:
    """`(features of layers, features of layers) -> X^T Y` of both side by side, the same on every device."""
    axis = placement.axis

    def step(left, right):
        x, y = (jax.numpy.concatenate(each, axis=1) for each in (left, right))
        found = lax.dot_general(x, y, (((0,), (0,)), ((), ())), precision=lax.Precision.HIGHEST)
        return found if axis is None else lax.psum(found, axis)

    if axis is None:
        return compiled_for(placement, step)
    return compiled_for(placement, mapped_over(placement, step, (P(axis), P(axis)), P()))


@cache
def _sum_program(placement: Placement) -> Any:
    """`features -> inner products of every sample with all, added up`, the same on every device."""
    axis = placement.axis

    def step(features):
        total = features.sum(0)
        total = total if axis is None else lax.psum(total, axis)
        own = lax.dot_general(features, total, (((1,), (0,)), ((), ())), precision=lax.Precision.HIGHEST)
        return own if axis is None else lax.all_gather(own, axis, tiled=True)

    if axis is None:
        return compiled_for(placement, step)
    return compiled_for(placement, mapped_over(placement, step, (P(axis),), P()))
