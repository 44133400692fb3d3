"""The description that each family of models gives of itself, and the registry that finds the families."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import flax.linen as nn

from jaxsim.arguments import shown
from jaxsim.models.inputs import PIXELS, ModelInput
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor, Preprocessor

Shapes = Mapping[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One configuration of a family, ready to receive weights.

    Attributes:
        module: A Linen module with the fields `dtype` and `precision`, whose call takes images `[B, H, W, 3]`
            and returns a `Recording`.
        weights: The weight table.
        image_size: (height, width) that the configuration was made for.
        preprocessing: What images get when the checkpoint says nothing about it.
        processor: Makes the preprocessor from a checkpoint's directory where transformers' own cannot run.
            Called with the directory and the image size asked for (or None).
        inputs: What the module takes; float images unless it says otherwise.
    """

    module: nn.Module
    weights: WeightTable
    image_size: tuple[int, int]
    preprocessing: PlainPreprocessor
    processor: Callable[[Path, tuple[int, int] | None], Preprocessor] | None = None
    inputs: ModelInput = PIXELS


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of checkpoints.

    Attributes:
        name: Short name, `"vit"`.
        title: For people, `"ViT, DINO"`.
        model_types: The `model_type`s of config.json it serves.
        build: Makes the architecture from the configuration and the checkpoint's tensor shapes (empty for a
            random twin without weights); the shapes tell whether optional heads are there.
    """

    name: str
    title: str
    model_types: tuple[str, ...]
    build: Callable[[ConfigReader, Shapes], Architecture]


def head_size(shapes: Shapes, *names: str) -> int:
    """Returns the number of outputs of the first of these weights that the checkpoint has, else 0.

    Example:
        >>> head_size({"classifier.weight": (10, 64)}, "classifier.weight")
        10
    """
    return next((shapes[name][0] for name in names if name in shapes), 0)


#: Norms of a backbone's feature maps, which are none of the steps.
BACKBONE_EXTRAS = ("hidden_states_norms.*",)


def is_backbone(shapes: Shapes, architectures: object = None) -> bool:
    """Returns whether a `*Backbone` class saved a checkpoint: no last norm, mostly one for each feature map.

    Args:
        shapes: Of the checkpoint's tensors.
        architectures: The configuration's attribute of this name, a list of class names.

    Example:
        >>> is_backbone({"hidden_states_norms.stage2.weight": (32,), "encoder.layers.0.weight": (8, 8)})
        True
        >>> is_backbone({"layernorm.weight": (8,)}, ["Swinv2Backbone"])
        False
    """
    names = architectures if isinstance(architectures, list) else []
    called = bool(shapes) and any(str(name).endswith("Backbone") for name in names)
    last_norm = any(
        re.fullmatch(r"(\w+\.)?layernorm\.(weight|bias)", name) for name in shapes if not name.startswith("embeddings.")
    )
    return not last_norm and (called or any("hidden_states_norms." in name for name in shapes))


@functools.cache
def families() -> tuple[Family, ...]:
    """Returns every family: each file in `jaxsim/models/families` that defines `FAMILY` (or `FAMILIES`).

    Example:
        >>> "vit" in [family.name for family in families()]
        True
    """
    package = importlib.import_module("jaxsim.models.families")
    found: list[Family] = []
    for entry in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{package.__name__}.{entry.name}")
        found += getattr(module, "FAMILIES", [module.FAMILY] if hasattr(module, "FAMILY") else [])
    return tuple(found)


def family_of(model_type: str, where: str) -> Family:
    """Returns the family that serves a `model_type`.

    Raises:
        ValueError: None does; the message lists the supported ones, nearest first.

    Example:
        >>> family_of("vit", "config.json").name
        'vit'
    """
    serving = {kind: family for family in families() for kind in family.model_types}
    if model_type in serving:
        return serving[model_type]
    near = difflib.get_close_matches(model_type[:80], serving, n=3, cutoff=0.4)
    hint = f" Nearest: {', '.join(near)}." if near else ""
    raise ValueError(
        f"{where}: model_type {shown(model_type)} is not supported.{hint} Supported: {', '.join(sorted(serving))}."
    )
