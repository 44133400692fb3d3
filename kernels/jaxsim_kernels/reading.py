"""Layers read into memory: no device is touched, so that a thread can read the next while devices work on the last."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import jax
import numpy as np

from .centring import centre_of, centred, chunks
from .directions import direction_rows
from .padding import padded_features

Metric = Literal["euclidean", "cosine", "correlation", "precomputed"]


@dataclass
class ReadLayer:
    """What the host has made of a layer before any device sees it.

    Attributes:
        features: Padded with zeros to `shape`; what was given where it is on a device; None once it was let go.
        shape: `(n_padded, n_features_padded)`.
        n_samples: Rows that are samples.
        exponent: Of the power of two that features were divided by; None where centring is left to the devices.
        own: Whether nobody else has this array, so that its memory may be reused.
        distances: Scale of given distances; None for features.
    """

    features: Any
    shape: tuple[int, int]
    n_samples: int
    exponent: int | None
    own: bool
    distances: float | None = None

    @property
    def dtype(self) -> Any:
        """Of the features."""
        return self.features.dtype

    def let_go(self) -> Any:
        """The features, which are not kept here any longer: a copy less while a device centres its own."""
        features, self.features = self.features, None
        return features


def read_layer(
    x: Any, metric: Metric, n_padded: int, dtype: Any = np.float32, *, into_memory: bool = False
) -> ReadLayer:
    """Read a representation once, see `prepare.prepare_layer`.

    Args:
        x: `[n_samples, n_features]`: anything with `shape`, `dtype` and row slices that NumPy understands.
        metric: Rows are normalised for `cosine`, centred and normalised for `correlation`.
        n_padded: Number of rows to pad to.
        dtype: float32 or float64.
        into_memory: Read a map of a file now, rather than when it is placed.

    Returns:
        The rows in memory.

    Example:
        >>> read_layer(np.eye(3), "euclidean", 4).features.shape
        (4, 16)
    """
    n_samples, n_features = x.shape
    shape = (n_padded, padded_features(n_features))
    if metric == "precomputed":
        # Columns are what devices share: a sample's features are its distances from all others.
        host, scale = np.zeros(shape, dtype), _largest(x)
        for rows, chunk in chunks(x):
            host[:n_samples, rows] = (np.asarray(chunk, np.float64) / scale).T
        return ReadLayer(host, shape, n_samples, 0, True, scale)
    if metric == "euclidean" and dtype == np.float32 and _fits_float32(x):
        # Nothing to pad and nothing to convert, or on a device already: no copy on the host.
        as_it_is = isinstance(x, np.ndarray) and x.shape == shape and x.dtype == np.float32
        if isinstance(x, jax.Array) or (as_it_is and not (into_memory and isinstance(x, np.memmap))):
            return ReadLayer(x, shape, n_samples, None, False)
        host = np.zeros(shape, np.float32)
        for rows, chunk in chunks(x):
            host[rows, :n_features] = chunk
        return ReadLayer(host, shape, n_samples, None, True)
    return centred_on_host(x, metric, shape, dtype)


def centred_on_host(x: Any, metric: Metric, shape: tuple[int, int], dtype: Any) -> ReadLayer:
    """The rows about their centre, worked out in float64 and divided by a power of two.

    Example:
        >>> centred_on_host(np.array([[1e30], [2e30]]), "euclidean", (2, 1), np.float32).exponent
        100
    """
    host, exponent = np.zeros(shape, dtype), 0
    if metric == "euclidean":
        centre = centre_of(lambda: chunks(x))
        exponent = centre.exponent
        for rows, chunk in chunks(x):
            host[rows, : x.shape[1]] = centred(chunk, centre)
    else:
        exponent = direction_rows(x, metric, host)  # pyright: ignore[reportArgumentType]
    return ReadLayer(host, shape, x.shape[0], exponent, True)


class ReadAhead:
    """Layers in the order in which they will be asked for, the next one read in a thread while the last is worked on.

    One layer more is in the host's memory, and none on the devices. A layer that is asked for out of order is read when
    it is asked for. Leaving the context waits for the layer that is being read.

    Args:
        read: `number -> layer`, called in one thread at a time.
        order: Numbers of the layers; none to read each when it is asked for.

    Example:
        >>> with ReadAhead(lambda number: 10 * number, [0, 1]) as layers:
        ...     layers.take(0), layers.take(1), layers.take(0)
        (0, 10, 0)
    """

    def __init__(self, read: Callable[[int], Any], order: Iterable[int]) -> None:
        self._read, self._order = read, list(order)
        self._thread: ThreadPoolExecutor | None = None
        self._next: Future[Any] | None = None

    def __enter__(self) -> "ReadAhead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def take(self, number: int) -> Any:
        """A layer in memory; the next in order begins to be read.

        Raises:
            Exception: What reading the layer raised, in its thread or here.
        """
        if not self._order or self._order[0] != number:
            return self._read(number)
        found = self._read(number) if self._next is None else self._next.result()
        del self._order[0]
        self._next = None
        if self._order:
            self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="layers")
            self._next = self._thread.submit(self._read, self._order[0])
        return found


def _largest(x: Any) -> float:
    """The power of two below the largest distance: dividing by it is exact and keeps float32 in its range."""
    largest = max(float(np.max(np.abs(chunk))) for _, chunk in chunks(x))
    return float(np.exp2(np.floor(np.log2(largest)))) if largest > 0 else 1.0


def _fits_float32(x: Any) -> bool:
    """Whether float32 holds every value of the dtype."""
    dtype = np.dtype(x.dtype)
    return dtype == np.float32 or dtype.itemsize < (3 if dtype.kind in "iu" else 4)
