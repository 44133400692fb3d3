"""Training a port as a classifier, on arrays that fit in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsim.training.batch_statistics import apply_with_batch_statistics, updated_statistics


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters.

    Attributes:
        epochs: Passes over the training set.
        batch: Images per step.
        learning_rate: Peak, after a tenth of the steps; cosine decay to zero.
        weight_decay: Of AdamW.
        smoothing: Of the labels.
        shift: Largest random shift in pixels.
        seed: Of initialisation, order and augmentation.
    """

    epochs: int
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    smoothing: float = 0.1
    shift: int = 3
    seed: int = 0


def train_classifier(
    module: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    report: Callable[[int, float], None] | None = None,
) -> dict[str, Any]:
    """Train a port whose recording has `logits`.

    Args:
        module: The port, untrained.
        images: Preprocessed `[n_samples, height, width, 3]` float32.
        labels: `[n_samples]`.
        recipe: Hyperparameters.
        report: Called with epoch and mean loss.

    Returns:
        The trained variables.

    Example:
        See `jaxsim.training.digits`.
    """
    rng = np.random.default_rng(recipe.seed)
    variables = dict(jax.jit(module.init)(jax.random.key(recipe.seed), images[:2]))
    steps = recipe.epochs * (len(images) // recipe.batch)
    schedule = optax.warmup_cosine_decay_schedule(0.0, recipe.learning_rate, steps // 10, steps)
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(schedule, weight_decay=recipe.weight_decay, mask=lambda p: jax.tree.map(lambda v: v.ndim > 1, p)),
    )
    state = optimiser.init(variables["params"])

    @jax.jit
    def step(variables: Mapping[str, Any], state: Any, batch: jax.Array, wanted: jax.Array) -> Any:
        def loss_of(params: Any) -> Any:
            recording, seen = apply_with_batch_statistics(module, {**variables, "params": params}, batch)
            logits = recording.outputs[recording.output_names.index("logits")]
            targets = optax.smooth_labels(jax.nn.one_hot(wanted, logits.shape[-1]), recipe.smoothing)
            return optax.softmax_cross_entropy(logits, targets).mean(), seen

        (loss, seen), gradient = jax.value_and_grad(loss_of, has_aux=True)(variables["params"])
        updates, state = optimiser.update(gradient, state, variables["params"])
        new = {"params": optax.apply_updates(variables["params"], updates)}
        if "batch_stats" in variables:
            new["batch_stats"] = updated_statistics(variables["batch_stats"], seen, momentum=0.95)
        return new, state, loss

    for epoch in range(recipe.epochs):
        order, losses = rng.permutation(len(images)), []
        for start in range(0, len(images) - recipe.batch + 1, recipe.batch):
            chosen = order[start : start + recipe.batch]
            batch = _shifted(images[chosen], rng, recipe.shift)
            variables, state, loss = step(variables, state, batch, labels[chosen])
            losses.append(loss)
        if report is not None:
            report(epoch, float(jnp.mean(jnp.stack(losses))))
    return jax.tree.map(np.asarray, variables)


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
