"""Runs one computation in a fresh process and reads what it took from the operating system."""

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.serving import serve


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Peak memory of one `jaxsim.imbalance_matrix`.

    Args:
        request: `widths`, `n_samples`, `k`, `plan`, `budget`, `precision`, `seed`, `stored`, `n_queries`,
            `check_layers`.

    Returns:
        Bytes: `started` (libraries loaded, no features), `before` (features there), `peak`, `anonymous` (what the
        computation took, without the pages of mapped files); with the seconds, the plan and whether a subset of the
        layers gives the same in one pass.
    """
    import jax

    from jaxsim.metrics import imbalance_matrix

    jax.block_until_ready(jax.jit(lambda x: x + 1)(np.zeros(8, np.float32)))
    started = status("VmRSS")
    with tempfile.TemporaryDirectory() as folder:
        layers = _layers(request, Path(folder))
        settings = {
            "k": tuple(request["k"]),
            "precision": request["precision"],
            "n_queries": request["n_queries"],
            "seed": request["seed"],
        }
        before, reset = status("VmRSS"), reset_peak()
        start = time.perf_counter()
        with _watching("RssAnon") as anonymous:
            found = imbalance_matrix(layers, plan=request["plan"], budget=request["budget"], **settings)
        seconds = time.perf_counter() - start
        peak = status("VmHWM")
        stats = jax.devices()[0].memory_stats() or {}
        equal = None
        if request["check_layers"]:
            count = request["check_layers"]
            first = dict(list(layers.items())[:count]) if isinstance(layers, Mapping) else layers[:count]
            part = imbalance_matrix(first, plan="one-pass", **settings)
            equal = bool(np.array_equal(part.values, found.values[..., :count, :count]))
    return {
        "started": started,
        "before": before,
        "peak": peak,
        "anonymous": max(anonymous) - anonymous[0],
        "peak_was_reset": reset,
        "device_peak": stats.get("peak_bytes_in_use"),
        "seconds": seconds,
        "plan": str(found.plan),
        "passes": found.plan.passes,
        "planned_bytes": found.plan.n_bytes,
        "notes": list(found.notes),
        "subset_equal": equal,
    }


def status(field: str) -> int:
    """Bytes of a field of /proc/self/status, such as VmRSS or VmHWM.

    Example:
        >>> status("VmHWM") >= status("VmRSS") // 2
        True
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    raise ValueError(f"/proc/self/status has no field {field}.")


@contextmanager
def _watching(field: str) -> Iterator[list[int]]:
    """Bytes of a field, every hundredth of a second; the first before the work."""
    seen, done = [status(field)], threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            seen.append(status(field))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def reset_peak() -> bool:
    """Start VmHWM anew, so that making the features does not count; not every system allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _layers(request: dict[str, Any], folder: Path) -> Any:
    from benchmarks.workloads import Shape, synthetic_layers

    shape = Shape("", request["n_samples"], tuple(request["widths"]), tuple(request["k"]))
    if request["stored"] is None:
        return synthetic_layers(shape, request["seed"])
    if request["stored"] == "zarr":
        return _stored_layers(shape, folder / "features.zarr", request["seed"])
    rng = np.random.default_rng(request["seed"])
    latent = rng.standard_normal((shape.n_samples, max(shape.widths)), np.float32)
    layers = []
    for index, width in enumerate(shape.widths):
        path = folder / f"{index:04d}.npy"
        np.save(path, latent[:, :width])
        latent += np.float32(0.4) * rng.standard_normal(latent.shape, np.float32)
        layers.append(np.load(path, mmap_mode="r"))
    return layers


def _stored_layers(shape: Any, folder: Path, seed: int) -> Any:
    """Layers in a Zarr group, written and later read in chunks; what is in memory is a chunk of each."""
    import tensorstore

    from jaxsim import open_features

    chunk = 8192
    folder.mkdir()
    (folder / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    arrays = [
        tensorstore.open(
            {
                "driver": "zarr3",
                "kvstore": {"driver": "file", "path": f"{folder}/layer{index:03d}/"},
                "metadata": {
                    "shape": [shape.n_samples, width],
                    "data_type": "float32",
                    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [chunk, width]}},
                },
            },
            create=True,
        ).result()
        for index, width in enumerate(shape.widths)
    ]
    rng = np.random.default_rng(seed)
    for start in range(0, shape.n_samples, chunk):
        stop = min(start + chunk, shape.n_samples)
        latent = rng.standard_normal((stop - start, max(shape.widths)), np.float32)
        for array, width in zip(arrays, shape.widths, strict=True):
            array[start:stop].write(latent[:, :width]).result()
            latent += np.float32(0.4) * rng.standard_normal(latent.shape, np.float32)
    return open_features(folder)


if __name__ == "__main__":
    serve(answer)
