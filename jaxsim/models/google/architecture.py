"""What a kind of Google-style checkpoint must say about itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from jaxsim.models.family import Architecture, Shapes
from jaxsim.models.loading.config import ConfigReader

ImageSize = tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class GoogleArchitecture:
    """An architecture whose configuration is read off the shapes of its parameters.

    Attributes:
        family: name of the family that results show, `"vit"`.
        title: for people.
        formats: where it occurs: `("npz", "msgpack", "orbax")`.
        signature: names that tell it from every other architecture.
        describe: makes the configuration from the shapes, the image size asked for and the overrides.
        overridable: attributes of the configuration that `overrides` may set.
        build: makes module and weight table from the configuration; the shapes tell spellings of names.
        codebases: family as `jaxsim.models.supported` lists it -> the codebases that write it.
        parity: the largest error that the tests against them allow.
    """

    family: str
    title: str
    formats: tuple[str, ...]
    signature: tuple[str, ...]
    describe: Callable[[Shapes, ImageSize, Mapping[str, Any], str], dict[str, Any]]
    overridable: tuple[str, ...]
    build: Callable[[ConfigReader, Shapes], Architecture]
    codebases: Mapping[str, tuple[str, ...]]
    parity: float = 2e-5

    def missing(self, shapes: Shapes) -> list[str]:
        """Returns the names of the signature that are not there."""
        return [name for name in self.signature if name not in shapes]
