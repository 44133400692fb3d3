"""The imbalance between all steps of all models, measured or taken from an earlier run."""

from __future__ import annotations

import datetime
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxtyping import Int

from jaxsim.features import FeatureSet
from jaxsim.files import parse_json
from jaxsim.metrics import DegenerateLayerWarning, ImbalanceMatrix, NearDuplicates, TieWarning
from jaxsim.metrics.half_samples import N_GROUPS
from jaxsim.metrics.request import draw_queries
from jaxsim.names import printable_json
from jaxsim.study.categories import Categories
from jaxsim.study.folder import load_measurement, measurement_key, save_measurement
from jaxsim.study.groups import warning_of
from jaxsim.study.halves import measure_layers, n_splits_for, quarters, shuffled_layers
from jaxsim.study.information import describe_view, with_tie_bounds
from jaxsim.study.label_overlap import (
    label_overlap_dataset,
    labelled_overlap,
    overlap_in_halves,
    overlap_of_steps,
)
from jaxsim.study.labels import StepLabel
from jaxsim.study.layers import StudyLayers, open_layers
from jaxsim.study.settings import Progress, Settings
from jaxsim.study.spaces import Spaces
from jaxsim.study.versions import package_versions

#: Raised whenever the same inputs may give other numbers, or other parts, than they gave before: a measurement that an
#: earlier version kept is then made anew.
MEASUREMENT_FORMAT = 1

