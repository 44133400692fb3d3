"""Images per second through every step of a model, pooled: jaxsim against torch eager and torch.compile."""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, positive, words
from benchmarks.wording import n_bytes, seconds
from benchmarks.workers import Worker, WorkerError

SIDES = ("jaxsim", "eager", "compile")


@dataclass(frozen=True)
class BenchmarkModel:
    """A published architecture, by its configuration in transformers.

    Attributes:
        model: Name of the class.
        config: What differs from the class's defaults.
        image_size: Height and width.
        reach: Images/s over torch eager's that are asked for; None where only the ratio is to be known.
    """

    model: str
    config: dict[str, Any]
    image_size: int = 224
    reach: float | None = None


_SMALL = {"hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 12}
MODELS = {
    "vit-s16": BenchmarkModel("ViTModel", {**_SMALL, "intermediate_size": 1536}, reach=1.0),
    "dinov2-s14": BenchmarkModel("Dinov2Model", {**_SMALL, "patch_size": 14}, reach=1.0),
    "resnet-50": BenchmarkModel("ResNetModel", {}),
    "convnext-t": BenchmarkModel("ConvNextModel", {}),
    "tiny-vit": BenchmarkModel(
        "ViTModel",
        {
            "hidden_size": 16,
            "num_attention_heads": 2,
            "num_hidden_layers": 1,
            "intermediate_size": 32,
            "patch_size": 8,
            "image_size": 16,
        },
        image_size=16,
    ),
}
PUBLISHED = ("vit-s16", "dinov2-s14", "resnet-50", "convnext-t")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    parser.add_argument("--models", type=words(*MODELS), default=PUBLISHED, help="separated by commas")
    parser.add_argument("--sides", type=words(*SIDES), default=SIDES, help="separated by commas")
    parser.add_argument("--batch", type=positive, default=16, help="images per call (default %(default)s)")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="of jaxsim's side")
    add_run_options(parser)


def run(options: argparse.Namespace, write: Write) -> None:
    """Measure the models that the options name."""
    for name in options.models:
        write(measure_model(name, options.sides, options.batch, options.runs, options.dtype))


def measure_model(
    name: str, sides: tuple[str, ...] = SIDES, batch: int = 16, runs: int = measure.RUNS, dtype: str = "float32"
) -> dict[str, Any]:
    """One model: every side in a process of its own, taking turns.

    Args:
        name: A key of `MODELS`.
        sides: Which of `SIDES`.
        batch: Images per call.
        runs: Timed calls of each side.
        dtype: Of jaxsim's side.

    Returns:
        The record: images/s, seconds of the first call, peak memory, and how far jaxsim's last step is from torch's.
    """
    chosen = MODELS[name]
    key = {"model": name, "batch": batch, "image_size": chosen.image_size, "dtype": dtype}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "checkpoint"
        with Worker(["-m", "benchmarks.model_worker"]) as maker:
            made = maker.ask(
                {"do": "make", "directory": str(checkpoint), "model": chosen.model, "config": chosen.config}
            )
        workers = {side: Worker(["-m", "benchmarks.model_worker"]) for side in sides}
        started, absent = {}, {}
        taken: dict[str, list[float]] = {side: [] for side in sides}
        memory, answers = {}, {}
        try:
            for side, worker in workers.items():
                answers[side] = Path(folder) / f"{side}.npy"
                request = {**key, "do": "start", "side": side, "directory": str(checkpoint)}
                try:
                    started[side] = worker.ask({**request, "answer": str(answers[side])})
                    worker.ask({"do": "run", "runs": 1})
                except WorkerError as error:
                    absent[side] = str(error)
            for _ in range(runs):
                for side in started:
                    taken[side] += workers[side].ask({"do": "run", "runs": 1})["seconds"]
            memory = {side: workers[side].ask({"do": "memory"})["peak"] for side in started}
        finally:
            for worker in workers.values():
                worker.stop(patience=1)
        last = {side: np.load(answers[side]) for side in started}
    timings = {
        side: measure.Timing(tuple(taken[side]), started[side]["first"], started[side]["first"]) for side in started
    }
    ratios = {}
    for side in started:
        if side != "jaxsim" and "jaxsim" in started:
            ratios[f"jaxsim over {side}"] = measure.ratio(timings[side], timings["jaxsim"]).as_json()
    speed = ratios.get("jaxsim over eager")
    asked = chosen.reach if speed and dtype == "float32" else None
    difference = None
    if {"jaxsim", "eager"} <= set(last):
        scale = max(1.0, float(np.abs(last["eager"]).max()))
        difference = float(np.abs(last["jaxsim"] - last["eager"]).max()) / scale
    return records.record(
        "models",
        key,
        parameters=made["parameters"],
        timings={side: {**t.as_json(), "images_per_second": batch / t.median} for side, t in timings.items()},
        images_per_second_ratios=ratios,
        found={
            **{f"{side} images/s": batch / t.median for side, t in timings.items()},
            **{name: ratio["of_medians"] for name, ratio in ratios.items()},
            **({} if difference is None else {"difference": difference}),
            **{f"{side} first call": seconds(each["first"]) for side, each in started.items()},
            **{f"{side} peak": n_bytes(peak) for side, peak in memory.items()},
        },
        peak_bytes=memory,
        reach=asked,
        reached=None if asked is None or speed is None else speed["of_medians"] >= asked,
        **({"absent": "; ".join(f"{side}: {why}" for side, why in absent.items())} if absent else {}),
    )
