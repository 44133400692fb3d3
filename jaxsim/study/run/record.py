"""How a measurement came about, as attributes of its results."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsim.features import FeatureSet
from jaxsim.metrics import ImbalanceMatrix
from jaxsim.names import printable_json
from jaxsim.study.derived.labels import StepLabel
from jaxsim.study.run.layers import StudyLayers
from jaxsim.study.run.settings import Settings
from jaxsim.study.selection import told_pools
from jaxsim.study.versions import package_versions


def about_preprocessing(settings: Settings, dropped: Sequence[str]) -> dict[str, Any]:
    """What was done to the representations first, for the record."""
    dropping = f"{len(dropped)} dropped" + (f": {', '.join(dropped)}" if dropped else "")
    return {
        "clip": "none" if settings.clip is None else "quantiles {} to {}".format(*settings.clip),
        "duplicates": dropping if settings.drop_duplicates else "kept",
        "dropped": json.dumps(list(dropped)),
    }


def about_samples(
    features: Mapping[str, FeatureSet], settings: Settings, images: Mapping[str, Any], found: StudyLayers
) -> dict[str, Any]:
    """What was measured, for the record."""
    pools = {name: str(each.manifest["pool"]) for name, each in features.items()}
    models = [
        {
            "name": name,
            "source": each.manifest["model"]["source"],
            "family": each.manifest["model"]["family"],
            "n_steps": sum(label.model == name for label in found.labels),
            "weights_hash": each.manifest["weights_hash"],
            "pool": pools[name],
        }
        for name, each in features.items()
    ]
    return {
        "pool": told_pools(pools),
        "images": json.dumps(printable_json(dict(images))),
        "models": json.dumps(printable_json(models)),
        "damaged": json.dumps(sorted({damaged for each in features.values() for damaged in each.damaged})),
        "seed": settings.seed,
        "groups": "none" if found.groups is None else f"{len(np.unique(found.groups))}, not ranked among each other",
        "steps": steps_chosen(settings),
    }


def steps_chosen(settings: Settings) -> str:
    """Which steps were asked for, for the record."""
    chosen = {name: getattr(settings, name) for name in ("steps", "drop_steps")}
    named = {name: value for name, value in chosen.items() if value is not None}
    return json.dumps(named) if named else "all"


def flagged(labels: Sequence[StepLabel], said: Sequence[UserWarning]) -> list[str]:
    """For every step that is measured the first warning that names it, "" for none."""
    texts = [str(each) for each in said]
    return [
        "" if label.constant else next((text for text in texts if repr(label.label) in text), "") for label in labels
    ]


def about_measurement(matrix: ImbalanceMatrix) -> dict[str, Any]:
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
