"""The loop that every training shares: AdamW, warm-up and cosine decay, running statistics of batch norm."""

import dataclasses
import functools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsim.training.batch_statistics import Seen, updated_statistics

Report = Callable[[int, float], None]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Hyperparameters.

    Attributes:
        epochs: Passes over the training set.
        batch: Images per step.
        learning_rate: Peak, after a tenth of the steps; cosine decay to zero.
        weight_decay: Of AdamW.
        smoothing: Of the labels, where there are any.
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


@runtime_checkable
class Objective(Hashable, Protocol):
    """What is minimised. Equal objectives share one compiled step, whatever the seed."""

    def __call__(self, variables: Mapping[str, Any], batch: Any) -> tuple[jax.Array, Seen]:
        """Return the loss of a batch and the statistics that batch norm saw."""
        ...


def untrained(module: nn.Module, seed: int, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return fresh variables of a port for images `[height, width, 3]`.

    Example:
        >>> untrained(nn.Dense(3), 0, (2, 2, 3))["params"]["kernel"].shape
        (3, 3)
    """
    # Not as one program: XLA would compile a random number generator for each of the parameters, for minutes.
    return dict(module.lazy_init(jax.random.key(seed), jax.ShapeDtypeStruct((2, *shape), jnp.float32)))


def shuffled(n: int, batch: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield the positions of whole batches in a random order; the rest is left out.

    Example:
        >>> [len(chosen) for chosen in shuffled(10, 4, np.random.default_rng(0))]
        [4, 4]
    """
    order = rng.permutation(n)
    for start in range(0, n - batch + 1, batch):
        yield order[start : start + batch]


def optimise(
    variables: Mapping[str, Any],
    objective: Objective,
    batches: Callable[[], Iterable[Any]],
    n_batches: int,
    recipe: Recipe,
    report: Report | None = None,
) -> dict[str, Any]:
    """Minimise an objective.

    Args:
        variables: `params`, and `batch_stats` where the port has batch norm.
        objective: What is minimised.
        batches: Gives the batches of one epoch; called once for each.
        n_batches: How many these are.
        recipe: Hyperparameters.
        report: Called with epoch and mean loss.

    Returns:
        The trained variables, NumPy arrays.

    Example:
        See `jaxsim.training.digits`.
    """
    optimiser, step = _compiled(objective, recipe.weight_decay)
    n_steps = recipe.epochs * n_batches
    schedule = optax.warmup_cosine_decay_schedule(0.0, recipe.learning_rate, n_steps // 10, n_steps)
    rates = np.asarray(jax.vmap(schedule)(jnp.arange(n_steps)))
    current, state = dict(variables), optimiser.init(variables["params"])
    for epoch in range(recipe.epochs):
        losses = []
        for rate, batch in zip(rates[epoch * n_batches :], batches(), strict=False):
            current, state, loss = step(current, state, batch, rate)
            losses.append(loss)
        if report is not None:
            report(epoch, float(jnp.mean(jnp.stack(losses))))
    return jax.tree.map(np.asarray, current)


@functools.lru_cache(maxsize=4)
def _compiled(objective: Objective, weight_decay: float) -> tuple[optax.GradientTransformation, Callable[..., Any]]:
    """AdamW and its step; the learning rate is an argument, so one program serves every schedule and seed."""
    optimiser = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.scale_by_adam(),
        optax.add_decayed_weights(weight_decay, mask=lambda p: jax.tree.map(lambda v: v.ndim > 1, p)),
    )

    @jax.jit
    def step(variables: Mapping[str, Any], state: Any, batch: Any, rate: jax.Array) -> Any:
        def loss_of(params: Any) -> Any:
            return objective({**variables, "params": params}, batch)

        (loss, seen), gradient = jax.value_and_grad(loss_of, has_aux=True)(variables["params"])
        updates, state = optimiser.update(gradient, state, variables["params"])
        updates = jax.tree.map(lambda update: -rate * update, updates)
        new = {"params": optax.apply_updates(variables["params"], updates)}
        if "batch_stats" in variables:
            new["batch_stats"] = updated_statistics(variables["batch_stats"], seen, momentum=0.95)
        return new, state, loss

    return optimiser, step
