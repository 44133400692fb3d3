"""The two models that `jaxsim demo` compares, trained on the embedded digits.

`python -m jaxsim.training.digits [--out DIR]` trains a ViT and a ResNet classifier, tiny configurations of the ports
that open any checkpoint, and writes them as Hugging Face directories with their held-out accuracy in `training.json`.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from jaxsim.data import digits
from jaxsim.models import load_model
from jaxsim.training.classifier import accuracy, train_classifier
from jaxsim.training.loop import Recipe
from jaxsim.training.shipped import EMBEDDED, PREPROCESSOR, SIZE, architecture_of, write_shipped

CLASSES = {"id2label": {str(i): str(i) for i in range(10)}, "label2id": {str(i): i for i in range(10)}}
MODELS: dict[str, tuple[dict[str, Any], str, Recipe]] = {
    "vit_digits": (
        {
            "model_type": "vit",
            "architectures": ["ViTForImageClassification"],
            "image_size": SIZE,
            "patch_size": 8,
            "num_channels": 3,
            "hidden_size": 48,
            "num_hidden_layers": 8,
            "num_attention_heads": 4,
            "intermediate_size": 96,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-6,
            "qkv_bias": True,
            **CLASSES,
        },
        "classifier.weight",
        Recipe(epochs=60, learning_rate=2e-3),
    ),
    "resnet_digits": (
        {
            "model_type": "resnet",
            "architectures": ["ResNetForImageClassification"],
            "num_channels": 3,
            "embedding_size": 16,
            "hidden_sizes": [16, 32, 64],
            "depths": [3, 3, 2],
            "layer_type": "basic",
            "hidden_act": "relu",
            **CLASSES,
        },
        "classifier.1.weight",
        Recipe(epochs=15, learning_rate=4e-3),
    ),
}


def train(name: str, directory: Path) -> dict[str, Any]:
    """Train one of the embedded models and write its directory.

    Args:
        name: A key of `MODELS`.
        directory: Where to write it.

    Returns:
        What training.json holds: command, recipe, seconds, accuracies.

    Example:
        `python -m jaxsim.training.digits`
    """
    config, head, recipe = MODELS[name]
    architecture = architecture_of(config, name, head)
    data = digits()
    raw = [data.source.load(i) for i in range(len(data.source))]
    directory.mkdir(parents=True, exist_ok=True)
    pixels = _preprocessed(directory, config, raw)
    started = time.perf_counter()
    variables = train_classifier(
        architecture.module,
        pixels[data.train],
        data.labels[data.train],
        recipe,
        lambda epoch, loss: print(f"{name} epoch {epoch + 1}/{recipe.epochs}: loss {loss:.4f}", flush=True),
    )
    seconds = time.perf_counter() - started
    scores = {
        split: round(accuracy(architecture.module, variables, pixels[at], data.labels[at]), 4)
        for split, at in (("train", data.train), ("held_out", data.held_out))
    }
    record = {
        "command": "python -m jaxsim.training.digits",
        "data": f"{len(data.train)} digits, {len(data.held_out)} held out",
        "recipe": vars(recipe),
        "seconds": round(seconds, 1),
        "accuracy": scores,
    }
    return write_shipped(directory, architecture, variables, config, record)


def _preprocessed(directory: Path, config: dict[str, Any], images: list[np.ndarray]) -> np.ndarray:
    """What the loaded model will see, from the loader itself."""
    for name, values in (("config.json", config), ("preprocessor_config.json", PREPROCESSOR)):
        (directory / name).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")
    return load_model(directory, init="random", image_size=SIZE).preprocess(images)


def main() -> None:
    """Train all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=EMBEDDED, help="folder for the model directories")
    parser.add_argument("--only", choices=MODELS, help="train one of them")
    arguments = parser.parse_args()
    for name in MODELS if arguments.only is None else [arguments.only]:
        print(name, train(name, arguments.out / name)["accuracy"])


if __name__ == "__main__":
    main()
