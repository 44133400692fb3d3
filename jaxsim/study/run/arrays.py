"""A study of representations that there are already."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsim.arguments import shown
from jaxsim.features import FeatureSet, StepRecord
from jaxsim.features.writers import finished_manifest
from jaxsim.names import printable
from jaxsim.study.results import Study
from jaxsim.study.run.compare import compare

#: What the record says of models that are arrays.
FAMILY, SOURCE, POOL = "arrays", "arrays", "as given"


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
    features = features_of(layers, ids)
    if isinstance(untrained, Mapping):
        untrained = features_of(untrained, ids, "untrained")
    return compare(features, out=out, report=report, progress=progress, untrained=untrained, **options)


def features_of(layers: Any, ids: Sequence[str] | None = None, what: str = "layers") -> dict[str, FeatureSet]:
    """Representations as features, like those that models are extracted to.

    Args:
        layers: Mapping name of a model -> name of a step -> array `[n_samples, n_features]`.
        ids: Name of every sample; None for its number.
        what: What the argument is called, for errors.

    Returns:
        Model name -> its features, in memory.

    Raises:
        ValueError: If a step is no matrix of finite numbers, or models have different numbers of samples.

    Example:
        >>> features_of({"a": {"in": np.ones((3, 2))}})["a"].sample_ids
        ('0', '1', '2')
    """
    if not isinstance(layers, Mapping) or not layers:
        raise ValueError(f"expected {what} as a mapping from names of models to their steps, got {shown(layers)}")
    found: dict[str, dict[str, np.ndarray]] = {}
    for model, steps in layers.items():
        name = printable(str(model))
        if not isinstance(steps, Mapping) or not steps:
            raise ValueError(
                f"expected the steps of {name!r} as a mapping from names to arrays [n_samples, n_features], got "
                f"{shown(steps)}"
            )
        found[name] = {printable(str(step)): _matrix(x, f"{name}/{step}") for step, x in steps.items()}
    sizes = {f"{name}/{step}": len(x) for name, steps in found.items() for step, x in steps.items()}
    n = next(iter(sizes.values()))
    odd = next((name for name, size in sizes.items() if size != n), None)
    if odd is not None:
        raise ValueError(f"expected the same samples in every step, got {n} in the first and {sizes[odd]} in {odd!r}")
    return {name: _features(name, steps, _checked_ids(ids, n)) for name, steps in found.items()}


def _features(name: str, steps: Mapping[str, np.ndarray], ids: list[str]) -> FeatureSet:
    last = max(len(steps) - 1, 1)
    records = [
        StepRecord(step, "layer", i / last, None, x.shape[1], x.shape[1]) for i, (step, x) in enumerate(steps.items())
    ]
    digest = hashlib.sha256()
    for step, x in steps.items():
        digest.update(f"{step} {x.dtype} {x.shape}".encode())
        digest.update(np.ascontiguousarray(x).tobytes())
    request = {
        "pool": POOL,
        "dtype": str(np.result_type(*steps.values())),
        "granularity": "given",
        "weights_hash": digest.hexdigest(),
        "computation": {},
        "preprocessing": {},
        "steps": [record.to_json() for record in records],
        "n_images": len(ids),
        "sample_ids": ids,
        "images_fingerprint": hashlib.sha256("\n".join(ids).encode("utf-8", "surrogateescape")).hexdigest(),
    }
    origin = {"model": {"name": name, "family": FAMILY, "source": SOURCE}, "images": {"kind": "arrays"}}
    return FeatureSet(list(steps.values()), finished_manifest(request, origin, []), model_name=name)


def _matrix(given: Any, name: str) -> np.ndarray:
    try:
        x = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"expected {name!r} as an array [n_samples, n_features], got {shown(given)}") from error
    if x.ndim != 2 or 0 in x.shape or x.dtype.kind not in "fiub":
        raise ValueError(
            f"expected {name!r} as an array of numbers [n_samples, n_features], got {x.dtype} of shape {list(x.shape)}"
        )
    x = x if x.dtype.kind == "f" else x.astype(np.float32 if x.dtype.itemsize < 4 else np.float64)
    if not np.isfinite(x).all():
        first = int(np.argmin(np.isfinite(x).all(axis=1)))
        raise ValueError(f"expected finite numbers in {name!r}, but sample {first} has NaN or infinity")
    return x


def _checked_ids(ids: Sequence[str] | None, n: int) -> list[str]:
    if ids is None:
        return [str(i) for i in range(n)]
    names = [str(each) for each in ids] if not isinstance(ids, str) else []
    if len(names) != n or len(set(names)) != n:
        raise ValueError(f"expected ids as the names of the {n} samples, each once, got {shown(ids)}")
    return names
