"""Where pooled rows go: memory here, a folder in `folder_writer`."""

import datetime
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from jaxsim.features.feature_set import FeatureSet
from jaxsim.features.own_files import CHECKSUM, FORMAT, checksum
from jaxsim.features.step_record import StepRecord

Damage = dict[str, Any]
"""A damaged sample: `id`, `reason` and its `position` among the images asked for."""


class Writer(Protocol):
    """Takes the rows of consecutive samples.

    Attributes:
        start: position of the first sample whose rows are missing.
        damaged: damaged samples so far; who loads them adds to it.
    """

    start: int
    damaged: list[Damage]

    def add(self, positions: np.ndarray, rows: Sequence[np.ndarray], stop: int) -> None:
        """Take the rows `[b, D]` of each step for the samples at `positions`; all before `stop` were seen."""
        ...

    def finish(self, origin: dict[str, Any]) -> FeatureSet:
        """Return the whole, when all samples were seen."""
        ...


class MemoryWriter:
    """Keeps the rows in arrays."""

    def __init__(self, request: dict[str, Any], steps: Sequence[StepRecord]):
        self.start = 0
        self.damaged: list[Damage] = []
        self._request = request
        self._arrays = [np.empty((request["n_images"], s.n_features), request["dtype"]) for s in steps]
        self._n_rows = 0

    def add(self, positions: np.ndarray, rows: Sequence[np.ndarray], stop: int) -> None:
        """Copy the rows to their place."""
        for array, block in zip(self._arrays, rows, strict=True):
            array[self._n_rows : self._n_rows + len(positions)] = block
        self._n_rows += len(positions)
        self.start = stop

    def finish(self, origin: dict[str, Any]) -> FeatureSet:
        """Return the features, in memory."""
        manifest = finished_manifest(self._request, origin, self.damaged)
        return FeatureSet([array[: self._n_rows] for array in self._arrays], manifest)


def finished_manifest(request: dict[str, Any], origin: dict[str, Any], damaged: Sequence[Damage]) -> dict[str, Any]:
    """Return the manifest of a finished extraction.

    Raises:
        ValueError: every image is damaged.
    """
    if len(damaged) == request["n_images"]:
        raise ValueError(
            f"none of the {len(damaged)} images could be decoded; the first: {damaged[0]['id']}: {damaged[0]['reason']}"
        )
    lost = {entry["position"] for entry in damaged}
    kept = [sample for position, sample in enumerate(request["sample_ids"]) if position not in lost]
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    rest = origin | request | {"sample_ids": kept, "damaged": list(damaged)}
    manifest = {"format": FORMAT, "created": created} | rest
    return manifest | {CHECKSUM: checksum(manifest)}


def request_of(manifest: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return what was asked for when a manifest was made: the entries named, damaged samples put back."""
    ids = list(manifest["sample_ids"])
    for entry in sorted(manifest["damaged"], key=lambda entry: entry["position"]):
        ids.insert(entry["position"], entry["id"])
    return {key: manifest[key] for key in keys if key in manifest} | {"sample_ids": ids}
