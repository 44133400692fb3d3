"""The description of an architecture in Google-style checkpoints, and rules for the names of Flax's parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxsim.models.family import Architecture, Shapes
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, as_is

ImageSize = tuple[int, int] | None


@dataclasses.dataclass(frozen=True)
class GoogleArchitecture:
    """An architecture whose configuration is read off the shapes of its parameters.

    Attributes:
        family: Name of the family that results show, `"vit"`.
        title: For people.
        formats: Where it occurs: `("npz", "msgpack", "orbax")`.
        signature: Names that tell it from every other architecture.
        describe: Makes the configuration from the shapes, the image size asked for and the overrides.
        overridable: Attributes of the configuration that `overrides` may set.
        build: Makes module and weight table from the configuration; the shapes tell spellings of names.
        codebases: Family as `jaxsim.models.supported` lists it -> the codebases that write it.
        parity: The largest error that the tests against them allow.
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


Line = tuple[str, str, Callable[[np.ndarray], np.ndarray]]


def merge_heads(kernel: np.ndarray) -> np.ndarray:
    """Turns a query, key or value kernel (D, H, d) into (D, H d), its bias (H, d) into (H d)."""
    return kernel.reshape(*kernel.shape[:-2], -1) if kernel.ndim > 2 else kernel


def merge_bias(bias: np.ndarray) -> np.ndarray:
    """Turns a query, key or value bias (H, d) into (H d)."""
    return bias.reshape(-1)


def merge_inputs(kernel: np.ndarray) -> np.ndarray:
    """Turns an output kernel (H, d, D) into (H d, D)."""
    return kernel.reshape(-1, kernel.shape[-1])


def same(*names: str, to: str, leaves: tuple[str, ...] = ("kernel", "bias")) -> list[Line]:
    """Lines for a layer that may have one of several names and whose arrays stay as they are."""
    return [(f"{name}/{leaf}", f"{to}/{leaf}", as_is) for name in names for leaf in leaves]


def normed(*names: str, to: str) -> list[Line]:
    """Lines for a LayerNorm."""
    return same(*names, to=to, leaves=("scale", "bias"))


def attention(*names: str, to: str) -> list[Line]:
    """Lines for Flax's multi-head attention under one of several names."""
    lines: list[Line] = []
    for name in names:
        for part in ("query", "key", "value"):
            lines.append((f"{name}/{part}/kernel", f"{to}/{part}/kernel", merge_heads))
            lines.append((f"{name}/{part}/bias", f"{to}/{part}/bias", merge_bias))
        lines.append((f"{name}/out/kernel", f"{to}/out/kernel", merge_inputs))
        lines.append((f"{name}/out/bias", f"{to}/out/bias", as_is))
    return lines


def rules(lines: list[Line], source: str = "", target: str = "") -> list[Rule]:
    """Rules for lines below a source and a target path."""
    return [Rule(f"{source}{name}", (f"{target}{to}",), transform) for name, to, transform in lines]


def scanned_rules(lines: list[Line], source: str, targets: list[str]) -> list[Rule]:
    """Rules for layers stacked along a leading axis (`nn.scan`), one target path each."""

    def each(transform: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], list[np.ndarray]]:
        def split(stack: np.ndarray) -> list[np.ndarray]:
            if len(stack) != len(targets):
                raise ValueError(f"expected {len(targets)} layers along the first axis")
            return [transform(layer) for layer in stack]

        return split

    return [
        Rule(f"{source}{name}", tuple(f"{path}{to}" for path in targets), each(transform))
        for name, to, transform in lines
    ]
