"""What a study says about its models: every statement as an effect, a number worked out from the imbalances.

| kind | of | effect |
| --- | --- | --- |
| `alignment` | two models | how much nearer in relative depth best matches lie than shuffled ones; 0 by chance |
| `middle_distance` | two models | Delta between steps at the same relative depth, over the middle half of it |
| `information_change` | model, space | Delta(last step -> space) minus Delta(first step -> space); above 0: given up |
| `information_difference` | two models, space | Delta(last step -> space) of a minus that of b; above 0: b holds more |
| `label_change` | model, label | overlap of the last step with the label minus that of the first; above 0: gained |
| `label_difference` | two models, label | overlap of a's last step minus that of b's; above 0: a separates it better |
| `smoothness` | model | mean Delta between the steps at t and t + h, h the same for all models |
| `smoothness_difference` | two models | that of a minus that of b; below 0: a is smoother |

An effect can be worked out from any measurement of the same steps: of all samples, of a half of them, of random
weights, of shuffled images. `findings` puts these together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import xarray as xr
from jaxtyping import Float

from jaxsim.study.derived.between import between_models
from jaxsim.study.derived.labels import constant_steps_of, read_labels
from jaxsim.study.derived.smoothness import smoothness_profile

KINDS = (
    "alignment",
    "middle_distance",
    "information_change",
    "information_difference",
    "smoothness",
    "smoothness_difference",
    "label_change",
    "label_difference",
)
#: Kinds that are about a label of the images.
OF_LABELS = ("label_change", "label_difference")
#: Kinds that compare a model with another or with a space, so that shuffled images change them.
PAIRED = ("alignment", "middle_distance", "information_change", "information_difference")
#: Kinds whose effect is 0 when there is nothing, so that a p-value has a meaning.
TESTED = ("alignment", "information_change", "information_difference", "smoothness_difference", *OF_LABELS)
#: Kinds that rest on which step matches best, and so vary with N as little as the matches do: where steps are equally
#: good matches, more images make none of them the surer choice.
OF_MATCHES = ("alignment",)
MIDDLE = (0.25, 0.75)


@dataclass(frozen=True)
class Effect:
    """What an effect is of.

    Attributes:
        kind: One of `KINDS`.
        a: The model, or the first of two.
        b: The second model, or "".
        space: The space or the label, or "".
    """

    kind: str
    a: str
    b: str = ""
    space: str = ""


Effects = dict[Effect, Float[np.ndarray, " n_k"]]


def effects(
    imbalance: xr.DataArray,
    information: xr.Dataset | None = None,
    overlap: xr.Dataset | None = None,
    *,
    h: float | None = None,
) -> Effects:
    """Every effect of the table above in one measurement.

    Args:
        imbalance: Labelled information imbalance with dims `k`, `source`, `target`.
        information: `forward` = Delta(step -> space) on (`k`, `step`, `space`), with `model` on `step`.
        overlap: `overlap` of the steps with labels on (`k`, `step`, `label`), with `model` on `step`.
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
            found |= _at_the_ends(information["forward"].sel(space=space), names, "information", space)
    smooth = smoothness_profile(imbalance, h=h)["fixed_step"].mean("t", skipna=False)
    change = {str(name): smooth.sel(model_name=name).values for name in smooth["model_name"].values}
    for name, values in change.items():
        found[Effect("smoothness", name)] = values
    for a, b in combinations(names, 2):
        found[Effect("smoothness_difference", a, b)] = change[a] - change[b]
    if overlap is not None:
        for label in map(str, overlap["label"].values):
            found |= _at_the_ends(overlap["overlap"].sel(label=label), names, "label", label)
    return found


def _at_the_ends(of_steps: xr.DataArray, names: list[str], kind: str, space: str) -> Effects:
    """Change from a model's first to its last step, and difference between the last steps of two models."""
    values, found = of_steps.transpose("k", "step").values, {}
    ends = {name: ends_of(of_steps, name) for name in names}
    for name, (first, last) in ends.items():
        if np.count_nonzero(of_steps["model"].values == name) > 1:
            change = values[:, last] - values[:, first] if first != last else np.full(len(values), np.nan)
            found[Effect(f"{kind}_change", name, space=space)] = change
    for a, b in combinations(names, 2):
        found[Effect(f"{kind}_difference", a, b, space)] = values[:, ends[a][1]] - values[:, ends[b][1]]
    return found


def ends_of(information: xr.Dataset | xr.DataArray, model: str) -> tuple[int, int]:
    """Places along `step` of a model's first and last step that are not the same for all images.

    Of a model without such a step they are its first and last one, whose values are NaN.
    """
    own = information["model"].values == model
    kept = own & ~constant_steps_of(information, "step")
    places = np.flatnonzero(kept if kept.any() else own)
    return int(places[0]), int(places[-1])


def _nearer_than_shuffled(between: xr.Dataset, a: str, b: str) -> Float[np.ndarray, " n_k"]:
    """Mean distance in depth between steps of a and the best matches of others, less that to their own."""
    rows = (between["match_model_from"].values == a) & (between["match_model_to"].values == b)
    if not rows.any():
        return np.full(between.sizes["k"], np.nan)
    own, matched = between["match_depth"].values[rows], between["best_depth"].values[:, rows]
    shuffled = np.abs(own[None, :, None] - matched[:, None, :]).mean(axis=(1, 2))
    return shuffled - np.abs(own[None] - matched).mean(axis=1)


def label_of(effect: Effect) -> str:
    """The name of an effect in results.

    Example:
        >>> label_of(Effect("information_change", "vit", space="colour"))
        'information_change: vit (colour)'
    """
    parts = [part for part in (effect.a, effect.b) if part]
    return f"{effect.kind}: {' | '.join(parts)}" + (f" ({effect.space})" if effect.space else "")
