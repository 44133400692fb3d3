"""Features that several processes write into one folder, each its part of the images."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tensorstore
from jaxsim_kernels import meet

from jaxsim.features.feature_set import ARRAYS, MANIFEST, FeatureSet, open_feature_folder
from jaxsim.features.folder_writer import REQUEST, manifest_to_write, open_unfinished
from jaxsim.features.narrowing import centre_of_rows, is_narrow, narrowed
from jaxsim.features.own_files import read_part, read_progress, read_request
from jaxsim.features.parts import PROGRESS, added_seconds, divide, forget_from, part_note, part_notes
from jaxsim.features.step_record import StepRecord
from jaxsim.features.store import close_stores, open_stores, read_centres, wait_written, write_centres
from jaxsim.features.writers import Damage
from jaxsim.files import AnyPath, write_json

_PAUSE_SECONDS = 0.05


class PartWriter:
    """Writes the rows of this process's part, in whole blocks, so that no two processes write one chunk.

    While processes work, the arrays have a row for every image and each process notes in `part-K-of-N.json` what of
    its part is written. When all are done, process 0 moves the rows up over those of damaged images and writes the
    manifest, and the folder is as one process leaves it. A run of any number of processes takes up what is there.

    Args:
        folder: that process 0 has prepared by `prepare_parts`.
        request: see `describe_request`.
        steps: the steps in order.
        check: raises if another process has failed.
    """

    def __init__(
        self, folder: AnyPath, request: dict[str, Any], steps: Sequence[StepRecord], check: Callable[[], None]
    ):
        self._folder, self._request, self._steps, self._check = folder, request, steps, check
        self._part, self._n_parts = jax.process_index(), jax.process_count()
        self._several: int = request.get("rows_per_image", 1)
        self._dtype: str = request["dtype"]
        n_images = request["n_images"]
        _, block_rows = read_request(folder / REQUEST)
        self._block = block_rows // self._several
        self._stores = open_stores(folder / ARRAYS, steps, write=True)
        before = read_progress(folder / PROGRESS, n_images)["start"]
        parts = [read_part(part_note(folder, part, self._n_parts), n_images) for part in range(self._n_parts)]
        own = parts[self._part]
        self._first: int = own["first"]
        self.start: int = own["start"]
        self.stop: int = own["stop"]
        self.damaged: list[Damage] = own["damaged"]
        self.seconds: dict[str, float] = own.get("seconds", {})
        written = before > 0 or any(part["start"] > part["first"] for part in parts)
        self._centres = read_centres(folder / ARRAYS, steps) if written else None
        self._rows = self._empty()

    def add(self, positions: np.ndarray, rows: Sequence[np.ndarray], stop: int) -> None:
        """Puts the rows to their places, and writes the blocks that are whole."""
        self._check()
        if is_narrow(self._dtype) and self._centres is None and len(positions):
            self._centres = self._agreed_centres(rows)
        centres: Sequence[np.ndarray | None] = self._centres or [None] * len(rows)
        kept = [narrowed(block, centre, self._dtype) for block, centre in zip(rows, centres, strict=True)]
        kept = [block.reshape(len(positions), self._several, block.shape[-1]) for block in kept]
        while self.start < self.stop:
            end = min(self.start + self._block, self.stop)
            inside = (positions >= self.start) & (positions < end)
            for held, block in zip(self._rows, kept, strict=True):
                held[positions[inside] - self.start] = block[inside]
            if stop < end:
                return
            self._write(end)

    def finish(self, origin: dict[str, Any]) -> FeatureSet:
        """Waits for all parts; process 0 makes one whole of them."""
        meet("parts")
        if self._part == 0:
            _make_whole(self._folder, self._request, self._steps, self._stores, self._block, origin)
        meet("whole")
        return open_feature_folder(self._folder)

    def _write(self, end: int) -> None:
        rows = slice(self.start * self._several, end * self._several)
        futures = [
            store[rows].write(held[: end - self.start].reshape(-1, held.shape[-1]))
            for store, held in zip(self._stores, self._rows, strict=True)
        ]
        wait_written(self._folder, futures)
        self._rows = self._empty()
        self.start = end
        self._note(centred=self._centres is not None)

    def _note(self, *, centred: bool) -> None:
        known = [entry for entry in self.damaged if entry["position"] < self.start]
        note = {"first": self._first, "stop": self.stop, "start": self.start, "damaged": known, "centred": centred}
        write_json(part_note(self._folder, self._part, self._n_parts), note | {"seconds": self.seconds})

    def _empty(self) -> list[np.ndarray]:
        """A block of rows that are not there."""
        shape = (self._block, self._several)
        return [np.full((*shape, step.n_features), np.nan, jnp.dtype(self._dtype)) for step in self._steps]

    def _agreed_centres(self, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What all processes take off: the centre of the first batch of process 0, as one process does it."""
        if self._part == 0:
            centres = [centre_of_rows(block) for block in rows]
            write_centres(self._folder / ARRAYS, self._steps, centres)
            self._note(centred=True)
            return centres
        path = part_note(self._folder, 0, self._n_parts)
        while not (first := read_part(path, self._request["n_images"])).get("centred", False):
            if first["start"] == first["stop"]:
                raise ValueError(
                    f"expected an image that can be decoded among the first {first['stop']}, from which "
                    f"{self._dtype} features take their centre, got none: extract float32 features"
                )
            self._check()
            time.sleep(_PAUSE_SECONDS)
        found = read_centres(self._folder / ARRAYS, self._steps)
        if found is None:
            raise ValueError(f"the centres in {self._folder} were removed while features were written")
        return found


