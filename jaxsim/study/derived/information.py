"""What each processing step still knows of other spaces, such as the low-level statistics of the images.

Definitions. Delta(step -> space) asks how well the step predicts the space: near the floor (k + 1) / N it holds the
space, at 1 it holds nothing of it. Delta(space -> step) is the reverse: how much of the step the space explains.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from jaxsim.metrics.tie_bounds import tie_bounds
from jaxsim.study.derived.labels import StepLabel, step_coordinates


def label_information(
    values: Float[np.ndarray, "n_k layers layers"],
    standard_error: Float[np.ndarray, "n_k layers layers"],
    labels: Sequence[StepLabel],
    widths: Mapping[str, int],
    *,
    k: Sequence[int],
    n_samples: int,
    constant: Sequence[str] = (),
    origins: Mapping[str, str] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Puts labels on the part of an all-pairs imbalance that lies between steps and other spaces.

    Args:
        values: Imbalances between all layers: the steps first, then the spaces that were measured.
        standard_error: Their standard errors.
        labels: The steps.
        widths: Name of every space, measured or constant -> number of its features.
        k: The numbers of neighbours.
        n_samples: Number of samples N.
        constant: Spaces that are the same for every sample: not measured, NaN in the result.
        origins: Name of a space -> where it comes from.
        attrs: Attributes of the dataset.

    Returns:
        Dataset on (`k`, `step`, `space`) with `forward` = Delta(step -> space), `backward` = Delta(space -> step),
        `forward_se` and `backward_se`; coordinates `model`, `step_name`, `kind`, `depth` and `step_constant` on `step`,
        `origin`, `n_features` and `constant` on `space`, `floor` on `k`. The imbalance between the spaces themselves is
        `among` on (`k`, `space`, `space_to`), with `among_se`.

    Raises:
        ValueError: If shapes and names do not fit.

    Example:
        >>> labels = [StepLabel("m", "a", 0.0), StepLabel("m", "b", 1.0)]
        >>> values = np.array([[[0.1, 0.4, 0.2], [0.2, 0.1, 0.7], [0.3, 0.9, 0.1]]])
        >>> known = label_information(values, 0 * values, labels, {"colour": 3}, k=(1,), n_samples=20)
        >>> known.forward.sel(k=1, space="colour").values.tolist()
        [0.2, 0.7]
        >>> known.backward.sel(k=1, space="colour").values.tolist()
        [0.3, 0.9]
    """
    measured = [name for name in widths if name not in constant]
    n = len(labels)
    shape = (len(k), n + len(measured), n + len(measured))
    if values.shape != shape or standard_error.shape != shape:
        raise ValueError(
            f"expected values and standard errors of shape {shape} for {n} steps and {len(measured)} measured spaces, "
            f"got {values.shape} and {standard_error.shape}"
        )
    names = list(widths)
    at = [names.index(name) for name in measured]
    variables: dict[str, Any] = {}
    for suffix, block in (("", values), ("_se", standard_error)):
        into, out_of = (np.full((len(k), n, len(names)), np.nan) for _ in range(2))
        into[:, :, at] = block[:, :n, n:]
        out_of[:, :, at] = block[:, n:, :n].transpose(0, 2, 1)
        among = np.full((len(k), len(names), len(names)), np.nan)
        among[np.ix_(range(len(k)), at, at)] = block[:, n:, n:]
        variables[f"forward{suffix}"] = (("k", "step", "space"), into)
        variables[f"backward{suffix}"] = (("k", "step", "space"), out_of)
        variables[f"among{suffix}"] = (("k", "space", "space_to"), among)
    return xr.Dataset(
        variables,
        coords={
            "k": np.array(list(k), np.int64),
            "floor": ("k", (np.array(list(k), np.float64) + 1) / n_samples),
            **step_coordinates(labels),
            "space": np.array(names, dtype=object),
            "space_to": np.array(names, dtype=object),
            "origin": ("space", np.array([(origins or {}).get(name, "given") for name in names], dtype=object)),
            "n_features": ("space", np.array([widths[name] for name in names], np.int64)),
            "constant": ("space", np.array([name in constant for name in names], dtype=bool)),
        },
        attrs={
            "direction": "forward is Delta(step -> space), backward is Delta(space -> step)",
            **(attrs or {}),
        },
    )


def with_tie_bounds(
    known: xr.Dataset,
    spaces: Mapping[str, Any],
    *,
    metric: str,
    queries: Int[np.ndarray, " n_queries"] | None = None,
    groups: Int[np.ndarray, " n_samples"] | None = None,
) -> xr.Dataset:
    """Adds the least and the largest value that Delta(step -> space) can take, given the ties in every space.

    The least is what the space gives of itself: a row's nearest samples have its smallest ranks, in whatever order
    equally near ones are taken. So it is there already, by the counts that all other values rest on.

    Args:
        known: As `label_information` makes it.
        spaces: Name -> space, of those that were measured.
        metric: Of the measurement.
        queries: Sample indices of the query rows; all by default.
        groups: Group of every sample, if samples of one group were not ranked among each other.

    Returns:
        With `floor_forward` and `ceiling_forward` on (`k`, `space`), NaN for spaces that are the same for all samples.
    """
    names = [str(name) for name in known["space"].values]
    floor = np.stack([known["among"].sel(space=name, space_to=name).values for name in names], axis=1)
    ceiling = np.full(floor.shape, np.nan)
    ks = tuple(int(k) for k in known["k"].values)
    for place, name in enumerate(names):
        if name in spaces:
            ceiling[:, place] = tie_bounds(spaces[name], k=ks, metric=metric, queries=queries, groups=groups).ceiling
    return known.assign(floor_forward=(("k", "space"), floor), ceiling_forward=(("k", "space"), ceiling))


def describe_view(view: Mapping[str, Any]) -> str:
    """The pixels behind the statistics as JSON, for the attributes."""
    return json.dumps(dict(view))
