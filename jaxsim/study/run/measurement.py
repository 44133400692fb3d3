"""The imbalance between all steps of all models, measured or taken from an earlier run."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Int

from jaxsim.arguments import Progress
from jaxsim.features import FeatureSet
from jaxsim.metrics import DegenerateLayerWarning, ImbalanceMatrix, NearDuplicates, TieWarning
from jaxsim.metrics.measure_checks import neighbours_of
from jaxsim.metrics.request import draw_queries
from jaxsim.metrics.together import Together
from jaxsim.sample_ids import SampleOrderWarning
from jaxsim.study.derived.information import describe_view, with_tie_bounds
from jaxsim.study.derived.unchanged_steps import (
    UnchangedStepWarning,
    describe_equal,
    describe_unchanged,
    equal_steps,
    unchanged_steps,
)
from jaxsim.study.run.categories import Categories
from jaxsim.study.run.groups import warning_of
from jaxsim.study.run.halves import measure_layers, n_splits_for, quarters, shuffled_layers
from jaxsim.study.run.kept import key_of_features
from jaxsim.study.run.label_overlap import (
    label_overlap_dataset,
    labelled_overlap,
    overlap_in_halves,
    overlap_of_steps,
)
from jaxsim.study.run.layers import StudyLayers, open_layers
from jaxsim.study.run.measured import Measurement, Quarters, described_steps, measured_by, parts_of_samples
from jaxsim.study.run.record import about_measurement, about_preprocessing, about_samples, flagged
from jaxsim.study.run.reuse import KeptRequest, assembled, key_of_rest, pairs_missing, pairs_of, settings_of_some
from jaxsim.study.run.samples import order_messages
from jaxsim.study.run.settings import Settings
from jaxsim.study.run.spaces import Spaces
from jaxsim.warn import warn


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

    Of what earlier runs have kept in the folder, every pair of models that was measured alike is used, whatever the
    order and whichever further models there were; of models that are new, only their pairs are measured.

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
    alike = key_of_rest(
        ids,
        settings,
        groups=None if groups is None else groups.tolist(),
        spaces=None if spaces is None else spaces.key,
        labels=None if categories is None else categories.key,
    )
    models = {name: key_of_features(each.manifest) for name, each in features.items()}
    request = KeptRequest(alike, models, settings, out)
    earlier = request.whole()
    if earlier is not None:
        return earlier

    def anew(names: Sequence[str], told: NearDuplicates | None) -> Measurement:
        own = {name: features[name] for name in names}
        chosen = settings if len(own) == len(features) else settings_of_some(settings, features, own)
        return _measured_anew(
            own, ids, chosen, images=images, spaces=spaces, groups=groups, categories=categories, copies=told,
            progress=progress,
        )  # fmt: skip

    known = request.alike()
    missing = pairs_missing(list(models), [list(each.models) for each in known])
    if not known or len(missing) == pairs_of(len(models)):
        measured = anew(list(models), copies)
    else:
        parts = []
        for pair in missing:
            part = anew(pair, None)
            request.keep(part, pair)
            parts.append(part)
        measured = assembled([*(each.measurement for each in known), *parts], features, settings, missing, copies)
    request.keep(measured, list(models))
    return measured


def _measured_anew(
    features: Mapping[str, FeatureSet],
    ids: Sequence[str],
    settings: Settings,
    *,
    images: Mapping[str, Any],
    spaces: Spaces | None,
    groups: Int[np.ndarray, " n_samples"] | None,
    categories: Categories | None,
    copies: NearDuplicates | None,
    progress: Progress | None,
) -> Measurement:
    """All pairs of steps of some models, in as few passes as there can be; arguments as for `measure`."""
    found = open_layers(features, ids, settings, spaces, groups, categories)
    of_copies = None if copies is None else warning_of(copies)
    said: list[UserWarning] = [DegenerateLayerWarning(message) for message in found.messages]
    own_ids = {name: each.sample_ids for name, each in features.items()}
    said += [SampleOrderWarning(each) for each in order_messages(own_ids, ids, intersect=settings.intersect)]
    said += [] if spaces is None else [TieWarning(message) for message in spaces.messages]
    said += [] if of_copies is None else [of_copies]
    for warning in said:
        warn(warning)
    n_splits = n_splits_for(found.n_samples, settings, found.groups)
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", category=UserWarning)
        whole = measure_layers(
            found.layers,
            settings,
            n_splits=n_splits,
            groups=found.groups,
            keep_neighbours=found.categories is not None,
            descriptions=settings.describe,
            progress=progress,
        )
    matrix = whole.matrix
    for each in caught:
        warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    said += [each.message for each in caught if isinstance(each.message, UserWarning)]
    errors = {"standard_error": np.asarray(matrix.standard_error, np.float64)}
    if matrix.sampling_error is not None:
        errors["sampling_error"] = matrix.sampling_error
    results, known = found.labelled(np.asarray(matrix.values, np.float64), errors, settings)
    runs = {run: equal_steps(run, found.layers) for run in unchanged_steps(results["imbalance"])}
    equal = [UnchangedStepWarning(describe_equal(each)) for parts in runs.values() for each in parts]
    for warning in equal:
        warn(warning)
    said += equal
    noted = [*matrix.notes, *(describe_unchanged(run) for run, parts in runs.items() if parts != [run])]
    results.attrs = {
        **about_samples(features, settings, images, found),
        **about_measurement(matrix),
        **about_preprocessing(settings, found.dropped),
        "notes": json.dumps(noted),
        "warnings": json.dumps(list(dict.fromkeys(map(str, said)))),
    }
    results = results.assign_coords(source_flag=("source", np.array(flagged(found.labels, said), dtype=object)))
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
    halves = shuffled = mixed = quartered = None
    if matrix.halves is not None and matrix.sides is not None:
        mixed = measure_layers(
            shuffled_layers(found.layers, found.owners, settings.seed, found.groups),
            settings,
            n_splits=n_splits,
            groups=found.groups,
            quiet=True,
            progress=progress,
            what="shuffled samples",
        )
        shuffled = found.parts((), mixed.matrix.values, settings)
        quartered = _measured_quarters(found, matrix.sides, settings, progress)
        halves = parts_of_samples(
            found,
            settings,
            halves=matrix.halves,
            shuffled_halves=mixed.matrix.halves,
            quarters=quartered.of(None),
            further=_labelled_halves(found, matrix, settings),
            quarter_further=_labelled_quarters(found, quartered, settings),
            n_splits=n_splits,
        )
    by_measure = {
        each.name: measured_by(
            each,
            found,
            settings,
            results.attrs,
            whole=whole.measures[each.name],
            shuffled=None if mixed is None else mixed.measures[each.name],
            quarters=None if quartered is None else quartered.of(each.name),
            n_splits=n_splits,
        )
        for each in settings.measures
    }
    described = described_steps(settings.describe, found, settings, whole.descriptions)
    return Measurement(results, known, halves, shuffled, overlap, described, by_measure)


@dataclass(frozen=True)
class _Quartered:
    """All measures within quarters of the samples."""

    rows: tuple[np.ndarray, ...]
    values: list[Together]
    overlaps: list[np.ndarray]

    def of(self, name: str | None) -> Quarters | None:
        """One measure's values; of the imbalance without a name. None where quarters are too small."""
        if not self.rows:
            return None
        found = [each.matrix.values if name is None else each.measures[name].whole for each in self.values]
        return Quarters(self.rows, np.stack(found))


