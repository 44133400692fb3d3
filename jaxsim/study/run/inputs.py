"""What a comparison starts from: models to run and features that exist, each under a name of its own."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from jaxsim.features import FeatureSet, StepModel, is_features_file, open_features
from jaxsim.features.step_record import step_records
from jaxsim.models import CapturedModel, VisionModel, load_model
from jaxsim.names import printable
from jaxsim.study.run.settings import Settings
from jaxsim.zarr_arrays import is_remote

# Anything else (a bare module) gets an error that says what to do with it.
Source = str | os.PathLike[str] | VisionModel | StepModel | FeatureSet | Any
Sources = Source | Sequence[Source] | Mapping[str, Source]


@dataclass(frozen=True)
class StudyInput:
    """One model of a comparison.

    Attributes:
        name: Its name in the results, unique within the comparison.
        given: The model to run, or its features if those are given.
        from_images: Whether features that are given were extracted from the images of this comparison.
    """

    name: str
    given: StepModel | FeatureSet
    from_images: bool = False

    @property
    def extracted(self) -> bool:
        """Whether its features come from the images of this comparison, whenever they were extracted."""
        return self.from_images or not isinstance(self.given, FeatureSet)

    def step_names(self, pool: str) -> tuple[str, ...]:
        """Names of its steps under a pooling, in processing order."""
        if isinstance(self.given, FeatureSet):
            return tuple(step.name for step in self.given.steps)
        return tuple(step.name for step in step_records(self.given.steps, pool))


@dataclass(frozen=True)
class Named:
    """A model under a name, among others that have none.

    Attributes:
        name: What results call it.
        source: As `compare` takes models.
    """

    name: str
    source: Any


def open_inputs(sources: Sources, settings: Settings) -> tuple[StudyInput, ...]:
    """Opens the models of a comparison and names them.

    Args:
        sources: One or several of: what `load_model` takes, a live model, a `FeatureSet`, a folder or file
            of features or a mapping of arrays, as `open_features` takes them; or a mapping from names to these.
        settings: Their granularity and image size are those of the models loaded here.

    Returns:
        The inputs in the order given. Of equal names the second becomes "name-2", and so on.

    Raises:
        ValueError: If there is none, or one of them cannot be opened.
    """
    if not isinstance(sources, Sequence | Mapping) or isinstance(sources, str | FeatureSet):
        sources = [sources]  # a FeatureSet is a mapping and a name a sequence, of other things than models
    if not sources:
        raise ValueError("expected at least one model to compare, got none; give checkpoints, models or features")
    if isinstance(sources, Mapping):
        found = tuple(StudyInput(name, _open(source, settings, name)) for name, source in _shown(sources).items())
        return _with_ids(found, settings)
    unnamed = [each for each in sources if not isinstance(each, Named)]
    if isinstance(settings.image_size, dict) and unnamed and set(settings.image_size) != {"*"}:
        raise ValueError(
            "expected models by name where image_size is one for each of some models, got some without; give a mapping "
            "from names to models"
        )
    opened = [
        _open(each.source, settings, printable(each.name)) if isinstance(each, Named) else _open(each, settings, None)
        for each in sources
    ]
    named = [printable(each.name) if isinstance(each, Named) else "" for each in sources]
    twice = next((name for name in named if name and named.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"expected models of different names, got {twice!r} twice; give them other names")
    names = unique_names(
        name or printable(str(given.model_name if isinstance(given, FeatureSet) else given.name))
        for name, given in zip(named, opened, strict=True)
    )
    return _with_ids(tuple(StudyInput(name, given) for name, given in zip(names, opened, strict=True)), settings)


def untrained_inputs(inputs: Sequence[StudyInput], given: Any, settings: Settings) -> tuple[StudyInput, ...]:
    """The same architectures with random weights, under the same names.

    Args:
        inputs: The models.
        given: True to draw weights, with a seed that follows from that of the settings and the model's name, so that
            models of one architecture get controls that differ, and a control does not depend on the other models; or a
            mapping from the names of models to
            untrained ones, or their features; those it leaves out are drawn.
        settings: The settings.

    Returns:
        One input for each.

    Raises:
        ValueError: If the mapping names a model that is not there, or a model cannot be drawn anew and none was given.
    """
    if given is not True and not isinstance(given, Mapping):
        raise ValueError(
            f"expected untrained to be True, False or a mapping from names of models to models, got {given!r}"
        )
    mapping = {} if given is True else _shown(given)
    names = [each.name for each in inputs]
    odd = next((name for name in mapping if name not in names), None)
    if odd is not None:
        raise ValueError(f"expected untrained to name models of the comparison ({', '.join(names)}), got {odd!r}")
    found = []
    for each in inputs:
        if each.name in mapping:
            found.append(StudyInput(each.name, _open(mapping[each.name], settings, each.name)))
        elif isinstance(each.given, VisionModel):
            found.append(
                StudyInput(
                    each.name, cast("StepModel", each.given.untrained(weights_seed(each.name, settings.seed)).on_host())
                )
            )
        elif isinstance(each.given, CapturedModel):
            try:
                drawn = each.given.untrained(weights_seed(each.name, settings.seed))
            except ValueError as error:
                raise ValueError(f"{each.name!r}: {error}, or untrained={{{each.name!r}: ...}}") from error
            found.append(StudyInput(each.name, cast("StepModel", drawn)))
        else:
            what = "features" if isinstance(each.given, FeatureSet) else "a model of its own kind"
            raise ValueError(
                f"{each.name!r} was given as {what}, which jaxsim cannot draw random weights for; give its untrained "
                f"counterpart, untrained={{{each.name!r}: ...}}"
            )
    return tuple(found)


def _shown(sources: Mapping[Any, Source]) -> dict[str, Source]:
    """The models under names that can be printed, and written to every file; refuses two that are shown alike."""
    shown: dict[str, Source] = {}
    for name, source in sources.items():
        text = printable(str(name))
        if text in shown:
            raise ValueError(f"expected models of different names, got {text!r} twice; give them other names")
        shown[text] = source
    return shown


def weights_seed(name: str, seed: int) -> int:
    """Seed of the random weights of a model's untrained twin.

    Example:
        >>> weights_seed("vit", 0) == weights_seed("vit", 1)
        False
    """
    return int(np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1)[0] >> 1)


def unique_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names with the second of equal ones called "name-2", the third "name-3".

    Example:
        >>> unique_names(["vit", "resnet", "vit"])
        ('vit', 'resnet', 'vit-2')
    """
    names = list(names)
    taken = set(names)
    seen: set[str] = set()
    unique = []
    for name in names:
        chosen, count = name, 1
        while chosen in seen or (count > 1 and chosen in taken):
            count += 1
            chosen = f"{name}-{count}"
        seen.add(chosen)
        unique.append(chosen)
    return tuple(unique)


