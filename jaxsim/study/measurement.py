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

from jaxsim.features import FeatureSet
from jaxsim.metrics import (
    DegenerateLayerWarning,
    ImbalanceMatrix,
    clip_quantiles,
    distinct_samples,
    imbalance_matrix,
    is_constant,
)
from jaxsim.metrics.preprocessing import SelectedRows
from jaxsim.study.constant_steps import explain_constant, mark_constant, with_missing
from jaxsim.study.folder import load_measurement, measurement_key, save_measurement
from jaxsim.study.information import describe_view, label_information
from jaxsim.study.labels import StepLabel, label_imbalance
from jaxsim.study.samples import rows_of
from jaxsim.study.selection import choose_of_every_model
from jaxsim.study.settings import Progress, Settings, check_sample_count, renamed
from jaxsim.study.spaces import Spaces
from jaxsim.study.subsets import draw_subsets, label_subsets, measure_subsets
from jaxsim.study.versions import package_versions


@dataclass(frozen=True)
class Measurement:
    """What `measure` found.

    Attributes:
        results: Labelled imbalance of the steps.
        information: What the steps know of the spaces; None without spaces.
        subsets: `imbalance`, and `forward` and `backward` of the spaces, on disjoint subsets of the samples, and the
            same as `shuffled_imbalance` and so on with the images of different models paired at random; None where no
            subsets were drawn.
        reused: Whether all of it was there already.
    """

    results: xr.Dataset
    information: xr.Dataset | None
    subsets: xr.Dataset | None
    reused: bool = False


