"""The parts that vision transformers are made of: patches, attention, feed-forward, one pre-norm block."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.layers.activations import activation
from jaxsim.models.layers.softmax import softmax_mean

Rotate = Callable[[Array, Array], tuple[Array, Array]]


class LayerNorm(nn.Module):
    """Layer normalisation over the last axis; the parameters of `nn.LayerNorm`.

    The variance takes two passes (the fast one is wrong where |mean| >> std), in float32 at least.
    """

    eps: float
    dtype: jnp.dtype = jnp.dtype("float32")

    @nn.compact
    def __call__(self, x: Float[Array, "*shape features"]) -> Float[Array, "*shape features"]:
        """Returns the normalised features."""
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        shift = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        centred = wide - _mean(wide)
        normed = centred * jax.lax.rsqrt(_mean(centred**2) + self.eps)
        return (normed * scale + shift).astype(self.dtype)


def _mean(x: Array) -> Array:
    """Returns the mean over the last axis, kept; on CPU by a product, since XLA does not vectorise such a sum."""

    def product(x: Array) -> Array:
        return jnp.dot(x, jnp.full((x.shape[-1], 1), 1 / x.shape[-1], x.dtype), precision="highest")

    return jax.lax.platform_dependent(x, cpu=product, default=lambda x: jnp.mean(x, axis=-1, keepdims=True))


def layer_norm(eps: float, dtype: jnp.dtype, name: str) -> LayerNorm:
    """Returns a `LayerNorm` of that name."""
    return LayerNorm(eps, dtype, name=name)


@dataclasses.dataclass(frozen=True)
class BlockSettings:
    """One transformer block.

    Attributes:
        hidden_size: Width of the tokens, D.
        n_heads: Attention heads.
        mlp_size: Width inside the feed-forward part.
        eps: Of the norms.
        activation: Hugging Face's name of it.
        head_dim: Width of a head; D / n_heads if None.
        attention_scale: Factor of the attention scores; head_dim ** -0.5 if None.
        query_bias: Whether the query projection has a bias; likewise `key_bias`, `value_bias`, `out_bias`.
        key_bias: See `query_bias`.
        value_bias: See `query_bias`.
        out_bias: See `query_bias`.
        mlp_bias: Whether the feed-forward projections have biases.
        gated_mlp: `out(act(gate(x)) * up(x))` instead of `fc2(act(fc1(x)))`.
        layer_scale: Whether each branch is multiplied by a learned vector.
        layer_scale_init: The random twin's value of it.
        init_std: Of the random twin's kernels.
    """

    hidden_size: int
    n_heads: int
    mlp_size: int
    eps: float
    activation: str = "gelu"
    head_dim: int | None = None
    attention_scale: float | None = None
    query_bias: bool = True
    key_bias: bool = True
    value_bias: bool = True
    out_bias: bool = True
    mlp_bias: bool = True
    gated_mlp: bool = False
    layer_scale: bool = False
    layer_scale_init: float = 1.0
    init_std: float = 0.02


class PatchEmbedding(nn.Module):
    """Cuts images into patches and projects each; a rest at the border is dropped."""

    hidden_size: int
    patch_size: tuple[int, int]
    bias: bool = True
    init_std: float = 0.02
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the projected patches `[B, h, w, D]` of images `[B, H, W, C]`."""
        if images.shape[1] < self.patch_size[0] or images.shape[2] < self.patch_size[1]:
            raise ValueError(
                f"images of {images.shape[1]} x {images.shape[2]} pixels are smaller than one patch of "
                f"{self.patch_size[0]} x {self.patch_size[1]}; use larger images"
            )
        return nn.Conv(
            self.hidden_size,
            self.patch_size,
            strides=self.patch_size,
            padding="VALID",
            use_bias=self.bias,
            dtype=self.dtype,
            precision=self.precision,
            kernel_init=nn.initializers.truncated_normal(self.init_std),
            name="projection",
        )(images)


