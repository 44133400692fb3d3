"""Two studies of the same images as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.files import parse_json
from jaxsim.study.selection import with_models

#: Attributes of results that must be the same.
ALIKE = ("n_samples", "n_queries", "metric", "ties", "seed", "images", "clip", "duplicates", "dropped", "groups")
#: Dims along which steps lie, and the coordinate with the model of each.
DIMS = {"source": "source_model", "target": "target_model", "step": "model"}


def check_joinable(one: Any, other: Any) -> None:
    """Refuses studies that cannot be one.

    Args:
        one: A study.
        other: Another.

    Raises:
        ValueError: If they were not measured alike, or a pair of models is in neither.
    """
    if type(one) is not type(other):
        raise ValueError(f"expected another study, got a {type(other).__name__}")
    a, b = one.results, other.results
    if a["k"].values.tolist() != b["k"].values.tolist():
        raise ValueError(
            f"expected the same k in both studies, got {a['k'].values.tolist()} and {b['k'].values.tolist()}"
        )
    for name in ALIKE:
        ours, theirs = a.attrs.get(name), b.attrs.get(name)
        if ours != theirs:
            raise ValueError(
                f"expected two studies of the same images, measured alike, but {name} is {ours!r} and {theirs!r}"
            )
    for name in ("halves", "information", "label_overlap"):
        ours, theirs = getattr(one, name), getattr(other, name)
        if ours is None or theirs is None:
            continue
        for dim in ("split", "space", "label"):
            if dim in ours.dims and ours[dim].values.tolist() != theirs[dim].values.tolist():
                raise ValueError(f"expected the same {dim}s in both studies; measure both with the same options")
    _check_pairs(one, other)


def _check_pairs(one: Any, other: Any) -> None:
    models = list(dict.fromkeys([*one.models, *other.models]))
    for pair in combinations(models, 2):
        if not any(set(pair) <= set(study.models) for study in (one, other)):
            raise ValueError(
                f"expected every pair of models in one of the two studies, but {pair[0]!r} and {pair[1]!r} were not "
                "measured together; compare all models into the folder of one of the studies: what is there is used"
            )
    for model in set(one.models) & set(other.models):
        if one.steps[model] != other.steps[model]:
            raise ValueError(f"expected the same steps of {model!r} in both studies; select the same in both")


def joined(*parts: xr.Dataset) -> xr.Dataset:
    """A dataset of several studies: the steps of the first, then those that others have beside them.

    Args:
        *parts: The same dataset of each study.

    Returns:
        The dataset, with the attributes of the first, and the models and commands of all in its record of them; NaN for
        what none of them has.

    Raises:
        ValueError: If numbers that two of them have differ.
    """
    first = parts[0]
    dims = [dim for dim in DIMS if dim in first.dims]
    new: list[dict[str, np.ndarray]] = []
    order: dict[str, list[str]] = {dim: [] for dim in dims}
    for part in parts:
        new.append({dim: np.flatnonzero(~np.isin(part[dim].values.astype(str), order[dim])) for dim in dims})
        for dim in dims:
            order[dim] += part[dim].values.astype(str)[new[-1][dim]].tolist()
    coords: dict[str, Any] = {}
    for name, coord in first.coords.items():
        along = next((dim for dim in dims if dim in coord.dims), None)
        if along is None:
            coords[str(name)] = coord
            continue
        values = [part[name].isel({along: places[along]}).values for part, places in zip(parts, new, strict=True)]
        coords[str(name)] = (coord.dims, np.concatenate(values), coord.attrs)
    variables = {}
    for name in first.data_vars:
        own = [part[name].transpose(*first[name].dims) for part in parts if name in part]
        if len(own) == len(parts):
            variables[name] = (own[0].dims, _filled(own, order, str(name)), own[0].attrs)
    commands = dict.fromkeys(str(part.attrs["command"]) for part in parts if "command" in part.attrs)
    attrs = dict(first.attrs) | ({"command": "\n".join(commands)} if commands else {})
    whole = xr.Dataset(variables, coords=coords, attrs=attrs)
    if all("models" in part.attrs for part in parts):
        entries = [entry for part in parts[1:] for entry in parse_json(part.attrs["models"])]
        whole = with_models(whole, lambda model: model, list({entry["name"]: entry for entry in entries}.values()))
    return whole


def _filled(parts: Sequence[xr.DataArray], order: Mapping[str, Sequence[str]], name: str) -> np.ndarray:
    """The values of all, laid out in one order."""
    first = parts[0]
    shape = [len(order[str(dim)]) if dim in order else first.sizes[dim] for dim in first.dims]
    dtype = np.result_type(first.dtype, np.float64) if first.dtype.kind in "fiu" else first.dtype
    values = np.full(shape, np.nan if dtype.kind == "f" else None, dtype=dtype)
    known = np.zeros(shape, bool)
    for part in parts:
        at = np.ix_(
            *(_places(part, str(dim), order) if dim in order else np.arange(part.sizes[dim]) for dim in part.dims)
        )
        both = known[at]
        if not _agree(values[at][both], part.values[both]):
            raise ValueError(
                f"expected the same {name} where both studies have it, but they differ; measure both with the same "
                "models, images and version"
            )
        values[at] = np.where(both, values[at], part.values)  # the first that has it, to the last bit
        known[at] = True
    return values


def _places(part: xr.DataArray, dim: str, order: Mapping[str, Sequence[str]]) -> np.ndarray:
    place = {str(label): i for i, label in enumerate(order[dim])}
    return np.array([place[str(label)] for label in part[dim].values], np.int64)


def _agree(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype.kind == "f":
        return bool(np.allclose(one, other.astype(np.float64), rtol=1e-6, atol=1e-9, equal_nan=True))
    return bool(np.array_equal(one, other))
