"""Checking that random weights fit into memory, since a configuration may ask for any amount."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import jax

try:
    import resource
except ImportError:  # not on Windows
    resource = None

# The draws, their copy where the model runs, and what drawing takes meanwhile.
_COPIES = 3


def free_memory() -> int:
    """Returns the bytes that this process can still take, as far as the system tells.

    Example:
        >>> free_memory() > 0
        True
    """
    if resource is None:
        return 2**40
    free = os.sysconf("SC_PHYS_PAGES") * resource.getpagesize()
    meminfo, statm = Path("/proc/meminfo"), Path("/proc/self/statm")
    if meminfo.is_file():
        # Free pages alone do not count those of files, which are given back when asked for.
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
        free = int(lines.get("MemAvailable", f"{free // 1024}").split()[0]) * 1024
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY and statm.is_file():
        free = min(free, soft - int(statm.read_text().split()[0]) * resource.getpagesize())
    return max(0, free)


def check_room(variables: Any, where: str) -> None:
    """Raises where variables of these shapes would not fit the memory.

    Without this the process is ended by the system, or by XLA, without a word of ours.

    Args:
        variables: A pytree of arrays or of their shapes.
        where: What to call the configuration.

    Raises:
        ValueError: Says how many parameters there are, what they take and what is free.

    Example:
        >>> check_room({  # doctest: +ELLIPSIS
        ...     "kernel": jax.ShapeDtypeStruct((2**20, 2**20), "float32")
        ... }, "config.json")
        Traceback (most recent call last):
            ...
        ValueError: config.json: a model of 1,099,511,627,776 parameters, which take 13,194.1 GB while they are ...
    """
    leaves = jax.tree.leaves(variables)
    numbers = sum(math.prod(leaf.shape) for leaf in leaves)
    needed = _COPIES * sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)
    free = free_memory()
    if needed > free:
        raise ValueError(
            f"{where}: a model of {numbers:,} parameters, which take {needed / 1e9:,.1f} GB while they are drawn; "
            f"{free / 1e9:,.1f} GB are free. Correct the sizes in the configuration, or use a machine with more memory."
        )