def _with_ids(inputs: tuple[StudyInput, ...], settings: Settings) -> tuple[StudyInput, ...]:
    """The inputs; refuses to intersect samples that are told by the numbers of their rows."""
    numbered = [each.name for each in inputs if isinstance(each.given, FeatureSet) and each.given.numbered]
    if settings.intersect and numbered:
        raise ValueError(
            f"expected samples with ids to intersect, but those of {numbered[0]!r} are row numbers, which say nothing "
            "of what belongs together; give jaxsim.open_features(..., sample_ids=)"
        )
    return inputs


def _open(source: Source, settings: Settings, name: str | None) -> StepModel | FeatureSet:
    if isinstance(source, Mapping) and not isinstance(source, FeatureSet):
        return open_features(source, name=name)
    if not isinstance(source, str | os.PathLike):
        if _is_bare_module(source):
            raise ValueError(
                f"{type(source).__name__} is a bare torch, NNX or Linen module: compare "
                "jaxsim.capture(model, image_size=...) instead, whose module calls are steps"
            )
        if not hasattr(source, "steps"):
            raise ValueError(
                "expected a model as a directory, a hub id, a live model, or features (jaxsim.open_features), "
                f"got a {type(source).__name__}"
            )
        # A cached property serves where the protocol asks for a property, which type checkers do not know.
        return cast("StepModel | FeatureSet", source)
    if is_features_file(Path(source).expanduser()) or is_remote(source):
        return open_features(source, name=name)
    model = load_model(
        source,
        granularity=settings.granularity,
        name=name,
        image_size=settings.image_size_of(name),
        dtype=settings.dtype,
    )
    # All models are loaded before the first runs, and the device has other work when the last has run.
    return cast("StepModel", model.on_host())


def _is_bare_module(source: object) -> bool:
    """Whether this is a framework's module; told by name, since none of them may be imported here."""
    bases = ((base.__name__, base.__module__.partition(".")[0]) for base in type(source).__mro__)
    return any(base in (("Module", "torch"), ("Module", "flax")) for base in bases)
