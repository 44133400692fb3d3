"""From what users have (devices, a mesh, nothing) to where the samples go."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

AXIS = "samples"


@dataclass(frozen=True)
class Placement:
    """Where samples live: on one device, or on the devices of a mesh's single axis, which share columns or rows.

    Attributes:
        mesh: Mesh of one axis, or None for one device.
        device: The device when there is no mesh; None leaves it to JAX.
        rows_sharded: Whether devices share the query rows and every one has all samples, rather than its own samples
            for all rows.
    """

    mesh: Mesh | None = None
    device: Any = None
    rows_sharded: bool = False

    @property
    def axis(self) -> str | None:
        """Name of the mesh axis that the samples are sharded over; None where every device has all."""
        return None if self.mesh is None or self.rows_sharded else self.mesh.axis_names[0]

    @property
    def rows_axis(self) -> str | None:
        """Name of the mesh axis that query rows are sharded over; None where every device works on all."""
        return None if self.mesh is None or not self.rows_sharded else self.mesh.axis_names[0]

    @property
    def n_devices(self) -> int:
        """Number of devices."""
        return 1 if self.mesh is None else self.mesh.size

    @property
    def n_shards(self) -> int:
        """Number of devices that share the samples."""
        return 1 if self.rows_sharded else self.n_devices

    @property
    def n_row_shards(self) -> int:
        """Number of devices that share the query rows."""
        return self.n_devices if self.rows_sharded else 1

    @property
    def platform(self) -> str:
        """`cpu`, `gpu` or `tpu`."""
        if self.mesh is not None:
            return self.mesh.devices.flat[0].platform
        return self.device.platform if self.device is not None else jax.default_backend()

    @property
    def processes(self) -> tuple[int, ...]:
        """Numbers of the processes whose devices share the samples; one device is its own process's."""
        if self.mesh is None:
            return (jax.process_index(),)
        return tuple(sorted({d.process_index for d in self.mesh.devices.flat}))

    @property
    def local_devices(self) -> tuple[Any, ...]:
        """Those of this process."""
        if self.mesh is not None:
            return tuple(d for d in self.mesh.devices.flat if d.process_index == jax.process_index())
        return (self.device if self.device is not None else jax.local_devices()[0],)

    @property
    def n_processes(self) -> int:
        """Number of processes whose devices share the samples."""
        return len(self.processes)

    @property
    def on_one_cpu(self) -> bool:
        """Whether it is one CPU device, whose arrays the host's own loops can read."""
        return self.platform == "cpu" and self.mesh is None

    def place(self, host: np.ndarray | jax.Array) -> jax.Array:
        """Put a padded array on its devices, shard by shard; where samples are sharded no device sees all.

        What is on devices already goes from there, not by way of the host.
        """
        if self.mesh is None:
            return jax.device_put(host, self.device)
        if isinstance(host, jax.Array):
            return jax.device_put(host, NamedSharding(self.mesh, P(self.axis)))
        sharding = NamedSharding(self.mesh, P(self.axis))
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    def empty_strip(self, n_rows: int, n_columns: int, dtype: Any) -> jax.Array:
        """A strip of zeros whose columns lie where the samples do."""
        device = self.device if self.mesh is None else NamedSharding(self.mesh, P(None, self.axis))
        return jnp.zeros((n_rows, n_columns), dtype, device=device)

    def replicate(self, host: np.ndarray) -> jax.Array:
        """Put a small host array on every device."""
        if self.mesh is None:
            return jax.device_put(host, self.device)
        return jax.make_array_from_callback(host.shape, NamedSharding(self.mesh, P()), lambda index: host[index])

    def everywhere(self, array: jax.Array) -> jax.Array:
        """An array that the devices share, on every device."""
        return array if self.mesh is None else jax.device_put(array, NamedSharding(self.mesh, P()))


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
