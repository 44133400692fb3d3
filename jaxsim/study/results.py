"""A study's results: labelled tables in memory, NetCDF and CSV on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from jaxsim.arguments import check_count, check_folder_path, shown
from jaxsim.study.alignment import depth_alignment
from jaxsim.study.between import between_models
from jaxsim.study.findings import Measured, measure_findings
from jaxsim.study.labels import constant_steps_of
from jaxsim.study.parts import check_part
from jaxsim.study.sampling_errors import with_sampling_errors
from jaxsim.study.saved import BY_SIZE, FINDINGS, INFORMATION, LABELS, UNTRAINED, load_datasets, save_study
from jaxsim.study.selection import checked_globs, choose_steps, with_steps
from jaxsim.study.smoothness import smoothness_profile
from jaxsim.study.trajectories import information_plane, step_embedding, step_linkage


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
        study = self._with_steps(kept, json.dumps({"steps": wanted, "drop_steps": dropped}))
        control = self.untrained
        if control is None or not np.isin(control.results["source"].values.astype(str), kept).any():
            return replace(study, untrained=None)
        return replace(study, untrained=control._with_steps(kept, study.results.attrs["selected_steps"]))

    def _with_steps(self, kept: Sequence[str], described: str) -> Study:
        derived = ("results", "smoothness", "between", "reused", "untrained")
        measured = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in derived}
        return type(self).from_results(
            with_steps(self.results, kept).assign_attrs(selected_steps=described),
            seed=int(self.between.attrs.get("alignment_seed", 0)),
            reused=self.reused,
            untrained=self.untrained,
            **{name: None if each is None else with_steps(each, kept) for name, each in measured.items()},
        )

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
        datasets, controlled = load_datasets(folder)
        return cls(**datasets, untrained=cls.load(folder / UNTRAINED) if controlled else None)

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
            control = Control(other.results, other.smoothness, other.between, other.information, other.label_overlap)
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
            plane=information_plane(self.imbalance, self.standard_error) if self.between.sizes["pair"] else None,
        )


def tables(study: Study) -> dict[str, pd.DataFrame]:
    """The study as tidy tables, one observation per row.

    Args:
        study: The study.

    Returns:
        "imbalance", "smoothness", "smoothness_summary", "fixed_step", "between", "matches" and "alignment"; and
        "information", "labels" and "findings" where they were measured.

    Example:
        >>> import numpy as np
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel("m", "a", 0.0), StepLabel("m", "b", 1.0)]
        >>> study = Study.from_results(label_imbalance(np.array([[0.1, 0.4], [0.2, 0.1]]), labels))
        >>> tables(study)["smoothness"][["k", "model", "step_from", "step_to", "forward"]].values.tolist()
        [[1, 'm', 'a', 'b', 0.4]]
    """
    results, smooth, between = study.results, study.smoothness, study.between
    summary = [name for name in smooth.data_vars if smooth[name].dims == ("k", "model_name")]
    matches = [name for name in between.data_vars if "match" in between[name].dims]
    alignment = [name for name in between.data_vars if "direction" in between[name].dims]
    distances = ["distance", "distance_se", "nearest_a", "nearest_b"]
    changes = ["forward", "backward", "mean", "forward_se", "backward_se", "mean_se"]
    further = {}
    if study.information is not None:
        directions = ["forward", "backward", "forward_se", "backward_se"]
        further[INFORMATION] = _tidy(study.information[directions], ["k", "step", "space"])
    if study.label_overlap is not None:
        further[LABELS] = _tidy(study.label_overlap, ["k", "step", "label"])
    if study.findings is not None and study.all_findings is not None:
        further[FINDINGS] = _tidy(study.findings, ["k", "finding"])
        further[BY_SIZE] = _tidy(study.all_findings[["by_size"]], ["k", "finding", "size"])
    return {
        "imbalance": _tidy(results[["imbalance", "standard_error"]], ["k", "source", "target"]),
        "smoothness": _tidy(smooth[changes], ["k", "change"]).drop(columns="change"),
        "smoothness_summary": _tidy(smooth[summary], ["k", "model_name"]),
        "fixed_step": _tidy(smooth[["fixed_step", "fixed_step_se", "fixed_step_span"]], ["k", "model_name", "t"]),
        "between": _tidy(between[distances], ["k", "pair", "t"]),
        "matches": _tidy(between[matches], ["k", "match"]).drop(columns="match"),
        "alignment": _tidy(between[alignment], ["k", "direction"]),
        **further,
    }


def _tidy(dataset: xr.Dataset, dims: list[str]) -> pd.DataFrame:
    """One row per cell, labels first."""
    return dataset.to_dataframe(dim_order=dims).reset_index()
