"""The reference zoo: eight small models of the rendered images, to test statements about models on.

`python -m jaxsim.training.reference [--only NAME] [--out DIR]` trains {CNN, transformer} x {classifier,
self-supervised} x two seeds on the same images with the same views and writes them as Hugging Face directories.
`training.json` holds how they were made, their accuracy, and what linear probes read off their last step, beside the
untrained twin's.
"""

import argparse
import functools
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np
from jaxtyping import Float

from jaxsim.data import SHAPES, rendered
from jaxsim.data.rendered import render
from jaxsim.features import pool_state
from jaxsim.training.classifier import accuracy, train_classifier
from jaxsim.training.loop import Recipe, untrained
from jaxsim.training.probes import probe_scores
from jaxsim.training.self_supervised import train_self_supervised
from jaxsim.training.shipped import EMBEDDED, SIZE, architecture_of, write_shipped
from jaxsim.training.views import Views, normalised

TRAIN_SEED, HELD_OUT_SEED = 1, 0
N_TRAIN, N_HELD_OUT, N_PROBE = 16_000, 4_000, 4_000
VIEWS = Views()
_CLASSES = {"id2label": {str(i): s for i, s in enumerate(SHAPES)}, "label2id": {s: i for i, s in enumerate(SHAPES)}}
# Without a class token, so that the mean over the patches is what the objective reads, as in the CNN.
TRANSFORMER: dict[str, Any] = {
    "model_type": "ijepa",
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
    # The usual 0.02 suits a width of 768; at 48 the first blocks would hardly change their input.
    "initializer_range": 0.1,
}
CNN: dict[str, Any] = {
    "model_type": "resnet",
    "num_channels": 3,
    "embedding_size": 16,
    "hidden_sizes": [16, 32, 64],
    "depths": [3, 3, 3],
    "layer_type": "basic",
    "hidden_act": "relu",
}
_FAMILIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "vit": (TRANSFORMER, "IJepa", "classifier.weight"),
    "cnn": (CNN, "ResNet", "classifier.1.weight"),
}
RECIPES = {
    ("cnn", "classifier"): Recipe(epochs=5, batch=64, learning_rate=4e-3),
    # Transformers of this size learn slower: after five epochs the classifier was at 0.70 and rising.
    ("vit", "classifier"): Recipe(epochs=30, batch=64, learning_rate=2e-3),
    ("cnn", "selfsup"): Recipe(epochs=5, batch=64, learning_rate=4e-3),
    ("vit", "selfsup"): Recipe(epochs=30, batch=64, learning_rate=2e-3),
}
NAMES = tuple(f"{family}_{objective}_{seed}" for seed in (0, 1) for family, objective in RECIPES)


def train(name: str, directory: Path) -> dict[str, Any]:
    """Train one of the reference models and write its directory.

    Args:
        name: One of `NAMES`.
        directory: Where to write it.

    Returns:
        What training.json holds.

    Example:
        `python -m jaxsim.training.reference --only vit_classifier_0`
    """
    family, objective, seed = name.split("_")
    config, title, head = _FAMILIES[family]
    classifier = objective == "classifier"
    kind = f"{title}ForImageClassification" if classifier else f"{title}Model"
    config = {**config, "architectures": [kind], **(_CLASSES if classifier else {})}
    architecture = architecture_of(config, name, head if classifier else None, len(SHAPES))
    module = architecture.module
    recipe = RECIPES[family, objective]
    recipe = Recipe(**{**vars(recipe), "seed": int(seed)})
    images, labels = training_images()
    losses: list[float] = []

    def report(epoch: int, loss: float) -> None:
        losses.append(round(loss, 4))
        print(f"{name} epoch {epoch + 1}/{recipe.epochs}: loss {loss:.4f}", flush=True)

    started = time.perf_counter()
    if classifier:
        variables = train_classifier(module, images, labels, recipe, report, VIEWS)
    else:
        variables = train_self_supervised(module, images, recipe, VIEWS, report)
    record = {
        "command": f"python -m jaxsim.training.reference --only {name}",
        "objective": "cross entropy of the object class" if classifier else "masked image modelling",
        "data": f"{N_TRAIN} rendered images of seed {TRAIN_SEED}; scores on {N_HELD_OUT} of seed {HELD_OUT_SEED}",
        "views": vars(VIEWS),
        "recipe": vars(recipe),
        "n_parameters": sum(value.size for value in jax.tree.leaves(variables["params"])),
        "loss_by_epoch": losses,
        "seconds": round(time.perf_counter() - started, 1),
        "versions": {package: version(package) for package in ("jax", "flax", "optax")},
        **scores(module, variables, classifier),
        "untrained_probes": scores(module, untrained(module, int(seed), images.shape[1:]), False)["probes"],
    }
    return write_shipped(directory, architecture, variables, config, record)


def scores(module: nn.Module, variables: Mapping[str, Any], classifier: bool) -> dict[str, Any]:
    """Return the held-out accuracy of a classifier, and what linear probes read off the last step.

    Probes see the mean over the patches or the map, are fitted on images of the training seed (which they did not
    learn from one by one) and scored on held-out ones.
    """
    images, held_out = training_images()[0][:N_PROBE], rendered(N_HELD_OUT, HELD_OUT_SEED)
    source = rendered(N_PROBE, TRAIN_SEED)
    test_images = _pixels(HELD_OUT_SEED, N_HELD_OUT)
    probes = probe_scores(
        (last_features(module, variables, images), source.labels, source.factors),
        (last_features(module, variables, test_images), held_out.labels, held_out.factors),
    )
    result: dict[str, Any] = {"probes": probes}
    if classifier:
        share = accuracy(module, variables, np.asarray(normalised(test_images)), held_out.labels)
        result = {"accuracy": {"held_out": round(share, 4)}, **result}
    return result


def last_features(
    module: nn.Module, variables: Mapping[str, Any], images: np.ndarray, batch: int = 500
) -> Float[np.ndarray, "n_samples features"]:
    """Return the mean of the last step's state over patches or map, for uint8 images."""

    @jax.jit
    def features(variables: Any, pixels: jax.Array) -> jax.Array:
        recording: Any = module.apply(variables, normalised(pixels))
        return pool_state(recording.states[-1], recording.descriptions[-1].layout, "mean")

    parts = [features(variables, images[start : start + batch]) for start in range(0, len(images), batch)]
    return np.concatenate([np.asarray(part) for part in parts])


@functools.cache
def training_images() -> tuple[np.ndarray, np.ndarray]:
    """Return the training images, uint8 `[N, 32, 32, 3]`, and their classes."""
    return _pixels(TRAIN_SEED, N_TRAIN), rendered(N_TRAIN, TRAIN_SEED).labels


@functools.cache
def _pixels(seed: int, n: int) -> np.ndarray:
    return np.concatenate([render(seed, start, min(start + 250, n)) for start in range(0, n, 250)])


def main() -> None:
    """Train all models, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=EMBEDDED, help="folder for the model directories")
    parser.add_argument("--only", choices=NAMES, nargs="+", help="train these alone")
    arguments = parser.parse_args()
    for name in arguments.only or NAMES:
        record = train(name, arguments.out / name)
        print(name, record.get("accuracy", ""), record["probes"], f"{record['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
