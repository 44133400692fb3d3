"""Opening a directory in timm's format."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from jaxsim.models.family import Architecture, Shapes
from jaxsim.models.inputs import Pixels
from jaxsim.models.loading.checkpoint import Checkpoint
from jaxsim.models.loading.config import ConfigReader, overridden
from jaxsim.models.loading.opened import OpenedSource
from jaxsim.models.loading.prefixes import without_prefixes
from jaxsim.models.loading.weights import WeightTable
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.timm import conv, densenet, hiera, mobile, swin, vgg, vit
from jaxsim.models.timm.names import family_of
from jaxsim.models.timm.preprocess import read_preprocessing

Builder = Callable[[str, str, ConfigReader, Shapes, PlainPreprocessor], Architecture]

_BUILDERS: dict[str, Builder] = {
    "resnet": conv.build_resnet,
    "regnet": conv.build_regnet,
    "convnext": conv.build_convnext,
    "convnextv2": conv.build_convnext,
    **dict.fromkeys(("efficientnet", "mnasnet", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3"), mobile.build),
    "vgg": vgg.build,
    "swin": swin.build,
    "swinv2": swin.build,
    "densenet": densenet.build,
    "hiera": hiera.build,
}
# What transformers' wrapper of timm models puts before every name.
_PREFIX = "timm_model."


def is_timm(config: dict[str, Any]) -> bool:
    """Returns whether a config.json is timm's, or that of transformers' wrapper of timm's models.

    Example:
        >>> is_timm({"architecture": "resnet50"}), is_timm({"model_type": "vit"})
        (True, False)
    """
    return isinstance(config.get("architecture"), str) and config.get("model_type", "timm_wrapper") == "timm_wrapper"


def open_timm(name: str, checkpoint: Checkpoint, overrides: dict[str, Any]) -> OpenedSource:
    """Opens a checkpoint whose config.json names one of timm's architectures.

    Args:
        name: How results call the model.
        checkpoint: Configuration and tensors.
        overrides: Entries that replace those of `model_args`; None leaves one out.

    Raises:
        ValueError: An unknown architecture, arguments that are not handled, tensors without which the sizes are
            unknown.
    """
    where = str(checkpoint.directory / "config.json")
    values = checkpoint.config
    architecture = values["architecture"].partition(".")[0]
    family = family_of(architecture, where)
    if not checkpoint.shapes:
        raise ValueError(
            f"{where}: timm's configuration has no sizes; the tensors' shapes are needed, also for init='random'"
        )
    described = values.get("pretrained_cfg") or values
    arguments = overridden(values.get("model_args") or {}, overrides, f"{where}: model_args")
    channels = arguments.get("in_chans", (described.get("input_size") or [3])[0])
    size = arguments.get("img_size")
    if size is not None:
        edges = [size, size] if isinstance(size, int) else list(size)
        described = {**described, "input_size": [channels, *edges]}
    elif "in_chans" in arguments:
        described = {**described, "input_size": [channels, *(described.get("input_size") or (3, 224, 224))[1:]]}
    arguments.setdefault("global_pool", values.get("global_pool"))
    preprocessing = read_preprocessing(described, where)
    # Names in the file may begin as transformers' wrapper has them, below which a trainer's may be.
    checkpoint = checkpoint.renamed({key.removeprefix(_PREFIX): key for key in checkpoint.shapes})
    build = _BUILDERS.get(family, vit.build)

    def weights(shapes: Shapes) -> WeightTable:
        reader = ConfigReader(arguments, where)
        return build(architecture, family, reader, shapes, preprocessing).weights

    checkpoint = without_prefixes(checkpoint, weights)
    reader = ConfigReader(arguments, f"{where}: model_args")
    reader.ignore("num_classes", "drop_rate", "drop_path_rate")
    reader.require("in_chans", 3, 1)
    try:
        built = build(architecture, family, reader, checkpoint.shapes, preprocessing)
    except KeyError as error:
        raise ValueError(
            f"{where}: architecture {architecture!r} needs a tensor {error}, which is not there"
        ) from error
    reader.finish()
    built = dataclasses.replace(built, inputs=Pixels(channels))
    config = json.loads(json.dumps({**values, "model_args": arguments}, default=str))
    return OpenedSource(name, built, family, config, checkpoint.shapes, checkpoint.read, str(checkpoint.directory))
