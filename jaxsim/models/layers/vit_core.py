"""The vision transformer that most transformer families share, configured instead of copied."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.layers.positions import Resize, resize_grid
from jaxsim.models.layers.vit_layers import Block, BlockSettings, PatchEmbedding, Rotate, layer_norm
from jaxsim.models.step import Recorder, Recording, Tokens


@dataclasses.dataclass(frozen=True)
class TransformerSettings:
    """A vision transformer.

    Attributes:
        block: Settings of every block.
        n_blocks: Number of blocks.
        patch_size: (height, width) in pixels.
        grid: Rows and columns of the learned positions.
        prefix: Roles of the leading tokens in order: `("cls",)`, `("cls", "distillation")`, `()`. Tokens of
            one role are one parameter: `cls_token`, `distillation_token`, `register_tokens`.
        positions: Whether positions are learned and added to the embeddings.
        positioned_prefix: How many leading tokens have a slot in the table before the grid's; the tokens
            after them get no position (DINOv2's registers: prefix ("cls", "register", ...), 1).
        resize: How positions are resized for other image sizes.
        patch_bias: Whether the patch projection has a bias.
        embedding_norm: A norm on the embeddings, before the first block (CLIP's `pre_layrnorm`).
        final_norm: Whether the norm after the last block is a step.
    """

    block: BlockSettings
    n_blocks: int
    patch_size: tuple[int, int]
    grid: tuple[int, int]
    prefix: tuple[str, ...] = ("cls",)
    positions: bool = True
    positioned_prefix: int = 1
    resize: Resize = "bicubic"
    patch_bias: bool = True
    embedding_norm: bool = False
    final_norm: bool = True


class VisionTransformer(nn.Module):
    """Patches, prefix tokens, positions, pre-norm blocks, final norm; records every step.

    A family subclasses it and overrides `heads` (outputs after the norm), or `rotate`, `attention_bias` and
    `block_bias` where positions enter the attention. Steps: `embeddings`, `block00` ..., `norm`; the hidden
    states of Hugging Face are `embeddings` and every block.
    """

    settings: TransformerSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        recorder = Recorder()
        x, grid = self.embed(images)
        layout = Tokens(s.prefix, grid)
        recorder.add("embeddings", x, layout, kind="embeddings", hidden=True)
        rotate, bias = self.rotate(grid), self.attention_bias(grid)
        for index in range(s.n_blocks):
            name = f"block{index:02d}"
            own = self.block_bias(index, grid, bias)
            x = Block(s.block, self.dtype, self.precision, name=name)(x, own, rotate)
            recorder.add(name, x, layout, kind="block", hidden=True)
        normed = x
        if s.final_norm:
            normed = layer_norm(s.block.eps, self.dtype, "norm")(x)
            recorder.add("norm", normed, layout, kind="norm")
        self.heads(recorder, normed, x)
        return recorder.finish()

    @nn.nowrap
    def embed(self, images: Float[Array, "batch height width colours"]) -> tuple[Array, tuple[int, int]]:
        """Returns the embedded tokens `[B, T, D]` and the grid of the patches."""
        s = self.settings
        patches = PatchEmbedding(
            s.block.hidden_size,
            s.patch_size,
            s.patch_bias,
            s.block.init_std,
            self.dtype,
            self.precision,
            name="patch_embedding",
        )(images)
        batch, *grid, width = patches.shape
        grid = (grid[0], grid[1])
        x = patches.reshape(batch, -1, width)
        leading = [self._prefix_token(role, batch) for role in dict.fromkeys(s.prefix)]
        tokens = jnp.concatenate([*leading, x], axis=1)
        if s.positions:
            tokens = tokens + self._positions(grid).astype(tokens.dtype)
        if s.embedding_norm:
            tokens = layer_norm(s.block.eps, self.dtype, "embedding_norm")(tokens)
        return tokens, grid

    @nn.nowrap
    def _prefix_token(self, role: str, batch: int) -> Array:
        """Returns the learned token(s) of one role, `[B, n, D]`."""
        count = self.settings.prefix.count(role)
        width = self.settings.block.hidden_size
        name = f"{role}_token" if count == 1 and role != "register" else f"{role}_tokens"
        token = self.param(name, nn.initializers.truncated_normal(self.settings.block.init_std), (1, count, width))
        return jnp.broadcast_to(token.astype(self.dtype), (batch, count, width))

    @nn.nowrap
    def _positions(self, grid: tuple[int, int]) -> Array:
        """Returns the position of every token, `[1, T, D]`: zero for prefix tokens without a slot."""
        s = self.settings
        width, slots = s.block.hidden_size, s.positioned_prefix
        table = self.param(
            "position_embeddings",
            self.position_init,
            (1, slots + s.grid[0] * s.grid[1], width),
        )
        patches = resize_grid(table[0, slots:].reshape(*s.grid, width), grid, s.resize).reshape(-1, width)
        unplaced = jnp.zeros((len(s.prefix) - slots, width), patches.dtype)
        return jnp.concatenate([table[0, :slots], unplaced, patches])[None]

    @nn.nowrap
    def position_init(self, key: Array, shape: tuple[int, ...]) -> Array:
        """Returns the random twin's position table, `[1, T, D]` with the prefix tokens' slots first."""
        return nn.initializers.truncated_normal(self.settings.block.init_std)(key, shape)

    @nn.nowrap
    def rotate(self, grid: tuple[int, int]) -> Rotate | None:
        """Returns what rotates queries and keys (RoPE); None here."""
        return None

    @nn.nowrap
    def attention_bias(self, grid: tuple[int, int]) -> Float[Array, "..."] | None:
        """Returns what is added to the attention scores of every block; None here."""
        return None

    @nn.nowrap
    def block_bias(
        self, index: int, grid: tuple[int, int], shared: Float[Array, "..."] | None
    ) -> Float[Array, "..."] | None:
        """Returns what is added to the scores of block `index`; here `shared`, the bias of all blocks."""
        return shared

    @nn.nowrap
    def heads(
        self,
        recorder: Recorder,
        normed: Float[Array, "batch tokens features"],
        last: Float[Array, "batch tokens features"],
    ) -> None:
        """Records the outputs. Families with a pooler or a classifier override it and call this first.

        Args:
            recorder: Takes the outputs.
            normed: Tokens after the final norm (the same as `last` without one).
            last: The last block's output.
        """
        recorder.output("last_hidden_state", normed)
