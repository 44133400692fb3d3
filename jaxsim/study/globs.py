"""Names and globs of steps, as options take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: Globs for the steps of all models, or model -> globs for its own.
Globs = tuple[str, ...] | dict[str, tuple[str, ...]]


def checked_globs(name: str, given: Any) -> Globs | None:
    """Names or globs of steps as `choose_steps` takes them.

    Args:
        name: Of the option, for errors.
        given: A glob, several, or a mapping from names of models to these; None for no choice.

    Raises:
        ValueError: If it is something else, or empty.

    Example:
        >>> checked_globs("steps", "block0*"), checked_globs("steps", {"vit": ["norm", "block*"]})
        (('block0*',), {'vit': ('norm', 'block*')})
    """
    if given is None:
        return None
    if isinstance(given, Mapping):
        found = {str(model): _checked(name, globs) for model, globs in given.items()}
        if not found:
            raise ValueError(f"expected {name} to name at least one model, got an empty mapping; leave {name} out")
        return found
    return _checked(name, given)


def _checked(name: str, given: Any) -> tuple[str, ...]:
    globs = (given,) if isinstance(given, str) else given
    if not isinstance(globs, Iterable):
        raise ValueError(f"expected {name} as the name of a step, a glob, or several of them, got {given!r}")
    globs = tuple(globs)
    odd = next((glob for glob in globs if not isinstance(glob, str) or not glob), None)
    if not globs or odd is not None:
        raise ValueError(f"expected {name} as names of steps or globs such as 'block0*', got {given!r}")
    return globs
