"""What only some studies have, made up: other spaces, labels, and findings with intervals and controls."""

import json
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import xarray as xr

SPACES = ("luminance", "colour", "frequency", "orientation", "layout", "all")
TESTED = (
    *("alignment", "information_change", "information_difference", "smoothness_difference"),
    *("label_change", "label_difference"),
)
HALF_WIDTH = 0.05


def constructed_information(
    results: xr.Dataset,
    *,
    spaces: Sequence[str] = SPACES,
    tied: Sequence[str] = (),
    seed: int = 0,
) -> xr.Dataset:
    """What the steps of a constructed study know of made-up statistics: less and less along their depth.

    Args:
        results: From `constructed_study`; steps that are the same for all images know nothing that can be told.
        spaces: Names of the spaces.
        tied: Those that are full of ties, with a floor and a ceiling of their own.
        seed: Of the noise.

    Returns:
        The information dataset of a study.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> constructed_information(constructed_study()[0])["space"].values.tolist()
        ['luminance', 'colour', 'frequency', 'orientation', 'layout', 'all']
    """
    generator = np.random.default_rng(seed)
    depth, model = results["source_depth"].values, results["source_model"].values
    pace = 0.35 + 0.4 * np.unique(model, return_inverse=True)[1] / max(1, len(set(model.tolist())) - 1)
    lost = np.linspace(0.15, 0.45, len(spaces))[None] + (pace * depth)[:, None]
    shape = (results.sizes["k"], *lost.shape)
    forward, backward = (np.clip(lost + up + generator.normal(0, 0.01, shape), 0.01, 1.03) for up in (0.0, 0.2))
    error = np.full(shape, 0.577 / np.sqrt(results.attrs["n_samples"]))
    empty = results["source_constant"].values
    for array in (forward, backward, error):
        array[:, empty] = np.nan
    dims = ("k", "step", "space")
    variables = {"forward": forward, "backward": backward, "forward_se": error, "backward_se": error.copy()}
    if "sampling_error" in results:
        variables |= {f"{name}_sampling_error": 2 * error for name in ("forward", "backward")}
    limits = {}
    if tied:
        among = np.isin(list(spaces), list(tied))[None]
        floor = np.where(among, 0.035, results["floor"].values[:, None])
        limits["floor_forward"] = (("k", "space"), floor)
        limits["ceiling_forward"] = (("k", "space"), np.where(among, 1.01, 2.0) + 0 * floor)
    return xr.Dataset(
        {**{name: (dims, values) for name, values in variables.items()}, **limits},
        coords={
            "k": results["k"].values,
            "floor": ("k", results["floor"].values),
            "step": results["source"].values,
            "model": ("step", model),
            "step_name": ("step", results["source_step"].values),
            "kind": ("step", results["source_kind"].values),
            "depth": ("step", depth),
            "space": list(spaces),
            "origin": ("space", ["low-level statistics"] * len(spaces)),
            "n_features": ("space", np.arange(1, len(spaces) + 1)),
            "constant": ("space", np.zeros(len(spaces), dtype=bool)),
        },
        attrs={"n_samples": results.attrs["n_samples"], "pixels": json.dumps({"view": "constructed"})},
    )


def constructed_labels(results: xr.Dataset, *, n_classes: Mapping[str, int] | None = None, seed: int = 0) -> xr.Dataset:
    """How often neighbours of the steps of a constructed study share a made-up label: more along their depth.

    Args:
        results: From `constructed_study`.
        n_classes: Label -> number of its classes. Default: a label `class` of ten.
        seed: Of the noise.

    Returns:
        The label overlap of a study: `overlap` on (`k`, `step`, `label`) with its errors, chance and ceiling.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> dict(constructed_labels(constructed_study()[0]).sizes)
        {'k': 1, 'step': 11, 'label': 1}
    """
    n_classes = dict(n_classes or {"class": 10})
    generator = np.random.default_rng(seed)
    counts = np.array(list(n_classes.values()))
    depth, model = results["source_depth"].values, results["source_model"].values
    pace = 0.3 + 0.4 * np.unique(model, return_inverse=True)[1] / max(1, len(set(model.tolist())))
    chance = np.broadcast_to(1 / counts, (results.sizes["k"], len(counts)))
    gained = (1 - chance[:, None]) * (pace * depth)[None, :, None]
    overlap = np.clip(chance[:, None] + gained + generator.normal(0, 0.01, gained.shape), 0, 1)
    error = np.full(overlap.shape, 0.5 / np.sqrt(results.attrs["n_samples"]))
    empty = results["source_constant"].values
    overlap[:, empty], error[:, empty] = np.nan, np.nan
    variables = {"overlap": overlap, "standard_error": error}
    if "sampling_error" in results:
        variables["sampling_error"] = 2 * error
    return xr.Dataset(
        {name: (("k", "step", "label"), values) for name, values in variables.items()},
        coords={
            "k": results["k"].values,
            "step": results["source"].values,
            "model": ("step", model),
            "step_name": ("step", results["source_step"].values),
            "depth": ("step", depth),
            "label": list(n_classes),
            "n_classes": ("label", counts),
            "chance": (("k", "label"), chance),
            "ceiling": (("k", "label"), np.full(chance.shape, 0.98)),
        },
    )