def measure(
    features: Mapping[str, FeatureSet],
    ids: Sequence[str],
    settings: Settings,
    *,
    images: Mapping[str, Any],
    spaces: Spaces | None = None,
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
        subsets=[settings.n_splits, "and shuffled"],
        constant_steps="left out",
        chosen=[settings.steps, settings.drop_steps],
        version=package_versions()["jaxsim-metrics"],
        **({} if spaces is None else {"spaces": spaces.key}),
    )
    if out is not None and not settings.overwrite:
        earlier = load_measurement(out, key)
        known = None if spaces is None else load_measurement(out, key, "information")
        # Saved last, so that with it all is there.
        if earlier is not None:
            return Measurement(earlier, known, load_measurement(out, key, "subsets"), reused=True)

    labels: list[StepLabel] = []
    layers: dict[str, Any] = {}
    pools = {name: str(each.manifest["pool"]) for name, each in features.items()}
    chosen = choose_of_every_model(
        {name: [step.name for step in each.steps] for name, each in features.items()},
        settings.steps,
        settings.drop_steps,
    )
    for name, each in features.items():
        rows = rows_of(ids, each.sample_ids)
        for step in [step for step in each.steps if step.name in chosen[name]]:
            label = StepLabel(name, step.name, step.depth, step.kind, step.grid, step.channels)
            labels.append(label)
            layers[label.label] = each[step.name] if rows is None else np.asarray(each[step.name])[rows]
    if settings.clip is not None:
        layers = {name: clip_quantiles(x, settings.clip) for name, x in layers.items()}
    kept = distinct_samples(layers) if settings.drop_duplicates else np.arange(len(ids))
    check_sample_count(len(kept), settings)
    dropped = [ids[int(i)] for i in np.setdiff1d(np.arange(len(ids)), kept)]
    layers = {name: SelectedRows(x, kept) for name, x in layers.items()} if dropped else layers
    arrays = {} if spaces is None else {name: x[kept] for name, x in spaces.make().items()}
    labels = mark_constant(labels, [is_constant(layers[label.label]) for label in labels])
    messages = [explain_constant(each, pools[each.model]) for each in labels if each.constant]
    for message in messages:
        warnings.warn(message, DegenerateLayerWarning, stacklevel=2)
    constant = tuple(name for name, x in arrays.items() if (x == x[:1]).all())
    measured = [name for name in arrays if name not in constant]
    n_steps, n_layers = len(labels), len(labels) + len(measured)
    at = np.array([i for i in range(n_layers) if i >= n_steps or not labels[i].constant], np.int64)
    layers = {label.label: layers[label.label] for label in labels if not label.constant}
    layers |= {name: arrays[name] for name in measured}
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", category=UserWarning)
        matrix = imbalance_matrix(
            layers,
            k=settings.k,
            metric=settings.metric,
            n_queries=settings.n_queries,
            seed=settings.seed,
            ties=settings.ties,
            precision=settings.precision,
            plan=settings.plan,
            devices=settings.devices,
            verify=settings.verify,
            progress=renamed(progress, "imbalance"),
        )
    for warning in caught:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    messages += [str(each.message) for each in caught if issubclass(each.category, UserWarning)]
    values = with_missing(np.asarray(matrix.values, np.float64), at, n_layers)
    errors = with_missing(np.asarray(matrix.standard_error, np.float64), at, n_layers)
    results = label_imbalance(
        values[:, :n_steps, :n_steps],
        labels,
        k=settings.k,
        standard_error=errors[:, :n_steps, :n_steps],
        n_samples=len(kept),
        attrs={
            **_about_samples(features, settings, images, chosen),
            **_about_measurement(matrix),
            **_about_preprocessing(settings, dropped),
            "warnings": json.dumps(list(dict.fromkeys(messages))),
        },
    )
    known = None

    def label_spaces(values: np.ndarray, errors: np.ndarray, **attrs: Any) -> xr.Dataset:
        return label_information(
            values,
            errors,
            labels,
            {name: x.shape[1] for name, x in arrays.items()},
            k=settings.k,
            n_samples=len(kept),
            constant=constant,
            origins={} if spaces is None else spaces.origins,
            attrs=attrs,
        )

    if spaces is not None:
        known = label_spaces(
            values,
            errors,
            n_samples=len(kept),
            n_queries=matrix.n_queries,
            metric=matrix.metric,
            seed=settings.seed,
            pixels=describe_view(spaces.view),
        )

    def label_subset(values: np.ndarray) -> xr.Dataset:
        values = with_missing(values, at, n_layers)
        steps = label_imbalance(values[:, :n_steps, :n_steps], labels, k=settings.k)[["imbalance"]]
        if spaces is None:
            return steps.drop_vars("floor")
        beside = label_spaces(values, np.full_like(values, np.nan))[["forward", "backward"]]
        return xr.merge([steps.drop_vars("floor"), beside.drop_vars("floor")])

    subsets, rows = None, draw_subsets(len(kept), settings)
    if rows is not None:
        paired = measure_subsets(layers, rows, settings, progress)
        owners = {label.label: label.model for label in labels}
        shuffled = measure_subsets(
            layers, rows, settings, progress, shuffled={name: owners.get(name, "") for name in layers}
        )
        subsets = label_subsets(paired, shuffled, label_subset, size=rows.shape[1], seed=settings.seed)
    if out is not None and jax.process_index() == 0:
        if known is not None:
            save_measurement(out, key, known, "information")
        if subsets is not None:
            save_measurement(out, key, subsets, "subsets")
        save_measurement(out, key, results)
    return Measurement(results, known, subsets)


def _about_preprocessing(settings: Settings, dropped: Sequence[str]) -> dict[str, Any]:
    """What was done to the representations first, for the record."""
    dropping = f"{len(dropped)} dropped" + (f": {', '.join(dropped)}" if dropped else "")
    return {
        "clip": "none" if settings.clip is None else "quantiles {} to {}".format(*settings.clip),
        "duplicates": dropping if settings.drop_duplicates else "kept",
        "dropped": json.dumps(list(dropped)),
    }


def _about_samples(
    features: Mapping[str, FeatureSet],
    settings: Settings,
    images: Mapping[str, Any],
    chosen: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """What was measured, for the record."""
    pools = {name: str(each.manifest["pool"]) for name, each in features.items()}
    one_pool = len(set(pools.values())) == 1
    models = [
        {
            "name": name,
            "source": each.manifest["model"]["source"],
            "family": each.manifest["model"]["family"],
            "n_steps": len(chosen[name]),
            "weights_hash": each.manifest["weights_hash"],
        }
        for name, each in features.items()
    ]
    return {
        "pool": next(iter(pools.values())) if one_pool else ", ".join(f"{p} ({n})" for n, p in pools.items()),
        "images": json.dumps(images),
        "models": json.dumps(models),
        "damaged": json.dumps(sorted({damaged for each in features.values() for damaged in each.damaged})),
        "seed": settings.seed,
        "steps": json.dumps({"steps": settings.steps, "drop_steps": settings.drop_steps}),
    }


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