def _measured_quarters(
    found: StudyLayers, sides: np.ndarray, settings: Settings, progress: Progress | None
) -> _Quartered:
    """The same on quarters of the samples, for how the numbers depend on N; none where quarters are too small."""
    largest_group = 1 if found.groups is None else int(np.bincount(found.groups).max())
    k = max(settings.k)
    needed = [max(each.least_samples, neighbours_of(each, k) + 2) for each in settings.measures]
    parts = quarters(sides, least=max([k + 1 + largest_group, *needed]))
    values, overlaps = [], []
    for done, rows in enumerate(parts):
        if progress is not None:
            progress(done, len(parts), "fewer samples")
        of_labels = found.categories is not None
        each = measure_layers(
            found.layers, settings, groups=found.groups, rows=rows, quiet=True, keep_neighbours=of_labels
        )
        values.append(each)
        if found.categories is not None:
            codes = found.categories.codes_of(rows)
            overlaps.append(overlap_of_steps(found.neighbours(each.matrix), codes, found.labels, k=settings.k)[0])
    if progress is not None and parts:
        progress(len(parts), len(parts), "fewer samples")
    return _Quartered(parts, values, overlaps)


def _labelled_quarters(found: StudyLayers, quartered: _Quartered, settings: Settings) -> list[xr.Dataset]:
    """The overlap with labels within the quarters; none without labels."""
    if found.categories is None or not quartered.overlaps:
        return []
    values = np.stack(quartered.overlaps)
    return [labelled_overlap(("quarter",), values, found.categories, found.labels, settings.k, "quarter_")]


def _labelled_halves(found: StudyLayers, matrix: ImbalanceMatrix, settings: Settings) -> list[xr.Dataset]:
    """The overlap with labels within the halves; none without labels."""
    if found.categories is None:
        return []
    values = overlap_in_halves(found.neighbours(matrix), found.categories, found.labels, k=settings.k)
    if values is None:
        raise RuntimeError("expected a matrix with the neighbours within halves, got one without")
    return [labelled_overlap(("split", "side"), values, found.categories, found.labels, settings.k)]
