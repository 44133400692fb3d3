"""Prefixes of tensors' names, such as `model.`, that a larger program left in a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jaxsim.models.family import Shapes
from jaxsim.models.loading.checkpoint import Checkpoint
from jaxsim.models.loading.weights import WeightTable
from jaxsim.warn import warn

# How trainers and wrappers call the model that they hold.
PREFIXES = ("model.", "net.", "network.", "backbone.", "encoder.", "base_model.")
# `model.` in `net.`; more is in no file.
_DEEPEST = 3


def without_prefixes(checkpoint: Checkpoint, build: Callable[[Shapes], WeightTable]) -> Checkpoint:
    """Returns a checkpoint whose tensors have the names that the family knows; warns where these are not the file's.

    A prefix is left out where the family's weight table then recognises more tensors, and nowhere else: in many
    families `encoder.` is part of the name.

    Args:
        checkpoint: The checkpoint.
        build: Makes the family's weight table for tensors of these names and shapes.
    """
    most, unknown = _recognised(build, checkpoint.shapes)
    if not unknown:
        return checkpoint
    best, left_out = checkpoint, ""
    for prefix, shorter in _shorter(checkpoint):
        count, _ = _recognised(build, shorter.shapes)
        if count > most:
            most, best, left_out = count, shorter, prefix
    if left_out:
        changed = sum(name.startswith(left_out) for name in checkpoint.shapes)
        warn(
            f"{checkpoint.directory}: {changed} of {len(checkpoint.shapes)} tensors are named {left_out}..., as part "
            f"of a larger program; {left_out} is left out, which gives the names of this family",
        )
    return best


def _shorter(checkpoint: Checkpoint, before: str = "") -> Iterator[tuple[str, Checkpoint]]:
    """Returns every prefix that tensors have, with the checkpoint without it; those of one part first."""
    found = [(before + prefix, _renamed(checkpoint, prefix)) for prefix in PREFIXES]
    known = [(prefix, shorter) for prefix, shorter in found if shorter is not None]
    yield from known
    if before.count(".") + 1 < _DEEPEST:
        for prefix, shorter in known:
            yield from _shorter(shorter, prefix)


def _renamed(checkpoint: Checkpoint, prefix: str) -> Checkpoint | None:
    """Returns the checkpoint without a prefix; None where no tensor has it, or two would have one name."""
    names = {name.removeprefix(prefix): name for name in checkpoint.shapes}
    if len(names) < len(checkpoint.shapes) or all(short == name for short, name in names.items()):
        return None
    return checkpoint.renamed(names)


def _recognised(build: Callable[[Shapes], WeightTable], shapes: Shapes) -> tuple[int, int]:
    """Returns how many tensors a family knows, and how many it does not; none where it cannot be built from them."""
    try:
        table = build(shapes)
    except (ValueError, LookupError, TypeError):  # said in full where the model is built
        return 0, len(shapes)
    known = sum(table.targets(name) is not None for name in shapes)
    extra = sum(table.is_extra(name) for name in shapes if table.targets(name) is None)
    return known, len(shapes) - known - extra
