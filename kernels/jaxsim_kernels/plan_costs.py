"""What the ways to do a workload hold and cost."""

from .halves import half_bytes
from .host.tiles import tile_bytes
from .padding import padded_features
from .workload import Passes, Ranking, Workload

_COUNT_BYTES = 16
"""Integers beside each threshold of a row while scores are counted."""


def feature_bytes(work: Workload, n_padded: int, itemsize: int) -> list[int]:
    """Bytes of every layer's features and half norms, on all devices that share its samples.

    Example:
        >>> feature_bytes(Workload(100, 100, (16,), 1), 512, 4)
        [34816]
    """
    return [itemsize * n_padded * (padded_features(d) + 1) for d in work.widths]


def peak_bytes(work: Workload, passes: Passes, ranking: Ranking, rows: int, n_padded: int, itemsize: int) -> int:
    """Bytes of features and of one block at their peak, on all devices that share the samples.

    Args:
        work: The workload.
        passes: One or two.
        ranking: How ranks are found.
        rows: Rows of a block.
        n_padded: Columns, padding included.
        itemsize: Bytes of a score.

    Example:
        >>> peak_bytes(Workload(100, 100, (16,), 1), "one-pass", "count", 8, 512, 4)
        51712
    """
    features = feature_bytes(work, n_padded, itemsize)
    strip = itemsize * rows * n_padded
    # Counting holds one accumulator of 16 lanes per threshold; the other ways the columns of a block.
    ranks = 4 * rows * work.n_thresholds * (_COUNT_BYTES if ranking == "count" else 4)
    if work.shares:
        ranks += half_bytes(rows, len(work.widths), work.n_splits, work.k)
    # Halves that are measured one by one stand beside the layers that they are taken from.
    taken = work.n_splits > 0 and not work.shares
    if passes == "one-pass":
        return sum(features) * (2 + taken) // 2 + (strip * len(work.widths) + ranks)
    if work.shares:
        ranks += 4 * work.n_queries * work.n_thresholds * work.n_splits
    neighbours = 8 * work.n_queries * work.n_thresholds
    if ranking == "tile":
        neighbours += tile_bytes(work.n_samples, work.n_thresholds, itemsize) + max(features)
    # The host's padded copy of the next layer stands beside the resident one.
    return 2 * max(features) + strip + ranks + neighbours


def arithmetic_of(work: Workload, passes: Passes, ranking: Ranking, on_host: bool) -> tuple[int, int]:
    """Number of scores that are worked out, and of multiplications and additions.

    Args:
        work: The workload.
        passes: One or two.
        ranking: How ranks are found.
        on_host: Whether it is one CPU device, where the first of two passes works out half a symmetric matrix, and so
            does the second from tiles.

    Example:
        >>> arithmetic_of(Workload(100, 10, (16,), 1), "two-pass", "count", False)
        (2000, 64000)
    """
    effort = 1.0
    if passes == "two-pass" and ranking != "tile":
        effort = 1.5 if on_host else 2.0
    if work.shares and passes == "two-pass":
        effort = 2.0
    elif work.n_splits and not work.shares:
        effort *= 1 + work.n_splits / 2
    per_layer = work.n_queries * work.n_samples
    return int(effort * per_layer * len(work.widths)), int(effort * 2 * per_layer * sum(work.widths))


def nanoseconds_of_tiles(work: Workload) -> float:
    """What ranking from tiles costs more than sorting, for each score, on two cores.

    Tiles save nearly half of the products and compare every score with every threshold.

    Example:
        >>> nanoseconds_of_tiles(Workload(4096, 4096, (768,) * 24, 1)) < 0
        True
    """
    features = sum(work.widths) / len(work.widths)
    return 0.04 * work.n_thresholds - 0.0044 * features - 0.7
