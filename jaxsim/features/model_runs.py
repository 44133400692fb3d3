"""Models side by side over one reading of the images."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.arguments import Progress
from jaxsim.data import Batch, ImageSource, load_batches
from jaxsim.data.stage_times import StageTimes, tell_stages
from jaxsim.features.device_step import DeviceStep, Started
from jaxsim.features.step_model import StepModel
from jaxsim.features.step_record import step_records
from jaxsim.features.writers import Writer

# Weights of models that run side by side, so that images are decoded once for all of them.
_MOST_WEIGHTS = 8 * 2**30


@dataclass(frozen=True)
class Extraction:
    """A model whose features are wanted.

    Attributes:
        model: as `jaxsim.load_model` returns it.
        pool: see `extract`.
        out: folder to keep the features in; None keeps them in memory.
        label: what progress calls it; by default the model's name.
    """

    model: StepModel
    pool: str = "mean"
    out: str | PathLike[str] | None = None
    label: str | None = None

    @property
    def shown(self) -> str:
        """What progress calls it."""
        return self.model.name if self.label is None else self.label


@dataclass(frozen=True)
class Job:
    """A model at work: its place among those wanted, and where its rows go."""

    place: int
    wanted: Extraction
    writer: Writer
    step: DeviceStep


def turns(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """The models that run side by side, as many as have room for their weights."""
    turn: list[Job] = []
    held = 0
    for job in jobs:
        leaves = jax.tree.leaves(job.wanted.model.params)
        weights = sum(getattr(leaf, "nbytes", 0) for leaf in leaves)
        if turn and held + weights > _MOST_WEIGHTS:
            yield turn
            turn, held = [], 0
        turn.append(job)
        held += weights
    if turn:
        yield turn


def run_together(
    jobs: Sequence[Job],
    images: ImageSource,
    dtype: str,
    strict: bool,
    size: int,
    threads: int | None,
    report: Progress,
) -> None:
    """Runs models over the images, each from where it was, while the device works on the batch before.

    Batches begin at multiples of their size, wherever the work starts: a row's last bits may depend on its neighbours'
    number, and a run that continues must give what one in a single go does.
    """
    prepares, views = _distinct_preprocessing([job.wanted.model for job in jobs])
    first = min(job.writer.start for job in jobs) // size * size
    last = min(-(-max(job.writer.stop for job in jobs) // size) * size, len(images))
    loading = StageTimes()
    with contextlib.ExitStack() as stack:
        params = [stack.enter_context(job.step.weights()) for job in jobs]
        loaded = load_batches(images, prepares, size, start=min(first, last), stop=last, threads=threads, times=loading)
        batches = stack.enter_context(contextlib.closing(loaded))
        running: tuple[Batch, list[Started | None]] | None = None
        while True:
            with loading.of("wait"):
                batch = next(batches, None)
            if batch is None:
                break
            started = [
                _start(job, held, batch, view, images) for job, held, view in zip(jobs, params, views, strict=True)
            ]
            if running is not None:
                _keep(jobs, *running, images, dtype, strict, report, loading.take())
            running = batch, started
        if running is not None:
            _keep(jobs, *running, images, dtype, strict, report, loading.take())


def _start(job: Job, params: Any, batch: Batch, view: int, images: ImageSource) -> Started | None:
    """Sends a batch off; None if there is nothing in it that a model wants."""
    if not len(batch.positions) or not _is_wanted(job, batch):
        return None
    with StageTimes(job.writer.seconds).of("device"):
        return job.step.start(params, batch.views[view], [images.ids[position] for position in batch.positions])


def _distinct_preprocessing(models: Sequence[StepModel]) -> tuple[list[Any], list[int]]:
    """The different preprocessings of some models, and which of them is each model's."""
    known: dict[str, int] = {}
    prepares, views = [], []
    for model in models:
        # Models of one description whose code differs (own preprocessors without a name) are kept apart.
        code = type(getattr(model, "whole", model)).__qualname__
        key = f"{code} {json.dumps(model.preprocessing, sort_keys=True, default=repr)}"
        if key not in known:
            known[key] = len(prepares)
            prepares.append(model.preprocess)
        views.append(known[key])
    return prepares, views


def _is_wanted(job: Job, batch: Batch) -> bool:
    """Whether rows of a batch are still missing where a model's go."""
    return batch.start < job.writer.stop and batch.stop > job.writer.start


def _keep(
    jobs: Sequence[Job],
    batch: Batch,
    started: Sequence[Started | None],
    images: ImageSource,
    dtype: str,
    strict: bool,
    report: Progress,
    loading: Mapping[str, float],
) -> None:
    """Hands the rows of a batch to the models' writers, without those that are there already."""
    for job, running in zip(jobs, started, strict=True):
        if not _is_wanted(job, batch):
            continue
        start, stop = job.writer.start, job.writer.stop
        times = StageTimes(job.writer.seconds)
        times.add(loading)
        with times.of("device"):
            rows = job.step.fetch(running, len(batch.positions))
        for position, error in batch.damaged:
            if not start <= position < stop:
                continue
            if strict:
                raise error
            job.writer.damaged.append({"id": images.ids[position], "reason": error.reason, "position": position})
        new = (batch.positions >= start) & (batch.positions < stop)
        if not new.all():
            several = len(rows[0]) // max(1, len(batch.positions))
            rows = [each[np.repeat(new, several)] for each in rows]
        _refuse_nonfinite(job, images, batch.positions[new], rows, dtype)
        with times.of("write"):
            job.writer.add(batch.positions[new], rows, min(batch.stop, stop))
        tell_stages(job.wanted.shown, job.writer.seconds)
        report(min(batch.stop, stop), stop, job.wanted.shown)


def _refuse_nonfinite(
    job: Job, images: ImageSource, positions: np.ndarray, rows: Sequence[np.ndarray], dtype: str
) -> None:
    model = job.wanted.model
    largest = float(jnp.finfo(dtype).max)
    for step, representation in zip(step_records(model.steps, job.wanted.pool), rows, strict=True):
        bad = ~(np.abs(representation) <= largest).all(axis=1)
        if bad.any():
            place = int(bad.argmax())
            sample = images.ids[positions[place * len(positions) // len(representation)]]
            remedy = (
                "float16 ends at 65504: use dtype='float32'"
                if np.isfinite(representation[place]).all()
                else "check the weights and the preprocessing"
            )
            raise ValueError(
                f"model {model.name}, step {step.name}: NaN or Inf in the representation, first for sample "
                f"{sample}: {remedy}"
            )
