"""Measurements that are kept for later runs into the same folder: the results, and parts of their own beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsim.files import parse_json
from jaxsim.metrics import LayerMeasure, Measure
from jaxsim.metrics.measure import declared
from jaxsim.study.run.folder import MEASUREMENTS, load_measurement, measurement_key, save_measurement
from jaxsim.study.run.measured import PARTS, Measurement
from jaxsim.study.run.settings import Settings

#: What a manifest says of where features come from.
OF_ORIGIN = ("format", "created", "checksum", "model", "images", "seconds", "added")
#: What a further measure has of these.
OF_MEASURE = ("results", "information", "halves", "shuffled")


#: Attributes of what is kept, beside those of the results.
KEPT_WITH, KEPT_MODELS, KEPT_ALIKE = "kept_with", "kept_models", "kept_alike"


def kept_keys(out: Path) -> list[str]:
    """The keys of all measurements that a folder keeps.

    Example:
        >>> kept_keys(Path("/no/such/folder"))
        []
    """
    folder = out / MEASUREMENTS
    return sorted(each.stem.partition("-")[2] for each in folder.glob("imbalance-*.nc")) if folder.is_dir() else []


def kept_models(out: Path, key: str, alike: str) -> dict[str, str] | None:
    """The models of a measurement that was made like another.

    Args:
        out: Folder of the study.
        key: Of the measurement.
        alike: Over everything that it depends on but the models.

    Returns:
        Name -> hash of its features; None for a measurement that is not whole, or was made otherwise.
    """
    try:
        kept = load_measurement(out, key)
        found = None if kept is None else parse_json(kept.attrs.get(KEPT_MODELS, "null"))
    except (TypeError, ValueError):
        return None
    if kept is None or kept.attrs.get(KEPT_ALIKE) != alike or not isinstance(found, dict):
        return None
    return {str(name): str(each) for name, each in found.items()}


def earlier_measurement(out: Path, key: str, settings: Settings) -> Measurement | None:
    """What an earlier run kept, if all of it is there and whole.

    Args:
        out: Folder of the study.
        key: Over everything that the measurement depends on, see `measurement_key`.
        settings: The settings, which say of which measures there have to be parts.

    Returns:
        The measurement; None where it has to be made anew.
    """
    try:
        kept = load_measurement(out, key)
    except ValueError:
        return None  # written by somebody who knows the journal; what is measured now takes its place
    if kept is None:
        return None
    try:
        names = parse_json(kept.attrs.pop(KEPT_WITH))
        for name in (KEPT_MODELS, KEPT_ALIKE):
            kept.attrs.pop(name, None)
    except (KeyError, TypeError, ValueError):
        return None
    measures = [each.name for each in settings.measures]
    possible = {*PARTS, *(_part_of(measure, part) for measure in measures for part in OF_MEASURE)}
    if not isinstance(names, list) or not all(isinstance(name, str) and name in possible for name in names):
        return None
    try:
        parts = {name: load_measurement(out, key, name) for name in names}
    except ValueError:
        return None
    if any(part is None for part in parts.values()):
        return None
    by_measure: dict[str, Measurement] = {}
    for measure in measures:
        results, information, halves, shuffled = (parts.get(_part_of(measure, part)) for part in OF_MEASURE)
        if results is None:
            return None
        by_measure[measure] = Measurement(results, information, halves, shuffled)
    own = {part: parts.get(part) for part in PARTS}
    return Measurement(results=kept, **own, by_measure=by_measure, reused=True)  # pyright: ignore[reportArgumentType]


def keep_measurement(
    out: Path, key: str, measured: Measurement, models: Mapping[str, str] | None = None, alike: str = ""
) -> None:
    """Keeps a measurement; the results come last and name the rest, so that with them all is there.

    Args:
        out: Folder of the study.
        key: As for `earlier_measurement`.
        measured: What to keep.
        models: Name -> hash of its features.
        alike: As for `kept_models`.
    """
    parts = {name: getattr(measured, name) for name in PARTS}
    for measure, own in measured.by_measure.items():
        parts |= {_part_of(measure, part): getattr(own, part) for part in OF_MEASURE}
    parts = {name: part for name, part in parts.items() if part is not None}
    for name, part in parts.items():
        save_measurement(out, key, part, name)
    attrs = {KEPT_WITH: json.dumps(list(parts)), KEPT_MODELS: json.dumps(dict(models or {})), KEPT_ALIKE: alike}
    save_measurement(out, key, measured.results.assign_attrs(attrs))


def _part_of(measure: str, part: str) -> str:
    """Name that a part of a further measure is kept under."""
    return f"by-{measure}-{part}"


def key_of_features(manifest: Mapping[str, Any]) -> str:
    """A hash of all of a manifest that decides the numbers: not when, where and under which name they were extracted.

    Example:
        >>> key_of_features({"created": "today", "pool": "cls"}) == key_of_features({"pool": "cls"})
        True
    """
    return measurement_key(**{name: value for name, value in manifest.items() if name not in OF_ORIGIN})


def key_of(measure: Measure | LayerMeasure) -> list[Any]:
    """All that is known of a measure, whose name may be that of another one tomorrow, for a key.

    Example:
        >>> from jaxsim.metrics import find_measures
        >>> key_of(find_measures("cka")[0])[0]
        'cka'
    """
    code = measure.formula.__module__
    return [measure.name, declared(measure), sorted(map(repr, measure.needs)), code]