#: What may be measured beside the results.
PARTS = ("information", "halves", "shuffled", "label_overlap")


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
        reused: Whether all of it was there already.
    """

    results: xr.Dataset
    information: xr.Dataset | None
    halves: xr.Dataset | None
    shuffled: xr.Dataset | None
    label_overlap: xr.Dataset | None = None
    reused: bool = False


def measure(
    features: Mapping[str, FeatureSet],
    ids: Sequence[str],
    settings: Settings,
    *,
    images: Mapping[str, Any],
    spaces: Spaces | None = None,
    groups: Int[np.ndarray, " n_samples"] | None = None,
    categories: Categories | None = None,
    copies: NearDuplicates | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Measurement:
    """Measures the information imbalance between all steps, and between steps and other spaces.

    Warnings are given and recorded in the results.

    Args:
        features: Model name -> features.
        ids: The samples to measure on; all features hold them.
        settings: The settings.
        images: Description of the images, for the record.
        spaces: Spaces to measure beside the steps, in the same pass.
        groups: Group of every sample; samples of one group are not ranked among each other.
        categories: Labels of the samples.
        copies: Near copies among the samples, to be told of; None where they are taken care of.
        out: Folder that keeps measurements; None keeps nothing.
        progress: Called as `progress(done, total, what)`.

    Returns:
        The labelled measurement.

    Raises:
        ValueError: As `imbalance_matrix`.
    """
    key = measurement_key(
        manifests=[(name, each.manifest) for name, each in features.items()],
        ids=ids,
        settings=[settings.k, settings.metric, settings.n_queries, settings.ties, settings.seed],
        arithmetic=[settings.precision, settings.verify],
        preprocessing=[settings.clip, settings.drop_duplicates],
        halves=[settings.n_splits, "and shuffled", "and quarters"],
        groups=None if groups is None else groups.tolist(),
        constant_steps="left out",
        chosen=[settings.steps, settings.drop_steps],
        version=package_versions()["jaxsim-metrics"],
        format=MEASUREMENT_FORMAT,
        **({} if spaces is None else {"spaces": spaces.key}),
        **({} if categories is None else {"labels": categories.key}),
    )
    if out is not None and not settings.overwrite:
        earlier = _earlier(out, key)
        if earlier is not None:
            return earlier

    found = open_layers(features, ids, settings, spaces, groups, categories)
    of_copies = None if copies is None else warning_of(copies)
    said: list[UserWarning] = [DegenerateLayerWarning(message) for message in found.messages]
    said += [] if spaces is None else [TieWarning(message) for message in spaces.messages]
    said += [] if of_copies is None else [of_copies]
    said += [] if spaces is None else [TieWarning(message) for message in spaces.messages]
    for warning in said:
        warnings.warn(warning, stacklevel=2)
    n_splits = n_splits_for(found.n_samples, settings, found.groups)
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", category=UserWarning)
        matrix = measure_layers(
            found.layers,
            settings,
            n_splits=n_splits,
            groups=found.groups,
            keep_neighbours=found.categories is not None,
            progress=progress,
        )
    for each in caught:
        warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    said += [each.message for each in caught if isinstance(each.message, UserWarning)]
    errors = {"standard_error": np.asarray(matrix.standard_error, np.float64)}
    if matrix.sampling_error is not None:
        errors["sampling_error"] = matrix.sampling_error
    results, known = found.labelled(np.asarray(matrix.values, np.float64), errors, settings)
    results.attrs = {
        **_about_samples(features, settings, images, found),
        **_about_measurement(matrix),
        **_about_preprocessing(settings, found.dropped),
        "warnings": json.dumps(list(dict.fromkeys(map(str, said)))),
    }
    results = results.assign_coords(source_flag=("source", np.array(_flagged(found.labels, said), dtype=object)))
    if known is not None and spaces is not None:
        measured_spaces = {name: x for name, x in found.layers.items() if name in found.widths}
        rows = draw_queries(found.n_samples, settings.n_queries, settings.seed)
        known = with_tie_bounds(known, measured_spaces, metric=settings.metric, queries=rows, groups=found.groups)
        known.attrs |= {
            "n_samples": found.n_samples,
            "n_queries": matrix.n_queries,
            "metric": matrix.metric,
            "seed": settings.seed,
            "pixels": describe_view(spaces.view),
        }
    overlap = None
    if found.categories is not None:
        overlap = label_overlap_dataset(found.neighbours(matrix), found.categories, found.labels, k=settings.k)
        overlap.attrs |= {"n_samples": found.n_samples, "n_queries": matrix.n_queries, "seed": settings.seed}
    halves = shuffled = None
    if matrix.halves is not None and matrix.sides is not None:
        mixed = measure_layers(
            shuffled_layers(found.layers, found.owners, settings.seed, found.groups),
            settings,
            n_splits=n_splits,
            groups=found.groups,
            quiet=True,
            progress=progress,
            what="shuffled images",
        )
        shuffled = found.parts((), mixed.values, settings)
        both = {"": matrix.halves, "shuffled_": mixed.halves}
        parts = [found.parts(("split", "side"), each, settings, prefix) for prefix, each in both.items()]
        parts += _labelled_halves(found, matrix, settings)
        parts += _measured_quarters(found, matrix.sides, settings, progress)
        halves = xr.merge(parts, combine_attrs="drop", compat="equals", join="exact")
        halves.attrs = {
            "n_splits": n_splits,
            "n_groups": N_GROUPS,
            "n_samples": found.n_samples,
            "seed": settings.seed,
        }
    measured = Measurement(results, known, halves, shuffled, overlap)
    if out is not None and jax.process_index() == 0:
        _keep(out, key, measured)
    return measured


def _measured_quarters(
    found: StudyLayers, sides: np.ndarray, settings: Settings, progress: Progress | None
) -> list[xr.Dataset]:
    """The same on quarters of the samples, for how the numbers depend on N; none where quarters are too small."""
    largest_group = 1 if found.groups is None else int(np.bincount(found.groups).max())
    parts = quarters(sides, least=max(settings.k) + 1 + largest_group)
    values, overlaps = [], []
    for done, rows in enumerate(parts):
        if progress is not None:
            progress(done, len(parts), "fewer images")
        of_labels = found.categories is not None
        matrix = measure_layers(
            found.layers, settings, groups=found.groups, rows=rows, quiet=True, keep_neighbours=of_labels
        )
        values.append(matrix.values)
        if found.categories is not None:
            codes = found.categories.codes_of(rows)
            overlaps.append(overlap_of_steps(found.neighbours(matrix), codes, found.labels, k=settings.k)[0])
    if progress is not None and parts:
        progress(len(parts), len(parts), "fewer images")
    if not parts:
        return []
    measured = found.parts(("quarter",), np.stack(values), settings, "quarter_")
    if found.categories is not None:
        measured = measured.merge(
            labelled_overlap(("quarter",), np.stack(overlaps), found.categories, found.labels, settings.k, "quarter_"),
            compat="equals",
            join="exact",
        )
    return [measured.assign_coords(quarter_samples=("quarter", np.array([len(rows) for rows in parts])))]


def _labelled_halves(found: StudyLayers, matrix: ImbalanceMatrix, settings: Settings) -> list[xr.Dataset]:
    """The overlap with labels within the halves; none without labels."""
    if found.categories is None:
        return []
    values = overlap_in_halves(found.neighbours(matrix), found.categories, found.labels, k=settings.k)
    if values is None:
        raise RuntimeError("expected a matrix with the neighbours within halves, got one without")
    return [labelled_overlap(("split", "side"), values, found.categories, found.labels, settings.k)]


def _earlier(out: Path, key: str) -> Measurement | None:
    """What an earlier run kept under this key, if all of it is there."""
    try:
        kept = load_measurement(out, key)
    except ValueError:
        return None  # written by somebody who knows the journal; what is measured now takes its place
    if kept is None:
        return None
    try:
        names = parse_json(kept.attrs.pop("kept_with"))
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) and name in PARTS for name in names):
        return None
    parts = {name: load_measurement(out, key, name) for name in names}
    if any(part is None for part in parts.values()):
        return None
    return Measurement(results=kept, **(dict.fromkeys(PARTS) | parts), reused=True)


def _keep(out: Path, key: str, measured: Measurement) -> None:
    """Keeps a measurement; the results come last and name the rest, so that with them all is there."""
    parts = {name: part for name in PARTS if (part := getattr(measured, name)) is not None}
    for name, part in parts.items():
        save_measurement(out, key, part, name)
    save_measurement(out, key, measured.results.assign_attrs(kept_with=json.dumps(list(parts))))


def _about_preprocessing(settings: Settings, dropped: Sequence[str]) -> dict[str, Any]:
    """What was done to the representations first, for the record."""
    dropping = f"{len(dropped)} dropped" + (f": {', '.join(dropped)}" if dropped else "")
    return {
        "clip": "none" if settings.clip is None else "quantiles {} to {}".format(*settings.clip),
        "duplicates": dropping if settings.drop_duplicates else "kept",
        "dropped": json.dumps(list(dropped)),
    }


def _about_samples(
    features: Mapping[str, FeatureSet], settings: Settings, images: Mapping[str, Any], found: StudyLayers
) -> dict[str, Any]:
    """What was measured, for the record."""
    pools = {name: str(each.manifest["pool"]) for name, each in features.items()}
    one_pool = len(set(pools.values())) == 1
    models = [
        {
            "name": name,
            "source": each.manifest["model"]["source"],
            "family": each.manifest["model"]["family"],
            "n_steps": sum(label.model == name for label in found.labels),
            "weights_hash": each.manifest["weights_hash"],
        }
        for name, each in features.items()
    ]
    return {
        "pool": next(iter(pools.values())) if one_pool else ", ".join(f"{p} ({n})" for n, p in pools.items()),
        "images": json.dumps(printable_json(dict(images))),
        "models": json.dumps(printable_json(models)),
        "damaged": json.dumps(sorted({damaged for each in features.values() for damaged in each.damaged})),
        "seed": settings.seed,
        "groups": "none" if found.groups is None else f"{len(np.unique(found.groups))}, not ranked among each other",
        "steps": _about_steps(settings),
    }


def _about_steps(settings: Settings) -> str:
    chosen = {name: getattr(settings, name) for name in ("steps", "drop_steps")}
    named = {name: value for name, value in chosen.items() if value is not None}
    return json.dumps(named) if named else "all"


def _flagged(labels: Sequence[StepLabel], said: Sequence[UserWarning]) -> list[str]:
    """For every step that is measured the first warning that names it, "" for none."""
    texts = [str(each) for each in said]
    return [
        "" if label.constant else next((text for text in texts if repr(label.label) in text), "") for label in labels
    ]


def _about_measurement(matrix: ImbalanceMatrix) -> dict[str, Any]:
    """How it was measured, for the record."""
    versions = package_versions()
    return {
        "n_samples": matrix.n_samples,
        "n_queries": matrix.n_queries,
        "metric": matrix.metric,
        "ties": matrix.ties,
        "precision": matrix.precision,
        "plan": str(matrix.plan),
        "verification": "" if matrix.verification is None else str(matrix.verification),
        "notes": json.dumps(list(matrix.notes)),
        "versions": json.dumps(versions),
        "jaxsim_version": versions["jaxsim-metrics"],
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
