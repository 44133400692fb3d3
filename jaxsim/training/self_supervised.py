"""Training a port without labels: masked image modelling (SimMIM, Xie et al. 2022; MAE, He et al. 2022).

Half of the patches are blanked; a linear map at each position of the last state predicts the pixels there. It needs no
negatives, no teacher and no large batch, and serves maps and tokens alike. Two views that keep their colours are no
substitute: VICReg, trained for 500 steps on them, kept the ground's colour and luminance, and the class was at chance.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsim.models import Map, Tokens
from jaxsim.training.batch_statistics import Seen, apply_with_batch_statistics
from jaxsim.training.loop import Recipe, Report, optimise, shuffled, untrained
from jaxsim.training.views import Views

MASK_PATCH, MASK_SHARE = 8, 0.5


def blanked(key: Array, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch height width 3"]:
    """Return images with half of their 8 x 8 patches, on average, set to zero.

    Example:
        >>> float(blanked(jax.random.key(0), jnp.ones((200, 16, 16, 3))).mean().round(1))
        0.5
    """
    n, height, width = images.shape[:3]
    kept = jax.random.bernoulli(key, 1 - MASK_SHARE, (n, height // MASK_PATCH, width // MASK_PATCH))
    return images * jnp.repeat(jnp.repeat(kept, MASK_PATCH, 1), MASK_PATCH, 2)[..., None]


def patches_of(
    images: Float[Array, "batch height width 3"], rows: int, columns: int
) -> Float[Array, "batch rows columns pixels"]:
    """Return the pixels under each position of a grid.

    Example:
        >>> patches_of(jnp.zeros((1, 8, 8, 3)), 2, 4).shape
        (1, 2, 4, 24)
    """
    n, height, width = images.shape[:3]
    cut = images.reshape(n, rows, height // rows, columns, width // columns, 3)
    return cut.transpose(0, 1, 3, 2, 4, 5).reshape(n, rows, columns, -1)


def as_map(recording: Any) -> Float[Array, "batch rows columns features"]:
    """Return a recording's last state as a map; leading tokens are left out.

    Raises:
        ValueError: The last state is a vector.
    """
    state, layout = recording.states[-1], recording.descriptions[-1].layout
    if isinstance(layout, Map):
        return state
    if isinstance(layout, Tokens):
        return state[:, len(layout.prefix) :].reshape(len(state), *layout.grid, -1)
    raise ValueError(f"masked image modelling needs a last state of patches or a map, came {layout}")


@dataclasses.dataclass(frozen=True)
class MaskedImages:
    """Mean squared error of the pixels predicted from a half-blanked image. Batches are `(uint8 images, key)`.

    Attributes:
        module: The port.
        views: Augmentation, before blanking.
    """

    module: nn.Module
    views: Views

    def __call__(self, variables: Mapping[str, Any], batch: Any) -> tuple[jax.Array, Seen]:
        """Return the loss and the statistics that batch norm saw."""
        images, key = batch
        view_key, mask_key = jax.random.split(key)
        wanted = self.views(view_key, images)
        own = {**variables, "params": variables["params"]["model"]}
        recording, seen = apply_with_batch_statistics(self.module, own, blanked(mask_key, wanted))
        features = as_map(recording)
        decoder = variables["params"]["decoder"]
        predicted = features @ decoder["kernel"] + decoder["bias"]
        return jnp.mean((predicted - patches_of(wanted, *features.shape[1:3])) ** 2), seen


def train_self_supervised(
    module: nn.Module, images: np.ndarray, recipe: Recipe, views: Views, report: Report | None = None
) -> dict[str, Any]:
    """Train a port without labels.

    Args:
        module: The port, untrained.
        images: `[n_samples, height, width, 3]` uint8.
        recipe: Hyperparameters.
        views: Augmentation.
        report: Called with epoch and mean loss.

    Returns:
        The trained variables of the port; the decoder is thrown away.

    Raises:
        ValueError: The port's last state is a vector.

    Example:
        See `jaxsim.training.reference`.
    """
    rng = np.random.default_rng(recipe.seed)

    def batches() -> Iterator[Any]:
        for chosen in shuffled(len(images), recipe.batch, rng):
            yield images[chosen], jax.random.key(rng.integers(2**31))

    variables = untrained(module, recipe.seed, images.shape[1:])
    shape = (1, *images.shape[1:])
    features = jax.eval_shape(lambda: as_map(module.apply(variables, jnp.zeros(shape)))).shape
    pixels = int(np.prod(shape)) // (features[1] * features[2])
    decoder = {
        "kernel": jax.random.normal(jax.random.key(recipe.seed + 1), (features[-1], pixels))
        / np.sqrt(features[-1])
        / 10,
        "bias": jnp.zeros(pixels),
    }
    start = {**variables, "params": {"model": variables["params"], "decoder": decoder}}
    trained = optimise(start, MaskedImages(module, views), batches, len(images) // recipe.batch, recipe, report)
    return {**trained, "params": trained["params"]["model"]}
