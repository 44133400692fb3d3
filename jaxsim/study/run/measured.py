"""What a measurement of layers comes to, with labels: the part that all measures share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float

from jaxsim.metrics import Case, LayerMeasure, Measure
from jaxsim.metrics.half_samples import N_GROUPS, half_sample_error
from jaxsim.metrics.measure import declared
from jaxsim.metrics.orientation import as_dissimilarity
from jaxsim.metrics.together import Values
from jaxsim.study.derived.labels import step_coordinates
from jaxsim.study.run.layers import StudyLayers
from jaxsim.study.run.settings import Settings

#: What may be measured beside the results.
PARTS = ("information", "halves", "shuffled", "label_overlap", "descriptions")


@dataclass(frozen=True)
class Measurement:
    """What `measure` found.

    Attributes:
        results: Labelled imbalance of the steps.
        information: What the steps know of the spaces; None without spaces.
        halves: `imbalance`, and `forward` and `backward` of the spaces, within both halves of every split; the same as
            `shuffled_imbalance` and so on with the images of different models paired at random; and as
            `quarter_imbalance` and so on within quarters. None where there are no splits.
        shuffled: `imbalance`, `forward` and `backward` of all samples, the images of different models paired at random.
        label_overlap: How many neighbours of the steps share a label; None without labels. Within halves it is
            `overlap` in `halves`, within quarters `quarter_overlap`.
        descriptions: Measures of every step by itself; None where none were asked for.
        by_measure: The same by further measures, each as a dissimilarity under the name of `imbalance`.
        reused: Whether all of it was there already.
        reused_pairs: Else the pairs of models that were.
    """

    results: xr.Dataset
    information: xr.Dataset | None
    halves: xr.Dataset | None
    shuffled: xr.Dataset | None
    label_overlap: xr.Dataset | None = None
    descriptions: xr.Dataset | None = None
    by_measure: dict[str, Measurement] = field(default_factory=dict)
    reused: bool = False
    reused_pairs: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Quarters:
    """A measure within quarters of the samples.

    Attributes:
        rows: Sample indices of each quarter.
        values: `[n_quarters, n_k, n_layers, n_layers]`.
    """

    rows: tuple[np.ndarray, ...]
    values: Float[np.ndarray, "n_quarters n_k n_layers n_layers"]


def parts_of_samples(
    found: StudyLayers,
    settings: Settings,
    *,
    halves: np.ndarray | None,
    shuffled_halves: np.ndarray | None,
    quarters: Quarters | None,
    further: Sequence[xr.Dataset] = (),
    quarter_further: Sequence[xr.Dataset] = (),
    n_splits: int,
) -> xr.Dataset:
    """A measure within halves, within halves of shuffled images, and within quarters, with labels.

    Args:
        found: The layers.
        settings: The settings.
        halves: `[n_splits, 2, n_k, n_layers, n_layers]`.
        shuffled_halves: The same with the images of different models paired at random.
        quarters: Within quarters; None where these are too small.
        further: Datasets to join, along the same dims.
        quarter_further: The same for quarters.
        n_splits: Number of splits.

    Returns:
        `Measurement.halves`.
    """
    both = {"": halves, "shuffled_": shuffled_halves}
    parts = [found.parts(("split", "side"), each, settings, prefix) for prefix, each in both.items()]
    parts += further
    if quarters is not None:
        of_quarters = found.parts(("quarter",), quarters.values, settings, "quarter_")
        for each in quarter_further:
            of_quarters = of_quarters.merge(each, compat="equals", join="exact")
        sizes = np.array([len(rows) for rows in quarters.rows])
        parts.append(of_quarters.assign_coords(quarter_samples=("quarter", sizes)))
    merged = xr.merge(parts, combine_attrs="drop", compat="equals", join="exact")
    merged.attrs = {
        "n_splits": n_splits,
        "n_groups": N_GROUPS,
        "n_samples": found.n_samples,
        "seed": settings.seed,
    }
    return merged


def measured_by(
    measure: Measure,
    found: StudyLayers,
    settings: Settings,
    attrs: Mapping[str, Any],
    *,
    whole: Values,
    shuffled: Values | None,
    quarters: Quarters | None,
    n_splits: int,
) -> Measurement:
    """A further measure of the layers, turned into a dissimilarity, with labels.

    Args:
        measure: Which.
        found: The layers.
        settings: The settings.
        attrs: Of the results, how they came about.
        whole: Of all samples and within halves.
        shuffled: The same with the images of different models paired at random.
        quarters: Within quarters.
        n_splits: Number of splits.

    Returns:
        Its measurement. `results` holds the values as they are under the name of the measure, too.
    """
    n = found.n_samples
    values = _turned(measure, whole.whole, settings.k, n)
    errors = {"standard_error": np.full(values.shape, np.nan)}
    halves = None if whole.halves is None else _turned(measure, whole.halves, settings.k, n // 2)
    if halves is not None:
        errors["sampling_error"] = half_sample_error(halves[:, 0], halves[:, 1])
    results, known = found.labelled(values, errors, settings)
    as_measured = found.parts((), whole.whole, settings)["imbalance"].values
    results[measure.name] = (("k", "source", "target"), as_measured)
    floors = [
        np.nan if measure.equal is None else as_dissimilarity(measure, measure.equal(Case(n, k)), Case(n, k))
        for k in settings.k
    ]
    results = results.assign_coords(floor=("k", np.array(floors, np.float64)))
    results.attrs = {**attrs, **declared(measure), "measure": measure.name}
    mixed = parts = None
    if halves is not None and shuffled is not None and shuffled.halves is not None:
        mixed = found.parts((), _turned(measure, shuffled.whole, settings.k, n), settings)
        parts = parts_of_samples(
            found,
            settings,
            halves=halves,
            shuffled_halves=_turned(measure, shuffled.halves, settings.k, n // 2),
            quarters=None
            if quarters is None
            else Quarters(quarters.rows, _turned(measure, quarters.values, settings.k, n // 4)),
            n_splits=n_splits,
        )
    return Measurement(results, known, parts, mixed)


def described_steps(
    measures: Sequence[LayerMeasure], found: StudyLayers, settings: Settings, values: Mapping[str, Values]
) -> xr.Dataset | None:
    """Measures of every step by itself, with labels.

    Args:
        measures: Which.
        found: The layers.
        settings: The settings.
        values: Name of a measure -> its values of the layers that were measured.

    Returns:
        Dataset on (`k`, `step`), NaN for steps that are the same for all images, with `*_sampling_error` where there
        are half-samples; None without measures.
    """
    if not measures:
        return None
    at = [place for place, label in enumerate(found.labels) if not label.constant]
    variables = {}
    for measure in measures:
        own = values[measure.name]
        whole = np.full((len(settings.k), len(found.labels)), np.nan)
        whole[:, at] = own.whole[:, : len(at)]
        variables[measure.name] = (("k", "step"), whole, declared(measure))
        if own.halves is not None:
            error = np.full(whole.shape, np.nan)
            error[:, at] = half_sample_error(own.halves[:, 0], own.halves[:, 1])[:, : len(at)]
            variables[f"{measure.name}_sampling_error"] = (("k", "step"), error)
    coords = {"k": np.array(settings.k, np.int64), **step_coordinates(found.labels)}
    attrs = {"n_samples": found.n_samples, "metric": settings.metric, "dropped": json.dumps(list(found.dropped))}
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def _turned(measure: Measure, values: np.ndarray, ks: Sequence[int], n_samples: int) -> np.ndarray:
    """Values `[..., n_k, n_layers, n_layers]` as a dissimilarity."""
    by_k = [as_dissimilarity(measure, values[..., at, :, :], Case(n_samples, k)) for at, k in enumerate(ks)]
    return np.stack(by_k, axis=-3)
