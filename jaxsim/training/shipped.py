"""What the trainings of the shipped models share: the untrained port of a configuration, and the written directory."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from jaxsim.models.family import Architecture, family_of
from jaxsim.models.loading.config import ConfigReader, with_defaults
from jaxsim.models.loading.saving import write_checkpoint

EMBEDDED = Path(__file__).parent.parent / "models" / "embedded"
SIZE = 32
PREPROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "do_resize": True,
    "size": {"height": SIZE, "width": SIZE},
    "resample": 2,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


def architecture_of(config: Mapping[str, Any], name: str, head: str | None = None, n_classes: int = 10) -> Architecture:
    """Return the port of a configuration.

    Args:
        config: What config.json will hold.
        name: For errors.
        head: The classifier's weight in a checkpoint; None for none.
        n_classes: Its outputs.

    Example:
        >>> config = {"model_type": "resnet", "hidden_sizes": [8], "depths": [1], "layer_type": "basic"}
        >>> architecture_of(config, "tiny", "classifier.1.weight").module.n_labels
        10
    """
    reader = ConfigReader(with_defaults(dict(config), name), name)
    architecture = family_of(config["model_type"], name).build(reader, {head: (n_classes, 0)} if head else {})
    reader.finish()
    return architecture


def write_shipped(
    directory: Path, architecture: Architecture, variables: Any, config: Mapping[str, Any], record: Mapping[str, Any]
) -> dict[str, Any]:
    """Write a trained model as a Hugging Face directory with its training.json.

    Args:
        directory: Made if it is not there.
        architecture: From `architecture_of`.
        variables: Trained.
        config: What config.json holds.
        record: What training.json holds; the device is added.

    Returns:
        What training.json holds.

    Example:
        See `jaxsim.training.digits`.
    """
    write_checkpoint(directory, architecture.weights, variables, config, PREPROCESSOR)
    full = {**record, "device": jax.default_backend()}
    (directory / "training.json").write_text(json.dumps(full, indent=2) + "\n")
    return full
