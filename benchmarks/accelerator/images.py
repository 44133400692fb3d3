"""Images per second through a model to the pooled rows of all steps, as extraction sends them to a device."""

import json
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks import measure, records
from benchmarks.accelerator.session import Absence
from benchmarks.models import MODELS
from benchmarks.peer_environments import Absent

_TYPES = {"ViTModel": "vit", "Dinov2Model": "dinov2", "ResNetModel": "resnet", "ConvNextModel": "convnext"}
_BATCHES = 4
"""Batches of a run: the next is sent before the last is fetched."""


def measure_images(
    name: str, batch: int, dtype: str, *, runs: int = measure.RUNS, within: float | None = None
) -> dict[str, Any]:
    """One model with random weights, beside torch where it can run the same architecture.

    Images are in memory and preprocessed: reading and decoding them is the processor's work, which `python -m
    benchmarks extraction` measures.

    Args:
        name: A key of `benchmarks.models.MODELS`.
        batch: Images of a call.
        dtype: Of the model, `float32` or `bfloat16`.
        runs: Timed runs of each side.
        within: See `measure.interleaved`.

    Returns:
        Fields of the record.

    Raises:
        Absence: If what jaxsim's models need is not installed.
    """
    try:
        from jaxsim.features.device_step import DeviceStep
        from jaxsim.models import load_model
    except ImportError as reason:
        raise Absence(f"jaxsim's models cannot be imported: {reason}") from reason
    chosen = MODELS[name]
    with tempfile.TemporaryDirectory() as folder:
        config = {"model_type": _TYPES[chosen.model], "architectures": [chosen.model], **chosen.config}
        (Path(folder) / "config.json").write_text(json.dumps(config))
        model: Any = load_model(folder, granularity="hf", image_size=chosen.image_size, dtype=dtype, init="random")
    pixels = np.random.default_rng(0).standard_normal((batch, chosen.image_size, chosen.image_size, 3), np.float32)
    ids = [str(number) for number in range(batch)]
    step = DeviceStep(model, "mean", "float32", batch, jax.local_devices())
    told: dict[str, Any] = {}
    with step.weights() as params:

        def ours() -> None:
            sent = step.start(params, pixels, ids)
            for _ in range(_BATCHES - 1):
                following = step.start(params, pixels, ids)
                step.fetch(sent, batch)
                sent = following
            step.fetch(sent, batch)

        sides = {"jaxsim": ours}
        try:
            sides["torch"], told["torch_device"] = _torch_side(chosen.model, chosen.config, pixels, dtype)
            told["versions"] = {each: records.package_version(each) for each in ("torch", "transformers")}
        except Absent as reason:
            told["torch"] = str(reason)
        timings = measure.interleaved(sides, runs, within=within)
    speed = {side: _BATCHES * batch / timing.median for side, timing in timings.items()}
    ratios = {}
    if "torch" in timings:
        ratios = {"jaxsim": measure.ratio(timings["jaxsim"], timings["torch"]).as_json()}
    return {
        "timings": {side: timing.as_json() for side, timing in timings.items()},
        "ratios": ratios,
        "images_per_second": speed,
        "found": {f"{side} images/s": value for side, value in speed.items()},
        **told,
    }


def _torch_side(model: str, config: dict[str, Any], pixels: np.ndarray, dtype: str) -> Any:
    """All hidden states, pooled on torch's device and fetched."""
    try:
        import torch
        import transformers
    except ImportError as reason:
        raise Absent(str(reason)) from reason
    device = "cuda" if torch.cuda.is_available() else "cpu"
    values = getattr(transformers, model.replace("Model", "Config"))(**config)
    network = getattr(transformers, model)(values).eval().to(device, getattr(torch, dtype))

    def side() -> None:
        with torch.inference_mode():
            for _ in range(_BATCHES):
                images = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()).to(device, getattr(torch, dtype))
                states = network(images, output_hidden_states=True).hidden_states
                for state in states:
                    (state.mean(dim=(2, 3)) if state.ndim == 4 else state[:, 1:].mean(dim=1)).float().cpu()

    return side, device if device == "cpu" else torch.cuda.get_device_name()
