"""The layers of a study: steps of all models, then spaces, in the order of the results, and the labels they carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from jaxsim.features import FeatureSet
from jaxsim.metrics import ImbalanceMatrix, clip_quantiles, distinct_samples, is_constant
from jaxsim.metrics.dissimilarities import Dissimilarities, select_samples
from jaxsim.metrics.imbalance_matrix import floor_of
from jaxsim.study.derived.constant_steps import explain_constant, mark_constant, with_missing
from jaxsim.study.derived.information import label_information
from jaxsim.study.derived.labels import StepLabel, label_imbalance
from jaxsim.study.run.categories import Categories
from jaxsim.study.run.halves import as_blocks
from jaxsim.study.run.label_overlap import Neighbours
from jaxsim.study.run.samples import rows_of
from jaxsim.study.run.settings import Settings
from jaxsim.study.run.settings_fit import check_sample_count
from jaxsim.study.run.space_kinds import tells_nothing_apart
from jaxsim.study.run.spaces import Spaces
from jaxsim.study.selection import choose_of_every_model


@dataclass(frozen=True)
class StudyLayers:
    """What a study measures.

    Attributes:
        layers: Name -> representation `[n_samples, n_features]` of what is measured: steps and spaces that are not the
            same for all samples.
        labels: All steps.
        widths: Name of every space -> number of its features; 0 for one of dissimilarities.
        constant_spaces: Spaces that are the same for all samples.
        origins: Name of a space -> where it comes from.
        n_samples: Number of samples N.
        groups: Group of every sample, or None.
        categories: Labels of the samples, or None.
        dropped: Ids of samples that were dropped as duplicates.
        messages: What a user should know.
    """

    layers: dict[str, Any]
    labels: tuple[StepLabel, ...]
    widths: dict[str, int]
    constant_spaces: tuple[str, ...]
    origins: dict[str, str]
    n_samples: int
    groups: Int[np.ndarray, " n_samples"] | None
    categories: Categories | None
    dropped: tuple[str, ...]
    messages: tuple[str, ...]

    @property
    def owners(self) -> dict[str, str]:
        """Name of every layer that is measured -> its model; spaces belong together, to nobody."""
        models = {label.label: label.model for label in self.labels}
        return {name: models.get(name, "") for name in self.layers}

    def labelled(
        self, values: Float[np.ndarray, "n_k measured measured"], errors: Mapping[str, np.ndarray], settings: Settings
    ) -> tuple[xr.Dataset, xr.Dataset | None]:
        """What was measured, with labels: between the steps, and between steps and spaces.

        Args:
            values: Between the layers that were measured.
            errors: `standard_error`, and `sampling_error` where there are half-samples.
            settings: The settings.

        Returns:
            As `label_imbalance` and `label_information` make them, the second None without spaces, each with the
            sampling errors beside its values.
        """
        n = len(self.labels)
        whole = self._whole(values)
        by_row = self._whole(errors["standard_error"])
        results = label_imbalance(
            whole[:, :n, :n], self.labels, k=settings.k, standard_error=by_row[:, :n, :n], n_samples=self.n_samples
        )
        known = None
        if self.widths:
            known = label_information(
                whole,
                by_row,
                self.labels,
                self.widths,
                k=settings.k,
                n_samples=self.n_samples,
                constant=self.constant_spaces,
                origins=self.origins,
            )
        if self.groups is not None:
            floor = ("k", floor_of(self.n_samples, settings.k, self.groups))
            results = results.assign_coords(floor=floor)
            known = None if known is None else known.assign_coords(floor=floor)
        if "sampling_error" in errors:
            blocks = self._blocks(errors["sampling_error"])
            results["sampling_error"] = (("k", "source", "target"), blocks["imbalance"])
            if known is not None:
                for name in ("forward", "backward"):
                    known[f"{name}_sampling_error"] = (("k", "step", "space"), blocks[name])
        return results, known

    def parts(
        self,
        dims: tuple[str, ...],
        values: Float[np.ndarray, "*lead n_k measured measured"] | None,
        settings: Settings,
        prefix: str = "",
    ) -> xr.Dataset:
        """The same measured on parts of the samples, with labels.

        Args:
            dims: Names of the leading dims.
            values: Between the layers that were measured.
            settings: The settings.
            prefix: Before the names of the variables.

        Returns:
            Dataset with `imbalance`, and with spaces `forward` and `backward`, and the coordinates of the whole.
        """
        if values is None:
            raise RuntimeError("expected values of parts of the samples, got none")
        blank = np.full((len(settings.k), len(self.layers), len(self.layers)), np.nan)
        results, known = self.labelled(blank, {"standard_error": blank}, settings)
        of = {"imbalance": ("k", "source", "target"), "forward": ("k", "step", "space")}
        of["backward"] = of["forward"]
        coords = dict(results.drop_vars("floor").coords)
        if known is not None:
            coords |= dict(known[["forward"]].drop_vars("floor").coords)
        variables = {f"{prefix}{name}": ((*dims, *of[name]), block) for name, block in self._blocks(values).items()}
        return xr.Dataset(variables, coords=coords)

    def neighbours(self, matrix: ImbalanceMatrix) -> Neighbours:
        """The neighbours by the steps that were measured, as `label_overlap_dataset` takes them.

        Args:
            matrix: Of these layers, with neighbours.
        """
        if matrix.neighbours is None or matrix.queries is None:
            raise RuntimeError("expected a matrix with the neighbours of its rows, got one without")
        n = sum(not label.constant for label in self.labels)
        return Neighbours(
            columns=matrix.neighbours[:n],
            queries=matrix.queries,
            in_halves=None if matrix.half_neighbours is None else matrix.half_neighbours[:, :n],
            sides=matrix.sides,
            groups=self.groups,
        )

    def _blocks(self, values: np.ndarray) -> dict[str, np.ndarray]:
        names = list(self.widths)
        spaces = np.array([i for i, name in enumerate(names) if name not in self.constant_spaces], np.int64)
        return as_blocks(self._whole(values), len(self.labels), spaces, len(names))

    def _whole(self, values: np.ndarray) -> np.ndarray:
        """With NaN for the steps that were not measured."""
        n_steps = len(self.labels)
        n_layers = n_steps + len(self.widths) - len(self.constant_spaces)
        at = [i for i in range(n_layers) if i >= n_steps or not self.labels[i].constant]
        return with_missing(np.asarray(values, np.float64), np.array(at, np.int64), n_layers)


def open_layers(
    features: Mapping[str, FeatureSet],
    ids: Sequence[str],
    settings: Settings,
    spaces: Spaces | None = None,
    groups: Int[np.ndarray, " n_samples"] | None = None,
    categories: Categories | None = None,
) -> StudyLayers:
    """The layers of a study, clipped and without duplicates where the settings say so.

    Args:
        features: Model name -> features.
        ids: The samples to measure on; all features hold them.
        settings: The settings.
        spaces: Spaces to measure beside the steps.
        groups: Group of every sample.
        categories: Labels of the samples.

    Returns:
        The layers.

    Raises:
        ValueError: If too few samples are left, or all steps are the same for all images; if the settings choose steps
            that are not there.
    """
    labels: list[StepLabel] = []
    layers: dict[str, Any] = {}
    pools = {name: str(each.manifest["pool"]) for name, each in features.items()}
    chosen = choose_of_every_model(
        {name: [step.name for step in each.steps] for name, each in features.items()},
        settings.steps,
        settings.drop_steps,
    )
    for name, each in features.items():
        rows = rows_of(ids, each.sample_ids)
        for step in (step for step in each.steps if step.name in chosen[name]):
            label = StepLabel(name, step.name, step.depth, step.kind, step.grid, step.channels)
            labels.append(label)
            layers[label.label] = each[step.name] if rows is None else select_samples(each[step.name], rows)
    if settings.clip is not None:
        layers = {name: clip_quantiles(x, settings.clip) for name, x in layers.items()}
    kept = distinct_samples(layers) if settings.drop_duplicates else np.arange(len(ids))
    check_sample_count(len(kept), settings)
    dropped = tuple(ids[int(i)] for i in np.setdiff1d(np.arange(len(ids)), kept))
    layers = {name: select_samples(x, kept) for name, x in layers.items()} if dropped else layers
    arrays = {} if spaces is None else spaces.make(kept)
    labels = mark_constant(labels, [is_constant(layers[label.label]) for label in labels])
    constant = tuple(name for name, x in arrays.items() if tells_nothing_apart(x))
    measured = {label.label: layers[label.label] for label in labels if not label.constant}
    return StudyLayers(
        layers=measured | {name: x for name, x in arrays.items() if name not in constant},
        labels=tuple(labels),
        widths={name: 0 if isinstance(x, Dissimilarities) else x.shape[1] for name, x in arrays.items()},
        constant_spaces=constant,
        origins={} if spaces is None else spaces.origins,
        n_samples=len(kept),
        groups=None if groups is None else groups[kept],
        categories=categories.select(kept) if categories is not None and dropped else categories,
        dropped=dropped,
        messages=tuple(explain_constant(each, pools[each.model]) for each in labels if each.constant),
    )
