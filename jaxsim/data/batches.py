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
from jaxsim.data.stage_times import StageTimes

Prepare = Callable[[Sequence[np.ndarray]], np.ndarray]

_MOST_THREADS = 16
_MANY_THREADS = 1024
# Images that are prepared by one call: an image processor takes 10 to 20 % less time for each than one by one, and more
# at a time would leave threads without work at the end of a batch.
_GROUP = 8


@dataclass(frozen=True)
class Batch:
    """A stretch of consecutive samples, less the damaged ones.

    Attributes:
        start: position in the source of the first sample of the stretch.
        stop: position after the last one.
        positions: `[b]`, the samples that are held; b is smaller than `stop - start` if some are
            damaged.
        views: `[b, H, W, 3]` each, as every `prepare` made them; empty if all samples are damaged.
        damaged: the damaged samples of the stretch, as (position, error).
    """

    start: int
    stop: int
    positions: Int[np.ndarray, " b"]
    views: tuple[Float[np.ndarray, "b _ _ _"], ...]
    damaged: tuple[tuple[int, DamagedImage], ...]

    @property
    def pixels(self) -> Float[np.ndarray, "b height width channels"] | None:
        """What the first `prepare` made; None if all samples are damaged."""
        return self.views[0] if self.views else None


def load_batches(
    source: ImageSource,
    prepare: Prepare | Sequence[Prepare],
    batch_size: int,
    *,
    start: int = 0,
    stop: int | None = None,
    threads: int | None = None,
    times: StageTimes | None = None,
) -> Generator[Batch, None, None]:
    """Yield the batches of a source, decoded and prepared by threads while the caller computes.

    Each image is decoded once, whatever number of models it is prepared for. The order, and what is in each batch,
    depend on `batch_size` and `start` alone. At most one batch and eight images for each thread are held in advance.
    Threads share the caller's memory and stop when the iterator is
    closed. They are grain's: on two cores, decoding 640 x 480 JPEGs and resizing them went twice as fast
    with two threads as with one, the same as with a bare thread pool (Pillow releases the interpreter lock).

    Args:
        source: the images.
        prepare: turns uint8 images `[H, W, 3]` of any sizes into float32 `[b, H, W, 3]`; called with up to eight
            images at a time, from several threads. Several make a view of every batch each.
        batch_size: samples in a batch; the last may have fewer.
        start: position of the first sample.
        stop: position after the last one; by default that of the source.
        threads: how many decode; by default one for each core, 16 at most. 0 loads in the caller's thread.
        times: to which the seconds of decoding and preprocessing are added.

    Yields:
        Consecutive batches that together cover `start` to `stop`.

    Raises:
        ValueError: `batch_size` below one, `start` or `stop` outside the source, or `prepare` refused an image (named).

    Example:
        >>> import jaxsim.data
        >>> images = jaxsim.data.open_images("digits").subset(5)
        >>> scale = lambda images: np.stack(images).astype(np.float32) / 255
        >>> [batch.pixels.shape for batch in load_batches(images, scale, 3)]
        [(3, 8, 8, 3), (2, 8, 8, 3)]
    """
    batch_size, start = check_count("batch_size", batch_size, 1), check_count("start", start, 0, most=len(source))
    stop = len(source) if stop is None else check_count("stop", stop, start, most=len(source))
    threads = min(_MOST_THREADS, os.cpu_count() or 1) if threads is None else check_threads(threads)
    prepares = tuple(prepare) if isinstance(prepare, Sequence) else (prepare,)
    return _batches(source, prepares, batch_size, start, stop, threads, times or StageTimes())


def check_threads(threads: Any) -> int:
    """The number of threads that decode.

    Raises:
        ValueError: It is no integer from 0 to 1,024.

    Example:
        >>> check_threads(0)
        0
    """
    return check_count("threads", threads, 0, "; leave it out for one for each core", most=_MANY_THREADS)


@dataclass(frozen=True)
class _Group:
    """A few consecutive samples: the whole ones' positions and views, and the damaged ones."""

    positions: list[int]
    views: tuple[np.ndarray, ...]
    damaged: list[tuple[int, DamagedImage]]


def _batches(
    source: ImageSource,
    prepares: tuple[Prepare, ...],
    batch_size: int,
    start: int,
    end: int,
    threads: int,
    times: StageTimes,
) -> Generator[Batch, None, None]:
    edges = [(first, min(first + batch_size, end)) for first in range(start, end, batch_size)]
    parts = [(at, min(at + _GROUP, stop)) for first, stop in edges for at in range(first, stop, _GROUP)]
    ahead = -(-batch_size // _GROUP) + threads
    with closing(_prepared_groups(source, prepares, parts, threads, ahead, times)) as groups:
        for first, stop in edges:
            loaded = [next(groups) for _ in range(first, stop, _GROUP)]
            whole = [group for group in loaded if group.positions]
            yield Batch(
                start=first,
                stop=stop,
                positions=np.array([position for group in whole for position in group.positions], np.int64),
                views=tuple(np.concatenate(views) for views in zip(*(group.views for group in whole), strict=True)),
                damaged=tuple(each for group in loaded for each in group.damaged),
            )


def _prepared_groups(
    source: ImageSource,
    prepares: tuple[Prepare, ...],
    parts: Sequence[tuple[int, int]],
    threads: int,
    ahead: int,
    times: StageTimes,
) -> Generator[_Group, None, None]:
    """Generate the groups of samples in order."""

    def prepared(number: int) -> _Group:
        positions, images, damaged = [], [], []
        for position in range(*parts[number]):
            try:
                with times.of("decode"):
                    images.append(source.load(position))
                positions.append(position)
            except DamagedImage as error:
                damaged.append((position, error))
        if not images:
            return _Group([], (), damaged)
        names = [source.ids[position] for position in positions]
        with times.of("preprocess"):
            views = tuple(_prepared(each, images, names) for each in prepares)
        return _Group(positions, views, damaged)

    if threads == 0:
        yield from map(prepared, range(len(parts)))
        return
    # grain takes half a second to import.
    import grain

    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
    samples = grain.MapDataset.range(len(parts)).map(prepared).to_iter_dataset(options)
    iterator = iter(samples)
    try:
        yield from iterator
    finally:
        iterator.close()


def _prepared(prepare: Prepare, images: Sequence[np.ndarray], names: Sequence[str]) -> np.ndarray:
    """What a model makes of some images; one by one where it refuses them together, so that the odd one is named."""
    try:
        return prepare(images)
    except ValueError:
        found = []
        for image, name in zip(images, names, strict=True):
            try:
                found.append(prepare([image]))
            except ValueError as error:
                raise ValueError(f"image {name}: {error}") from error
        return np.concatenate(found)
