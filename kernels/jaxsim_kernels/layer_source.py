"""The layers of a call, put on its devices one after the other as they are asked for."""

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from .options import Options
from .placement import Placement
from .prepare import Layer, place_layer
from .reading import ReadAhead, ReadLayer, read_layer


class LayerSource:
    """Layers from arrays of any kind, on devices; while one is worked on the next is read in a thread.

    One CPU has no time to spare for reading, and its memory is the host's: there each is read when it is asked for.

    Args:
        layers: Representations `[n_samples, n_features]`, see `all_pairs`.
        options: Metrics and layers in float64 are taken from them.
        n_padded: Number of rows to pad to.
        dtype: Of all other layers.
        placement: Devices.
        order: In which layers will be asked for.

    Example:
        >>> x = np.eye(3, dtype=np.float32)
        >>> with LayerSource([x], Options(), 4, np.dtype(np.float32), Placement(), [0]) as source:
        ...     source.layer(0).features.shape
        (4, 16)
    """

    def __init__(
        self,
        layers: Sequence[Any],
        options: Options,
        n_padded: int,
        dtype: np.dtype,
        placement: Placement,
        order: Iterable[int],
    ) -> None:
        self._layers, self._options, self._placement = layers, options, placement
        self._n_padded, self._dtype = n_padded, dtype
        self._reading = ReadAhead(self._read, () if placement.on_one_cpu else order)

    def __enter__(self) -> "LayerSource":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reading.__exit__(kind, error, trace)

    def layer(self, number: int) -> Layer:
        """A layer on its devices."""
        metric = self._options.metric_of(number)
        return place_layer(self._reading.take(number), self._layers[number], metric, self._placement.place)

    def _read(self, number: int) -> ReadLayer:
        own = np.dtype(np.float64) if number in self._options.float64_layers else self._dtype
        into_memory = not self._placement.on_one_cpu
        metric = self._options.metric_of(number)
        return read_layer(self._layers[number], metric, self._n_padded, own, into_memory=into_memory)
