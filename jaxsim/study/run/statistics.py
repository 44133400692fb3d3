"""The low-level statistics of a study: from one view of its images, computed once and kept with their ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxsim_kernels import meet
from jaxtyping import Float

from jaxsim.arguments import Progress
from jaxsim.data import ImageSource, statistics_view
from jaxsim.data.low_level import scored_spaces
from jaxsim.features import FeatureSet, open_features
from jaxsim.features.feature_set import MANIFEST
from jaxsim.features.statistics import StatisticsModel, extract_statistics, statistics_of
from jaxsim.study.progress import renamed
from jaxsim.study.run.samples import rows_of
from jaxsim.study.run.settings import Settings

STATISTICS = ("luminance", "colour", "frequency", "orientation", "layout", "all")


@dataclass(frozen=True)
class Statistics:
    """The statistics of some images, read or computed when they are first asked for.

    One object serves a study and its untrained control, so both are measured against the same numbers.

    Attributes:
        key: JSON-able, changes whenever the numbers would.
        view: JSON-able account of the pixels behind them.
        load: Reads or computes the raw statistics.
    """

    key: list[Any]
    view: dict[str, Any]
    load: Callable[[], FeatureSet]

    @cached_property
    def features(self) -> FeatureSet:
        """The raw statistics and the thumbnails of all images."""
        return self.load()

    def spaces(self, ids: Sequence[str]) -> dict[str, Float[np.ndarray, "n_samples n_statistics"]]:
        """The groups and `all`, z-scored over some samples.

        Args:
            ids: The samples, in the order wanted.
        """
        rows = rows_of(ids, self.features.sample_ids)
        return scored_spaces(statistics_of(self.features, slice(None) if rows is None else rows))


def open_statistics(
    settings: Settings,
    *,
    images: ImageSource | None,
    ids: Sequence[str],
    out: Path | None,
    progress: Progress | None = None,
) -> Statistics:
    """The statistics of the samples of a study; nothing is computed yet.

    Args:
        settings: The settings; `statistics` states the size, or True.
        images: Hold all of `ids`; None where the folder has the statistics of an earlier run.
        ids: The samples.
        out: Folder of the run, which keeps them; None keeps them in memory.
        progress: Called as `progress(done, total, what)`.

    Raises:
        ValueError: If there are no images and no statistics in the folder, or they lack a sample.
    """
    folder = None if out is None else statistics_folder(out, settings.statistics)
    if images is None:
        stored = _stored(folder)
        _require_all(ids, stored.sample_ids, f"the statistics in {folder}")
        manifest = stored.manifest
        key = [manifest["preprocessing"], manifest["images_fingerprint"], manifest["weights_hash"]]
        return Statistics(key, manifest["preprocessing"], lambda: stored)
    _require_all(ids, images.ids, "the images")
    place = {each: i for i, each in enumerate(images.ids)}
    chosen = images.select([place[each] for each in ids])
    view = statistics_view(chosen, settings.statistics)

    def load() -> FeatureSet:
        if jax.process_count() == 1 or jax.process_index() == 0:
            found = extract_statistics(
                chosen,
                view,
                out=folder,
                overwrite=settings.overwrite,
                progress=renamed(progress, "statistics of the images"),
            )
            if jax.process_count() == 1:
                return found
        meet("statistics")
        return _stored(folder)

    key = [view.description, chosen.description["fingerprint"], StatisticsModel(view).weights_hash]
    return Statistics(key, view.description, load)


def statistics_folder(out: Path, size: bool | int | tuple[int, int]) -> Path:
    """Where a run keeps its statistics: one folder for each size that was asked for.

    Example:
        >>> statistics_folder(Path("run"), True).as_posix(), statistics_folder(Path("run"), 96).as_posix()
        ('run/statistics/own-size', 'run/statistics/96x96')
    """
    if size is True:
        return out / "statistics" / "own-size"
    height, width = (size, size) if isinstance(size, int) else size
    return out / "statistics" / f"{height}x{width}"


def check_statistics(settings: Settings, images: ImageSource | None, out: Path | None) -> None:
    """Refuses statistics that cannot be had, before any work is done.

    Raises:
        ValueError: If they are wanted, there are no images, and the folder holds none from an earlier run.
    """
    if settings.statistics is not False and images is None:
        _stored(None if out is None else statistics_folder(out, settings.statistics))


def _stored(folder: Path | None) -> FeatureSet:
    if folder is None or not (folder / MANIFEST).is_file():
        where = "" if folder is None else f", and {folder} holds none from an earlier run"
        raise ValueError(f"expected images to compute low-level statistics from, got none{where}; give images=")
    return open_features(folder)


def _require_all(ids: Sequence[str], there: Sequence[str], what: str) -> None:
    held = frozenset(there)
    missing = next((each for each in ids if each not in held), None)
    if missing is not None:
        raise ValueError(
            f"expected all samples of the features in {what}, but {missing!r} is missing; give the images that the "
            "features were extracted from"
        )
