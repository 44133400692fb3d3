"""A study's results: labelled tables in memory, NetCDF and CSV on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.arguments import check_count, check_folder_path, shown
from jaxsim.study.derived.alignment import depth_alignment
from jaxsim.study.derived.between import between_models
from jaxsim.study.derived.findings import Measured, measure_findings
from jaxsim.study.derived.labels import constant_steps_of
from jaxsim.study.derived.sampling_errors import with_sampling_errors
from jaxsim.study.derived.side_by_side import findings_side_by_side, measures_side_by_side
from jaxsim.study.derived.smoothness import smoothness_profile
from jaxsim.study.derived.trajectories import information_plane, step_embedding, step_linkage
from jaxsim.study.derived.verdicts import effects_alone, verdicts
from jaxsim.study.globs import checked_globs
from jaxsim.study.parts import check_part
from jaxsim.study.saved import BY_MEASURE, UNTRAINED, load_datasets, save_study
from jaxsim.study.selection import choose_steps, with_steps
from jaxsim.study.tables import tables


@dataclass(frozen=True)
class Study:
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
    ) -> Study:
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
            >>> from jaxsim.study import StepLabel, label_imbalance
            >>> labels = [StepLabel("m", "a", 0.0), StepLabel("m", "b", 1.0)]
            >>> study = Study.from_results(label_imbalance(np.array([[0.1, 0.4], [0.2, 0.1]]), labels))
            >>> round(study.smoothness["mean"].item(), 3)
            0.3
        """
        given = {"halves": halves, "shuffled": shuffled, "information": information, "label_overlap": label_overlap}
        for name, part in ({"results": results} | given).items():
            check_part(name, part)
        if untrained is not None and not isinstance(untrained, Study):
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

    def select_steps(self, *, steps: Any = None, drop_steps: Any = None) -> Study:
        """The study of some of the steps; whatever is derived is derived anew from these.

        Depths stay those within the whole model. A model of which no step is chosen is left out.

        Args:
            steps: Steps to keep: a name or a glob such as "block*", or several, each of which stands for "step" of
                every model and for "model/step"; or a mapping from names of models to such, which leaves other models
                as they are. None keeps all.
            drop_steps: Of these, steps to leave out, in the same way.

        Returns:
            The study, with its control.

        Raises:
            ValueError: If a name or glob matches no step (the nearest names are given), or no step would remain.

        Example:
            >>> import numpy as np
            >>> from jaxsim.study import StepLabel, label_imbalance
            >>> labels = [StepLabel("m", name, depth) for name, depth in (("stem", 0.0), ("a", 0.5), ("b", 1.0))]
            >>> study = Study.from_results(label_imbalance(np.full((3, 3), 0.5), labels))
            >>> study.select_steps(drop_steps="stem").imbalance.source_depth.values.tolist()
            [0.5, 1.0]
        """
        there: dict[str, list[str]] = {}
        models, names = (self.results[f"source_{which}"].values for which in ("model", "step"))
        for model, name in zip(models, names, strict=True):
            there.setdefault(str(model), []).append(str(name))
        wanted, dropped = checked_globs("steps", steps), checked_globs("drop_steps", drop_steps)
        chosen = choose_steps(there, wanted, dropped)
        kept = [f"{model}/{name}" for model, own in chosen.items() for name in own]
        described = json.dumps({"steps": wanted, "drop_steps": dropped})
        study, control = self._with_steps(kept, described), self.untrained
        there_too = control is not None and np.isin(control.results["source"].values.astype(str), kept).any()
        return study._with_control(control._with_steps(kept, described) if control is not None and there_too else None)

    def _with_steps(self, kept: Sequence[str], described: str) -> Study:
        derived = ("results", "smoothness", "between", "reused", "untrained", "by_measure")
        measured = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in derived}
        return type(self).from_results(
            with_steps(self.results, kept).assign_attrs(selected_steps=described),
            seed=int(self.between.attrs.get("alignment_seed", 0)),
            reused=self.reused,
            untrained=self.untrained,
            by_measure={name: own._with_steps(kept, described) for name, own in self.by_measure.items()},
            **{name: None if each is None else with_steps(each, kept) for name, each in measured.items()},
        )

    def _with_control(self, control: Study | None) -> Study:
        """The study with another control, which is that of its further measures, too."""
        of_measure = {} if control is None else control.by_measure
        by_measure = {name: replace(own, untrained=of_measure.get(name)) for name, own in self.by_measure.items()}
        return replace(self, untrained=control, by_measure=by_measure)

    @cached_property
    def measures(self) -> xr.Dataset | None:
        """All measures side by side, with `title` on `measure`; None with one measure.

        See `measures_side_by_side` and, where there are half-samples, `findings_side_by_side`.
        """
        if not self.by_measure:
            return None
        studies = {"information_imbalance": self, **self.by_measure}
        halves = {name: each.halves["imbalance"] for name, each in studies.items() if each.halves is not None}
        values = {name: each.imbalance for name, each in studies.items()}
        found = measures_side_by_side(values, halves if len(halves) == len(values) else None)
        effects = {name: each.findings for name, each in studies.items()}
        known = {name: each for name, each in effects.items() if each is not None}
        if len(known) == len(studies):
            found = found.merge(findings_side_by_side(known))
        titles = [str(each.results.attrs.get("long_name", "information imbalance")) for each in studies.values()]
        return found.assign_coords(title=("measure", np.array(titles, dtype=object)))

    @property
    def findings(self) -> xr.Dataset | None:
        """Every effect with its interval, test and controls on (`k`, `finding`), see `measure_findings`.

        None without `halves`.
        """
        return None if self.all_findings is None else self.all_findings.drop_dims("size")

    @cached_property
    def all_findings(self) -> xr.Dataset | None:
        """The findings with `by_size` on (`k`, `finding`, `size`): the effects with fewer images, too."""
        measured = self._measured()
        if measured is None:
            return None
        return measure_findings(measured, None if self.untrained is None else self.untrained._measured())

    @cached_property
    def verdicts(self) -> xr.Dataset:
        """The three claims of the study, each with a verdict in a word and the number it rests on, see `verdicts`."""
        found = self.all_findings
        return verdicts(effects_alone(self.results, self.information) if found is None else found)

    def _measured(self) -> Measured | None:
        if self.halves is None:
            return None
        return Measured(self.results, self.halves, self.information, self.shuffled, self.label_overlap)

    def save(self, directory: str | os.PathLike[str]) -> Path:
        """Writes NetCDF files (study.nc, smoothness.nc, between.nc, ...), tidy CSV tables, and `untrained`/.

        Every file is written beside its place and moved there whole, so a reader never sees a half-written
        one. `jaxsim.jsonl` records what was written; files of an earlier study that this one has not got are removed if
        they are as they were written, and anything else in the directory stays.

        Args:
            directory: Made if it does not exist.

        Returns:
            The directory.

        Raises:
            ValueError: If the directory cannot be written, or a file in it would be replaced that jaxsim has not
                written or that was changed since.
        """
        return save_study(self, check_folder_path("directory", directory), tables(self))

    @classmethod
    def load(cls, directory: str | os.PathLike[str]) -> Study:
        """Reads what `save` wrote.

        Args:
            directory: The folder.

        Returns:
            The study, wholly in memory.

        Raises:
            ValueError: If the folder holds no study, or a file in it is missing, damaged or of another study.
        """
        folder = check_folder_path("directory", directory)
        datasets, controlled, measures = load_datasets(folder)
        control = cls.load(folder / UNTRAINED) if controlled else None
        by_measure = {name: cls.load(folder / BY_MEASURE / name) for name in measures}
        return cls(**datasets, by_measure=by_measure)._with_control(control)

    def report(self, out: str | os.PathLike[str]) -> Path:
        """Writes figures and one self-contained page.

        Args:
            out: Folder for them, made if it does not exist.

        Returns:
            Path of index.html.
        """
        folder = check_folder_path("out", out)
        # These draw with matplotlib, which reading results does not need.
        from jaxsim.report import Control, write_report

        control, other = None, self.untrained
        if other is not None:
            control = Control(
                other.results,
                other.smoothness,
                other.between,
                other.information,
                other.label_overlap,
                other.descriptions,
            )
        paths = None
        if np.count_nonzero(~constant_steps_of(self.results, "source")) > 1:
            paths = step_embedding(self.imbalance).merge(
                step_linkage(self.imbalance), compat="no_conflicts", combine_attrs="drop_conflicts"
            )
        return write_report(
            self.results,
            self.smoothness,
            self.between,
            folder,
            information=self.information,
            paths=paths,
            findings=self.all_findings,
            labels=self.label_overlap,
            control=control,
            measures=self.measures,
            descriptions=self.descriptions,
            plane=information_plane(self.imbalance, self.standard_error) if self.between.sizes["pair"] else None,
        )
