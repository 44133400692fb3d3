"""A study of representations that there are already."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsim.arguments import shown
from jaxsim.features import FeatureSet, open_features
from jaxsim.study.results import Study
from jaxsim.study.run.called import Call
from jaxsim.study.run.compare import run_comparison
from jaxsim.study.run.options import check_known
from jaxsim.study.run.settings import SETTINGS
from jaxsim.study.run.surroundings import SURROUNDINGS


def compare_arrays(
    layers: Any,
    *,
    ids: Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    report: bool = True,
    progress: Any = None,
    untrained: Any = False,
    **options: Any,
) -> Study:
    """Measures representations; see `Study.from_layers`, whose work this is.

    Args:
        layers: Mapping name of a model -> name of a step -> array `[n_samples, n_features]`.
        ids: Name of every sample.
        out: Folder for results and report.
        report: Write the report to `out`.
        progress: As `compare` takes it.
        untrained: The same as `layers`, of models with random weights; False for none.
        **options: Further ones of `compare`.

    Returns:
        The study.

    Raises:
        ValueError: As `Study.from_layers`.
    """
    check_known(options, SETTINGS | SURROUNDINGS, ("ids", "out", "report", "progress"))
    features = features_of(layers, ids)
    if isinstance(untrained, Mapping):
        untrained = features_of(untrained, ids, "untrained")
    asked = {"out": out, **options} | ({} if untrained is False else {"untrained": untrained})
    call = Call("jaxsim.Study.from_layers", features, asked)
    options["untrained"] = untrained
    return run_comparison(features, None, call, out=out, report=report, progress=progress, options=options)


def features_of(layers: Any, ids: Sequence[str] | None = None, what: str = "layers") -> dict[str, FeatureSet]:
    """Representations of models as features, by name.

    Args:
        layers: Mapping name of a model -> name of a step -> array `[n_samples, n_features]`.
        ids: Name of every sample; None for its number.
        what: What the argument is called, for errors.

    Raises:
        ValueError: If it is something else, or a step is no matrix of numbers; as `open_features`.

    Example:
        >>> list(features_of({"a": {"in": np.ones((3, 2))}})["a"])
        ['in']
    """
    if not isinstance(layers, Mapping) or not layers:
        raise ValueError(f"expected {what} as a mapping from names of models to their steps, got {shown(layers)}")
    for name, steps in layers.items():
        if not isinstance(steps, Mapping) or not steps:
            raise ValueError(
                f"expected the steps of {str(name)!r} as a mapping from names to arrays [n_samples, n_features], got "
                f"{shown(steps)}"
            )
    found = {
        str(name): open_features(steps, layers=list(steps), sample_ids=ids, name=str(name))
        for name, steps in layers.items()
    }
    for name, features in found.items():
        for step, x in features.items():
            finite = np.isfinite(np.asarray(x)).all(axis=1)
            if not finite.all():
                raise ValueError(
                    f"expected finite numbers in layer '{name}/{step}', but sample {int(np.argmin(finite))} has NaN or "
                    "infinity"
                )
    return found
