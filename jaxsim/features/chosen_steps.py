"""Steps that are added to features which hold other steps of the same model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxsim.features.request import first_difference
from jaxsim.features.step_model import StepModel
from jaxsim.features.step_record import step_records
from jaxsim.models import Step

# What a step is called depends on which others were chosen.
_OF_CHOICE = ("depth", "kind")


class ChosenSteps:
    """Some steps of a model, which runs as before; where it is compiled, what only the others need is left out.

    Args:
        model: whose steps.
        names: of them, as its features are called under `pool`.
        pool: see `extract`.
    """

    def __init__(self, model: StepModel, names: Sequence[str], pool: str):
        self.whole = model
        self.steps: tuple[Step, ...] = tuple(
            step for step in model.steps if any(record.name in names for record in step_records([step], pool))
        )
        self.jitted: bool = getattr(model, "jitted", True)
        kept = [step.name for step in self.steps]
        layouts: Mapping[str, str] = getattr(model, "layouts", {})
        self.layouts = {name: layouts[name] for name in kept if name in layouts}

    @property
    def name(self) -> str:
        """Of the model."""
        return self.whole.name

    @property
    def family(self) -> str:
        """Of the model."""
        return self.whole.family

    @property
    def source(self) -> str:
        """Of the model."""
        return self.whole.source

    @property
    def granularity(self) -> str:
        """Of the model."""
        return self.whole.granularity

    @property
    def module(self) -> Any:
        """Of the model."""
        return self.whole.module

    @property
    def params(self) -> Any:
        """Of the model."""
        return self.whole.params

    @property
    def weights_hash(self) -> str:
        """Of the model."""
        return self.whole.weights_hash

    @property
    def preprocessing(self) -> dict[str, Any]:
        """Of the model."""
        return self.whole.preprocessing

    def preprocess(self, images: Sequence[Any]) -> np.ndarray:
        """As the model does."""
        return self.whole.preprocess(images)

    def apply(self, params: Any, images: Any) -> dict[str, Any]:
        """Returns the states of the steps."""
        states = self.whole.apply(params, images)
        return {step.name: states[step.name] for step in self.steps}


def step_difference(there: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    """Says where features that are there and a request differ in steps that both name; None if nowhere.

    How deep a step lies, and of which kind it is, say which others were chosen with it, and decide no number.

    Args:
        there: manifest or request, with `steps` and, of captured models, `layouts`.
        asked: the request.

    Example:
        >>> norm = {"name": "norm", "depth": 1.0, "n_features": 8}
        >>> step_difference({"steps": [norm]}, {"steps": [norm | {"depth": 0.5}, {"name": "stem"}]})
        >>> step_difference({"steps": [norm]}, {"steps": [norm | {"n_features": 9}]})
        'norm.n_features is 8 there and 9 now'
    """
    known = {step["name"]: step for step in there["steps"]}
    for step in asked["steps"]:
        own = known.get(step["name"])
        if own is None:
            continue
        one, other = ({key: value for key, value in each.items() if key not in _OF_CHOICE} for each in (own, step))
        if found := first_difference(one, other, step["name"]):
            return found
    layouts = there.get("layouts", {})
    for name, own in asked.get("layouts", {}).items():
        if layouts.get(name, own) != own:
            return f"the layout of {name} is {layouts[name]} there and {own} now"
    return None


def with_steps(manifest: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest of features to which steps were added.

    Steps come as they were asked for now; those that were there and were not asked for lie among them by their depth.

    Args:
        manifest: of the features that were there.
        added: manifest of the steps that were added; `among` are all that were asked for with them.

    Raises:
        ValueError: other images could be decoded this time.
    """
    for one, other in ((manifest, added), (added, manifest)):
        lost = {entry["position"] for entry in other["damaged"]}
        for entry in one["damaged"]:
            if entry["position"] not in lost:
                raise ValueError(
                    f"expected the same images as when the other steps were extracted, but {entry['id']} could be "
                    "decoded in one of the two runs alone: extract into another folder"
                )
    asked = [step["name"] for step in added["among"]]
    others = [step for step in manifest["steps"] if step["name"] not in asked]
    steps = [*added["among"], *others]
    if others:
        steps = sorted(steps, key=lambda step: step["depth"])
    layouts = manifest.get("layouts", {}) | added.get("layouts", {})
    seconds = dict(manifest.get("seconds", {}))
    for stage, taken in added["seconds"].items():
        seconds[stage] = round(seconds.get(stage, 0.0) + taken, 3)
    origin = {key: added[key] for key in ("created", "batch_size", "device", "versions") if key in added}
    names = [step["name"] for step in added["steps"]]
    later = [*manifest.get("added", []), {"steps": names} | origin]
    return {**manifest, "steps": steps, "seconds": seconds, "added": later} | ({"layouts": layouts} if layouts else {})
