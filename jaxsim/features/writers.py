"""Where pooled rows go: memory here, a folder in `folder_writer`."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np

from jaxsim.features.feature_set import FeatureSet
from jaxsim.features.narrowing import WidenedRows, centre_of_rows, is_narrow, narrowed
from jaxsim.features.own_files import CHECKSUM, FORMAT, checksum
from jaxsim.features.step_record import StepRecord
from jaxsim.wording import counted

Damage = dict[str, Any]
"""A damaged sample: `id`, `reason` and its `position` among the images asked for."""


@runtime_checkable
class Writer(Protocol):
    """Takes the rows of consecutive samples.

    Attributes:
        start: position of the first sample whose rows are missing.
        stop: position after the last sample whose rows it takes.
        damaged: damaged samples so far; who loads them adds to it.
        seconds: what each stage took, earlier runs included; who runs the model adds to it.
    """

    start: int
    stop: int
    damaged: list[Damage]
    seconds: dict[str, float]

    def add(self, positions: np.ndarray, rows: Sequence[np.ndarray], stop: int) -> None:
        """Take the rows `[b, D]` of each step for the samples at `positions`; all before `stop` were seen.

        Where an image has several rows, these follow each other, and there are so many times the positions.
        """
        ...

    def finish(self, origin: dict[str, Any]) -> FeatureSet:
        """Return the whole, when all samples were seen."""
        ...


class MemoryWriter:
    """Keeps the rows in arrays."""

    def __init__(self, request: dict[str, Any], steps: Sequence[StepRecord]):
        self.start = 0
        self.stop: int = request["n_images"]
        self.damaged: list[Damage] = []
        self.seconds: dict[str, float] = {}
        self._request = request
        n_rows = request["n_images"] * request.get("rows_per_image", 1)
        self._dtype = request["dtype"]
        self._arrays = [np.empty((n_rows, s.n_features), jnp.dtype(self._dtype)) for s in steps]
        self._centres: list[np.ndarray] | None = None
        self._n_rows = 0

    def add(self, positions: np.ndarray, rows: Sequence[np.ndarray], stop: int) -> None:
        """Copy the rows to their place."""
        if is_narrow(self._dtype) and self._centres is None and len(positions):
            self._centres = [centre_of_rows(block) for block in rows]
        for place, (array, block) in enumerate(zip(self._arrays, rows, strict=True)):
            centre = None if self._centres is None else self._centres[place]
            array[self._n_rows : self._n_rows + len(block)] = narrowed(block, centre, self._dtype)
        self._n_rows += len(rows[0])
        self.start = stop

    def finish(self, origin: dict[str, Any]) -> FeatureSet:
        """Return the features, in memory."""
        manifest = finished_manifest(self._request, origin, self.damaged, self.seconds)
        held = [array[: self._n_rows] for array in self._arrays]
        if self._centres is None:
            return FeatureSet(held, manifest)
        return FeatureSet([WidenedRows(x, centre) for x, centre in zip(held, self._centres, strict=True)], manifest)


def finished_manifest(
    request: dict[str, Any], origin: dict[str, Any], damaged: Sequence[Damage], seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Return the manifest of a finished extraction.

    Raises:
        ValueError: every image is damaged.
    """
    if len(damaged) == request["n_images"]:
        raise ValueError(
            f"none of {counted(len(damaged), 'image')} could be decoded; the first: {damaged[0]['id']}: "
            f"{damaged[0]['reason']}"
        )
    lost = {entry["position"] for entry in damaged}
    kept = [sample for position, sample in enumerate(request["sample_ids"]) if position not in lost]
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    rest = origin | request | {"sample_ids": kept, "damaged": list(damaged)}
    taken = {stage: round(each, 3) for stage, each in seconds.items()}
    manifest = {"format": FORMAT, "created": created} | rest | {"seconds": taken}
    return manifest | {CHECKSUM: checksum(manifest)}


def request_of(manifest: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return what was asked for when a manifest was made: the entries named, damaged samples put back."""
    ids = list(manifest["sample_ids"])
    for entry in sorted(manifest["damaged"], key=lambda entry: entry["position"]):
        ids.insert(entry["position"], entry["id"])
    return {key: manifest[key] for key in keys if key in manifest} | {"sample_ids": ids}
