"""Models and steps under other names, in every dataset of a study."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.arguments import shown
from jaxsim.files import parse_json
from jaxsim.names import printable
from jaxsim.study.selection import with_models


@dataclass(frozen=True)
class NewNames:
    """What models and steps are called from now on.

    Attributes:
        models: Old name -> new name, of every model.
        steps: (old name of the model, old name of the step) -> new name of the step, of every step.
    """

    models: dict[str, str]
    steps: dict[tuple[str, str], str]

    def label(self, model: str, step: str) -> str:
        """The new "model/step" of a step by its old names."""
        return f"{self.models[model]}/{self.steps[model, step]}"


def checked_names(steps: Mapping[str, Sequence[str]], given: Any) -> NewNames:
    """New names for all models and steps.

    Args:
        steps: Model -> names of its steps.
        given: Mapping old name -> new name, of models, of steps, or of "model/step".

    Raises:
        ValueError: If something is no name, a name is not there, or two would be called alike.

    Example:
        >>> checked_names({"m": ["_bn1"]}, {"_bn1": "stem"}).label("m", "_bn1")
        'm/stem'
    """
    pairs = given.items() if isinstance(given, Mapping) else [("", "")]
    if not all(isinstance(each, str) and each for pair in pairs for each in pair):
        raise ValueError(f"expected a mapping from old names to new ones, got {shown(given)}")
    labels = {f"{model}/{step}": (model, step) for model, own in steps.items() for step in own}
    known = {*steps, *labels, *(step for own in steps.values() for step in own)}
    odd = next((name for name in given if name not in known), None)
    if odd is not None:
        near = get_close_matches(odd, sorted(known), n=3, cutoff=0.5)
        told = f"nearest are: {', '.join(near)}" if near else f"models are: {', '.join(steps)}"
        raise ValueError(f"expected names of models or steps of the study, but {odd!r} is none; {told}")
    new = {old: printable(name) for old, name in given.items()}
    found = NewNames(
        {model: new.get(model, model) for model in steps},
        {pair: new.get(label, new.get(pair[1], pair[1])) for label, pair in labels.items()},
    )
    _check_once(list(found.models.values()), "models")
    for model, own in steps.items():
        _check_once([found.steps[model, step] for step in own], f"steps of {model!r}")
    return found


def _check_once(names: list[str], what: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"expected every new name once among the {what}, got {twice!r} twice; choose another one")


def renamed(dataset: xr.Dataset, names: NewNames) -> xr.Dataset:
    """A dataset of a study under new names.

    Args:
        dataset: With steps along `source` and `target`, or along `step`.
        names: Of everything in it.
    """
    coords, texts = {}, {}
    for dim, of_model, of_step in (
        ("source", "source_model", "source_step"),
        ("target", "target_model", "target_step"),
        ("step", "model", "step_name"),
    ):
        if dim not in dataset.dims:
            continue
        old = [(str(m), str(s)) for m, s in zip(dataset[of_model].values, dataset[of_step].values, strict=True)]
        new = {
            dim: [names.label(*each) for each in old],
            of_model: [names.models[model] for model, _ in old],
            of_step: [names.steps[each] for each in old],
        }
        coords |= {name: (dim, np.array(values, dtype=object), dataset[name].attrs) for name, values in new.items()}
        texts |= {repr(f"{m}/{s}"): repr(names.label(m, s)) for m, s in old}
    found = dataset.assign_coords(coords)
    if "source_flag" in found.coords:
        flags = [_replaced(str(text), texts) for text in found["source_flag"].values]
        found = found.assign_coords(source_flag=("source", np.array(flags, dtype=object)))
    if "warnings" in found.attrs:
        said = [_replaced(str(text), texts) for text in parse_json(found.attrs["warnings"])]
        found = found.assign_attrs(warnings=json.dumps(said))
    if "models" in found.attrs:
        found = with_models(found, lambda model: model | {"name": names.models.get(model["name"], model["name"])})
    return found


def _replaced(text: str, texts: Mapping[str, str]) -> str:
    for old, new in texts.items():
        text = text.replace(old, new)
    return text
