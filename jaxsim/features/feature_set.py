"""The pooled representations of all steps of one model on one set of images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from jaxsim.features.narrowing import WidenedRows, is_narrow
from jaxsim.features.own_files import CURE, check_unchanged, read_manifest
from jaxsim.features.step_record import StepRecord
from jaxsim.features.store import StoredRepresentation, open_stores, read_centres
from jaxsim.files import AnyPath
from jaxsim.rows import LazyRows, SelectedRows
from jaxsim.wording import counted

MANIFEST, ARRAYS = "manifest.json", "steps.zarr"

Representation = StoredRepresentation | LazyRows | SelectedRows | np.ndarray


class FeatureSet(Mapping[str, Representation]):
    """A mapping from step name to representation `[n_samples, n_features]`, in the order of the steps.

    Attributes:
        model_name: as results call the model.
        steps: what each step is.
        sample_ids: id of each row, the same for every step; damaged images have no row.
        groups: of rows that are tokens of one image, its id, for `measure(groups=...)`; None where a row is an image.
        damaged: ids of the images that could not be decoded (`manifest["damaged"]` has the reasons).
        manifest: everything that is known about the run, JSON-able; of features of other programs it holds a
            fingerprint of the content, for which arrays in memory are read once.
        reused: whether all of it was there already and nothing had to be computed.
    """

    def __init__(
        self,
        representations: Sequence[Representation],
        manifest: dict[str, Any],
        *,
        model_name: str | None = None,
        reused: bool = False,
        fingerprint: Callable[[], str] | None = None,
    ):
        self._given, self._fingerprint = manifest, fingerprint
        self.model_name: str = manifest["model"]["name"] if model_name is None else model_name
        self.steps: tuple[StepRecord, ...] = tuple(StepRecord.from_json(step) for step in manifest["steps"])
        images = tuple(manifest["sample_ids"])
        several = manifest.get("rows_per_image", 1)
        self.groups: tuple[str, ...] | None = (
            None if several == 1 else tuple(each for each in images for _ in range(several))
        )
        self.sample_ids: tuple[str, ...] = (
            images if several == 1 else tuple(f"{each}#{place}" for each in images for place in range(several))
        )
        self.damaged: tuple[str, ...] = tuple(entry["id"] for entry in manifest["damaged"])
        self.reused = reused
        self._representations = {
            step.name: representation for step, representation in zip(self.steps, representations, strict=True)
        }

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Everything that is known about the run."""
        if self._fingerprint is None:
            return self._given
        return self._given | {"fingerprint": self._fingerprint()}

    @property
    def numbered(self) -> bool:
        """Whether the ids are row numbers, because the features name no samples."""
        return self._given.get("sample_ids_from") == "row numbers"

    def select(self, rows: Sequence[int] | np.ndarray) -> "FeatureSet":
        """The same steps for some of the samples, in the order given; nothing is read.

        Args:
            rows: int `[n]`, each at most once.
        """
        chosen = np.asarray(rows, np.int64)
        if self.groups is not None:
            raise ValueError(
                "expected features with a row for each image to select from, got tokens of images; select images "
                "before they are extracted"
            )
        return FeatureSet(
            [SelectedRows(each, chosen) for each in self._representations.values()],
            self._given | {"sample_ids": [self.sample_ids[int(row)] for row in chosen]},
            model_name=self.model_name,
            reused=self.reused,
            fingerprint=self._fingerprint,
        )

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
            f"FeatureSet({self.model_name!r}, {counted(len(self), 'step')}, {counted(len(self.sample_ids), 'sample')}, "
            f"pool={self._given['pool']!r})"
        )


def open_feature_folder(folder: AnyPath) -> FeatureSet:
    """Opens features that `extract` has kept in a folder; nothing is read but the manifest.

    Chunks are checked as they are read: a damaged or missing one is a ValueError that names the file. Features of
    earlier versions, whose chunks carry no checksum, open, too; of these only missing chunks are noticed.

    Args:
        folder: Of the features.

    Raises:
        ValueError: There are no finished features in the folder, or arrays do not fit the manifest.
    """
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
        expected = (len(manifest["sample_ids"]) * manifest.get("rows_per_image", 1), record.n_features)
        if representation.shape != expected:
            raise ValueError(
                f"the features of step {record.name} in {folder} should have the shape {expected}, and have "
                f"{representation.shape}: {CURE}"
            )
    check_unchanged(manifest, folder / MANIFEST)
    centres = read_centres(folder / ARRAYS, records) if is_narrow(manifest["dtype"]) else None
    if centres is None:
        return FeatureSet(stored, manifest)
    return FeatureSet([WidenedRows(x, centre) for x, centre in zip(stored, centres, strict=True)], manifest)
