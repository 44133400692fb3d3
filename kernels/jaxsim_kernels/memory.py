"""How much memory a computation may take on its devices when nobody says so."""

import os
from typing import Any

from .placement import Placement
from .processes import smallest

_CPU_BLOCK_BUDGET = 1 << 30
_CPU_FEATURE_SHARE = 0.25
_DEVICE_SHARE = 0.85
_UNKNOWN = 8 << 30
"""Taken for the memory of a device that does not tell."""


def default_budget(feature_bytes: int, placement: Placement) -> int:
    """Bytes that features and blocks may take on all devices together.

    Args:
        feature_bytes: What the features of all layers take once.
        placement: Devices.

    Returns:
        On CPU 1 GiB for the blocks and, for the features, what they take up to a quarter of the machine's memory. On
        other devices 85 % of what is free on the one of this process that has least, times the number of devices.

    Example:
        >>> default_budget(1000, Placement()) >= 1 << 30
        True
    """
    if placement.platform == "cpu":
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else _UNKNOWN
        return _CPU_BLOCK_BUDGET + min(feature_bytes, int(_CPU_FEATURE_SHARE * memory))
    free = min(_free(device) for device in placement.local_devices)
    return int(_DEVICE_SHARE * free) * placement.n_devices


def agreed_budget(feature_bytes: int, placement: Placement) -> int:
    """The smallest of what the processes that share the samples may take: plans must not differ.

    Every process calls it.

    Example:
        >>> agreed_budget(1000, Placement()) == default_budget(1000, Placement())
        True
    """
    return smallest("memory budget", default_budget(feature_bytes, placement), placement.processes)


def _free(device: Any) -> int:
    stats = device.memory_stats() or {}
    return max(stats.get("bytes_limit", _UNKNOWN) - stats.get("bytes_in_use", 0), 0)
