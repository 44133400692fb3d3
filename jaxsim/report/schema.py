"""What the report reads: the labelled datasets, checked once.

Everything behind this file trusts its inputs: models appear in one order, the steps of a model are
neighbours on both axes, and `source` and `target` list the same steps.
"""

from collections.abc import Iterable

import numpy as np
import xarray as xr

RESULT_VARIABLES = ("imbalance", "standard_error")
RESULT_COORDS = tuple(f"{side}_{what}" for side in ("source", "target") for what in ("model", "step", "kind", "depth"))
CHANGE_VARIABLES = ("forward", "backward", "mean", "forward_se", "backward_se", "mean_se")
CHANGE_COORDS = ("model", "step_from", "step_to", "depth", "marked")
SUMMARY_VARIABLES = ("mean_change", "max_change", "roughness")
PAIR_VARIABLES = ("distance", "distance_se", "nearest_a", "nearest_b", "peak_t")
MATCH_VARIABLES = ("best_step", "best_depth", "best_value")


def checked_results(results: xr.Dataset) -> xr.Dataset:
    """The results with the steps of every model side by side and the same order on both axes.

    Args:
        results: Dataset with dims `k`, `source`, `target`.

    Returns:
        The same numbers, loaded, reordered where needed.

    Raises:
        ValueError: A variable or coordinate is missing, a label occurs twice, or the two axes list different
        steps.
    """
    _require(results, "results", (*RESULT_VARIABLES, *RESULT_COORDS, "k", "floor"))
    _require_dims(results["imbalance"], "results", ("k", "source", "target"))
    _require_dims(results["standard_error"], "results", ("k", "source", "target"))
    labels = [str(label) for label in results["source"].values]
    if len(set(labels)) != len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"Expected every step label once, but {twice!r} occurs twice. Give the models unique names.")
    if set(labels) != {str(label) for label in results["target"].values}:
        raise ValueError(
            "Expected `source` and `target` to list the same steps, but they differ. "
            "Pass the dataset of one whole study, not a selection of it."
        )
    models = [str(model) for model in results["source_model"].values]
    first_seen = {model: place for place, model in reversed(list(enumerate(models)))}
    order = sorted(range(len(models)), key=lambda step: (first_seen[models[step]], step))
    labelled = results.transpose("k", "source", "target", ...).isel(source=order)
    return labelled.sel(target=labelled["source"].values).load()


def checked_smoothness(smoothness: xr.Dataset) -> xr.Dataset:
    """The smoothness dataset, loaded, after a check that everything the page shows is there.

    Raises:
        ValueError: A variable or coordinate is missing.
    """
    summaries = (*SUMMARY_VARIABLES, *(f"{name}_unmarked" for name in SUMMARY_VARIABLES))
    _require(smoothness, "smoothness", (*CHANGE_VARIABLES, *CHANGE_COORDS, *summaries, "fixed_step"))
    return smoothness.load()


def checked_between(between: xr.Dataset | None) -> xr.Dataset | None:
    """The between-model dataset, or None when the study has one model and so no pair.

    Raises:
        ValueError: There are pairs, but a variable is missing.
    """
    if between is None or between.sizes.get("pair", 0) == 0:
        return None
    _require(between, "between", (*PAIR_VARIABLES, "model_a", "model_b"))
    if between.sizes.get("match", 0):
        coords = ("match_source", "match_model_from", "match_model_to", "match_depth")
        _require(between, "between", (*MATCH_VARIABLES, *coords))
    return between.load()


def model_names(results: xr.Dataset) -> tuple[str, ...]:
    """The models of a study, in order of first appearance on the source axis."""
    return tuple(dict.fromkeys(str(model) for model in results["source_model"].values))


def steps_of(results: xr.Dataset, model: str, side: str = "source") -> np.ndarray:
    """Positions of the steps of `model` on one axis of the results.

    Args:
        results: Dataset with dims `k`, `source`, `target`.
        model: Name of a model of the study.
        side: `source` or `target`.

    Returns:
        Integer positions, `[n_steps]`.

    Raises:
        ValueError: The study has no model of that name.
    """
    positions = np.flatnonzero(results[f"{side}_model"].values.astype(str) == model)
    if not len(positions):
        known = ", ".join(repr(name) for name in model_names(results))
        raise ValueError(f"Expected the name of a model of this study ({known}), but {model!r} came.")
    return positions


def at_k(dataset: xr.Dataset, k: int | None) -> xr.Dataset:
    """The slice of a dataset for one number of neighbours; None takes the first.

    Raises:
        ValueError: The dataset has no such k.
    """
    if k is None:
        return dataset.isel(k=0)
    known = [int(each) for each in dataset["k"].values]
    if k not in known:
        raise ValueError(f"Expected k among {known}, which the study was run with, but k={k} came.")
    return dataset.isel(k=known.index(k))


def indistinguishable(value: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Where a value lies within two of its query-row errors of 1, as independent spaces give."""
    return np.abs(value - 1) <= 2 * error


def _require(dataset: xr.Dataset, which: str, names: Iterable[str]) -> None:
    missing = [name for name in names if name not in dataset.variables]
    if missing:
        raise ValueError(
            f"Expected the {which} dataset to have {', '.join(missing)}, but it only has "
            f"{', '.join(map(str, dataset.variables)) or 'nothing'}. Pass the datasets of a `jaxsim` study "
            f"unchanged."
        )


def _require_dims(array: xr.DataArray, which: str, dims: tuple[str, ...]) -> None:
    if set(array.dims) != set(dims):
        raise ValueError(
            f"Expected `{array.name}` of the {which} dataset to have the dimensions {dims}, but it has "
            f"{array.dims}. "
            "Pass the whole dataset; a single k keeps its axis of length one."
        )


def checked_dataset(dataset: xr.Dataset | None, which: str, names: tuple[str, ...]) -> xr.Dataset | None:
    """A dataset that not every study has, in memory; None where it is None.

    Args:
        dataset: The dataset.
        which: What a message calls it.
        names: Variables and coordinates that it must hold.

    Raises:
        ValueError: One is missing.
    """
    if dataset is None:
        return None
    missing = [name for name in names if name not in dataset.variables]
    if missing:
        raise ValueError(
            f"Expected the {which} dataset to have {', '.join(missing)}, but it only has "
            f"{', '.join(map(str, dataset.variables)) or 'nothing'}. Pass the datasets of a `jaxsim` study unchanged."
        )
    return dataset.load()
