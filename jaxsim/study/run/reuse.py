"""What earlier runs into a folder have measured, pair of models by pair of models, and what is still to be measured."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from jaxsim.features import FeatureSet
from jaxsim.files import parse_json
from jaxsim.metrics import NearDuplicates
from jaxsim.study.joining import DIMS, joined
from jaxsim.study.run.folder import measurement_key
from jaxsim.study.run.groups import warning_of
from jaxsim.study.run.kept import earlier_measurement, keep_measurement, kept_keys, kept_models, key_of
from jaxsim.study.run.measured import PARTS, Measurement
from jaxsim.study.run.record import steps_chosen
from jaxsim.study.run.settings import Settings
from jaxsim.study.selection import choose_steps, with_steps
from jaxsim.study.versions import package_versions
from jaxsim.warn import warn

#: Raised whenever the same inputs may give other numbers, or other parts, than they gave before: a measurement that an
#: earlier version kept is then made anew.
MEASUREMENT_FORMAT = 3
#: Attributes that are lists of what was said, in JSON.
_SAID = ("warnings", "notes")


@dataclass(frozen=True)
class Known:
    """A measurement of some of the models.

    Attributes:
        models: Their names.
        measurement: Of these alone, reused.
    """

    models: tuple[str, ...]
    measurement: Measurement


@dataclass(frozen=True)
class KeptRequest:
    """A measurement that is asked for, and what a folder has of it.

    Attributes:
        alike_key: Over everything that it depends on but the models, see `key_of_rest`.
        models: Name -> hash of its features.
        settings: The settings.
        out: The folder; None keeps nothing.
    """

    alike_key: str
    models: Mapping[str, str]
    settings: Settings
    out: Path | None

    def whole(self) -> Measurement | None:
        """The very measurement, if it was kept."""
        if self.out is None or self.settings.overwrite:
            return None
        return earlier_measurement(self.out, self._key(list(self.models)), self.settings)

    def alike(self) -> list[Known]:
        """Kept measurements of at least one of the models, restricted to these; those of most models first.

        Where duplicates are dropped there are none: which samples are left depends on all models.
        """
        if self.out is None or self.settings.overwrite or self.settings.drop_duplicates:
            return []
        found = []
        for key in kept_keys(self.out):
            there = kept_models(self.out, key, self.alike_key)
            shared = [name for name, own in self.models.items() if there is not None and there.get(name) == own]
            if shared:
                found.append((key, shared))
        found.sort(key=lambda each: -len(each[1]))
        known: list[Known] = []
        for key, shared in found:
            if not pairs_missing(shared, [list(each.models) for each in known]):
                continue
            earlier = earlier_measurement(self.out, key, self.settings)
            if earlier is not None:
                known.append(Known(tuple(shared), _of_models(earlier, shared)))
        return known

    def keep(self, measured: Measurement, models: Sequence[str]) -> None:
        """Keeps a measurement of some of the models, in the process that writes."""
        if self.out is not None and jax.process_index() == 0:
            own = {name: self.models[name] for name in models}
            keep_measurement(self.out, self._key(models), measured, own, self.alike_key)

    def _key(self, models: Sequence[str]) -> str:
        return measurement_key(alike=self.alike_key, models=[[name, self.models[name]] for name in models])


def key_of_rest(ids: Sequence[str], settings: Settings, *, groups: Any, spaces: Any, labels: Any) -> str:
    """A key over everything that a measurement depends on but the models.

    Args:
        ids: The samples.
        settings: The settings.
        groups: Of the samples, JSON-able.
        spaces: What spaces depend on, JSON-able.
        labels: What labels depend on, JSON-able.

    Example:
        >>> one, other = (key_of_rest(["a"], Settings(seed=s), groups=None, spaces=None, labels=None) for s in (0, 1))
        >>> one == other
        False
    """
    return measurement_key(
        ids=ids,
        settings=[settings.k, settings.metric, settings.n_queries, settings.ties, settings.seed],
        arithmetic=[settings.precision, settings.verify],
        preprocessing=[settings.clip, settings.drop_duplicates],
        halves=[settings.n_splits, "and shuffled", "and quarters"],
        groups=groups,
        constant_steps="left out",
        chosen=[settings.steps, settings.drop_steps],
        version=package_versions()["jaxsim-metrics"],
        format=MEASUREMENT_FORMAT,
        spaces=spaces,
        labels=labels,
        measures=[key_of(each) for each in settings.measures],
        describe=[key_of(each) for each in settings.describe],
    )


def pairs_of(n_models: int) -> int:
    """Number of pairs of models; one model alone counts as one.

    Example:
        >>> pairs_of(3), pairs_of(1)
        (3, 1)
    """
    return max(1, n_models * (n_models - 1) // 2)


def pairs_missing(models: Sequence[str], known: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """The pairs of models that are together in none of several groups; a model alone is a pair with nobody.

    Example:
        >>> pairs_missing(["a", "b", "c"], [["a", "b"]])
        [('a', 'c'), ('b', 'c')]
        >>> pairs_missing(["a"], [["a", "b"]])
        []
    """
    pairs = list(combinations(models, 2)) if len(models) > 1 else [tuple(models)]
    return [pair for pair in pairs if not any(set(pair) <= set(group) for group in known)]


def settings_of_some(
    settings: Settings, features: Mapping[str, FeatureSet], some: Mapping[str, FeatureSet]
) -> Settings:
    """The settings with the steps that they choose named one by one, for models on which a glob may match nothing.

    Args:
        settings: Of all models.
        features: Of all models.
        some: The models that are measured.
    """
    if settings.steps is None and settings.drop_steps is None:
        return settings
    there = {name: [step.name for step in each.steps] for name, each in features.items()}
    chosen = choose_steps(there, settings.steps, settings.drop_steps)
    return replace(settings, steps={name: chosen[name] for name in some}, drop_steps=None)


def assembled(
    parts: Sequence[Measurement],
    features: Mapping[str, FeatureSet],
    settings: Settings,
    missing: Sequence[tuple[str, ...]] = (),
    copies: NearDuplicates | None = None,
) -> Measurement:
    """The measurement of all models from measurements of some, in which every pair of models is together in one.

    Args:
        parts: The measurements.
        features: Model name -> features, in the order wanted.
        settings: The settings.
        missing: The pairs of models that were measured now, not taken from an earlier run.
        copies: Near copies among the samples, to be told of.

    Returns:
        What one measurement of all models gives.
    """
    names = list(features)
    found = {name: _joined([getattr(part, name) for part in parts], names) for name in ("results", *PARTS)}
    results = found.pop("results")
    if results is None:
        raise RuntimeError("expected results in every measurement, got none")
    every = [part.results.attrs for part in parts]
    said = {name: [text for attrs in every for text in parse_json(attrs.get(name, "[]"))] for name in _SAID}
    of_copies = None if copies is None else warning_of(copies)
    if of_copies is not None:
        warn(of_copies)
        said["warnings"].append(str(of_copies))
    order = {name: place for place, name in enumerate(names)}
    models = sorted(parse_json(results.attrs["models"]), key=lambda model: order[model["name"]])
    results.attrs |= {
        **{name: json.dumps(list(dict.fromkeys(texts))) for name, texts in said.items()},
        "models": json.dumps(models),
        "damaged": json.dumps(sorted({damaged for each in features.values() for damaged in each.damaged})),
        "steps": steps_chosen(settings),
        "plan": "; ".join(dict.fromkeys(str(attrs["plan"]) for attrs in every)),
        "verification": "; ".join(dict.fromkeys(str(attrs["verification"]) for attrs in every)),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    results.attrs.pop("selected_steps", None)
    by_measure = {
        name: Measurement(
            **{part: _joined([getattr(each.by_measure[name], part) for each in parts], names) for part in _OF_MEASURE}  # pyright: ignore[reportArgumentType]
        )
        for name in parts[0].by_measure
    }
    for own in by_measure.values():
        own.results.attrs |= {name: value for name, value in results.attrs.items() if name in every[0]}
    there = tuple(pair for pair in combinations(names, 2) if pair not in missing)
    return Measurement(results, **found, by_measure=by_measure, reused=not missing, reused_pairs=there)


_OF_MEASURE = ("results", "information", "halves", "shuffled")


def _joined(parts: Sequence[xr.Dataset | None], models: Sequence[str]) -> xr.Dataset | None:
    """One dataset of several, its models in order; None where there is none."""
    there = [part for part in parts if part is not None]
    return _in_order(joined(*there), models) if len(there) == len(parts) else None


def _in_order(dataset: xr.Dataset, models: Sequence[str]) -> xr.Dataset:
    place = {name: i for i, name in enumerate(models)}
    for dim, of_model in DIMS.items():
        if dim in dataset.dims:
            places = [place[str(name)] for name in dataset[of_model].values]
            dataset = dataset.isel({dim: np.argsort(places, kind="stable")})
    return dataset


def _of_models(measured: Measurement, models: Sequence[str]) -> Measurement:
    """A measurement of some of its models alone."""
    owners, labels = (measured.results[name].values.astype(str) for name in ("source_model", "source"))
    kept = labels[np.isin(owners, models)].tolist()

    def some(dataset: xr.Dataset | None) -> xr.Dataset | None:
        return None if dataset is None else _in_order(with_steps(dataset, kept), models)

    own = {name: some(getattr(measured, name)) for name in ("results", *PARTS)}
    by_measure = {name: _of_models(each, models) for name, each in measured.by_measure.items()}
    return Measurement(**own, by_measure=by_measure, reused=True)  # pyright: ignore[reportArgumentType]
