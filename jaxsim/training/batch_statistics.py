"""Batch norm in training, for ports that only know inference.

The ports normalise by stored statistics. In training an interceptor takes the batch's own instead and hands them out,
so that the ports stay as plain as they are.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

Seen = dict[tuple[str, ...], tuple[jax.Array, jax.Array]]


def apply_with_batch_statistics(module: nn.Module, variables: Mapping[str, Any], images: jax.Array) -> tuple[Any, Seen]:
    """Apply a module with batch norm by the batch's own statistics.

    Args:
        module: A port.
        variables: Its variables.
        images: `[batch, height, width, 3]`.

    Returns:
        What the module returns, and mean and variance by module path.

    Example:
        >>> norm = nn.BatchNorm(use_running_average=True)
        >>> x = jnp.arange(4.0)[:, None]
        >>> y, seen = apply_with_batch_statistics(norm, norm.init(jax.random.key(0), x), x)
        >>> bool(abs(y.mean()) < 1e-6), float(seen[()][0][0])
        (True, 1.5)
    """
    seen: Seen = {}

    def intercept(
        call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], context: nn.module.InterceptorContext
    ) -> Any:
        norm = context.module
        if not isinstance(norm, nn.BatchNorm) or context.method_name != "__call__":
            return call(*args, **kwargs)
        x = args[0]
        axes = tuple(range(x.ndim - 1))
        mean, variance = jnp.mean(x, axes), jnp.var(x, axes)
        seen[norm.path] = (mean, variance)
        scaled = (x - mean) * jax.lax.rsqrt(variance + norm.epsilon)
        return scaled * norm.get_variable("params", "scale") + norm.get_variable("params", "bias")

    with nn.intercept_methods(intercept):
        result = module.apply(variables, images)
    return result, seen


def updated_statistics(batch_stats: Mapping[str, Any], seen: Seen, momentum: float) -> dict[str, Any]:
    """Running statistics moved towards a batch's.

    Args:
        batch_stats: The `batch_stats` collection.
        seen: From `apply_with_batch_statistics`.
        momentum: Share that is kept.

    Returns:
        The new collection.

    Example:
        >>> old = {"bn": {"mean": jnp.zeros(1), "var": jnp.ones(1)}}
        >>> new = updated_statistics(old, {("bn",): (jnp.ones(1), jnp.ones(1))}, 0.9)
        >>> round(float(new["bn"]["mean"][0]), 3)
        0.1
    """

    def moved(tree: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        if path in seen:
            mean, variance = seen[path]
            return {
                "mean": momentum * tree["mean"] + (1 - momentum) * mean,
                "var": momentum * tree["var"] + (1 - momentum) * variance,
            }
        return {name: moved(part, (*path, name)) for name, part in tree.items()}

    return moved(batch_stats, ())
