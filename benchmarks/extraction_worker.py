"""Extracts the features of one model from JPEGs on one side in a fresh process: jaxsim, or torch as one writes it."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory_worker import status
from benchmarks.serving import serve

_WORKERS = 2


class ExtractionSide:
    """Answers `images` (write JPEGs), `start` (load, compile), `run` (images/s) and `stages` (where the time goes)."""

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._extract: Any = None
        self._model: Any = None
        self._photos = Path()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        match request["do"]:
            case "images":
                return make_images(Path(request["directory"]), request["count"])
            case "processor":
                return make_processor(Path(request["directory"]), request["image_size"])
            case "start":
                return self._start(request)
            case "run":
                start = time.perf_counter()
                rows = self._extract()
                return {"seconds": time.perf_counter() - start, "rows": rows, "peak": status("VmHWM")}
            case _:
                return stages(self._model, self._photos, request["batch"])

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        self._photos = Path(request["photos"])
        make = _jaxsim if request["side"] == "jaxsim" else _torch
        self._model, self._extract = make(request)
        self._extract()
        return {}


def make_images(folder: Path, count: int) -> dict[str, Any]:
    """Write JPEGs of 640 x 480: smooth fields of colour with noise, about as large as photographs are."""
    import PIL.Image

    folder.mkdir(exist_ok=True)
    size = 0
    for number in range(count):
        rng = np.random.default_rng(number)
        coarse = PIL.Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((640, 480), 3)
        pixels = np.asarray(coarse, np.int16) + rng.integers(-8, 9, (480, 640, 1))
        file = folder / f"{number:06d}.jpg"
        PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, quality=90)
        size += file.stat().st_size
    return {"bytes_per_image": size / count}


def make_processor(checkpoint: Path, image_size: int) -> dict[str, Any]:
    """Write the usual processor beside a checkpoint: shortest edge to 256 and crop of 224, or in that proportion."""
    import transformers

    transformers.BitImageProcessorPil(
        size={"shortest_edge": image_size * 256 // 224}, crop_size={"height": image_size, "width": image_size}
    ).save_pretrained(checkpoint)
    return {}


def _jaxsim(request: dict[str, Any]) -> Any:
    """Features of all steps, pooled, on disk: what a study does, with the hashing of the images and all checks."""
    import shutil

    from jaxsim.data import open_images
    from jaxsim.features import extract
    from jaxsim.models import load_model

    model: Any = load_model(Path(request["checkpoint"]), granularity="hf")
    out = Path(request["out"])

    def run() -> int:
        shutil.rmtree(out, ignore_errors=True)
        found = extract(model, open_images(request["photos"]), out=out, batch_size=request["batch"])
        return len(found.sample_ids)

    return model, run


def _torch(request: dict[str, Any]) -> Any:
    """A DataLoader of PIL images and the model's processor, hidden states, mean pooling, rows in memory."""
    import PIL.Image
    import torch
    import transformers

    model = transformers.AutoModel.from_pretrained(request["checkpoint"]).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(request["checkpoint"])
    files = sorted(Path(request["photos"]).glob("*.jpg"))

    class Photos(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, place: int) -> Any:
            image = PIL.Image.open(files[place]).convert("RGB")
            return processor(images=image, return_tensors="pt")["pixel_values"][0]

    def run() -> int:
        loader = torch.utils.data.DataLoader(Photos(), batch_size=request["batch"], num_workers=_WORKERS)
        kept = []
        with torch.inference_mode():
            for pixels in loader:
                states = model(pixels, output_hidden_states=True).hidden_states
                kept.append([s.mean(dim=(2, 3)) if s.ndim == 4 else s[:, 1:].mean(dim=1) for s in states])
        return sum(len(rows[0]) for rows in kept)

    return model, run


def stages(model: Any, photos: Path, batch: int) -> dict[str, Any]:
    """Milliseconds an image takes in each stage by itself: threads share the first two, the device has the third."""
    import jax

    from jaxsim.data import open_images
    from jaxsim.features.device_step import DeviceStep

    images = open_images(photos)
    count = min(4 * batch, len(images))
    found = {}
    start = time.perf_counter()
    decoded = [images.load(place) for place in range(count)]
    found["decode"] = time.perf_counter() - start
    for name, size in (("preprocess one by one", 1), ("preprocess", 8)):
        start = time.perf_counter()
        parts = [model.preprocess(decoded[at : at + size]) for at in range(0, count, size)]
        found[name] = time.perf_counter() - start
    pixels = np.concatenate(parts)
    step = DeviceStep(model, "mean", "float32", batch, jax.local_devices())
    ids = list(images.ids[:batch])
    with step.weights() as params:
        step.fetch(step.start(params, pixels[:batch], ids), batch)
        start = time.perf_counter()
        for at in range(0, count - batch + 1, batch):
            step.fetch(step.start(params, pixels[at : at + batch], ids), batch)
        found["device"] = (time.perf_counter() - start) * count / (count // batch * batch)
    return {"ms": {name: taken * 1e3 / count for name, taken in found.items()}}


if __name__ == "__main__":
    serve(ExtractionSide().answer)
