"""Images per second from JPEGs to the pooled features of every step, against torch with a DataLoader; peak memory."""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import records
from benchmarks.arguments import Write, add_run_options, positive, words
from benchmarks.models import MODELS
from benchmarks.wording import n_bytes
from benchmarks.workers import Worker

#: Images/s over torch's that are asked for.
REACH = {"dinov2-s14": 1.8, "resnet-50": 1.3}
SIDES = ("jaxsim", "torch")
_WORKER = ["-m", "benchmarks.extraction_worker"]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    parser.add_argument("--models", type=words(*MODELS), default=tuple(REACH), help="separated by commas")
    parser.add_argument("--images", type=positive, default=256, help="JPEGs of 640 x 480 (default %(default)s)")
    parser.add_argument("--batch", type=positive, default=32, help="images per call (default %(default)s)")
    add_run_options(parser)


def run(options: argparse.Namespace, write: Write) -> None:
    """Measure the models that the options name."""
    for name in options.models:
        write(measure_extraction(name, options.images, options.batch, options.runs))


def measure_extraction(name: str, n_images: int = 256, batch: int = 32, runs: int = 3) -> dict[str, Any]:
    """One model: both sides in processes of their own, taking turns.

    Args:
        name: A key of `benchmarks.models.MODELS`.
        n_images: JPEGs of 640 x 480.
        batch: Images per call.
        runs: Timed extractions of each side.

    Returns:
        The record: images/s, their ratio, milliseconds of each stage, peak memory.
    """
    key = {"model": name, "images": n_images, "batch": batch}
    chosen = MODELS[name]
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, photos = Path(folder) / "checkpoint", Path(folder) / "photos"
        with Worker(["-m", "benchmarks.model_worker"]) as maker:
            maker.ask({"do": "make", "directory": str(checkpoint), "model": chosen.model, "config": chosen.config})
        with Worker(_WORKER) as maker:
            maker.ask({"do": "processor", "directory": str(checkpoint), "image_size": chosen.image_size})
            made = maker.ask({"do": "images", "directory": str(photos), "count": n_images})
        workers = {side: Worker(_WORKER) for side in SIDES}
        taken: dict[str, list[float]] = {side: [] for side in SIDES}
        peaks: dict[str, int] = {}
        request = {"do": "start", "checkpoint": str(checkpoint), "photos": str(photos), "batch": batch}
        try:
            for side, worker in workers.items():
                worker.ask({**request, "side": side, "out": str(Path(folder) / "features")})
            for _ in range(runs):
                for side, worker in workers.items():
                    done = worker.ask({"do": "run"})
                    if done["rows"] != n_images:
                        raise ValueError(f"expected {n_images} rows from {side}, got {done['rows']}")
                    taken[side].append(done["seconds"])
                    peaks[side] = done["peak"]
            stages = workers["jaxsim"].ask({"do": "stages", "batch": batch})["ms"]
        finally:
            for worker in workers.values():
                worker.stop(patience=1)
    speed = {side: n_images / statistics.median(seconds) for side, seconds in taken.items()}
    ratio = speed["jaxsim"] / speed["torch"]
    asked = REACH.get(name)
    return records.record(
        "extraction",
        key,
        seconds=taken,
        images_per_second=speed,
        stage_ms=stages,
        bytes_per_image=made["bytes_per_image"],
        found={
            **{f"{side} images/s": value for side, value in speed.items()},
            "jaxsim over torch": ratio,
            **{f"{stage} ms": value for stage, value in stages.items()},
            **{f"{side} peak": n_bytes(peak) for side, peak in peaks.items()},
        },
        peak_bytes=peaks,
        reach=asked,
        reached=None if asked is None else ratio >= asked,
    )
