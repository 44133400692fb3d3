"""A model and its pooling as one program, on one device or with the batch divided among several."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxsim.features.pooling import pool_state, token_places
from jaxsim.features.pools import parse_pools, rows_per_image
from jaxsim.features.step_model import StepModel
from jaxsim.features.step_record import step_records

Started = tuple[jax.Array, ...]


class DeviceStep:
    """Turns batches of one shape into the pooled rows of all steps.

    Every batch is padded to `size` images, so there is one compilation. With several devices the batch is divided
    among them, and every one holds the weights.

    Args:
        model: whose states.
        pool: one pooling or several.
        dtype: of the rows, as they leave the device.
        size: images in a batch.
        devices: that share it; a model that is not compiled runs where it is.
    """

    def __init__(self, model: StepModel, pool: str, dtype: str, size: int, devices: Sequence[Any]):
        self._model, self._pools = model, parse_pools(pool)
        self._rows, self._dtype = rows_per_image(pool), dtype
        self._widths = [record.n_features for record in step_records(model.steps, pool)]
        compiled = getattr(model, "jitted", True)
        several = compiled and len(devices) > 1
        mesh = Mesh(np.array(devices), ("batch",)) if several else None
        self._batch = None if mesh is None else NamedSharding(mesh, PartitionSpec("batch"))
        self._everywhere = None if mesh is None else NamedSharding(mesh, PartitionSpec())
        self._size = -(-size // len(devices)) * len(devices) if several else size
        self._call = self._compiled() if compiled else self._around()

    @contextlib.contextmanager
    def weights(self) -> Iterator[Any]:
        """Puts the weights on the devices, and takes off at the end what was not there before."""
        given = self._model.params
        params = (
            jax.device_put(given)
            if self._everywhere is None
            # From the host: what is deleted at the end must not share memory with the model's own.
            else jax.device_put(jax.tree.map(np.asarray, given), self._everywhere)
        )
        try:
            yield params
        finally:
            for put, before in zip(jax.tree.leaves(params), jax.tree.leaves(given), strict=True):
                if isinstance(put, jax.Array) and (self._everywhere is not None or not isinstance(before, jax.Array)):
                    put.delete()

    def start(self, params: Any, pixels: np.ndarray, ids: Sequence[str]) -> Started:
        """Sends a batch off; returns before it is done."""
        places = token_places(ids, self._rows) if self._rows > 1 else np.zeros((len(pixels), 0, 2), np.float32)
        padded = (_padded(pixels, self._size), _padded(places, self._size))
        given = padded if self._batch is None else jax.device_put(padded, self._batch)
        return self._call(params, *given)

    def fetch(self, started: Started | None, n_images: int) -> list[np.ndarray]:
        """The rows of a batch in host memory, one `[n_images * rows, D]` a step, without those of the padding."""
        if started is None:
            return [np.empty((0, width), self._dtype) for width in self._widths]
        return [np.asarray(rows)[: n_images * self._rows] for rows in started]

    def _pooled(self, states: Sequence[jax.Array], places: jax.Array) -> Started:
        layouts = [step.layout for step in self._model.steps]
        return tuple(
            pool_state(state, layout, str(pool), places).astype(self._dtype)
            for state, layout in zip(states, layouts, strict=True)
            for pool in self._pools
        )

    def _compiled(self) -> Callable[..., Started]:
        # A tuple: a dict would come back from jit sorted by name.
        return jax.jit(
            lambda params, pixels, places: self._pooled(tuple(self._model.apply(params, pixels).values()), places),
            out_shardings=self._batch,
        )

    def _around(self) -> Callable[..., Started]:
        pooled = jax.jit(self._pooled)
        return lambda params, pixels, places: pooled(tuple(self._model.apply(params, pixels).values()), places)


def _padded(values: np.ndarray, size: int) -> np.ndarray:
    """The batch with its first image repeated up to `size` images."""
    return np.concatenate([values, np.repeat(values[:1], size - len(values), axis=0)])
