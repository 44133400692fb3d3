"""Pooling tokens by attention with a learned query (MAP head: big_vision, SigLIP)."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.layers.vit_layers import BlockSettings, Mlp, layer_norm


class AttentionPooling(nn.Module):
    """A learned probe attends to all tokens; a norm and a feed-forward part with residual follow.

    Attributes:
        settings: Width, heads, feed-forward size, eps and activation.
    """

    settings: BlockSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch tokens features"]) -> Float[Array, "batch features"]:
        """Returns one vector for each image."""
        s = self.settings
        head_dim = s.hidden_size // s.n_heads
        probe = self.param("probe", nn.initializers.xavier_uniform(), (1, 1, s.hidden_size))

        def project(tokens: Array, name: str) -> Array:
            dense = nn.Dense(s.hidden_size, dtype=self.dtype, precision=self.precision, name=name)
            return dense(tokens).reshape(*tokens.shape[:2], s.n_heads, head_dim)

        query = project(probe.astype(self.dtype), "query") * head_dim**-0.5
        key, value = project(x, "key"), project(x, "value")
        scores = jnp.einsum("qhd,bkhd->bhqk", query[0], key, precision=self.precision).astype(jnp.float32)
        weights = jax.nn.softmax(scores, axis=-1).astype(value.dtype)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, value, precision=self.precision)
        out = nn.Dense(s.hidden_size, dtype=self.dtype, precision=self.precision, name="out")
        pooled = out(mixed.reshape(x.shape[0], 1, -1))
        branch = layer_norm(s.eps, self.dtype, "norm")(pooled)
        return (pooled + Mlp(s, self.dtype, self.precision, name="mlp")(branch))[:, 0]
