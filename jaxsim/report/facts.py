"""The facts of the page's header: settings, models, warnings, as the attributes of the results state them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.files import parse_json
from jaxsim.report.schema import model_names, steps_of
from jaxsim.wording import sample_word

#: Attributes that another one says in words.
FOR_PROGRAMS = ("dropped",)
HEADER_ATTRIBUTES = (
    "n_samples",
    "n_queries",
    "metric",
    "pool",
    "ties",
    "seed",
    "images",
    "models",
    "versions",
    "created",
    "jaxsim_version",
    "warnings",
    "damaged",
)


@dataclass(frozen=True)
class ModelFacts:
    """What the header says about one model."""

    name: str
    source: str
    family: str
    n_steps: int
    weights_hash: str


@dataclass(frozen=True)
class StudyFacts:
    """The settings of a study as the header of the page states them."""

    n_samples: int
    n_queries: int
    k: tuple[int, ...]
    floor: tuple[float, ...]
    metric: str
    pool: str
    ties: str
    seed: str
    images: str
    models: tuple[ModelFacts, ...]
    versions: Mapping[str, str]
    created: str
    jaxsim_version: str
    warnings: tuple[str, ...]
    damaged: tuple[str, ...]
    further: Mapping[str, str] = field(default_factory=dict)
    sample: str = "image"
    """What a sample is called: "sample" where features alone were given."""

    @property
    def families(self) -> dict[str, str]:
        """Model name -> family, in the order of the study."""
        return {model.name: model.family for model in self.models}


def read_facts(results: xr.Dataset) -> StudyFacts:
    """The header's facts, from the attributes and coordinates of checked results.

    Raises:
        ValueError: An attribute is missing or is not the JSON it should be.
    """
    attributes = results.attrs
    missing = [name for name in HEADER_ATTRIBUTES if name not in attributes]
    if missing:
        raise ValueError(
            f"Expected the results to carry the attributes {', '.join(HEADER_ATTRIBUTES)}, but "
            f"{', '.join(missing)} is missing. Pass the dataset that `jaxsim.compare` made, with its "
            f"attributes."
        )
    described = {str(model["name"]): model for model in _nested(attributes, "models")}
    models = []
    for name in model_names(results):
        if name not in described:
            raise ValueError(
                f"Expected attribute `models` to describe every model, but {name!r} is not among "
                f"{', '.join(map(repr, described))}. Use the same names in the coordinates and in the "
                f"attribute."
            )
        model = described[name]
        models.append(
            ModelFacts(
                name=name,
                source=str(model.get("source", "")),
                family=str(model.get("family", "")),
                n_steps=int(model.get("n_steps", len(steps_of(results, name)))),
                weights_hash=str(model.get("weights_hash", "")),
            )
        )
    return StudyFacts(
        n_samples=int(attributes["n_samples"]),
        n_queries=int(attributes["n_queries"]),
        k=tuple(int(k) for k in results["k"].values),
        floor=tuple(float(floor) for floor in results["floor"].values),
        metric=str(attributes["metric"]),
        pool=str(attributes["pool"]),
        ties=str(attributes["ties"]),
        seed=str(attributes["seed"]),
        images=_in_words(attributes["images"]),
        sample=sample_word(attributes["images"]),
        models=tuple(models),
        versions={str(key): str(value) for key, value in _nested(attributes, "versions").items()},
        created=str(attributes["created"]),
        jaxsim_version=str(attributes["jaxsim_version"]),
        warnings=tuple(_in_words(item) for item in _nested(attributes, "warnings")),
        damaged=tuple(_in_words(item) for item in _nested(attributes, "damaged")),
        further={str(k): _in_words(v) for k, v in attributes.items() if k not in (*HEADER_ATTRIBUTES, *FOR_PROGRAMS)},
    )


def _nested(attributes: Mapping[str, Any], name: str) -> Any:
    """An attribute that holds JSON text (or, before it was saved, already the nested value)."""
    value = attributes[name]
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except ValueError as error:
        raise ValueError(
            f"Expected attribute `{name}` of the results to be JSON, but {value[:60]!r} came ({error}). "
            f"Write it with json.dumps."
        ) from error


def _in_words(value: Any) -> str:
    """A nested attribute on one line: `kind: folder, path: photos`."""
    if isinstance(value, str):
        try:
            parsed = parse_json(value) if value[:1] in "{[" else value
        except ValueError:
            parsed = value
        if isinstance(parsed, str):
            return parsed
        return _in_words(parsed)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_in_words(item)}" for key, item in value.items())
    if isinstance(value, list | tuple | np.ndarray):
        return ", ".join(_in_words(item) for item in value)
    return str(value)
