"""Features that a folder holds already, and what they lack for what is asked now."""

from typing import Any

from jaxsim.features.chosen_steps import step_difference
from jaxsim.features.feature_set import MANIFEST, FeatureSet, open_feature_folder
from jaxsim.features.folder_writer import REQUEST, refuse_difference, something_else
from jaxsim.features.request import first_difference
from jaxsim.features.writers import request_of
from jaxsim.files import AnyPath, read_json

# What a request says of its steps alone.
_OF_STEPS = ("steps", "layouts")


def missing_steps(folder: AnyPath, request: dict[str, Any]) -> list[str] | None:
    """The steps that the finished features of a folder lack for a request; None without finished features.

    Raises:
        ValueError: they were made for another request; names the first difference.
    """
    if not (folder / MANIFEST).exists():
        return None
    there = open_feature_folder(folder).manifest
    shared = {key: value for key, value in request.items() if key not in _OF_STEPS}
    refuse_difference(folder, request_of(there, list(shared)), shared)
    if found := step_difference(there, request):
        raise something_else(folder, found)
    known = {step["name"] for step in there["steps"]}
    return [step["name"] for step in request["steps"] if step["name"] not in known]


def finished_features(folder: AnyPath, request: dict[str, Any], model_name: str, *, reused: bool = True) -> FeatureSet:
    """The finished features of a folder that has all steps of a request: these, in its order."""
    there = open_feature_folder(folder)
    manifest = there.manifest
    if request["steps"] != manifest["steps"]:
        manifest = manifest | {key: request[key] for key in _OF_STEPS if key in request}
    chosen = [there[step["name"]] for step in request["steps"]]
    return FeatureSet(chosen, manifest, model_name=model_name, reused=reused)


def holds_other(folder: AnyPath, request: dict[str, Any]) -> bool:
    """Whether a folder holds features, finished or not, that are damaged or were made for another request.

    Finished ones of other steps of the same model are no others: steps can be added to them.
    """
    try:
        asked = read_json(folder / REQUEST)["request"] if (folder / REQUEST).exists() else None
        missing = missing_steps(folder, request)
        if missing is not None:
            begun = [] if asked is None else [step["name"] for step in asked["steps"]]
            return bool(missing and begun) and begun != missing
        if asked is not None:
            return first_difference({key: asked[key] for key in request}, request) is not None
    except (ValueError, KeyError, TypeError):
        return True
    return False
