"""Loading a model from a directory or the hub."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.models.checkpoint import Checkpoint, locate, open_checkpoint
from jaxsim.models.config import ConfigReader, with_defaults
from jaxsim.models.family import Architecture, family_of
from jaxsim.models.model import Granularity, VisionModel
from jaxsim.models.preprocess import Preprocessor, TransformersPreprocessor
from jaxsim.models.weights import convert_weights, hash_weights


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
) -> VisionModel:
    """Loads a vision model whose call returns every processing step.

    Args:
        source: a directory as `save_pretrained` writes it (config.json and safetensors), or a hub id.
        granularity: `"block"`: embeddings or stem, every block, the final norm; `"hf"`: Hugging Face's
            hidden_states one to one.
        name: how results call the model; the last part of `source` by default.
        image_size: (height, width) that `preprocess` returns, instead of the checkpoint's; position
            embeddings are resized as the original does.
        init: `"random"` gives the same architecture untrained (weights are not needed).
        seed: for `init="random"`.
        dtype: of the computation and the states. float32 multiplies at full precision on every platform;
            bfloat16 is the platform's fast mode (normalisation and softmax stay in float32).
        revision: branch, tag or commit on the hub.

    Returns:
        The model; see `VisionModel`.

    Raises:
        ValueError: no such model, no config, no weights, an unsupported `model_type`, an attribute of the
            configuration that is not handled, tensors missing, unknown or of a wrong shape, a damaged file.

    Example:
        See `VisionModel`.
    """
    if granularity not in ("block", "hf"):
        raise ValueError(f"granularity={granularity!r}: expected 'block' or 'hf'")
    if init not in ("checkpoint", "random"):
        raise ValueError(f"init={init!r}: expected 'checkpoint' or 'random'")
    if dtype not in ("float32", "bfloat16"):
        raise ValueError(f"dtype={dtype!r}: expected 'float32' or 'bfloat16'")
    size = _checked_size(image_size)
    directory = locate(source, revision)
    checkpoint = open_checkpoint(directory, weights=init == "checkpoint")
    architecture, family, config = _architecture(checkpoint)
    module = architecture.module.clone(
        dtype=jnp.dtype(dtype), precision="highest" if dtype == "float32" else "default"
    )
    variables = _variables(module, architecture, checkpoint, init, seed)
    label = name or Path(os.fspath(source)).name
    return VisionModel(
        name=label if name or init == "checkpoint" else f"{label}-random{seed}",
        family=family,
        source=os.fspath(source),
        granularity=cast(Granularity, granularity),
        config=config,
        module=module,
        params=jax.tree.map(jnp.asarray, variables),
        weights_hash=hash_weights(variables),
        preprocessor=_preprocessor(directory, architecture, size),
    )


def _checked_size(image_size: tuple[int, int] | int | None) -> tuple[int, int] | None:
    if image_size is None:
        return None
    pair = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(pair) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in pair):
        raise ValueError(f"image_size={image_size!r}: expected a positive number or (height, width)")
    return pair


def _architecture(checkpoint: Checkpoint) -> tuple[Architecture, str, dict[str, Any]]:
    """Returns the architecture, its family's name and the configuration with defaults."""
    where = str(checkpoint.directory / "config.json")
    model_type = checkpoint.config.get("model_type")
    if not isinstance(model_type, str):
        raise ValueError(f"{where}: no model_type; expected a Hugging Face configuration")
    family = family_of(model_type, where)
    reader = ConfigReader(with_defaults(checkpoint.config, where), where)
    architecture = family.build(reader, checkpoint.shapes)
    reader.finish()
    return architecture, family.name, json.loads(json.dumps(reader.values, default=str))


def _variables(
    module: nn.Module, architecture: Architecture, checkpoint: Checkpoint, init: str, seed: int
) -> Mapping[str, Any]:
    images = jax.ShapeDtypeStruct((1, *architecture.image_size, 3), jnp.float32)
    if init == "random":
        return jax.tree.map(np.asarray, dict(module.lazy_init(jax.random.key(seed), images)))
    expected = jax.eval_shape(module.init, jax.random.key(0), images)
    return convert_weights(
        architecture.weights, expected, checkpoint.shapes, checkpoint.read, str(checkpoint.directory)
    )


def _preprocessor(directory: Path, architecture: Architecture, size: tuple[int, int] | None) -> Preprocessor:
    if (
        not (directory / "preprocessor_config.json").is_file()
        and not (directory / "processor_config.json").is_file()
    ):
        plain = architecture.preprocessing
        return plain if size is None else dataclasses.replace(plain, image_size=size)
    if architecture.processor is not None:
        return architecture.processor(directory, size)
    return TransformersPreprocessor(directory, size)
