"""Relative depths that curves are drawn over."""

import numpy as np
from jaxtyping import Float

#: What sums of relative depths may be off by.
SLACK = 1e-9


def depth_grid(last: float, n_points: int = 51) -> Float[np.ndarray, " n_points"]:
    """Evenly spaced relative depths from 0 to `last`: `n_points` of them, or 0 alone when `last` is 0."""
    return np.linspace(0.0, last, n_points) if last > 0 else np.zeros(1)
