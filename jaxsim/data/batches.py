"""Decoded and preprocessed batches, loaded ahead of the device by threads, in the order of the source."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxsim.arguments import check_count
from jaxsim.data.source import DamagedImage, ImageSource

Prepare = Callable[[Sequence[np.ndarray]], np.ndarray]

_MOST_THREADS = 16
_MANY_THREADS = 1024


@dataclass(frozen=True)
class Batch:
    """A stretch of consecutive samples, less the damaged ones.

    Attributes:
        start: position in the source of the first sample of the stretch.
        stop: position after the last one.
        positions: `[b]`, the samples that `pixels` holds; b is smaller than `stop - start` if some are
            damaged.
        pixels: `[b, H, W, 3]`, as `prepare` made them; None if all are damaged.
        damaged: the damaged samples of the stretch, as (position, error).
    """

    start: int
    stop: int
    positions: Int[np.ndarray, " b"]
    pixels: Float[np.ndarray, "b height width 3"] | None
    damaged: tuple[tuple[int, DamagedImage], ...]


def load_batches(
    source: ImageSource, prepare: Prepare, batch_size: int, *, start: int = 0, threads: int | None = None
) -> Generator[Batch, None, None]:
    """Yield the batches of a source, decoded and prepared by threads while the caller computes.

    The order, and what is in each batch, depend on `batch_size` and `start` alone. At most one batch and one
    image for each thread are held in advance. Threads share the caller's memory and stop when the iterator is
    closed. They are grain's: on two cores, decoding 640 x 480 JPEGs and resizing them went twice as fast
    with two threads as with one, the same as with a bare thread pool (Pillow releases the interpreter lock).

    Args:
        source: the images.
        prepare: turns uint8 images `[H, W, 3]` of any sizes into float32 `[b, H, W, 3]`; called with one
            image at a time, from several threads.
        batch_size: samples in a batch; the last may have fewer.
        start: position of the first sample.
        threads: how many decode; by default one for each core, 16 at most. 0 loads in the caller's thread.

    Yields:
        Consecutive batches that together cover `start` to the end.

    Raises:
        ValueError: `batch_size` below one, `start` outside the source, or `prepare` refused an image (named).

    Example:
        >>> import jaxsim.data
        >>> images = jaxsim.data.open_images("digits").subset(5)
        >>> scale = lambda images: np.stack(images).astype(np.float32) / 255
        >>> [batch.pixels.shape for batch in load_batches(images, scale, 3)]
        [(3, 8, 8, 3), (2, 8, 8, 3)]
    """
    batch_size, start = check_count("batch_size", batch_size, 1), check_count("start", start, 0, most=len(source))
    threads = min(_MOST_THREADS, os.cpu_count() or 1) if threads is None else check_threads(threads)
    return _batches(source, prepare, batch_size, start, threads)


def check_threads(threads: Any) -> int:
    """The number of threads that decode.

    Raises:
        ValueError: It is no integer from 0 to 1,024.

    Example:
        >>> check_threads(0)
        0
    """
    return check_count("threads", threads, 0, "; leave it out for one for each core", most=_MANY_THREADS)


def _batches(
    source: ImageSource, prepare: Prepare, batch_size: int, start: int, threads: int
) -> Generator[Batch, None, None]:
    with closing(_prepared_images(source, prepare, start, threads, batch_size + threads)) as images:
        for first in range(start, len(source), batch_size):
            stop = min(first + batch_size, len(source))
            loaded = [(position, next(images)) for position in range(first, stop)]
            whole = [(position, image) for position, image in loaded if isinstance(image, np.ndarray)]
            yield Batch(
                start=first,
                stop=stop,
                positions=np.array([position for position, _ in whole], np.int64),
                pixels=np.concatenate([image for _, image in whole]) if whole else None,
                damaged=tuple((p, image) for p, image in loaded if isinstance(image, DamagedImage)),
            )


def _prepared_images(
    source: ImageSource, prepare: Prepare, start: int, threads: int, ahead: int
) -> Generator[np.ndarray | DamagedImage, None, None]:
    """Generate, for each sample from `start` on, its pixels `[1, H, W, 3]` or what is wrong with it."""

    def prepared(position: int) -> np.ndarray | DamagedImage:
        try:
            image = source.load(position)
        except DamagedImage as error:
            return error
        try:
            return prepare([image])
        except ValueError as error:
            raise ValueError(f"image {source.ids[position]}: {error}") from error

    if threads == 0:
        yield from map(prepared, range(start, len(source)))
        return
    # grain takes half a second to import.
    import grain

    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
    samples = grain.MapDataset.range(start, len(source)).map(prepared).to_iter_dataset(options)
    iterator = iter(samples)
    try:
        yield from iterator
    finally:
        iterator.close()
