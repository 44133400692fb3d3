"""The least and the largest value that a step could have for a space."""

import numpy as np
import xarray as xr

#: A floor that differs from the usual one by less than this share is the usual one.
OWN_FLOOR = 0.01


def attainable(chosen: xr.Dataset, direction: str = "forward") -> tuple[float, ...]:
    """Least and largest value that a step could have for one space at one k; the floor alone without ties.

    A space that is full of ties has a floor and a ceiling of its own; of one whose own floor is the usual one, or where
    the study does not know them, the floor (k + 1) / N is all there is to say.

    Args:
        chosen: Information dataset at one k and one space.
        direction: "forward", Delta(step -> space), or "backward".

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_information
        >>> known = constructed_information(constructed_study()[0], tied=("colour",)).isel(k=0)
        >>> attainable(known.sel(space="colour")), attainable(known.sel(space="colour"), "backward")
        ((0.035, 1.01), (0.005,))
    """
    if direction == "forward" and "floor_forward" in chosen and "ceiling_forward" in chosen:
        limits = (float(chosen["floor_forward"]), float(chosen["ceiling_forward"]))
        if np.isfinite(limits).all() and not np.isclose(limits[0], float(chosen["floor"]), rtol=OWN_FLOOR, atol=0):
            return limits
    return (float(chosen["floor"]),)
