"""Errors of what is derived from a measurement, from the same derived within halves of the samples."""

from __future__ import annotations

import numpy as np
import xarray as xr

from jaxsim.metrics.half_samples import half_sample_error
from jaxsim.study.between import between_models
from jaxsim.study.smoothness import smoothness_profile

SMOOTHNESS = ("forward", "backward", "mean", "fixed_step", "mean_change", "max_change", "roughness")
BETWEEN = ("distance",)


def with_sampling_errors(
    smoothness: xr.Dataset, between: xr.Dataset, halves: xr.Dataset
) -> tuple[xr.Dataset, xr.Dataset]:
    """Adds to both what new images would change: a variable `*_sampling_error` beside each value.

    Args:
        smoothness: From `smoothness_profile`, of all samples.
        between: From `between_models`, of all samples.
        halves: `imbalance` along `split` and `side`.

    Returns:
        Both datasets with the errors of `SMOOTHNESS` and `BETWEEN`.
    """
    h, ts = smoothness.attrs["h"], smoothness["t"].values
    sides: list[tuple[xr.Dataset, xr.Dataset]] = []
    for side in range(2):
        own = [halves["imbalance"].isel(split=split, side=side) for split in range(halves.sizes["split"])]
        changes = [smoothness_profile(one, h=h, grid=ts) for one in own]
        distances = [between_models(one) for one in own]
        sides.append((_stacked(changes, SMOOTHNESS), _stacked(distances, BETWEEN)))
    errors = []
    for place, names in enumerate((SMOOTHNESS, BETWEEN)):
        first, second = (side[place] for side in sides)
        errors.append(
            {
                f"{name}_sampling_error": (
                    first[name].dims[1:],
                    half_sample_error(first[name].values, second[name].values),
                )
                for name in names
            }
        )
    return smoothness.assign(errors[0]), between.assign(errors[1])


def _stacked(datasets: list[xr.Dataset], names: tuple[str, ...]) -> xr.Dataset:
    return xr.Dataset(
        {
            name: (("split", *datasets[0][name].dims), np.stack([each[name].values for each in datasets]))
            for name in names
        }
    )
