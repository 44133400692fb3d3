"""What a study holds: what was measured, and what is derived from it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import xarray as xr

from jaxsim.arguments import check_count, shown
from jaxsim.study.derived.alignment import depth_alignment
from jaxsim.study.derived.between import between_models
from jaxsim.study.derived.sampling_errors import with_sampling_errors
from jaxsim.study.derived.smoothness import smoothness_profile
from jaxsim.study.parts import check_part

if TYPE_CHECKING:
    from typing import Self

    from jaxsim.study.results import Study

#: The datasets that were measured, each None where it was not; all else is derived from them.
MEASURED = ("results", "information", "halves", "shuffled", "label_overlap", "descriptions")


@dataclass(frozen=True)
class StudyDatasets:
    """The results of one comparison of models.

    Attributes:
        results: `imbalance` and `standard_error` on (`k`, `source`, `target`); `results.attrs` records how
            they came about (samples, pooling, metric, models, versions, warnings).
        smoothness: Step changes and fixed-step profiles, see `smoothness_profile`.
        between: Distances and best matches between models and their depth alignment, see `between_models` and
            `depth_alignment`.
        reused: What this run took from an earlier one into the same folder: "features of NAME", "imbalance".
        information: What the steps know of other spaces, such as low-level statistics, see `label_information`;
            None where none were measured.
        halves: The same imbalances within both halves of every split of the samples, along `split` and `side`, with
            the images of different models paired at random (`shuffled_`) and within quarters of the samples
            (`quarter_`); None where there are no splits.
        shuffled: The same imbalances of all samples, the images of different models paired at random.
        label_overlap: How many of a step's nearest neighbours share a label of the images, see
            `label_overlap_dataset`; None without labels.
        untrained: The same study of the same architectures with random weights; None without that control.
        descriptions: Measures of every step by itself on (`k`, `step`); None where none were asked for.
        by_measure: The same study by further measures: name -> a study whose `imbalance` is that measure as a
            dissimilarity (a similarity taken off its largest value) and whose `results` hold the values as they are
            under its name.
    """

    results: xr.Dataset
    smoothness: xr.Dataset
    between: xr.Dataset
    reused: tuple[str, ...] = ()
    information: xr.Dataset | None = None
    halves: xr.Dataset | None = None
    shuffled: xr.Dataset | None = None
    label_overlap: xr.Dataset | None = None
    untrained: Study | None = None
    descriptions: xr.Dataset | None = None
    by_measure: Mapping[str, Study] = field(default_factory=dict)

    @classmethod
    def from_results(
        cls,
        results: xr.Dataset,
        *,
        seed: int = 0,
        reused: tuple[str, ...] = (),
        information: xr.Dataset | None = None,
        halves: xr.Dataset | None = None,
        shuffled: xr.Dataset | None = None,
        label_overlap: xr.Dataset | None = None,
        untrained: Study | None = None,
        descriptions: xr.Dataset | None = None,
        by_measure: Mapping[str, Study] | None = None,
    ) -> Self:
        """Derives smoothness, distances and alignment from a labelled imbalance.

        Args:
            results: Dataset with `imbalance` and `standard_error`, as `label_imbalance` makes it.
            seed: Seed of the permutation null of the depth alignment.
            reused: What was taken from an earlier run.
            information: What the steps know of other spaces, if that was measured.
            halves: The same within halves of the samples, if that was measured.
            shuffled: The same with images of different models paired at random, if that was measured.
            label_overlap: How many neighbours share a label, if that was measured.
            untrained: The study of random weights, if there is one.
            descriptions: Measures of every step by itself, if there are any.
            by_measure: The study by further measures, if there are any.

        Returns:
            The study.

        Raises:
            ValueError: If the labels do not fit, or something given is no part of a study.

        Example:
            >>> import numpy as np
            >>> from jaxsim.study import StepLabel, Study, label_imbalance
            >>> labels = [StepLabel("m", "a", 0.0), StepLabel("m", "b", 1.0)]
            >>> study = Study.from_results(label_imbalance(np.array([[0.1, 0.4], [0.2, 0.1]]), labels))
            >>> round(study.smoothness["mean"].item(), 3)
            0.3
        """
        given = {"halves": halves, "shuffled": shuffled, "information": information, "label_overlap": label_overlap}
        for name, part in ({"results": results} | given).items():
            check_part(name, part)
        if untrained is not None and not isinstance(untrained, StudyDatasets):
            raise ValueError(f"expected untrained as a Study, got {shown(untrained)}")
        seed = check_count("seed", seed, 0)
        between = between_models(results["imbalance"], results["standard_error"])
        smoothness = smoothness_profile(results["imbalance"], results["standard_error"])
        if halves is not None:
            smoothness, between = with_sampling_errors(smoothness, between, halves)
        aligned = depth_alignment(results["imbalance"], seed=seed)
        return cls(
            results=results,
            smoothness=smoothness,
            between=between.merge(aligned, compat="no_conflicts", combine_attrs="no_conflicts"),
            reused=reused,
            information=information,
            halves=halves,
            shuffled=shuffled,
            label_overlap=label_overlap,
            untrained=untrained,
            descriptions=descriptions,
            by_measure=dict(by_measure or {}),
        )

    @property
    def imbalance(self) -> xr.DataArray:
        """Information imbalance Delta(source -> target), dims (`k`, `source`, `target`)."""
        return self.results["imbalance"]

    @property
    def standard_error(self) -> xr.DataArray:
        """Standard errors of `imbalance`, same dims."""
        return self.results["standard_error"]

    @property
    def measured(self) -> dict[str, xr.Dataset]:
        """What was measured, by name; all else is derived from it."""
        parts = {name: getattr(self, name) for name in MEASURED}
        return {name: part for name, part in parts.items() if part is not None}

    def with_control(self, control: Study | None) -> Self:
        """The study with another control, which is that of its further measures, too."""
        of_measure = {} if control is None else control.by_measure
        by_measure = {name: replace(own, untrained=of_measure.get(name)) for name, own in self.by_measure.items()}
        return replace(self, untrained=control, by_measure=by_measure)
