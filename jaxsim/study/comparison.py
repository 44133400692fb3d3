"""From models and images to a study: extract, measure, derive, save, report."""

from __future__ import annotations

import datetime
import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr
from jaxsim_kernels import meet

from jaxsim.data import ImageSource, open_images
from jaxsim.features import FeatureSet, extract, open_features
from jaxsim.metrics import ImbalanceMatrix, imbalance_matrix
from jaxsim.study.folder import (
    check_writable,
    feature_folders,
    load_measurement,
    measurement_key,
    save_measurement,
)
from jaxsim.study.inputs import Sources, StudyInput, open_inputs
from jaxsim.study.labels import StepLabel, label_imbalance
from jaxsim.study.plan import Plan, make_plan
from jaxsim.study.results import Study
from jaxsim.study.samples import rows_of, shared_samples
from jaxsim.study.settings import Settings, check_sample_count, checked_settings
from jaxsim.study.versions import package_versions

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Comparison:
    """A comparison that is ready to run: models loaded, images opened, everything checked.

    Attributes:
        inputs: The models.
        images: The images, the subset drawn; None when all features were given.
        settings: How to compare.
        plan: What will be done.
        out: Folder for features, results and report; None keeps all in memory.
    """

    inputs: tuple[StudyInput, ...]
    images: ImageSource | None
    settings: Settings
    plan: Plan
    out: Path | None

    def run(self, *, report: bool = True, progress: Progress | None = None) -> Study:
        """Does the work.

        With `out`, what is there already is used: features are taken up where a killed run left them, and a
        measurement made from the same features with the same settings is not made again. `Study.reused` says
        what was.

        Args:
            report: Write the report too; needs `out`.
            progress: Called as `progress(done, total, what)`.

        Returns:
            The study.

        Raises:
            ValueError: If images or features cannot be used.
        """
        reused: list[str] = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.filterwarnings("always", category=UserWarning)
            features = self._features(progress, reused)
            results = self._measurement(features, progress, reused, caught)
        for each in caught:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        study = Study.from_results(results, seed=self.settings.seed, reused=tuple(reused))
        if self.out is not None and jax.process_index() == 0:
            study.save(self.out)
            if report:
                study.report(self.out)
        return study

    def _features(self, progress: Progress | None, reused: list[str]) -> dict[str, FeatureSet]:
        """Every model's features, extracted or given."""
        names = [each.name for each in self.inputs]
        folders = feature_folders(self.out, names) if self.out is not None else {}
        features: dict[str, FeatureSet] = {}
        for index, (name, given) in enumerate((each.name, each.given) for each in self.inputs):
            if isinstance(given, FeatureSet):
                features[name] = given
                continue
            if index % jax.process_count() != jax.process_index():
                continue
            if self.images is None:
                raise ValueError(_without_images(name))
            features[name] = extract(
                given,
                self.images,
                pool=self.settings.pool,
                out=folders.get(name),
                batch_size=self.settings.batch_size,
                strict=self.settings.strict,
                overwrite=self.settings.overwrite,
                progress=_renamed(progress, f"features of {name}"),
            )
            if features[name].reused:
                reused.append(f"features of {name}")
        if jax.process_count() > 1:
            # Each process ran some of the models; from here on all of them read all features.
            meet("features")
            for name, folder in folders.items():
                if name not in features and not isinstance(self._given(name), FeatureSet):
                    features[name] = open_features(folder)
        return {each.name: features[each.name] for each in self.inputs}

    def _given(self, name: str) -> Any:
        return next(each.given for each in self.inputs if each.name == name)

    def _measurement(
        self,
        features: Mapping[str, FeatureSet],
        progress: Progress | None,
        reused: list[str],
        caught: Sequence[warnings.WarningMessage],
    ) -> xr.Dataset:
        """The labelled imbalance of all steps, measured or taken from an earlier run."""
        settings = self.settings
        extracted = {each.name for each in self.inputs if not isinstance(each.given, FeatureSet)}
        ids = shared_samples(
            {name: each.sample_ids for name, each in features.items() if name in extracted},
            {name: each.sample_ids for name, each in features.items() if name not in extracted},
            damaged={name: each.damaged for name, each in features.items() if name in extracted},
            n_samples=settings.n_samples,
            seed=settings.seed,
        )
        check_sample_count(len(ids), settings)
        key = measurement_key(
            manifests=[(name, each.manifest) for name, each in features.items()],
            ids=ids,
            settings=[
                settings.k,
                settings.metric,
                settings.n_queries,
                settings.ties,
                settings.seed,
                settings.precision,
                settings.verify,
            ],
            version=package_versions()["jaxsim-metrics"],
        )
        if self.out is not None and not settings.overwrite:
            earlier = load_measurement(self.out, key)
            if earlier is not None:
                reused.append("imbalance")
                return earlier

        labels, layers = [], {}
        for name, each in features.items():
            rows = rows_of(ids, each.sample_ids)
            for step in each.steps:
                label = StepLabel(name, step.name, step.depth, step.kind, step.grid, step.channels)
                labels.append(label)
                layers[label.label] = each[step.name] if rows is None else np.asarray(each[step.name])[rows]
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
            progress=_renamed(progress, "imbalance"),
        )
        results = label_imbalance(
            np.asarray(matrix.values, np.float64),
            labels,
            k=settings.k,
            standard_error=np.asarray(matrix.standard_error, np.float64),
            n_samples=len(ids),
            attrs=self._record(features, ids, caught) | _how(matrix),
        )
        if self.out is not None and jax.process_index() == 0:
            save_measurement(self.out, key, results)
        return results

    def _record(
        self,
        features: Mapping[str, FeatureSet],
        ids: Sequence[str],
        caught: Sequence[warnings.WarningMessage],
    ) -> dict[str, Any]:
        """How the results came about."""
        settings = self.settings
        pools = {name: str(each.manifest.get("pool", settings.pool)) for name, each in features.items()}
        same_pool = len(set(pools.values())) == 1
        messages = [str(each.message) for each in caught if issubclass(each.category, UserWarning)]
        damaged = sorted({each for features_of in features.values() for each in features_of.damaged})
        models = [
            {
                "name": planned.name,
                "source": planned.source,
                "family": planned.family,
                "n_steps": len(planned.widths),
                "weights_hash": str(features[planned.name].manifest.get("weights_hash", "")),
            }
            for planned in self.plan.models
        ]
        return {
            "n_samples": len(ids),
            "n_queries": settings.n_queries or len(ids),
            "metric": settings.metric,
            "pool": next(iter(pools.values())) if same_pool else ", ".join(f"{p} ({n})" for n, p in pools.items()),
            "ties": settings.ties,
            "seed": settings.seed,
            "images": json.dumps(self.images.description if self.images is not None else {"kind": "features"}),
            "models": json.dumps(models),
            "versions": json.dumps(package_versions()),
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "jaxsim_version": package_versions()["jaxsim-metrics"],
            "warnings": json.dumps(list(dict.fromkeys(messages))),
            "damaged": json.dumps(damaged),
        }