def prepare_parts(folder: AnyPath, request: dict[str, Any], steps: Sequence[StepRecord], batch_size: int) -> None:
    """Makes a folder ready for the parts of all processes; called by process 0, before any other opens it.

    Args:
        folder: exists, and nobody else writes to it.
        request: see `describe_request`.
        steps: the steps in order.
        batch_size: images in one call of the model.

    Raises:
        ValueError: as `FolderWriter`.
    """
    n_parts, several = jax.process_count(), request.get("rows_per_image", 1)
    _, block_rows = open_unfinished(folder, request, steps, batch_size, n_parts)
    divide(folder, request["n_images"], block_rows // several, n_parts)


def _make_whole(
    folder: AnyPath,
    request: dict[str, Any],
    steps: Sequence[StepRecord],
    stores: Sequence[tensorstore.TensorStore],
    block: int,
    origin: dict[str, Any],
) -> None:
    """Moves the rows up over those of damaged images, and writes the manifest."""
    n_images, several = request["n_images"], request.get("rows_per_image", 1)
    parts = [read_part(note, n_images) for note in part_notes(folder)]
    damaged: list[Damage] = [entry for part in parts for entry in part["damaged"]]
    damaged.sort(key=lambda entry: entry["position"])
    noted = [read_progress(folder / PROGRESS, n_images), *parts]
    manifest = manifest_to_write(folder, request, origin, damaged, added_seconds(noted))
    n_rows = (n_images - len(damaged)) * several
    if damaged:
        forget_from(folder, damaged[0]["position"], n_images, block)
        lost = {entry["position"] for entry in damaged}
        kept = np.array([place for place in range(n_images) if place not in lost])
        for store in stores:
            _move_up(
                folder,
                store,
                np.repeat(kept, several) * several + np.tile(np.arange(several), len(kept)),
                block * several,
            )
    close_stores(folder / ARRAYS, stores, n_rows)
    write_json(folder / MANIFEST, manifest)
    for path in (folder / REQUEST, folder / PROGRESS, *part_notes(folder)):
        path.unlink()


def _move_up(folder: AnyPath, store: tensorstore.TensorStore, kept: np.ndarray, block_rows: int) -> None:
    """Writes the rows that are kept, which ascend, to the beginning of an array; what is behind them becomes empty."""
    n_rows = len(kept)
    first = int(np.argmax(kept != np.arange(n_rows))) if (kept != np.arange(n_rows)).any() else n_rows
    for start in range(first // block_rows * block_rows, n_rows, block_rows):
        source = kept[start : start + block_rows]
        # Read before they are written over: rows move towards the beginning alone.
        rows = store[int(source[0]) : int(source[-1]) + 1].read().result()[source - source[0]]
        wait_written(folder, [store[start : start + len(rows)].write(rows)])
    end = min(-(-n_rows // block_rows) * block_rows, int(store.shape[0]))
    if end > n_rows:
        empty = np.full((end - n_rows, store.shape[1]), np.nan, store.dtype.numpy_dtype)
        wait_written(folder, [store[n_rows:end].write(empty)])
