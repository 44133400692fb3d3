"""What the parts of a study must be before anything is derived from them."""

from __future__ import annotations

from typing import Any

import xarray as xr

from jaxsim.arguments import shown

#: Part of a study -> the variables without which it is none.
VARIABLES = {
    "results": ("imbalance", "standard_error"),
    "halves": ("imbalance",),
    "shuffled": ("imbalance",),
    "information": ("forward", "backward"),
    "label_overlap": ("overlap",),
}
_LABELS = ("source", "target", "source_model", "target_model", "source_step", "target_step")


def check_part(name: str, part: Any) -> None:
    """Refuses a part that is no dataset, or lacks what the part is made of.

    Args:
        name: "results", "halves", "shuffled", "information" or "label_overlap".
        part: What was given; None is no part, except as results.

    Raises:
        ValueError: Says what it lacks.

    Example:
        >>> check_part("halves", None)
        >>> check_part("results", None)
        Traceback (most recent call last):
        ...
        ValueError: expected results as an xarray.Dataset such as label_imbalance makes, got None
    """
    if part is None and name != "results":
        return
    if not isinstance(part, xr.Dataset):
        made_by = "label_imbalance makes" if name == "results" else "a study of compare holds"
        raise ValueError(f"expected {name} as an xarray.Dataset such as {made_by}, got {shown(part)}")
    labels = _LABELS if name == "results" else ()
    missing = [each for each in VARIABLES[name] if each not in part.data_vars]
    missing += [each for each in labels if each not in part.coords]
    if missing:
        raise ValueError(f"expected {name} with {', '.join(VARIABLES[name] + labels)}, but there is no {missing[0]}")
