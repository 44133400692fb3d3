"""How well the steps of models set classes of images apart: neighbourhood overlap with labels.

The overlap is the mean fraction of an image's k nearest neighbours that share its label (`jaxsim.label_overlap`). It
comes from the neighbours that the imbalances rest on, of all samples and within halves of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from jaxsim.metrics.half_samples import half_sample_error
from jaxsim.metrics.label_overlap import label_bounds, neighbour_overlap
from jaxsim.study.derived.labels import StepLabel, step_coordinates
from jaxsim.study.run.categories import Categories


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of the query rows by the steps that were measured.

    Attributes:
        columns: Sample indices, the nearest first, `[n_measured, n_queries, k]`.
        queries: Sample indices of the rows `[n_queries]`.
        in_halves: The same within the row's own half of every split, `[n_splits, n_measured, n_queries, k]`, or None.
        sides: Which half every sample is in, `[n_splits, n_samples]`, or None.
        groups: Group of every sample, if samples of one group were no neighbours of each other.
    """

    columns: Int[np.ndarray, "n_measured n_queries k"]
    queries: Int[np.ndarray, " n_queries"]
    in_halves: Int[np.ndarray, "n_splits n_measured n_queries k"] | None = None
    sides: Bool[np.ndarray, "n_splits n_samples"] | None = None
    groups: Int[np.ndarray, " n_samples"] | None = None


def label_overlap_dataset(
    neighbours: Neighbours, categories: Categories, labels: Sequence[StepLabel], *, k: Sequence[int]
) -> xr.Dataset:
    """The overlap of every step with every label.

    Args:
        neighbours: By the steps that are not constant, in their order.
        categories: The labels of the samples.
        labels: All steps.
        k: Numbers of neighbours.

    Returns:
        Dataset on (`k`, `step`, `label`) with `overlap`, `standard_error` (over query rows) and, where there are
        halves, `sampling_error` (of other samples of the same kind); NaN for constant steps. Coordinates `model`,
        `step_name`, `kind`, `depth`, `step_constant` on `step`, `n_classes` on `label`, `chance` and `ceiling` on
        (`k`, `label`).

    Raises:
        ValueError: If there are neighbours of another number of steps.

    Example:
        >>> columns = np.array([[[1], [0], [3], [2]], [[1], [0], [0], [1]]])
        >>> categories = Categories({"class": np.array([0, 0, 1, 1])}, {"class": ("cat", "dog")})
        >>> steps = [StepLabel("m", "a", 0.0), StepLabel("m", "b", 1.0)]
        >>> label_overlap_dataset(Neighbours(columns, np.arange(4)), categories, steps, k=(1,)).overlap.values.tolist()
        [[[1.0], [0.5]]]
    """
    overlap, error = overlap_of_steps(neighbours, categories.codes, labels, k=k)
    bounds = [
        label_bounds(codes, k, queries=neighbours.queries, groups=neighbours.groups)
        for codes in categories.codes.values()
    ]
    dims = ("k", "step", "label")
    variables = {"overlap": (dims, overlap), "standard_error": (dims, error)}
    halves = overlap_in_halves(neighbours, categories, labels, k=k)
    if halves is not None:
        variables["sampling_error"] = (dims, half_sample_error(halves[:, 0], halves[:, 1]))
    chance, ceiling = (np.stack([pair[which] for pair in bounds], axis=1) for which in (0, 1))
    return xr.Dataset(
        variables,
        coords={
            "k": np.array(list(k), np.int64),
            **step_coordinates(labels),
            "label": np.array(categories.names, dtype=object),
            "n_classes": ("label", np.array([len(classes) for classes in categories.classes.values()], np.int64)),
            "chance": (("k", "label"), chance),
            "ceiling": (("k", "label"), ceiling),
        },
        attrs={"measure": "mean fraction of the k nearest neighbours that share the label"},
    )


def overlap_of_steps(
    neighbours: Neighbours, codes: Mapping[str, np.ndarray], labels: Sequence[StepLabel], *, k: Sequence[int]
) -> tuple[Float[np.ndarray, "n_k n_steps n_labels"], Float[np.ndarray, "n_k n_steps n_labels"]]:
    """The overlap of every step with every label and its standard error over rows, NaN for constant steps.

    Args:
        neighbours: By the steps that are not constant, in their order.
        codes: Name of a label -> class of every sample that the neighbours are among.
        labels: All steps.
        k: Numbers of neighbours.

    Raises:
        ValueError: If there are neighbours of another number of steps.
    """
    measured = np.array([i for i, label in enumerate(labels) if not label.constant], np.int64)
    n_measured = neighbours.columns.shape[0]
    if len(measured) != n_measured:
        raise ValueError(f"expected neighbours by the {len(measured)} steps that are not constant, got {n_measured}")
    overlap, error = (np.full((len(k), len(labels), len(codes)), np.nan) for _ in range(2))
    for place, each in enumerate(codes.values()):
        found, errors = neighbour_overlap(neighbours.columns, each, k, neighbours.queries)
        overlap[:, measured, place], error[:, measured, place] = found.T, errors.T
    return overlap, error


def overlap_in_halves(
    neighbours: Neighbours, categories: Categories, labels: Sequence[StepLabel], *, k: Sequence[int]
) -> Float[np.ndarray, "n_splits 2 n_k n_steps n_labels"] | None:
    """The overlap within both halves of every split; None where there are no halves.

    Args:
        neighbours: By the steps that are not constant, in their order.
        categories: The labels of the samples.
        labels: All steps.
        k: Numbers of neighbours.
    """
    if neighbours.in_halves is None or neighbours.sides is None:
        return None
    found = np.empty((len(neighbours.sides), 2, len(k), len(labels), len(categories.names)))
    for split, (columns, sides) in enumerate(zip(neighbours.in_halves, neighbours.sides, strict=True)):
        for side in range(2):
            rows = np.flatnonzero(sides[neighbours.queries] == side)
            own = Neighbours(columns[:, rows], neighbours.queries[rows])
            found[split, side], _ = overlap_of_steps(own, categories.codes, labels, k=k)
    return found


def labelled_overlap(
    dims: tuple[str, ...],
    values: Float[np.ndarray, "*lead n_k n_steps n_labels"],
    categories: Categories,
    labels: Sequence[StepLabel],
    k: Sequence[int],
    prefix: str = "",
) -> xr.Dataset:
    """The overlap within parts of the samples, with labels.

    Args:
        dims: Names of the leading dims.
        values: The overlaps.
        categories: The labels of the samples.
        labels: All steps.
        k: Numbers of neighbours.
        prefix: Before the name of the variable, `overlap`.
    """
    return xr.Dataset(
        {f"{prefix}overlap": ((*dims, "k", "step", "label"), values)},
        coords={
            "k": np.array(list(k), np.int64),
            **step_coordinates(labels),
            "label": np.array(categories.names, dtype=object),
        },
    )