def prepare_comparison(
    models: Sources,
    images: Any = None,
    *,
    settings: Settings,
    out: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Loads and checks everything that a comparison needs, and plans the work.

    Args:
        models: As in `compare`.
        images: As in `compare`.
        settings: From `checked_settings`.
        out: As in `compare`.

    Returns:
        The comparison; its `plan` says what will be done and its `run` does it.

    Raises:
        ValueError: As `compare`, for all that can be known before the work.
    """
    if out is None and jax.process_count() > 1:
        raise ValueError("expected out= (--out), a folder that all processes see, when several processes run together")
    folder = check_writable(out) if out is not None else None
    source = open_images(images) if images is not None else None
    if source is not None and settings.n_samples is not None:
        source = source.subset(settings.n_samples, settings.seed)
    if source is not None:
        check_sample_count(len(source), settings)
    inputs = open_inputs(models, settings)
    to_run = [each.name for each in inputs if not isinstance(each.given, FeatureSet)]
    if to_run and source is None:
        raise ValueError(_without_images(to_run[0]))
    if source is not None and to_run:
        n = len(source)
    else:
        given = {each.name: each.given.sample_ids for each in inputs if isinstance(each.given, FeatureSet)}
        n = len(shared_samples({}, given, n_samples=settings.n_samples, seed=settings.seed))
        check_sample_count(n, settings)
    return Comparison(inputs, source, settings, make_plan(inputs, n, settings), folder)


def compare(
    models: Sources,
    images: Any = None,
    *,
    n_samples: int | None = None,
    pool: str = "mean",
    k: int | Sequence[int] = 1,
    metric: str = "euclidean",
    n_queries: int | None = None,
    ties: str = "index",
    seed: int = 0,
    granularity: str = "block",
    batch_size: int = 32,
    strict: bool = False,
    image_size: tuple[int, int] | int | None = None,
    overwrite: bool = False,
    precision: str = "highest",
    plan: str | None = None,
    devices: int | None = None,
    verify: bool = False,
    out: str | os.PathLike[str] | None = None,
    report: bool = True,
    progress: Progress | None = None,
) -> Study:
    """Compares the processing steps of vision models on the same images.

    Args:
        models: One or several of: a checkpoint directory or hub id, a live model, a `FeatureSet`, a folder
            of features; or a mapping from names to these. Equal names get a number.
        images: What `open_images` takes: a folder, an .npz or .npy file, a uint8 array, "digits", an
            `ImageSource`. Not needed when all features are given.
        n_samples: Size of a random subset of the images, drawn once for all models; None takes all.
        pool: How a step becomes one vector per image: "mean", "cls", "flatten" or "spatial:P".
        k: Number of neighbours, or several, all in one pass.
        metric: "euclidean", "cosine" or "correlation".
        n_queries: Number of query rows, for less work and a known standard error; None takes all.
        ties: "index" or "expected", see `imbalance_matrix`.
        seed: Seed of the subset, the queries and the permutation null.
        granularity: "block" or "hf", of the models loaded here.
        batch_size: Images per forward pass.
        strict: Damaged images are an error instead of being left out for all models and listed in the
            results.
        image_size: Edge, or (height, width), of what the models loaded here see, instead of the checkpoints'
            own.
        overwrite: Replace features in `out` that were made otherwise, and use nothing that is there.
        precision: Of the distances: "highest" (float32; float64 for up to 1024 samples), "float64", "high" or
            "fast", see `imbalance_matrix`.
        plan: Force "one-pass" or "two-pass".
        devices: Number of devices that share the samples; None takes the default device, or all devices of
            all processes when several run together.
        verify: Recheck some rows in float64 and record the largest deviation.
        out: Folder for features, results and report. A second run into it uses what is there; a killed one
            goes on.
        report: Write the report to `out`.
        progress: Called as `progress(done, total, what)`.

    Returns:
        The study, with `.imbalance`, `.standard_error`, `.smoothness`, `.between`.

    Raises:
        ValueError: Says what was expected, what came and what to do: settings out of range, too few images,
            models that cannot be loaded, a pooling that does not suit a model, sample ids that differ, a
            folder that cannot be written, features in the folder that were made otherwise.

    Example:
        >>> from jaxsim.study import compare
        >>> study = compare(  # doctest: +SKIP
        ...     ["facebook/dinov2-small", "microsoft/resnet-50"], images="photos", n_samples=2000, out="run"
        ... )
    """
    settings = checked_settings(
        k=k,
        n_samples=n_samples,
        pool=pool,
        metric=metric,
        n_queries=n_queries,
        ties=ties,
        seed=seed,
        granularity=granularity,
        batch_size=batch_size,
        strict=strict,
        image_size=image_size,
        overwrite=overwrite,
        precision=precision,
        plan=plan,
        devices=devices,
        verify=verify,
    )
    return prepare_comparison(models, images, settings=settings, out=out).run(report=report, progress=progress)


def _how(matrix: ImbalanceMatrix) -> dict[str, Any]:
    """How the matrix was computed, for the record."""
    return {
        "precision": matrix.precision,
        "plan": str(matrix.plan),
        "verification": "" if matrix.verification is None else str(matrix.verification),
        "notes": json.dumps(list(matrix.notes)),
    }


def _without_images(name: str) -> str:
    """What is wrong with a model and no images."""
    return f"expected images to run the model {name!r} on, got none; give images="


def _renamed(progress: Progress | None, what: str) -> Progress | None:
    """The same callable with a `what` that names the model."""
    return None if progress is None else lambda done, total, _what: progress(done, total, what)
