"""Training a port as a classifier, on arrays that fit in memory."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsim.training.batch_statistics import Seen, apply_with_batch_statistics
from jaxsim.training.loop import Recipe, Report, optimise, shuffled, untrained
from jaxsim.training.views import Views


@dataclasses.dataclass(frozen=True)
class CrossEntropy:
    """Cross entropy of a port whose recording has `logits`.

    Batches are `(images, labels)`, or with views `(uint8 images, labels, key)`.

    Attributes:
        module: The port.
        smoothing: Of the labels.
        views: Augmentation inside the step.
    """

    module: nn.Module
    smoothing: float
    views: Views | None = None

    def __call__(self, variables: Mapping[str, Any], batch: Any) -> tuple[jax.Array, Seen]:
        """Return the loss and the statistics that batch norm saw."""
        images, labels = batch[:2]
        if self.views is not None:
            images = self.views(batch[2], images)
        recording, seen = apply_with_batch_statistics(self.module, variables, images)
        logits = recording.outputs[recording.output_names.index("logits")]
        targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), self.smoothing)
        return optax.softmax_cross_entropy(logits, targets).mean(), seen


def train_classifier(
    module: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    report: Report | None = None,
    views: Views | None = None,
) -> dict[str, Any]:
    """Train a port whose recording has `logits`.

    Args:
        module: The port, untrained.
        images: Preprocessed `[n_samples, height, width, 3]` float32; uint8 with views.
        labels: `[n_samples]`.
        recipe: Hyperparameters.
        report: Called with epoch and mean loss.
        views: Augmentation; whole-pixel shifts if None.

    Returns:
        The trained variables.

    Example:
        See `jaxsim.training.digits`.
    """
    rng = np.random.default_rng(recipe.seed)

    def batches() -> Iterator[Any]:
        for chosen in shuffled(len(images), recipe.batch, rng):
            if views is None:
                yield _shifted(images[chosen], rng, recipe.shift), labels[chosen]
            else:
                yield images[chosen], labels[chosen], jax.random.key(rng.integers(2**31))

    variables = untrained(module, recipe.seed, images.shape[1:])
    objective = CrossEntropy(module, recipe.smoothing, views)
    return optimise(variables, objective, batches, len(images) // recipe.batch, recipe, report)


def accuracy(module: nn.Module, variables: Mapping[str, Any], images: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose largest logit is their label, at inference.

    Example:
        See `jaxsim.training.digits`.
    """

    @jax.jit
    def predicted(batch: jax.Array) -> jax.Array:
        recording: Any = module.apply(variables, batch)
        return jnp.argmax(recording.outputs[recording.output_names.index("logits")], axis=-1)

    return float(np.mean(np.asarray(predicted(images)) == labels))


def _shifted(images: np.ndarray, rng: np.random.Generator, shift: int) -> np.ndarray:
    padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)), mode="edge")
    height, width = images.shape[1:3]
    corners = rng.integers(0, 2 * shift + 1, (len(images), 2))
    return np.stack([p[y : y + height, x : x + width] for p, (y, x) in zip(padded, corners, strict=True)])
