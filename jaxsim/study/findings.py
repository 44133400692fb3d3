"""What a study says about its models, each statement as an effect with an interval and its control.

| kind | of | effect |
| --- | --- | --- |
| `alignment` | two models | how much nearer in relative depth best matches lie than shuffled ones; 0 by chance |
| `middle_distance` | two models | Delta between steps at the same relative depth, over the middle half of it |
| `information_change` | model, space | Delta(last step -> space) minus Delta(first step -> space); above 0: given up |
| `information_difference` | two models, space | Delta(last step -> space) of a minus that of b; above 0: b holds more |
| `smoothness` | model | mean Delta between the steps at t and t + h, h the same for all models |
| `smoothness_difference` | two models | that of a minus that of b; below 0: a is smoother |

Estimate and interval are the mean and the t interval over disjoint subsets of the samples, and stand for their size.
There are two controls, on the same subsets: the same effect between the same architectures with random weights, and,
where an effect rests on which images of one model belong to which of another (all but the smoothness), the same effect
with the images paired at random.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.stats import t as student

from jaxsim.study.between import between_models
from jaxsim.study.inference.correction import corrected_p_values
from jaxsim.study.labels import constant_steps_of, read_labels
from jaxsim.study.smoothness import smoothness_profile

KINDS = (
    "alignment",
    "middle_distance",
    "information_change",
    "information_difference",
    "smoothness",
    "smoothness_difference",
)
#: Kinds that compare a model with another or with a space, so that shuffled images change them.
PAIRED = ("alignment", "middle_distance", "information_change", "information_difference")
#: Kinds whose effect is 0 when there is nothing, so that a p-value has a meaning.
TESTED = ("alignment", "information_change", "information_difference", "smoothness_difference")
MIDDLE = (0.25, 0.75)


@dataclass(frozen=True)
class Effect:
    """What an effect is of.

    Attributes:
        kind: One of `KINDS`.
        a: The model, or the first of two.
        b: The second model, or "".
        space: The space, or "".
    """

    kind: str
    a: str
    b: str = ""
    space: str = ""


Effects = dict[Effect, Float[np.ndarray, " n_k"]]


def effects(imbalance: xr.DataArray, information: xr.Dataset | None = None, *, h: float | None = None) -> Effects:
    """Every effect of the table above in one measurement.

    Args:
        imbalance: Labelled information imbalance with dims `k`, `source`, `target`.
        information: `forward` = Delta(step -> space) on (`k`, `step`, `space`), with `model` on `step`.
        h: The fixed step of the smoothness; by default the widest spacing of any model.

    Returns:
        Effect -> its value for every k; NaN where it is not defined.

    Example:
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel(m, f"s{i}", i / 4) for m in "AB" for i in range(5)]
        >>> depth = np.array([label.depth for label in labels])
        >>> found = effects(label_imbalance(np.abs(depth[:, None] - depth[None]), labels).imbalance)
        >>> [round(float(found[Effect(kind, "A", "B")][0]), 3) for kind in ("alignment", "smoothness_difference")]
        [0.4, 0.0]
    """
    imbalance, models = read_labels(imbalance)
    names = [model.name for model in models]
    found: Effects = {}
    between = between_models(imbalance)
    middle = between["distance"].sel(t=slice(*MIDDLE)).mean("t")
    for place, (a, b) in enumerate(combinations(names, 2)):
        both = [_nearer_than_shuffled(between, *direction) for direction in ((a, b), (b, a))]
        found[Effect("alignment", a, b)] = np.mean(both, axis=0)
        found[Effect("middle_distance", a, b)] = middle.isel(pair=place).values
    if information is not None:
        for space in map(str, information["space"].values):
            known = information["forward"].sel(space=space).transpose("k", "step").values
            ends = {name: ends_of(information, name) for name in names}
            for name, (first, last) in ends.items():
                if np.count_nonzero(information["model"].values == name) > 1:
                    change = known[:, last] - known[:, first] if first != last else np.full(len(known), np.nan)
                    found[Effect("information_change", name, space=space)] = change
            for a, b in combinations(names, 2):
                difference = known[:, ends[a][1]] - known[:, ends[b][1]]
                found[Effect("information_difference", a, b, space)] = difference
    smooth = smoothness_profile(imbalance, h=h)["fixed_step"].mean("t", skipna=False)
    change = {str(name): smooth.sel(model_name=name).values for name in smooth["model_name"].values}
    for name, values in change.items():
        found[Effect("smoothness", name)] = values
    for a, b in combinations(names, 2):
        found[Effect("smoothness_difference", a, b)] = change[a] - change[b]
    return found


def measure_findings(
    results: xr.Dataset,
    subsets: xr.Dataset,
    *,
    information: xr.Dataset | None = None,
    control: xr.Dataset | None = None,
    level: float = 0.95,
) -> xr.Dataset:
    """Every effect with its interval, its p-value and its control.

    Args:
        results: Dataset with `imbalance` of all samples.
        subsets: The same on disjoint subsets, along `subset`; with `forward` where there are spaces, and with
            `shuffled_imbalance` and `shuffled_forward` where the images were paired at random too.
        information: What the steps know of other spaces, of all samples.
        control: Like `subsets`, of the same architectures with random weights, on the same subsets.
        level: Of the intervals.

    Returns:
        Dataset on (`k`, `finding`) with `value` (all samples), `estimate`, `low`, `high` (subsets), `p_value`
        (two-sided, of no effect; NaN where 0 is not what nothing gives) and `p_corrected` (Holm, within a kind),
        `control`, `control_low`, `control_high`, `beyond`, `beyond_low`, `beyond_high`, the paired difference from
        the control, and `shuffled`, `shuffled_low`, `shuffled_high`, with images paired at random; coordinates
        `kind`, `a`, `b`, `space`. Attributes: `n_subsets`, `n_samples` (of a subset), `seed`, `level`.

    Raises:
        ValueError: If the control was measured on other subsets or other models.
    """
    ks = subsets["k"].values
    whole = effects(results["imbalance"], information)
    names = list(whole)
    each = _by_subset(subsets, names)
    variables: dict[str, Any] = {"value": np.stack([whole[name] for name in names], axis=1)}
    variables |= dict(zip(("estimate", "low", "high"), _interval(each, level), strict=True))
    tested = np.array([name.kind in TESTED for name in names])
    variables["p_value"] = np.where(tested, _two_sided(each), np.nan)
    variables["p_corrected"] = np.full(variables["p_value"].shape, np.nan)
    kinds = np.array([name.kind for name in names])
    for kind in TESTED:
        for place in range(len(ks)):
            own = variables["p_value"][place, kinds == kind]
            variables["p_corrected"][place, kinds == kind] = corrected_p_values(own)
    if control is None:
        other = np.full(each.shape, np.nan)
    else:
        if control.attrs != subsets.attrs:
            raise ValueError(
                f"expected the control on the same subsets ({subsets.attrs}), got {control.attrs}; measure both with "
                "the same samples, seed and n_subsets"
            )
        other = _by_subset(control, names)
    variables |= dict(zip(("control", "control_low", "control_high"), _interval(other, level), strict=True))
    variables |= dict(zip(("beyond", "beyond_low", "beyond_high"), _interval(each - other, level), strict=True))
    by_chance = np.full(each.shape, np.nan)
    if "shuffled_imbalance" in subsets:
        of_pairs = np.isin(kinds, PAIRED)
        by_chance[..., of_pairs] = _by_subset(subsets, names, "shuffled_")[..., of_pairs]
    variables |= dict(zip(("shuffled", "shuffled_low", "shuffled_high"), _interval(by_chance, level), strict=True))
    return xr.Dataset(
        {name: (("k", "finding"), values) for name, values in variables.items()},
        coords={
            "k": ks,
            "finding": np.array([_label(name) for name in names], dtype=object),
            **{
                field: ("finding", np.array([getattr(name, field) for name in names], dtype=object))
                for field in ("kind", "a", "b", "space")
            },
        },
        attrs={**subsets.attrs, "level": level, "h": float(smoothness_profile(results["imbalance"]).attrs["h"])},
    )


def ends_of(information: xr.Dataset, model: str) -> tuple[int, int]:
    """Places along `step` of a model's first and last step that are not the same for all images.

    Of a model without such a step they are its first and last one, whose values are NaN.
    """
    own = information["model"].values == model
    kept = own & ~constant_steps_of(information, "step")
    places = np.flatnonzero(kept if kept.any() else own)
    return int(places[0]), int(places[-1])


def _by_subset(
    subsets: xr.Dataset, names: list[Effect], prefix: str = ""
) -> Float[np.ndarray, "n_subsets n_k findings"]:
    values = []
    for place in range(subsets.sizes["subset"]):
        one = subsets.isel(subset=place)
        known = one[[f"{prefix}forward"]].rename({f"{prefix}forward": "forward"}) if f"{prefix}forward" in one else None
        found = effects(one[f"{prefix}imbalance"], known)
        missing = next((name for name in names if name not in found), None)
        if missing is not None:
            raise ValueError(
                f"expected the subsets to have the {_label(missing)}, but they lack it; measure all of them with the "
                "same models and spaces"
            )
        values.append(np.stack([found[name] for name in names], axis=1))
    return np.stack(values)


def _nearer_than_shuffled(between: xr.Dataset, a: str, b: str) -> Float[np.ndarray, " n_k"]:
    """Mean distance in depth between steps of a and the best matches of others, less that to their own."""
    rows = (between["match_model_from"].values == a) & (between["match_model_to"].values == b)
    if not rows.any():
        return np.full(between.sizes["k"], np.nan)
    own, matched = between["match_depth"].values[rows], between["best_depth"].values[:, rows]
    shuffled = np.abs(own[None, :, None] - matched[:, None, :]).mean(axis=(1, 2))
    return shuffled - np.abs(own[None] - matched).mean(axis=1)


def _interval(values: Float[np.ndarray, "n ..."], level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over the first axis, and the ends of its t interval."""
    mean, half = values.mean(axis=0), _error(values) * student.ppf((1 + level) / 2, len(values) - 1)
    return mean, mean - half, mean + half


def _two_sided(values: Float[np.ndarray, "n ..."]) -> Float[np.ndarray, "..."]:
    """p-value of a mean of 0; 1 where all values are 0."""
    mean, error = values.mean(axis=0), _error(values)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        score = np.abs(mean) / error
    return np.where((mean == 0) & (error == 0), 1.0, 2 * student.sf(score, len(values) - 1))


def _error(values: Float[np.ndarray, "n ..."]) -> Float[np.ndarray, "..."]:
    return values.std(axis=0, ddof=1) / np.sqrt(len(values))


def _label(effect: Effect) -> str:
    parts = [part for part in (effect.a, effect.b) if part]
    return f"{effect.kind}: {' | '.join(parts)}" + (f" ({effect.space})" if effect.space else "")
