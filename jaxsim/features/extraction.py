"""All steps of a model on all images, pooled on the device, kept in memory or on disk."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import jax
from jaxsim_kernels import failing_together

from jaxsim.arguments import Progress, check_choice, check_count, check_flag, check_progress
from jaxsim.data import DamagedImage, ImageSource, open_images
from jaxsim.data.batches import check_threads
from jaxsim.features.chosen_steps import ChosenSteps
from jaxsim.features.device_step import DeviceStep
from jaxsim.features.feature_folder import feature_folder
from jaxsim.features.feature_set import FeatureSet
from jaxsim.features.finished import finished_features, missing_steps
from jaxsim.features.model_runs import Extraction, Job, run_together, turns
from jaxsim.features.narrowing import DTYPES
from jaxsim.features.opened_writers import IMAGES, open_writers, read_contents
from jaxsim.features.pooling import check_pools
from jaxsim.features.request import describe_origin, describe_request
from jaxsim.features.step_model import StepModel, check_step_model
from jaxsim.features.step_record import step_records
from jaxsim.files import AnyPath


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
    devices: Sequence[Any] | None = None,
    across_processes: bool = False,
    progress: Progress | None = None,
) -> FeatureSet:
    """Run a model over images and keep every step, pooled to one vector a sample.

    Model and pooling are one compiled program for batches of one shape, so only `[batch, features]` per
    step leaves the device; images are decoded by threads meanwhile. On disk, rows are written block by
    block: memory does not grow with the number of images, a killed run continues where it was, a second run with the
    same model (weights), images, pooling and preprocessing finds everything there, and one with others is refused. Of
    the same model with other steps (`jaxsim.capture`), those that are missing are extracted and added.

    Images are the same if their content is: image files are read and hashed once before the first extraction and again
    when size or time of a file changed.
    Rows depend on `batch_size` in their last bits (programs of different shapes add in different orders), so a killed
    run is continued with the batch size it began with alone; the manifest names that of finished features.

    Args:
        model: as `jaxsim.load_model` returns it.
        images: a source, or anything that `jaxsim.data.open_images` takes.
        pool: `"cls"`, `"mean"`, `"max"`, `"flatten"`, `"spatial:P"`, `"last:N"`, `"project:D"` or `"tokens:K"`, see
            `pool_state`; or several with commas, `"cls,mean"`, which make a step "block:cls" and so on of each.
        out: folder to keep the features in, also in a bucket (`gs://bucket/folder`, `s3://bucket/folder`); None keeps
            them in memory.
        batch_size: images in one call of the model; smaller batches are filled up to it.
        dtype: of the kept features, `"float32"`, `"float16"` or `"bfloat16"`. Of 16 bits the mean of the first
            batch is taken off first, and rows are given back as float32. Delta at k = 1 between steps of two shipped
            models on 1,500 images then changes by up to 0.003 (float16) and 0.005 (bfloat16).
        strict: whether a damaged image is an error; otherwise it is left out and listed in `damaged`.
        overwrite: replace what an earlier extraction has left in `out`.
        threads: that decode images; see `load_batches`.
        verify_images: read and hash all image files, even those whose size and time are as they were.
        devices: that share every batch; by default all that this process has. Features are those of one device to
            the last bits, in which programs of other shapes differ.
        across_processes: whether the processes that have joined (`jax.distributed.initialize`) divide the images
            among themselves and write one folder, which all of them see; all call alike, and all get the features. An
            error in one is raised in all.
        progress: called as `progress(done, total, what)` with numbers of images, of this process's part.

    Returns:
        The representations, `[n_samples, n_features]` for each step; read lazily if they are on disk.

    Raises:
        DamagedImage: an image cannot be decoded, under `strict`.
        ValueError: a pool that does not suit the model; NaN or Inf in a representation (names step and
            sample); a folder that holds something else, cannot be written, is being written by another
            process, or is on a disk that is too small; no image that can be decoded.
        LostProcessError: of `jaxsim_kernels`, under `across_processes`: another process failed or ended.

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
    (found,) = extract_together(
        [Extraction(model, pool, out)],
        images,
        batch_size=batch_size,
        dtype=dtype,
        strict=strict,
        overwrite=overwrite,
        threads=threads,
        verify_images=verify_images,
        devices=devices,
        across_processes=across_processes,
        progress=progress,
    )
    return found


