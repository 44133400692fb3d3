"""Low-level statistics of images, kept like the features of a model: one "step" for each group, with sample ids."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from os import PathLike
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxsim.arguments import Progress
from jaxsim.data import ImageSource, StatisticsView, statistic_names
from jaxsim.data.grid_cells import cell_weights
from jaxsim.data.image_statistics import GROUPS, filtered_statistics, filters
from jaxsim.data.thumbnails import EDGE
from jaxsim.features.extraction import extract
from jaxsim.features.feature_folder import feature_folder
from jaxsim.features.feature_set import FeatureSet
from jaxsim.features.finished import holds_other
from jaxsim.features.opened_writers import IMAGES, read_contents
from jaxsim.features.request import describe_request
from jaxsim.features.step_record import step_records
from jaxsim.models import Step, Vector

#: The step beside the groups: a small picture, in which near copies are found without decoding anything again.
THUMBNAIL = "thumbnail"
# Raise it when the statistics change: stored ones of older versions must not be taken for newer ones.
_VERSION = "1"
_BATCH = 64


@dataclasses.dataclass(frozen=True)
class StatisticsModel:
    """The statistics of one view as a model whose steps are the groups, so that they are stored as features are.

    Attributes:
        view: of the images.

    Example:
        >>> [step.name for step in StatisticsModel(StatisticsView(32, 32)).steps]
        ['luminance', 'colour', 'frequency', 'orientation', 'layout', 'thumbnail']
    """

    view: StatisticsView

    name = "low-level statistics"
    family = "statistics"
    source = "jaxsim"
    granularity = "group"
    module = SimpleNamespace(dtype="float32", precision="highest")

    @property
    def params(self) -> Any:
        """The filters, which depend on the size alone."""
        return filters(self.view.height, self.view.width)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The groups of statistics, and the thumbnail."""
        widths = {group: len(names) for group, names in statistic_names(self.view.height, self.view.width).items()}
        widths[THUMBNAIL] = 3 * min(EDGE, self.view.height) * min(EDGE, self.view.width)
        last = len(widths) - 1
        return tuple(Step(name, "statistics", i / last, Vector(), n) for i, (name, n) in enumerate(widths.items()))

    @property
    def weights_hash(self) -> str:
        """Of the version and the size, which decide the filters."""
        return hashlib.sha256(f"{_VERSION} {self.view.height}x{self.view.width}".encode()).hexdigest()

    @property
    def preprocessing(self) -> dict[str, Any]:
        """The view."""
        return self.view.description

    def preprocess(self, images: Sequence[Any]) -> np.ndarray:
        """Decoded images in the view."""
        return self.view.prepare(images)

    def apply(self, params: Any, images: Any) -> dict[str, Any]:
        """Group -> statistics `[B, n]`."""
        rows, columns = (jnp.asarray(cell_weights(n, min(EDGE, n)), jnp.float32) for n in images.shape[1:3])
        small = jnp.einsum("ph,qw,bhwc->bpqc", rows, columns, images, precision="highest")
        flat = small.reshape(len(small), -1)
        return filtered_statistics(images, params) | {THUMBNAIL: flat - flat.mean(axis=1, keepdims=True)}


def extract_statistics(
    images: ImageSource,
    view: StatisticsView,
    *,
    out: str | PathLike[str] | None = None,
    overwrite: bool = False,
    verify_images: bool = False,
    progress: Progress | None = None,
) -> FeatureSet:
    """Compute the low-level statistics of images, or take them from the folder where they are already.

    The values are raw: z-score what is selected of them with `jaxsim.data.low_level.scored_spaces`.

    Args:
        images: all can be decoded.
        view: what they are computed from, see `jaxsim.data.statistics_view`.
        out: folder to keep them in; None keeps them in memory. Statistics of other images or of another view that
            are there are replaced: they cost one reading of the images, no model.
        overwrite: compute them again in any case.
        verify_images: as `extract`.
        progress: called as `progress(done, total, what)`.

    Returns:
        Features whose steps are the groups of `image_statistics` and `thumbnail`, as `jaxsim.data.thumbnails`.

    Raises:
        DamagedImage: an image cannot be decoded.
        ValueError: as `extract`.

    Example:
        >>> import jaxsim.data
        >>> images = jaxsim.data.open_images("rendered:20")
        >>> found = extract_statistics(images, jaxsim.data.statistics_view(images))
        >>> found["luminance"].shape
        (20, 5)
    """
    model = StatisticsModel(view)
    if out is not None and not overwrite:
        folder = feature_folder("out", out)
        if not verify_images:
            images.take_contents(read_contents(folder / IMAGES))
        request = describe_request(model, images, step_records(model.steps, "mean"), "mean", "float32")
        overwrite = holds_other(folder, request)
    return extract(
        model,
        images,
        out=out,
        batch_size=_BATCH,
        strict=True,
        overwrite=overwrite,
        verify_images=verify_images,
        progress=progress,
    )


def statistics_of(features: Mapping[str, Any], rows: np.ndarray | slice = slice(None)) -> dict[str, np.ndarray]:
    """Return the groups of statistics, without the thumbnail.

    Args:
        features: from `extract_statistics`.
        rows: which samples, all by default.

    Returns:
        Group -> raw values `[n_rows, n]`, float32.
    """
    return {group: np.asarray(features[group])[rows] for group in GROUPS}
