"""Loading a model from a directory or the hub."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxsim.arguments import check_choice, check_count, check_image_size, shown
from jaxsim.models.inputs import Pixels
from jaxsim.models.loading.free_memory import check_room
from jaxsim.models.loading.opened import OpenedSource
from jaxsim.models.loading.sources import open_source, readable_misfits
from jaxsim.models.loading.weights import convert_weights, hash_weights
from jaxsim.models.model import Granularity, VisionModel, random_variables
from jaxsim.models.preprocessing.grey import GreyPreprocessor, with_equal_channels
from jaxsim.models.preprocessing.preprocessors import Preprocessor, TransformersPreprocessor


def load_model(
    source: str | os.PathLike[str],
    *,
    granularity: str = "block",
    name: str | None = None,
    image_size: tuple[int, int] | int | None = None,
    init: str = "checkpoint",
    seed: int = 0,
    dtype: str = "float32",
    revision: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> VisionModel:
    """Loads a vision model whose call returns every processing step.

    Args:
        source: A directory as `save_pretrained` writes it (config.json and safetensors), or a hub id; or a
            Google-style checkpoint: an `.npz` file (vision_transformer, big_vision), a msgpack file or an orbax
            directory (Scenic), or the training directory that holds them (its latest step).
        granularity: `"block"`: embeddings or stem, every block, the final norm; `"hf"`: Hugging Face's
            hidden_states one to one.
        name: How results call the model; the last part of `source` by default.
        image_size: (height, width) that `preprocess` returns, instead of the checkpoint's; position
            embeddings are resized as the original does.
        init: `"random"` gives the same architecture untrained (weights are not needed).
        seed: For `init="random"`.
        dtype: Of the computation and the states. float32 multiplies at full precision on every platform;
            bfloat16 is the platform's fast mode (normalisation and softmax stay in float32). Measured on the embedded
            models and 1,797 digits (CPU, mean pooling, k=1): Delta between consecutive steps moves by at most 0.00095
            in the ViT, where it is 0.002 to 0.16, and 0.0003 in the ResNet, where it is 0.002 to 0.025.
        revision: Branch, tag or commit on the hub.
        overrides: Attributes that replace those of the configuration; None leaves one out, and
            `"vision_config.name"` is one of a nested configuration. For
            Google-style checkpoints, which have none, what the shapes cannot tell, such as
            `{"grid": (4, 6)}` of a position table that is not square.

    Returns:
        The model; see `VisionModel`.

    Raises:
        ValueError: No such model, no config, no weights, an unsupported `model_type`, an attribute of the
            configuration that is not handled, tensors missing, unknown or of a wrong shape, a damaged file.

    Example:
        See `VisionModel`.
    """
    check_choice("granularity", granularity, ("block", "hf"))
    check_choice("init", init, ("checkpoint", "random"))
    check_choice("dtype", dtype, ("float32", "bfloat16"))
    seed = check_count("seed", seed, 0)
    _checked_arguments(source, name, revision, overrides)
    size = check_image_size(image_size)
    opened = open_source(source, revision=revision, image_size=size, overrides=overrides, weights=init == "checkpoint")
    architecture = opened.architecture
    module = architecture.module.clone(dtype=jnp.dtype(dtype), precision="highest" if dtype == "float32" else "default")
    variables = _variables(module, opened, init, seed)
    with readable_misfits(opened.where):
        preprocessor = _preprocessor(opened, size)
    label = name or opened.name
    return VisionModel(
        name=label if name or init == "checkpoint" else f"{label}-random{seed}",
        family=opened.family,
        source=os.fspath(source),
        granularity=cast(Granularity, granularity),
        config=opened.config,
        module=module,
        params=jax.tree.map(jnp.asarray, variables),
        weights_hash=hash_weights(variables),
        preprocessor=preprocessor,
        inputs=architecture.inputs,
    )


def _checked_arguments(source: Any, name: Any, revision: Any, overrides: Any) -> None:
    """Refuses what is no path, no name and no mapping."""
    if not isinstance(source, (str, os.PathLike)):
        raise ValueError(
            f"expected source as the path of a checkpoint or a hub id, got {shown(source)}; a live model goes to "
            "jaxsim.capture"
        )
    for what, value in (("name", name), ("revision", revision)):
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise ValueError(f"expected {what} to be a text, got {shown(value)}; leave it out for the default")
    if overrides is not None and not (
        isinstance(overrides, Mapping) and all(isinstance(key, str) and key for key in overrides)
    ):
        raise ValueError(
            f'expected overrides as a mapping from names of the configuration to values, such as {{"image_size": 96}}, '
            f"got {shown(overrides)}"
        )


def _variables(module: nn.Module, opened: OpenedSource, init: str, seed: int) -> Mapping[str, Any]:
    architecture = opened.architecture
    images = architecture.inputs.example(architecture.image_size)
    with readable_misfits(opened.where):
        expected = jax.eval_shape(module.init, jax.random.key(0), images)
        if init == "random":
            check_room(expected, opened.where)
            return random_variables(module, images, seed)
    return convert_weights(architecture.weights, expected, opened.shapes, opened.read, opened.where)


def _preprocessor(opened: OpenedSource, size: tuple[int, int] | None) -> Preprocessor:
    architecture, directory = opened.architecture, opened.processor_directory
    grey = architecture.inputs == Pixels(1)
    if directory is None:
        plain = architecture.preprocessing
        plain = plain if size is None else dataclasses.replace(plain, image_size=size)
        made: Preprocessor = with_equal_channels(plain) if grey else plain
    elif architecture.processor is not None:
        made = architecture.processor(directory, size)
    else:
        made = TransformersPreprocessor(directory, size, spread=grey)
    return GreyPreprocessor(made, opened.where) if grey else made