class Attention(nn.Module):
    """Multi-head self-attention with separate query, key and value projections; softmax in float32."""

    settings: BlockSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        bias: Float[Array, "#batch #heads tokens tokens"] | None = None,
        rotate: Rotate | None = None,
        context: Float[Array, "batch others features"] | None = None,
    ) -> Float[Array, "batch tokens features"]:
        """Returns the attended tokens.

        Args:
            x: Normed tokens.
            bias: Added to the scaled scores (relative positions, a mask with -inf).
            rotate: Maps (query, key), each `[B, T, heads, head_dim]`, to rotated ones (RoPE).
            context: Tokens that give keys and values, if not `x` itself.
        """
        s = self.settings
        head_dim = s.head_dim or s.hidden_size // s.n_heads
        seen = x if context is None else context

        def project(tokens: Array, use_bias: bool, name: str) -> Array:
            wide = _dense(s.n_heads * head_dim, use_bias, s, self.dtype, self.precision, name)(tokens)
            return wide.reshape(*tokens.shape[:2], s.n_heads, head_dim)

        query = project(x, s.query_bias, "query")
        key, value = project(seen, s.key_bias, "key"), project(seen, s.value_bias, "value")
        if rotate is not None:
            query, key = rotate(query, key)
        # Heads before tokens: XLA:CPU multiplies batches of contiguous matrices a quarter faster.
        query, key, value = (each.transpose(0, 2, 1, 3) for each in (query, key, value))
        scores = jnp.einsum("bhqd,bhkd->bhqk", query, key, precision=self.precision).astype(jnp.float32)
        scores = scores * (head_dim**-0.5 if s.attention_scale is None else s.attention_scale)
        if bias is not None:
            scores = scores + bias
        mixed = softmax_mean(scores, value, self.precision).transpose(0, 2, 1, 3)
        out = _dense(s.hidden_size, s.out_bias, s, self.dtype, self.precision, "out")
        return out(mixed.reshape(*x.shape[:2], -1))


def _dense(size: int, use_bias: bool, settings: BlockSettings, dtype: jnp.dtype, precision: str, name: str) -> nn.Dense:
    return nn.Dense(
        size,
        use_bias=use_bias,
        dtype=dtype,
        precision=precision,
        kernel_init=nn.initializers.truncated_normal(settings.init_std),
        name=name,
    )


class Mlp(nn.Module):
    """The feed-forward part: `fc2(act(fc1(x)))`, or gated `out(act(gate(x)) * up(x))`."""

    settings: BlockSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch tokens features"]) -> Float[Array, "batch tokens features"]:
        """Returns the transformed tokens."""
        s = self.settings
        act = activation(s.activation)

        def project(size: int, name: str) -> nn.Dense:
            return _dense(size, s.mlp_bias, s, self.dtype, self.precision, name)

        if s.gated_mlp:
            gated = act(project(s.mlp_size, "gate")(x)) * project(s.mlp_size, "up")(x)
            return project(s.hidden_size, "out")(gated)
        return project(s.hidden_size, "fc2")(act(project(s.mlp_size, "fc1")(x)))


class LayerScale(nn.Module):
    """Multiplies each feature by a learned factor."""

    initial: float = 1.0

    @nn.compact
    def __call__(self, x: Float[Array, "*shape features"]) -> Float[Array, "*shape features"]:
        """Returns the scaled features."""
        scale = self.param("scale", nn.initializers.constant(self.initial), (x.shape[-1],))
        return x * scale.astype(x.dtype)


class Block(nn.Module):
    """A pre-norm block: `x + attention(norm1(x))`, then `x + mlp(norm2(x))`, each branch scaled if asked."""

    settings: BlockSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(
        self,
        x: Float[Array, "batch tokens features"],
        bias: Float[Array, "#batch #heads tokens tokens"] | None = None,
        rotate: Rotate | None = None,
    ) -> Float[Array, "batch tokens features"]:
        """Returns the block's residual output; `bias` and `rotate` go to the attention."""
        s = self.settings
        branch = layer_norm(s.eps, self.dtype, "norm1")(x)
        branch = Attention(s, self.dtype, self.precision, name="attention")(branch, bias, rotate)
        x = x + (LayerScale(s.layer_scale_init, name="layer_scale1")(branch) if s.layer_scale else branch)
        branch = layer_norm(s.eps, self.dtype, "norm2")(x)
        branch = Mlp(s, self.dtype, self.precision, name="mlp")(branch)
        return x + (LayerScale(s.layer_scale_init, name="layer_scale2")(branch) if s.layer_scale else branch)
