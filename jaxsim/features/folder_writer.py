"""Features written to a folder, block by block, so that a killed run can continue."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import tensorstore

from jaxsim.features.chosen_steps import with_steps
from jaxsim.features.feature_set import ARRAYS, MANIFEST, FeatureSet, open_feature_folder
from jaxsim.features.narrowing import centre_of_rows, is_narrow, narrowed
from jaxsim.features.own_files import CHECKSUM, FORMAT, checksum, read_manifest, read_request
from jaxsim.features.parts import PROGRESS, join_parts, part_notes
from jaxsim.features.request import first_difference
from jaxsim.features.step_record import StepRecord
from jaxsim.features.store import (
    close_stores,
    create_stores,
    open_stores,
    read_centres,
    remove_arrays,
    remove_empty,
    wait_written,
    write_centres,
)
from jaxsim.features.writers import Damage, finished_manifest
from jaxsim.files import AnyPath, read_json, rename, unlink_all, write_json
from jaxsim.warn import warn

REQUEST = "request.json"

_MOST_BLOCK_BYTES = 64 * 2**20
_MOST_BLOCK_ROWS = 512


class FolderWriter:
    """Writes blocks of rows and notes what is written.

    While it works, the folder holds `request.json` (what was asked for), `steps.zarr`, and `progress.json`
    (the first image whose rows are not on disk, how many images' rows are, the damaged ones before it); at the
    end `manifest.json` and `steps.zarr`. A block is on disk before `progress.json` says so, and what was
    written after the last note is written again, so a killed run loses one block at most.

    Args:
        folder: exists, and nobody else writes to it.
        request: see `describe_request`.
        steps: the steps in order.
        batch_size: images in one call of the model. It decides the last bits of the features, so an unfinished
            extraction is continued with its own alone.

    Raises:
        ValueError: the folder holds an unfinished extraction of another request (says what differs), or
            arrays that nothing is known about.
    """

    def __init__(self, folder: AnyPath, request: dict[str, Any], steps: Sequence[StepRecord], batch_size: int):
        self._folder = folder
        self._request, self._steps = request, steps
        self._several: int = request.get("rows_per_image", 1)
        self._stores, self._block_rows = open_unfinished(folder, request, steps, batch_size)
        progress = join_parts(folder, request["n_images"], self._block_rows // self._several)
        self._dtype: str = request["dtype"]
        self._centres = read_centres(folder / ARRAYS, steps) if progress["n_rows"] else None
        self.start: int = progress["start"]
        self.stop: int = request["n_images"]
        self.damaged: list[Damage] = progress["damaged"]
        self.seconds: dict[str, float] = progress.get("seconds", {})
        self._n_rows: int = progress["n_rows"] * self._several
        self._positions = np.empty(0, np.int64)
        self._waiting: list[list[np.ndarray]] = [[] for _ in steps]

    def add(self, positions: np.ndarray, rows: Sequence[np.ndarray], stop: int) -> None:
        """Hold the rows until there is a block, then write it."""
        if is_narrow(self._dtype) and self._centres is None and self._n_rows == 0 and len(positions):
            self._centres = [centre_of_rows(block) for block in rows]
            write_centres(self._folder / ARRAYS, self._steps, self._centres)
        self._positions = np.concatenate([self._positions, np.repeat(positions, self._several)])
        for place, (waiting, block) in enumerate(zip(self._waiting, rows, strict=True)):
            waiting.append(narrowed(block, None if self._centres is None else self._centres[place], self._dtype))
        whole = len(self._positions) // self._block_rows * self._block_rows
        if whole:
            self._write(whole, stop)

    def finish(self, origin: dict[str, Any]) -> FeatureSet:
        """Write the rest, cut the arrays to the rows there are, and write the manifest."""
        self._write(len(self._positions), self._request["n_images"])
        manifest = manifest_to_write(self._folder, self._request, origin, self.damaged, self.seconds)
        close_stores(self._folder / ARRAYS, self._stores, self._n_rows)
        write_json(self._folder / MANIFEST, manifest)
        for name in (REQUEST, PROGRESS):
            (self._folder / name).unlink()
        return open_feature_folder(self._folder)

    def _write(self, count: int, stop: int) -> None:
        """Write the first `count` rows that wait; if none waits then, all before `stop` is done."""
        until = self._n_rows + count
        joined = [np.concatenate(waiting) for waiting in self._waiting if waiting]
        if count:
            futures = [
                store[self._n_rows : until].write(rows[:count])
                for store, rows in zip(self._stores, joined, strict=True)
            ]
            wait_written(self._folder, futures)
        self._waiting = [[rows[count:]] for rows in joined] or self._waiting
        self._n_rows = until
        self.start = int(self._positions[count]) if count < len(self._positions) else stop
        self._positions = self._positions[count:]
        known = [entry for entry in self.damaged if entry["position"] < self.start]
        noted = {"start": self.start, "n_rows": self._n_rows // self._several, "damaged": known}
        write_json(self._folder / PROGRESS, noted | {"seconds": self.seconds})


def open_unfinished(
    folder: AnyPath, request: dict[str, Any], steps: Sequence[StepRecord], batch_size: int, n_parts: int = 1
) -> tuple[list[tensorstore.TensorStore], int]:
    """Opens the arrays of an extraction that has not finished, or makes those of a new one.

    Args:
        folder: exists, and nobody else writes to it.
        request: see `describe_request`.
        steps: the steps in order.
        batch_size: images in one call of the model.
        n_parts: processes that will write; a new extraction has a block for each of them.

    Returns:
        The arrays, and the rows of a block.

    Raises:
        ValueError: as `FolderWriter`.
    """
    several = request.get("rows_per_image", 1)
    arrays = folder / ARRAYS
    asked = request | {"batch_size": batch_size}
    _clear_finished(folder)
    if (folder / REQUEST).exists():
        there, block_rows = read_request(folder / REQUEST)
        begun = [step["name"] for step in there["steps"]]
        if (folder / MANIFEST).exists() and begun != [step.name for step in steps]:
            raise ValueError(
                f"expected features in {folder} to which steps can be added, but adding {', '.join(begun)} has not "
                "finished: run that again first, or choose another folder"
            )
        refuse_difference(folder, there, asked)
    else:
        if (arrays / "zarr.json").exists() and not (folder / MANIFEST).exists():
            raise ValueError(
                f"{arrays} exists without a manifest, so nothing is known about it: "
                "choose another folder, or pass overwrite=True"
            )
        row_bytes = jnp.dtype(request["dtype"]).itemsize * sum(step.n_features for step in steps)
        fitting = max(1, min(_MOST_BLOCK_BYTES // row_bytes, _MOST_BLOCK_ROWS) // several)
        share = -(-request["n_images"] // n_parts)
        if is_narrow(request["dtype"]):  # the first batch, which gives the centre, is one process's
            share = max(share, min(batch_size, request["n_images"]))
        block_rows = min(fitting, share) * several
        (folder / PROGRESS).unlink(missing_ok=True)
        write_json(folder / REQUEST, {"request": asked, "block_rows": block_rows})
    if (folder / PROGRESS).exists():
        return open_stores(arrays, steps, write=True), block_rows
    unlink_all(part_notes(folder))
    n_rows = request["n_images"] * several
    return create_stores(arrays, steps, n_rows, block_rows, request["dtype"]), block_rows


def _clear_finished(folder: AnyPath) -> None:
    """Removes the notes of an extraction that was killed after its manifest was written."""
    if not ((folder / MANIFEST).exists() and (folder / REQUEST).exists()):
        return
    asked, _ = read_request(folder / REQUEST)
    known = [step["name"] for step in read_manifest(folder / MANIFEST)["steps"]]
    if all(step["name"] in known for step in asked["steps"]):
        unlink_all([*part_notes(folder), folder / PROGRESS, folder / REQUEST])


def manifest_to_write(
    folder: AnyPath,
    request: dict[str, Any],
    origin: dict[str, Any],
    damaged: Sequence[Damage],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The manifest of a folder whose arrays are written: of these steps, and of those that were there before.

    Raises:
        ValueError: no image could be decoded, or others than when the steps there were extracted.
    """
    made = finished_manifest(request, origin, damaged, seconds)
    if not (folder / MANIFEST).exists():
        return made
    joined = with_steps(read_manifest(folder / MANIFEST), made)
    return joined | {CHECKSUM: checksum(joined)}


def remove_features(folder: AnyPath, steps: Sequence[StepRecord]) -> None:
    """Remove what an extraction has written, and nothing else.

    A manifest or request that cannot be read, or is not ours, is set aside.

    Args:
        folder: of the features.
        steps: that are about to be written.
    """
    names = [step.name for step in steps]
    for file in (MANIFEST, REQUEST):
        if not (folder / file).exists():
            continue
        try:
            names += _own_steps(folder / file)
        except ValueError as error:
            aside = f"{file}.{secrets.token_hex(4)}.aside"
            warn(f"{error}. It is kept as {aside}")
            rename(folder / file, aside)
    # The arrays first: as long as there is a manifest or a request, it is known what they are.
    arrays = folder / ARRAYS
    if arrays.exists():
        remove_arrays(arrays, list(dict.fromkeys(names)))
        (arrays / "zarr.json").unlink(missing_ok=True)
        remove_empty([arrays])
    unlink_all([*part_notes(folder), *(folder / name for name in (PROGRESS, REQUEST, MANIFEST))])


def _own_steps(path: AnyPath) -> list[str]:
    """The steps that a manifest or request names, as far as it can be read; a ValueError if it is none of ours."""
    value = read_json(path)
    if isinstance(value, dict) and (value.get("format") == FORMAT or set(value) == {"request", "block_rows"}):
        asked = value if "format" in value else value["request"]
        steps = asked.get("steps") if isinstance(asked, dict) else None
        steps = steps if isinstance(steps, list) else []
        return [step["name"] for step in steps if isinstance(step, dict) and isinstance(step.get("name"), str)]
    raise ValueError(f"{path} was not written by extract")


def refuse_difference(folder: AnyPath, there: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise a ValueError if two requests differ."""
    if found := first_difference(there, asked):
        raise something_else(folder, found)


def something_else(folder: AnyPath, found: str) -> ValueError:
    """The error that says what a folder holds."""
    return ValueError(
        f"{folder} holds features of something else: {found}. "
        "Choose another folder, or pass overwrite=True to replace them"
    )
