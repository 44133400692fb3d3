"""A study's results: labelled tables in memory, NetCDF and CSV on disk, a page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from jaxsim.arguments import check_choice, check_folder_path
from jaxsim.study.chosen import ChosenStudy
from jaxsim.study.derived.findings import Measured, measure_findings
from jaxsim.study.derived.labels import constant_steps_of
from jaxsim.study.derived.side_by_side import findings_side_by_side, measures_side_by_side
from jaxsim.study.derived.trajectories import information_plane, step_embedding, step_linkage
from jaxsim.study.derived.verdicts import effects_alone, verdicts
from jaxsim.study.latex import as_latex
from jaxsim.study.saved import BY_MEASURE, UNTRAINED, load_datasets, save_study
from jaxsim.study.shown import shown_as_html, shown_as_text
from jaxsim.study.tables import tables

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Study(ChosenStudy):
    """The results of one comparison of models.

    What it holds is in `StudyDatasets`; studies of some models, steps or k, under other names, or of two together, are
    made by `select`, `rename` and `concat`.
    """

    @classmethod
    def from_layers(
        cls,
        layers: Any,
        *,
        ids: Sequence[str] | None = None,
        out: str | os.PathLike[str] | None = None,
        report: bool = True,
        progress: Any = None,
        **options: Any,
    ) -> Study:
        """Measures representations that there are already: no model and no image is needed.

        Args:
            layers: Mapping name of a model -> name of a step -> array `[n_samples, n_features]` (NumPy, JAX, torch on
                the CPU), the steps in processing order. The relative depth of the i-th of L steps is i / (L - 1).
            ids: Name of every sample, each once; by default its number.
            out: Folder for results and report; None keeps all in memory.
            report: Write the report to `out`.
            progress: As `jaxsim.compare` takes it.
            **options: Further ones of `jaxsim.compare`, such as k, metric, labels, spaces, groups and measures;
                `untrained` as a mapping of the same kind as `layers`.

        Returns:
            The study.

        Raises:
            ValueError: If a step is no matrix of finite numbers, or models have different numbers of samples; as
                `jaxsim.compare`.

        Example:
            >>> rng = np.random.default_rng(0)
            >>> x = rng.normal(size=(80, 5))
            >>> study = Study.from_layers({"a": {"in": x, "out": x[:, :2]}, "b": {"in": x, "out": x @ x.T}})
            >>> study.models, study.imbalance.sel(k=1, source="a/in", target="b/in").item()
            (('a', 'b'), 0.025)
        """
        from jaxsim.study.run.arrays import compare_arrays

        return compare_arrays(layers, ids=ids, out=out, report=report, progress=progress, **options)

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
        """The three claims on (`k`, `claim`), each with a verdict in a word and the number it rests on.

        See `jaxsim.study.derived.verdicts.verdicts`.
        """
        found = self.all_findings
        return verdicts(effects_alone(self.results, self.information) if found is None else found)

    def _measured(self) -> Measured | None:
        if self.halves is None:
            return None
        return Measured(self.results, self.halves, self.information, self.shuffled, self.label_overlap)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The study as tidy tables, one observation per row, by name, see `jaxsim.study.tables.tables`."""
        return tables(self)

    def to_pandas(self, table: str = "imbalance") -> pd.DataFrame:
        """One of the tables.

        Args:
            table: Its name, one of `tables()`.

        Raises:
            ValueError: If the study has no such table.

        Example:
            >>> from jaxsim.study import StepLabel, label_imbalance
            >>> labels = [StepLabel("m", "a", 0.0), StepLabel("m", "b", 1.0)]
            >>> study = Study.from_results(label_imbalance(np.array([[0.1, 0.4], [0.2, 0.1]]), labels))
            >>> study.to_pandas("smoothness")["mean"].round(3).tolist()
            [0.3]
        """
        found = self.tables()
        return found[check_choice("table", table, tuple(found))]

    def to_latex(self, table: str = "findings", columns: Sequence[str] | None = None, *, digits: int = 3) -> str:
        r"""One of the tables as a LaTeX `tabular` with the rules of booktabs.

        Args:
            table: Its name, one of `tables()`.
            columns: Those to take, in this order; None takes all.
            digits: Of numbers, after the point.

        Returns:
            LaTeX; names are escaped, nothing else about them is changed.

        Raises:
            ValueError: If the study has no such table, or the table no such column.

        Example:
            >>> from jaxsim.study import StepLabel, label_imbalance
            >>> labels = [StepLabel("m", "_bn1", 0.0), StepLabel("m", "fc", 1.0)]
            >>> study = Study.from_results(label_imbalance(np.array([[0.1, 0.4], [0.2, 0.1]]), labels))
            >>> print(study.to_latex("smoothness", ["step_from", "step_to", "mean"]))
            \begin{tabular}{llr}
            \toprule
            step\_from & step\_to & mean \\
            \midrule
            \_bn1 & fc & 0.300 \\
            \bottomrule
            \end{tabular}
        """
        return as_latex(self.to_pandas(table), columns, digits=digits)

    def __repr__(self) -> str:
        return shown_as_text(self)

    def _repr_html_(self) -> str:
        return shown_as_html(self)

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
        return save_study(self, check_folder_path("directory", directory), self.tables())

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
        return cls(**datasets, by_measure=by_measure).with_control(control)

    def report(self, out: str | os.PathLike[str]) -> Path:
        """Writes one self-contained page, which makes the files of its figures when they are asked for.

        Args:
            out: Folder for it, made if it does not exist.

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
            verdicts=self.verdicts,
            descriptions=self.descriptions,
            plane=information_plane(self.imbalance, self.standard_error) if self.between.sizes["pair"] else None,
        )