def extract_together(
    wanted: Sequence[Extraction],
    images: ImageSource | Any,
    *,
    batch_size: int = 32,
    dtype: str = "float32",
    strict: bool = False,
    overwrite: bool = False,
    threads: int | None = None,
    verify_images: bool = False,
    devices: Sequence[Any] | None = None,
    across_processes: bool = False,
    progress: Progress | None = None,
) -> list[FeatureSet]:
    """Extracts the features of several models, decoding every image once for all of them.

    Models of one preprocessing (a model and its untrained twin) share that, too. Models whose weights fit together
    into 8 GB run side by side, batch by batch; further ones take another turn. Each is kept, and continued after an
    interruption, as `extract` does it.

    Args:
        wanted: the models, each with its pool and folder.
        images: as for `extract`, and so are all further arguments.
        batch_size: see `extract`.
        dtype: see `extract`.
        strict: see `extract`.
        overwrite: see `extract`.
        threads: see `extract`.
        verify_images: see `extract`.
        devices: see `extract`.
        across_processes: see `extract`.
        progress: called as `progress(done, total, label)`.

    Returns:
        The features of each, in order.

    Raises:
        DamagedImage: as `extract`.
        ValueError: as `extract`; two that are to be kept in one folder.
        LostProcessError: as `extract`.

    Example:
        >>> from jaxsim.models import load_model
        >>> model = load_model("embedded:cnn_selfsup_0")
        >>> found = extract_together([Extraction(model), Extraction(model, "max")], open_images("digits").subset(10))
        >>> [each.manifest["pool"] for each in found]
        ['mean', 'max']
    """
    dtype, batch_size = check_choice("dtype", dtype, DTYPES), check_count("batch_size", batch_size, 1)
    strict, overwrite = check_flag("strict", strict), check_flag("overwrite", overwrite)
    verify_images = check_flag("verify_images", verify_images)
    divided = check_flag("across_processes", across_processes) and jax.process_count() > 1
    threads = None if threads is None else check_threads(threads)
    check_progress(progress)
    for each in wanted:
        check_step_model(each.model)
    folders = [None if each.out is None else feature_folder("out", each.out).resolve() for each in wanted]
    kept = [folder for folder in folders if folder is not None]
    if len(set(kept)) != len(kept):
        raise ValueError(f"expected a folder of its own for every model, got one twice: {kept}")
    images = open_images(images)
    for each in wanted:
        check_pools(each.model.steps, each.pool, each.model.name)
    if not verify_images:
        for folder in kept:
            images.take_contents(read_contents(folder / IMAGES))
    shared = list(jax.local_devices() if devices is None else devices)
    size = min(batch_size, len(images))
    report = progress or (lambda done, total, what: None)
    found: dict[int, FeatureSet] = {}
    if divided and len(kept) < len(wanted):
        raise ValueError("expected a folder (out) that all processes see for every model under across_processes")
    with contextlib.ExitStack() as stack:
        check = stack.enter_context(failing_together("extraction")) if divided else None
        missing = []
        added: dict[int, tuple[AnyPath, dict[str, Any]]] = {}
        for place, (each, folder) in enumerate(zip(wanted, folders, strict=True)):
            request = describe_request(each.model, images, step_records(each.model.steps, each.pool), each.pool, dtype)
            lacking = None if folder is None or overwrite else missing_steps(folder, request)
            if folder is not None and lacking == []:
                found[place] = finished_features(folder, request, each.model.name)
                _refuse_damage(strict, found[place].manifest["damaged"])
                continue
            if folder is not None and lacking:
                added[place] = folder, request
                each = replace(each, model=ChosenSteps(each.model, lacking, each.pool), label=each.shown)
                steps = step_records(each.model.steps, each.pool)
                among = {"among": request["steps"]}
                request = describe_request(each.model, images, steps, each.pool, dtype) | among
            missing.append((place, each, folder, request))
        to_write = [(each, folder, request) for _, each, folder, request in missing]
        writers = open_writers(to_write, images, size, overwrite=overwrite, check=check, stack=stack)
        jobs = []
        for (place, each, _, _), writer in zip(missing, writers, strict=True):
            _refuse_damage(strict, writer.damaged)
            report(writer.start, writer.stop, each.shown)
            jobs.append(Job(place, each, writer, DeviceStep(each.model, each.pool, "float32", size, shared)))
        for turn in turns(jobs):
            run_together(turn, images, dtype, strict, size, threads, report)
            for job in turn:
                found[job.place] = job.writer.finish(describe_origin(job.wanted.model, images, batch_size))
                if job.place in added:  # with the steps that were there
                    found[job.place] = finished_features(*added[job.place], job.wanted.model.name, reused=False)
    return [found[place] for place in range(len(wanted))]


def _refuse_damage(strict: bool, damaged: Sequence[dict[str, Any]]) -> None:
    if strict and damaged:
        raise DamagedImage(damaged[0]["id"], damaged[0]["reason"])
