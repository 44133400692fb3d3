"""Activation functions by the names that configurations use."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def _exact_gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    # By erf, not JAX's erfc: a third of the time on CPU, and what torch computes; in bfloat16 the sum would cancel.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return (0.5 * wide * (1 + jax.lax.erf(wide * 0.5**0.5))).astype(x.dtype)


def _tanh_gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    return jax.nn.gelu(x, approximate=True)


def _quick_gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    return x * jax.nn.sigmoid(1.702 * x)


def _identity(x: Float[Array, "..."]) -> Float[Array, "..."]:
    return x


_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": _exact_gelu,
    "gelu_python": _exact_gelu,
    "gelu_new": _tanh_gelu,
    "gelu_fast": _tanh_gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
    "gelu_accurate": _tanh_gelu,
    "quick_gelu": _quick_gelu,
    "relu": jax.nn.relu,
    "relu6": jax.nn.relu6,
    "leaky_relu": jax.nn.leaky_relu,
    "silu": jax.nn.silu,
    "swish": jax.nn.silu,
    "hardswish": jax.nn.hard_swish,
    "mish": jax.nn.mish,
    "selu": jax.nn.selu,
    "sigmoid": jax.nn.sigmoid,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "tanh": jnp.tanh,
    "linear": _identity,
}


def activation(name: str) -> Callable[[Array], Array]:
    """Returns the activation that Hugging Face's configurations call `name`.

    `"gelu"` is the exact one; `"gelu_new"` and its relatives are the tanh approximation (they differ by 1e-4
    and more); `"quick_gelu"` is x * sigmoid(1.702 x).

    Raises:
        ValueError: An unknown name; the message lists the known ones.

    Example:
        >>> float(activation("relu")(-1.0))
        0.0
    """
    if name not in _ACTIVATIONS:
        raise ValueError(
            f"activation {name!r} is not supported; supported: {', '.join(sorted(_ACTIVATIONS))}. "
            "Add it to jaxsim/models/layers/activations.py if the checkpoint needs it."
        )
    return _ACTIVATIONS[name]
