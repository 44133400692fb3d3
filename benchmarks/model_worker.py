"""Runs one model on one side in a fresh process: jaxsim, torch eager or torch.compile, on the same checkpoint."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory_worker import status
from benchmarks.serving import serve


class ModelSide:
    """Answers `make` (write a checkpoint), `start` (load, first call), `run` (timed calls) and `memory`."""

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._forward: Any = None
        self._images = np.empty(0, np.float32)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        match request["do"]:
            case "make":
                return make(Path(request["directory"]), request["model"], request["config"])
            case "start":
                return self._start(request)
            case "run":
                return {"seconds": [self._timed() for _ in range(request["runs"])]}
            case _:
                return {"peak": status("VmHWM")}

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        load = {"jaxsim": _jaxsim, "eager": _eager, "compile": _compiled}[request["side"]]
        start = time.perf_counter()
        self._forward = load(Path(request["directory"]), request)
        loaded = time.perf_counter()
        shape = (request["batch"], request["image_size"], request["image_size"], 3)
        self._images = np.random.default_rng(0).standard_normal(shape, np.float32)
        last = self._forward(self._images)
        np.save(request["answer"], last)
        return {"load": loaded - start, "first": time.perf_counter() - loaded, "before": status("VmRSS")}

    def _timed(self) -> float:
        start = time.perf_counter()
        self._forward(self._images)
        return time.perf_counter() - start


def make(directory: Path, model: str, config: dict[str, Any]) -> dict[str, Any]:
    """Write a checkpoint with seeded random weights, by transformers itself."""
    import torch
    import transformers

    torch.manual_seed(0)
    original = getattr(transformers, model)(getattr(transformers, model.replace("Model", "Config"))(**config))
    original.save_pretrained(directory)
    return {"parameters": sum(p.numel() for p in original.parameters())}


def _jaxsim(directory: Path, request: dict[str, Any]) -> Any:
    """Every hidden state pooled on the device, as a study does it; only `[B, D]` of each leaves it."""
    import jax

    from jaxsim.features import pool_state
    from jaxsim.models import load_model

    model = load_model(
        directory,
        image_size=request["image_size"],
        dtype=request.get("dtype", "float32"),
        granularity="hf",
    )
    layouts = {step.name: step.layout for step in model.steps}

    @jax.jit
    def pooled(params: Any, images: Any) -> list[Any]:
        states = model.apply(params, images)
        return [pool_state(state, layouts[name], "mean") for name, state in states.items()]

    return lambda images: np.asarray(jax.device_get(pooled(model.params, images))[-1], np.float32)


def _torch_model(directory: Path) -> Any:
    import torch
    import transformers

    return torch, transformers.AutoModel.from_pretrained(directory).eval()


def _pooled_states(torch: Any, model: Any) -> Any:
    """The same work: all hidden states, each pooled to `[B, D]`."""

    def pooled(images: Any) -> list[Any]:
        return [
            state.mean(dim=(2, 3)) if state.ndim == 4 else state[:, 1:].mean(dim=1)  # class token left out
            for state in model(images, output_hidden_states=True).hidden_states
        ]

    return pooled


def _eager(directory: Path, request: dict[str, Any]) -> Any:
    torch, model = _torch_model(directory)
    return _calling(torch, _pooled_states(torch, model))


def _compiled(directory: Path, request: dict[str, Any]) -> Any:
    torch, model = _torch_model(directory)
    return _calling(torch, torch.compile(_pooled_states(torch, model)))


def _calling(torch: Any, pooled: Any) -> Any:
    def call(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return pooled(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))[-1].numpy()

    return call


if __name__ == "__main__":
    serve(ModelSide().answer)
