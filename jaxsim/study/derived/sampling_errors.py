"""Errors of what is derived from a measurement, from the same derived within halves of the samples."""

from __future__ import annotations

import numpy as np
import xarray as xr

from jaxsim.metrics.half_samples import half_sample_error
from jaxsim.study.derived.between import between_models
from jaxsim.study.derived.sample_parts import apart, as_many_k, halves_alike
from jaxsim.study.derived.smoothness import smoothness_profile

SMOOTHNESS = ("forward", "backward", "mean", "fixed_step", "mean_change", "max_change", "roughness")
BETWEEN = ("distance",)


def with_sampling_errors(
    smoothness: xr.Dataset, between: xr.Dataset, halves: xr.Dataset
) -> tuple[xr.Dataset, xr.Dataset]:
    """Adds to both what new samples would change: a variable `*_sampling_error` beside each value.

    Args:
        smoothness: From `smoothness_profile`, of all samples.
        between: From `between_models`, of all samples.
        halves: `imbalance` along `split` and `side`.

    Returns:
        Both datasets with the errors of `SMOOTHNESS` and `BETWEEN`.
    """
    imbalance = halves_alike(halves)["imbalance"]
    stacked = as_many_k(imbalance)
    changes = smoothness_profile(stacked, h=smoothness.attrs["h"], grid=smoothness["t"].values)
    distances = between_models(stacked)

    def errors(of: xr.Dataset, names: tuple[str, ...]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
        found = {}
        for name in names:
            values = apart(of[name].values, imbalance)
            found[f"{name}_sampling_error"] = (of[name].dims, half_sample_error(values[:, 0], values[:, 1]))
        return found

    return smoothness.assign(errors(changes, SMOOTHNESS)), between.assign(errors(distances, BETWEEN))
