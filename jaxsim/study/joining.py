"""Two studies of the same images as one."""

from __future__ import annotations

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


def joined(one: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """A dataset of both studies, the steps of the first before those that only the other has.

    Args:
        one: Of the first study.
        other: The same of the other.

    Returns:
        The dataset, with the attributes of the first, and the models of both in its record of them.

    Raises:
        ValueError: If numbers that both have differ.
    """
    dims = [dim for dim in DIMS if dim in one.dims]
    new = {dim: np.flatnonzero(~np.isin(other[dim].values.astype(str), one[dim].values.astype(str))) for dim in dims}
    added = {dim: other.isel({dim: places})[dim].values for dim, places in new.items()}
    order = {dim: np.concatenate([one[dim].values, added[dim]]) for dim in dims}
    coords: dict[str, Any] = {}
    for name, coord in one.coords.items():
        along = [dim for dim in dims if dim in coord.dims]
        if along:
            dim = along[0]
            values = np.concatenate([coord.values, other[name].isel({dim: new[dim]}).values])
            coords[str(name)] = (coord.dims, values, coord.attrs)
        else:
            coords[str(name)] = coord
    variables = {}
    for name in one.data_vars:
        if name not in other:
            continue
        ours, theirs = one[name], other[name].transpose(*one[name].dims)
        variables[name] = (ours.dims, _filled(ours, theirs, order, dims, str(name)), ours.attrs)
    whole = xr.Dataset(variables, coords=coords, attrs=dict(one.attrs))
    if "models" in whole.attrs and "models" in other.attrs:
        whole = with_models(whole, lambda model: model, parse_json(other.attrs["models"]))
    return whole


def _filled(
    ours: xr.DataArray, theirs: xr.DataArray, order: dict[str, np.ndarray], dims: list[str], name: str
) -> np.ndarray:
    """The values of both, laid out in one order."""
    along = [dim for dim in dims if dim in ours.dims]
    shape = [len(order[str(dim)]) if dim in along else ours.sizes[dim] for dim in ours.dims]
    dtype = np.result_type(ours.dtype, np.float64) if ours.dtype.kind in "fiu" else ours.dtype
    values = np.full(shape, np.nan if dtype.kind == "f" else None, dtype=dtype)
    known = np.zeros(shape, bool)
    for part in (theirs, ours):
        at = np.ix_(
            *(_places(part, str(dim), order) if dim in along else np.arange(part.sizes[dim]) for dim in part.dims)
        )
        both = known[at]
        if part is ours and not _agree(values[at][both], part.values[both]):
            raise ValueError(
                f"expected the same {name} where both studies have it, but they differ; measure both with the same "
                "models, images and version"
            )
        values[at], known[at] = part.values, True
    return values


def _places(part: xr.DataArray, dim: str, order: dict[str, np.ndarray]) -> np.ndarray:
    place = {str(label): i for i, label in enumerate(order[dim])}
    return np.array([place[str(label)] for label in part[dim].values], np.int64)


def _agree(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype.kind == "f":
        return bool(np.allclose(one, other.astype(np.float64), rtol=1e-6, atol=1e-9, equal_nan=True))
    return bool(np.array_equal(one, other))