def constructed_findings(
    models: tuple[str, ...] = ("vit", "resnet"),
    *,
    k: tuple[int, ...] = (1,),
    spaces: tuple[str, ...] = ("colour", "all"),
    labels: tuple[str, ...] = (),
    control: bool = True,
    shuffled: bool = True,
    notes: Mapping[str, str] | None = None,
    n_samples: int = 400,
    seed: int = 0,
) -> xr.Dataset:
    """Made-up effects of every kind, with intervals, tests and controls.

    Args:
        models: Names of the models.
        k: Numbers of neighbours.
        spaces: Names of the spaces; none leaves out what is said of them.
        labels: Names of the labels.
        control: Whether there is a control of random weights.
        shuffled: Whether there is one of shuffled images.
        notes: Kind -> why it has no interval.
        n_samples: N of the study.
        seed: Of the numbers.

    Returns:
        The findings dataset of a study; no effect changes its sign with N.

    Example:
        >>> sorted(set(constructed_findings()["kind"].values.tolist()))[:2]
        ['alignment', 'information_change']
    """
    rows, notes = _rows(models, spaces, labels), dict(notes or {})
    generator = np.random.default_rng(seed)
    shape = (len(k), len(rows))
    value, other = generator.normal(0.2, 0.1, shape), generator.normal(0.0, 0.02, shape)
    other = other if control else np.full(shape, np.nan)
    kinds = np.array([row[0] for row in rows])
    p = np.where(np.isin(kinds, TESTED), generator.uniform(0, 0.1, shape), np.nan)
    by_chance = generator.normal(0.0, 0.01, shape)
    by_chance[:, [not shuffled or kind.startswith("smoothness") for kind in kinds]] = np.nan
    unknown = np.where(np.isin(kinds, list(notes)), np.nan, 0.0)
    variables = {"value": value, "standard_error": 0.02 + 0 * value + unknown}
    variables |= {"p_value": p / 2 + unknown, "p_corrected": p + unknown}
    middles = {"value": value, "control": other, "beyond": value - other, "shuffled": by_chance}
    for name, middle in middles.items():
        prefix = "" if name == "value" else f"{name}_"
        half = HALF_WIDTH + unknown
        variables |= {name: middle, f"{prefix}low": middle - half, f"{prefix}high": middle + half}
    names: list[str] = ["kind", "a", "b", "space", "note"]
    fields = dict(zip(names, zip(*((*row, notes.get(row[0], "")) for row in rows), strict=True), strict=True))
    return xr.Dataset(
        {
            **{name: (("k", "finding"), values) for name, values in variables.items()},
            "by_size": (("k", "finding", "size"), np.stack([1.2 * value, 1.1 * value, value], axis=-1)),
            "sign_changes": (("k", "finding"), np.zeros(shape, dtype=bool)),
        },
        coords={
            "k": list(k),
            "finding": [f"{kind}: {a} {b} {space}" for kind, a, b, space in rows],
            "size": [n_samples // 4, n_samples // 2, n_samples],
            **{name: ("finding", np.array(values, dtype=object)) for name, values in fields.items()},
        },
        attrs={
            "n_splits": 8,
            "n_groups": 16,
            "n_samples": n_samples,
            "seed": seed,
            "level": 0.95,
            "degrees_of_freedom": 6,
            "h": 0.25,
        },
    )


def _rows(models: tuple[str, ...], spaces: tuple[str, ...], labels: tuple[str, ...]) -> list[tuple[str, str, str, str]]:
    """Kind, a, b and space of every effect."""
    pairs = list(combinations(models, 2))
    rows = [(kind, a, b, "") for kind in ("alignment", "middle_distance", "smoothness_difference") for a, b in pairs]
    rows += [("smoothness", a, "", "") for a in models]
    for kind, names in (("information", spaces), ("label", labels)):
        rows += [(f"{kind}_change", a, "", name) for name in names for a in models]
        rows += [(f"{kind}_difference", a, b, name) for name in names for a, b in pairs]
    return rows
