"""What Swin and Swin V2 share: attention inside shifted windows, patch merging, four stages of blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsim.models.layers.positions import resize_grid
from jaxsim.models.layers.vit_layers import layer_norm
from jaxsim.models.step import Recorder, Recording, Tokens

# The originals' norms of patches and merged patches do not follow the configuration.
PATCH_NORM_EPS = 1e-5

Attend = Callable[[Array, np.ndarray | None], Array]


@dataclasses.dataclass(frozen=True)
class WindowSettings:
    """A Swin or Swin V2 transformer.

    Attributes:
        embed_dim: Width of the first stage; every later stage is twice as wide.
        depths: Blocks of each stage.
        n_heads: Attention heads of each stage.
        window: Side of the windows, in tokens.
        mlp_ratio: Width inside the feed-forward part over the stage's width.
        eps: Of the blocks' norms and the final norm.
        activation: Hugging Face's name of it.
        qkv_bias: Whether the projections have biases (Swin V2 never has one for the keys).
        patch_size: (height, width) in pixels.
        grid: Rows and columns of patches that the configuration was made for.
        positions: Whether there are learned absolute positions.
        merge_norm_first: Whether merged patches are normed before they are projected, or after (V2).
        final_norm: Whether there is a last norm; a backbone has none.
        init_std: Of the random twin's kernels.
    """

    embed_dim: int
    depths: tuple[int, ...]
    n_heads: tuple[int, ...]
    window: int
    mlp_ratio: float
    eps: float
    activation: str
    qkv_bias: bool
    patch_size: tuple[int, int]
    grid: tuple[int, int]
    positions: bool = False
    merge_norm_first: bool = True
    final_norm: bool = True
    init_std: float = 0.02


def window_index(window: int) -> Int[np.ndarray, "tokens tokens"]:
    """Rows of the bias table, `[(2 * window - 1) ** 2, heads]`, for each (query, key) of a window.

    Example:
        >>> window_index(2)[0]
        array([4, 3, 1, 0])
    """
    rows, columns = (axis.reshape(-1) for axis in np.indices((window, window)))
    down = rows[:, None] - rows[None, :] + window - 1
    right = columns[:, None] - columns[None, :] + window - 1
    return down * (2 * window - 1) + right


def shift_mask(grid: tuple[int, int], window: int, shift: int) -> Float[np.ndarray, "windows tokens tokens"]:
    """Returns a mask that keeps tokens apart which only meet because the map was rolled: -100, 0 for neighbours.

    Args:
        grid: Rows and columns of the padded map, multiples of `window`.
        window: Side of the windows.
        shift: How far the map was rolled.

    Example:
        >>> shift_mask((2, 4), 2, 1)[0, 0]
        array([   0.,    0., -100., -100.], dtype=float32)
    """
    rows, columns = (
        (np.arange(edge) >= edge - window).astype(int) + (np.arange(edge) >= edge - shift) for edge in grid
    )
    region = rows[:, None] * 3 + columns[None, :]
    parts = region.reshape(grid[0] // window, window, grid[1] // window, window).transpose(0, 2, 1, 3)
    parts = parts.reshape(-1, window**2)
    return np.where(parts[:, :, None] == parts[:, None, :], 0, -100).astype(np.float32)


def attend_in_windows(
    x: Float[Array, "batch tokens features"], grid: tuple[int, int], window: int, shift: int, attend: Attend
) -> Float[Array, "batch tokens features"]:
    """Cuts a map into (shifted) windows, lets tokens attend inside each, and puts the map together again.

    The map is padded with zeros at the bottom and the right to multiples of the window, as in the originals:
    padded tokens do take part.

    Args:
        x: Tokens of a map, row-major.
        grid: Its rows and columns.
        window: Side of the windows.
        shift: How far the map is rolled up and left before, and back after.
        attend: Gets windows `[B * n, window ** 2, C]` and the mask `[n, window ** 2, window ** 2]` or None.
    """
    batch, _, width = x.shape
    rows, columns = -(-grid[0] // window), -(-grid[1] // window)
    padded = rows * window, columns * window
    x = jnp.pad(x.reshape(batch, *grid, width), ((0, 0), (0, padded[0] - grid[0]), (0, padded[1] - grid[1]), (0, 0)))
    x = jnp.roll(x, (-shift, -shift), (1, 2)) if shift else x
    x = x.reshape(batch, rows, window, columns, window, width).swapaxes(2, 3).reshape(-1, window**2, width)
    x = attend(x, shift_mask(padded, window, shift) if shift else None)
    x = x.reshape(batch, rows, columns, window, window, width).swapaxes(2, 3).reshape(batch, *padded, width)
    x = jnp.roll(x, (shift, shift), (1, 2)) if shift else x
    return x[:, : grid[0], : grid[1]].reshape(batch, -1, width)


def bias_of_windows(
    bias: Float[Array, "1 heads tokens tokens"], mask: np.ndarray | None, n_windows: int
) -> Float[Array, "#windows heads tokens tokens"]:
    """Adds the mask of each window to the position bias, for `n_windows` windows in all (batch times windows)."""
    if mask is None:
        return bias
    return jnp.tile(bias + mask[:, None], (n_windows // len(mask), 1, 1, 1))


class PaddedPatchEmbedding(nn.Module):
    """Projects patches, after padding the image with zeros to whole patches, and norms them."""

    settings: WindowSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Float[Array, "batch h w features"]:
        """Returns the patches of images `[B, H, W, C]`."""
        s = self.settings
        down, right = (-edge % patch for edge, patch in zip(images.shape[1:3], s.patch_size, strict=True))
        patches = nn.Conv(
            s.embed_dim,
            s.patch_size,
            strides=s.patch_size,
            padding="VALID",
            dtype=self.dtype,
            precision=self.precision,
            kernel_init=nn.initializers.truncated_normal(s.init_std),
            name="projection",
        )(jnp.pad(images, ((0, 0), (0, down), (0, right), (0, 0))))
        return layer_norm(PATCH_NORM_EPS, self.dtype, "norm")(patches)


class PatchMerging(nn.Module):
    """Puts 2 x 2 neighbours side by side and projects them to twice the width; odd maps are padded."""

    settings: WindowSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch tokens features"], grid: tuple[int, int]
    ) -> Float[Array, "batch fewer wider"]:
        """Returns the tokens of the map with half the rows and columns (rounded up)."""
        s = self.settings
        batch, _, width = x.shape
        x = jnp.pad(x.reshape(batch, *grid, width), ((0, 0), (0, grid[0] % 2), (0, grid[1] % 2), (0, 0)))
        quarters = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        x = jnp.concatenate(quarters, axis=-1).reshape(batch, -1, 4 * width)
        norm = layer_norm(PATCH_NORM_EPS, self.dtype, "norm")
        reduce = nn.Dense(
            2 * width,
            use_bias=False,
            dtype=self.dtype,
            precision=self.precision,
            kernel_init=nn.initializers.truncated_normal(s.init_std),
            name="reduction",
        )
        return reduce(norm(x)) if s.merge_norm_first else norm(reduce(x))


class WindowTransformer(nn.Module):
    """Patches, stages of window-attention blocks with patch merging between them, final norm.

    A family subclasses it and overrides `block`. Steps: `embeddings`, `stage0.block0` ..., `norm`. The hidden
    states of Hugging Face are the embeddings and each stage after its merging.
    """

    settings: WindowSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"
    n_labels: int = 0

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        recorder = Recorder()
        patches = PaddedPatchEmbedding(s, self.dtype, self.precision, name="patch_embedding")(images)
        grid = patches.shape[1], patches.shape[2]
        if s.positions:
            shape = (1, s.grid[0] * s.grid[1], s.embed_dim)
            table = self.param("position_embeddings", nn.initializers.truncated_normal(s.init_std), shape)
            patches = patches + resize_grid(table.reshape(*s.grid, -1), grid, "bicubic").astype(patches.dtype)
        x = patches.reshape(patches.shape[0], -1, s.embed_dim)
        recorder.add("embeddings", x, Tokens((), grid), kind="embeddings", hidden=True)
        for stage, depth in enumerate(s.depths):
            last_stage = stage == len(s.depths) - 1
            for index in range(depth):
                x = self.block(stage, index, x, grid)
                hidden = last_stage and index == depth - 1
                recorder.add(f"stage{stage}.block{index}", x, Tokens((), grid), kind="block", hidden=hidden)
            if not last_stage:
                x = PatchMerging(s, self.dtype, self.precision, name=f"merging{stage}")(x, grid)
                grid = (grid[0] + 1) // 2, (grid[1] + 1) // 2
                recorder.add(f"stage{stage}", x, Tokens((), grid), kind="stage", block=False, hidden=True)
        if not s.final_norm:
            recorder.output("last_hidden_state", x)
            return recorder.finish()
        x = layer_norm(s.eps, self.dtype, "norm")(x)
        recorder.add("norm", x, Tokens((), grid), kind="norm")
        recorder.output("last_hidden_state", x)
        pooled = x.mean(1)
        recorder.output("pooler_output", pooled)
        if self.n_labels:
            classifier = nn.Dense(self.n_labels, dtype=self.dtype, precision=self.precision, name="classifier")
            recorder.output("logits", classifier(pooled))
        return recorder.finish()

    @nn.nowrap
    def block(
        self, stage: int, index: int, x: Float[Array, "batch tokens features"], grid: tuple[int, int]
    ) -> Float[Array, "batch tokens features"]:
        """Returns the output of a block."""
        raise NotImplementedError
