"""Names that wrappers of modules left in a checkpoint: torch.compile, DataParallel, FSDP, activation checkpointing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from jaxsim.warn import warn

T = TypeVar("T")

# The part of a tensor's name that a wrapper adds, wherever in the model it was put, and who writes it.
WRAPPERS = {
    "_orig_mod": "torch.compile",
    "_fsdp_wrapped_module": "FullyShardedDataParallel",
    "_checkpoint_wrapped_module": "activation checkpointing",
    "module": "DataParallel or DistributedDataParallel",
}


def unwrapped(name: str) -> str:
    """Returns a tensor's name without what wrappers put into it.

    Example:
        >>> unwrapped("module._orig_mod.encoder._fsdp_wrapped_module.layer.0.weight")
        'encoder.layer.0.weight'
    """
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def without_wrappers(tensors: Mapping[str, T], where: str) -> tuple[dict[str, T], dict[str, str]]:
    """Returns tensors by the names they have without wrappers, and the name in the file of each; warns of a change.

    Args:
        tensors: By name in the file.
        where: What to call the file.

    Raises:
        ValueError: Two tensors would have one name.
    """
    origin: dict[str, str] = {}
    found: set[str] = set()
    for name in tensors:
        short = unwrapped(name)
        if short in origin:
            raise ValueError(
                f"{where}: {name} and {origin[short]} are both {short} without what wrappers of modules add to names; "
                "expected one of them"
            )
        origin[short] = name
        found.update(part for part in name.split(".") if part in WRAPPERS)
    if found:
        parts = ", ".join(f"{part}. ({WRAPPERS[part]})" for part in sorted(found))
        changed = sum(short != name for short, name in origin.items())
        warn(
            f"{where}: {changed} of {len(origin)} tensors are named by a wrapper of the model; its prefix is left out: "
            f"{parts}",
        )
    return {short: tensors[name] for short, name in origin.items()}, origin
