"""From what users have (devices, a mesh, nothing) to where the samples go."""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from .programs import Placement

AXIS = "samples"


def make_placement(devices: Sequence[Any] | int | None = None, mesh: Mesh | None = None) -> Placement:
    """Where the samples of a computation live.

    Args:
        devices: Devices that share the samples, or how many of `jax.devices()`; None takes the default device, or all
            devices when several processes run together.
        mesh: A mesh; all of its axes share the samples.

    Returns:
        The placement.

    Raises:
        ValueError: If both are given, there are no devices, or more are asked for than exist.

    Example:
        >>> make_placement().n_shards
        1
    """
    if mesh is not None:
        if devices is not None:
            raise ValueError("expected devices= or mesh=, got both; a mesh brings its own devices.")
        return _over(list(mesh.devices.flat))
    if devices is None:
        return _over(jax.devices()) if jax.process_count() > 1 else Placement()
    if isinstance(devices, (int, np.integer)) and not isinstance(devices, bool):
        available = jax.devices()
        if not 1 <= devices <= len(available):
            raise ValueError(f"devices must be between 1 and {len(available)} (the devices there are), got {devices}.")
        return _over(available[: int(devices)])
    several = isinstance(devices, Iterable) and not isinstance(devices, (str, bytes))
    chosen: list[Any] = list(devices) if several else [devices]  # pyright: ignore[reportArgumentType]
    if not chosen:
        raise ValueError("expected at least one device, got an empty sequence.")
    if not several or not all(isinstance(each, jax.Device) for each in chosen):
        raise ValueError(f"expected devices as a number or a sequence of JAX's devices, got {devices!r}.")
    return _over(chosen)


def _over(devices: list[Any]) -> Placement:
    if len(devices) == 1:
        return Placement(device=devices[0])
    mesh = jax.make_mesh((len(devices),), (AXIS,), devices=devices, axis_types=(jax.sharding.AxisType.Auto,))
    return Placement(mesh=mesh)
