"""The pooled representations of all steps of one model on one set of images."""

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from jaxsim.arguments import check_folder_path
from jaxsim.features.own_files import CURE, check_unchanged, read_manifest
from jaxsim.features.step_record import StepRecord
from jaxsim.features.store import StoredRepresentation, open_stores

MANIFEST, ARRAYS = "manifest.json", "steps.zarr"

Representation = StoredRepresentation | np.ndarray


class FeatureSet(Mapping[str, Representation]):
    """A mapping from step name to representation `[n_samples, n_features]`, in the order of the steps.

    Attributes:
        model_name: as results call the model.
        steps: what each step is.
        sample_ids: id of each row, the same for every step; damaged images have no row.
        damaged: ids of the images that could not be decoded (`manifest["damaged"]` has the reasons).
        manifest: everything that is known about the run, JSON-able.
        reused: whether all of it was there already and nothing had to be computed.
    """

    def __init__(
        self,
        representations: Sequence[Representation],
        manifest: dict[str, Any],
        *,
        model_name: str | None = None,
        reused: bool = False,
    ):
        self.manifest = manifest
        self.model_name: str = manifest["model"]["name"] if model_name is None else model_name
        self.steps: tuple[StepRecord, ...] = tuple(StepRecord.from_json(step) for step in manifest["steps"])
        self.sample_ids: tuple[str, ...] = tuple(manifest["sample_ids"])
        self.damaged: tuple[str, ...] = tuple(entry["id"] for entry in manifest["damaged"])
        self.reused = reused
        self._representations = {
            step.name: representation for step, representation in zip(self.steps, representations, strict=True)
        }

    def __getitem__(self, step: str) -> Representation:
        if step not in self._representations:
            raise KeyError(f"no step {step!r}; the steps are {', '.join(self._representations)}")
        return self._representations[step]

    def __iter__(self) -> Iterator[str]:
        return iter(self._representations)

    def __len__(self) -> int:
        return len(self._representations)

    def __repr__(self) -> str:
        return (
            f"FeatureSet({self.model_name!r}, {len(self)} steps, {len(self.sample_ids)} samples, "
            f"pool={self.manifest['pool']!r})"
        )


def open_features(path: str | PathLike[str]) -> FeatureSet:
    """Open features that `extract` has kept in a folder; nothing is read but the manifest.

    Chunks are checked as they are read: a damaged or missing one is a ValueError that names the file. Features of
    earlier versions, whose chunks carry no checksum, open, too; of these only missing chunks are noticed.

    Args:
        path: the folder.

    Raises:
        ValueError: there are no finished features in the folder, or arrays do not fit the manifest.

    Example:
        >>> open_features("/no/such/folder")
        Traceback (most recent call last):
            ...
        ValueError: no features in /no/such/folder: expected a folder that extract has written
    """
    folder = check_folder_path("path", path)
    if not (folder / MANIFEST).is_file():
        if (folder / ARRAYS).is_dir():
            raise ValueError(f"the extraction into {folder} has not finished: run it again, it continues")
        raise ValueError(f"no features in {folder}: expected a folder that extract has written")
    manifest = read_manifest(folder / MANIFEST)
    records = [StepRecord.from_json(step) for step in manifest["steps"]]
    stored = [
        StoredRepresentation(store, name=record.name, folder=folder)
        for record, store in zip(records, open_stores(folder / ARRAYS, records), strict=True)
    ]
    for record, representation in zip(records, stored, strict=True):
        expected = (len(manifest["sample_ids"]), record.n_features)
        if representation.shape != expected:
            raise ValueError(
                f"the features of step {record.name} in {folder} should have the shape {expected}, and have "
                f"{representation.shape}: {CURE}"
            )
    check_unchanged(manifest, folder / MANIFEST)
    return FeatureSet(stored, manifest)
