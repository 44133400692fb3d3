"""All steps of a model on all images, pooled on the device, kept in memory or on disk."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxsim.arguments import Progress, check_choice, check_count, check_flag, check_folder_path, check_progress
from jaxsim.data import Batch, DamagedImage, ImageSource, load_batches, open_images
from jaxsim.data.batches import check_threads
from jaxsim.features.estimate import estimate
from jaxsim.features.feature_set import FeatureSet
from jaxsim.features.folder_writer import FolderWriter, finished_features, remove_features, sole_writer
from jaxsim.features.pooling import check_pools, pool_state
from jaxsim.features.request import describe_origin, describe_request
from jaxsim.features.step_model import StepModel, check_step_model
from jaxsim.features.step_record import step_records
from jaxsim.features.writers import MemoryWriter, Writer
from jaxsim.files import read_json, write_json

Pooled = tuple[Batch, list[np.ndarray]]

IMAGES = "images.json"
DTYPES = ("float32", "float16")


def extract(
    model: StepModel,
    images: ImageSource | Any,
    *,
    pool: str = "mean",
    out: str | PathLike[str] | None = None,
    batch_size: int = 32,
    dtype: str = "float32",
    strict: bool = False,
    overwrite: bool = False,
    threads: int | None = None,
    verify_images: bool = False,
    progress: Progress | None = None,
) -> FeatureSet:
    """Run a model over images and keep every step, pooled to one vector a sample.

    Model and pooling are one compiled program for batches of one shape, so only `[batch, features]` per
    step leaves the device; images are decoded by threads meanwhile. On disk, rows are written block by
    block: memory does not grow with the number of images, a killed run continues where it was, a second run with the
    same model (weights), images, pooling and preprocessing finds everything there, and one with others is refused.

    Images are the same if their content is: image files are read and hashed once before the first extraction and again
    when size or time of a file changed.
    Rows depend on `batch_size` in their last bits (programs of different shapes add in different orders), so a killed
    run is continued with the batch size it began with alone; the manifest names that of finished features.

    Args:
        model: as `jaxsim.load_model` returns it.
        images: a source, or anything that `jaxsim.data.open_images` takes.
        pool: `"cls"`, `"mean"`, `"flatten"` or `"spatial:P"`; see `pool_state`.
        out: folder to keep the features in; None keeps them in memory.
        batch_size: images in one call of the model; smaller batches are filled up to it.
        dtype: of the kept features, `"float32"` or `"float16"`.
        strict: whether a damaged image is an error; otherwise it is left out and listed in `damaged`.
        overwrite: replace what an earlier extraction has left in `out`.
        threads: that decode images; see `load_batches`.
        verify_images: read and hash all image files, even those whose size and time are as they were.
        progress: called as `progress(done, total, what)` with numbers of images.

    Returns:
        The representations, `[n_samples, n_features]` for each step; read lazily if they are on disk.

    Raises:
        DamagedImage: an image cannot be decoded, under `strict`.
        ValueError: a pool that does not suit the model; NaN or Inf in a representation (names step and
            sample); a folder that holds something else, cannot be written, is being written by another
            process, or is on a disk that is too small; no image that can be decoded.

    Example:
        >>> import json, pathlib, tempfile
        >>> from jaxsim.models import load_model
        >>> config = {"model_type": "vit", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        ...           "intermediate_size": 16, "image_size": 8, "patch_size": 4}
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "config.json").write_text(json.dumps(config))
        >>> model = load_model(folder, init="random", seed=0)
        >>> features = extract(model, open_images("digits").subset(10), pool="cls", out=folder / "features")
        >>> {step: features[step].shape for step in features}
        {'embeddings': (10, 8), 'block00': (10, 8), 'block01': (10, 8), 'norm': (10, 8)}
    """
    dtype, batch_size = check_choice("dtype", dtype, DTYPES), check_count("batch_size", batch_size, 1)
    strict, overwrite = check_flag("strict", strict), check_flag("overwrite", overwrite)
    verify_images = check_flag("verify_images", verify_images)
    threads = None if threads is None else check_threads(threads)
    check_progress(progress)
    check_step_model(model)
    folder = None if out is None else check_folder_path("out", out).resolve()
    images = open_images(images)
    check_pools(model.steps, pool, model.name)
    steps = step_records(model.steps, pool)
    if folder is not None and not verify_images:
        images.take_contents(read_contents(folder / IMAGES))
    request = describe_request(model, images, steps, pool, dtype)
    size = min(batch_size, len(images))
    with contextlib.ExitStack() as stack:
        if folder is None:
            writer: Writer = MemoryWriter(request, steps)
        else:
            if not overwrite and (there := finished_features(folder, request, model.name)):
                _refuse_damage(strict, there.manifest["damaged"])
                return there
            stack.enter_context(sole_writer(folder))
            if overwrite:
                remove_features(folder, steps)
            writer = FolderWriter(folder, request, steps, size)
            if (contents := images.contents()) is not None:
                write_json(folder / IMAGES, contents)
            estimate(model, len(images) - writer.start, pool=pool, dtype=dtype).check_disk(folder)
        _refuse_damage(strict, writer.damaged)
        report = progress or (lambda done, total, what: None)
        report(writer.start, len(images), model.name)
        for batch, rows in _pooled_batches(model, images, pool, dtype, size, threads, writer.start):
            for position, error in batch.damaged:
                if position < writer.start:
                    continue
                if strict:
                    raise error
                writer.damaged.append({"id": images.ids[position], "reason": error.reason, "position": position})
            _refuse_nonfinite(model, images, batch, rows)
            writer.add(batch.positions, rows, batch.stop)
            report(batch.stop, len(images), model.name)
        return writer.finish(describe_origin(model, images, batch_size))


def _pooled_batches(
    model: StepModel,
    images: ImageSource,
    pool: str,
    dtype: str,
    size: int,
    threads: int | None,
    start: int,
) -> Iterator[Pooled]:
    """Yield each batch with its rows, one `[b, D]` a step, while the device works on the next.

    Batches begin at multiples of their size, wherever the work starts: a row's last bits may depend on its neighbours'
    number, and a run that continues must give what one in a single go does.
    """
    layouts = [step.layout for step in model.steps]
    widths = [step.n_features for step in step_records(model.steps, pool)]

    def pooled_states(states: Sequence[jax.Array]) -> tuple[jax.Array, ...]:
        return tuple(
            pool_state(state, layout, pool).astype(dtype) for state, layout in zip(states, layouts, strict=True)
        )

    if getattr(model, "jitted", True):
        # A tuple: a dict would come back from jit sorted by name.
        pooled = jax.jit(lambda params, pixels: pooled_states(tuple(model.apply(params, pixels).values())))
    else:
        compiled = jax.jit(pooled_states)

        def pooled(params: Any, pixels: np.ndarray) -> tuple[jax.Array, ...]:
            return compiled(tuple(model.apply(params, pixels).values()))

    params = jax.device_put(model.params)
    # Every batch is padded to one shape, so there is one compilation.
    running: tuple[Batch, tuple[jax.Array, ...] | None] | None = None
    with (
        _freed(params, model.params),
        contextlib.closing(
            load_batches(images, model.preprocess, size, start=start // size * size, threads=threads)
        ) as batches,
    ):
        for batch in batches:
            started = None if batch.pixels is None else pooled(params, _padded(batch.pixels, size))
            if running is not None:
                yield _from(start, *_fetched(*running, widths, dtype))
            running = batch, started
        if running is not None:
            yield _from(start, *_fetched(*running, widths, dtype))


@contextlib.contextmanager
def _freed(params: Any, given: Any) -> Iterator[None]:
    """Frees the weights that were put on the device for this extraction; those that were there stay."""
    try:
        yield
    finally:
        for put, before in zip(jax.tree.leaves(params), jax.tree.leaves(given), strict=True):
            if isinstance(put, jax.Array) and not isinstance(before, jax.Array):
                put.delete()


def _from(start: int, batch: Batch, rows: list[np.ndarray]) -> Pooled:
    """A batch and its rows without the samples before `start`."""
    kept = batch.positions >= start
    if kept.all():
        return batch, rows
    return replace(batch, positions=batch.positions[kept], pixels=None), [each[kept] for each in rows]


def _padded(pixels: np.ndarray, size: int) -> np.ndarray:
    """The batch with its first image repeated up to `size` images."""
    return np.concatenate([pixels, np.repeat(pixels[:1], size - len(pixels), axis=0)])


def _fetched(batch: Batch, pooled: tuple[jax.Array, ...] | None, widths: Sequence[int], dtype: str) -> Pooled:
    """A batch and its pooled rows in host memory, without the rows of the padding."""
    if pooled is None:
        return batch, [np.empty((0, width), dtype) for width in widths]
    return batch, [np.asarray(rows)[: len(batch.positions)] for rows in pooled]


def read_contents(path: Path) -> dict[str, Any]:
    """What an earlier run knew of the image files; nothing if that cannot be read, and then they are hashed again."""
    try:
        found = read_json(path) if path.is_file() else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _refuse_damage(strict: bool, damaged: Sequence[dict[str, Any]]) -> None:
    if strict and damaged:
        raise DamagedImage(damaged[0]["id"], damaged[0]["reason"])


def _refuse_nonfinite(model: StepModel, images: ImageSource, batch: Batch, rows: Sequence[np.ndarray]) -> None:
    for step, representation in zip(model.steps, rows, strict=True):
        bad = ~np.isfinite(representation).all(axis=1)
        if bad.any():
            sample = images.ids[batch.positions[int(bad.argmax())]]
            remedy = (
                "check the weights and the preprocessing"
                if representation.dtype != np.float16
                else "float16 ends at 65504: use dtype='float32'"
            )
            raise ValueError(
                f"model {model.name}, step {step.name}: NaN or Inf in the representation, first for sample "
                f"{sample}: {remedy}"
            )
