"""Studies from studies: some of the models, steps and numbers of neighbours, under other names, or two as one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from jaxsim.study.datasets import StudyDatasets
from jaxsim.study.globs import checked_globs
from jaxsim.study.joining import check_joinable, joined
from jaxsim.study.renaming import checked_names, renamed
from jaxsim.study.selection import choose_depths, choose_k, choose_models, choose_steps, with_steps

if TYPE_CHECKING:
    from typing import Self


@dataclass(frozen=True, repr=False)
class ChosenStudy(StudyDatasets):
    """A study of which others are made."""

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in order."""
        return tuple(self.steps)

    @property
    def steps(self) -> dict[str, tuple[str, ...]]:
        """Model -> names of its steps, in processing order."""
        found: dict[str, list[str]] = {}
        models, names = (self.results[f"source_{which}"].values for which in ("model", "step"))
        for model, name in zip(models, names, strict=True):
            found.setdefault(str(model), []).append(str(name))
        return {model: tuple(own) for model, own in found.items()}

    def select(self, *, models: Any = None, steps: Any = None, depth: Any = None, k: Any = None) -> Self:
        """The study of some of the models, steps and numbers of neighbours; all else is derived anew from these.

        Depths stay those within the whole model. A model of which no step is chosen is left out.

        Args:
            models: Names or globs of models, one or several, in the order of the study; None keeps all.
            steps: Steps to keep, as `select_steps` takes them; None keeps all.
            depth: Range of relative depth (first, last), ends included, each from 0 to 1; None keeps all.
            k: Number of neighbours, or several, of those that were measured; None keeps all.

        Returns:
            The study, with its control.

        Raises:
            ValueError: If something is not there (the nearest names are given), or no step would remain.

        Example:
            >>> import numpy as np
            >>> from jaxsim.study import StepLabel, Study, label_imbalance
            >>> labels = [StepLabel(m, f"s{i}", i / 2) for m in ("vit", "cnn") for i in range(3)]
            >>> study = Study.from_results(label_imbalance(np.full((6, 6), 0.5), labels))
            >>> study.select(models="vit", depth=(0.5, 1)).steps
            {'vit': ('s1', 's2')}
        """
        there = self.steps
        chosen = choose_models(there, models)
        kept = choose_steps(there, checked_globs("steps", steps))
        labels = choose_depths(self.results, depth)
        kept_labels = [f"{m}/{s}" for m in chosen for s in kept[m] if f"{m}/{s}" in labels]
        if not kept_labels:
            raise ValueError("expected models, steps and depth to leave at least one step, but none remains")
        ks = choose_k(self.results["k"].values, k)
        asked = {"models": models, "steps": steps, "depth": depth, "k": k}
        described = json.dumps({name: value for name, value in asked.items() if value is not None}, default=str)
        return self._selected(kept_labels, ks, described)

    def select_steps(self, *, steps: Any = None, drop_steps: Any = None) -> Self:
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
            >>> from jaxsim.study import StepLabel, Study, label_imbalance
            >>> labels = [StepLabel("m", name, depth) for name, depth in (("stem", 0.0), ("a", 0.5), ("b", 1.0))]
            >>> study = Study.from_results(label_imbalance(np.full((3, 3), 0.5), labels))
            >>> study.select_steps(drop_steps="stem").imbalance.source_depth.values.tolist()
            [0.5, 1.0]
        """
        wanted, dropped = checked_globs("steps", steps), checked_globs("drop_steps", drop_steps)
        chosen = choose_steps(self.steps, wanted, dropped)
        kept = [f"{model}/{name}" for model, own in chosen.items() for name in own]
        return self._selected(kept, None, json.dumps({"steps": wanted, "drop_steps": dropped}))

    def rename(self, names: Any) -> Self:
        """The study under other names of models and steps.

        Args:
            names: Mapping old name -> new name, of models, of steps (of every model that has one of that name), or of
                one model's step as "model/step".

        Returns:
            The study, with its control.

        Raises:
            ValueError: If a name is not there, or two models, or two steps of a model, would be called alike.

        Example:
            >>> import numpy as np
            >>> from jaxsim.study import StepLabel, Study, label_imbalance
            >>> labels = [StepLabel("m", name, depth) for name, depth in (("_bn1", 0.0), ("fc", 1.0))]
            >>> study = Study.from_results(label_imbalance(np.full((2, 2), 0.5), labels))
            >>> study.rename({"m": "ResNet-50", "_bn1": "stem"}).steps
            {'ResNet-50': ('stem', 'fc')}
        """
        by_label = checked_names(self.steps, names)
        return self._changed(lambda dataset: renamed(dataset, by_label))

    def concat(self, other: Self) -> Self:
        """This study and another of the same images as one.

        Every pair of models must have been measured in one of the two. Where both have a pair, their numbers must
        agree. To measure pairs that neither has, compare all models into the folder of one of the studies: what is
        there is used.

        Args:
            other: Measured on the same samples with the same settings.

        Returns:
            The study of all models of both, those of this one first; with its control, further measures and parts where
            both have them.

        Raises:
            ValueError: If the studies were not measured alike, a pair of models is in neither, or numbers differ.
        """
        check_joinable(self, other)
        parts = {name: (part, getattr(other, name)) for name, part in self.measured.items()}
        whole = {name: joined(a, b) for name, (a, b) in parts.items() if b is not None}
        control = None
        if self.untrained is not None and other.untrained is not None:
            control = self.untrained.concat(other.untrained)
        by_measure = {
            name: own.concat(other.by_measure[name])
            for name, own in self.by_measure.items()
            if name in other.by_measure
        }
        made = type(self).from_results(**whole, seed=self._seed, by_measure=by_measure)  # pyright: ignore[reportArgumentType]
        return made.with_control(control)

    @property
    def _seed(self) -> int:
        """Of the permutation null of the depth alignment."""
        return int(self.between.attrs.get("alignment_seed", 0))

    def _selected(self, kept: list[str], ks: list[int] | None, described: str) -> Self:
        def change(dataset: xr.Dataset) -> xr.Dataset:
            found = with_steps(dataset, kept)
            found = found.sel(k=ks) if ks is not None and "k" in found.dims else found
            return found.assign_attrs(selected_steps=described) if "imbalance" in found else found

        there = self.untrained is not None and np.isin(self.untrained.results["source"].values.astype(str), kept).any()
        return (self if there else self.with_control(None))._changed(change)

    def _changed(self, change: Callable[[xr.Dataset], xr.Dataset]) -> Self:
        """The study of what was measured, changed, with its control and its further measures."""
        of_measure = {name: own.with_control(None)._changed(change) for name, own in self.by_measure.items()}
        made = type(self).from_results(
            **{name: change(part) for name, part in self.measured.items()},  # pyright: ignore[reportArgumentType]
            seed=self._seed,
            reused=self.reused,
            by_measure=of_measure,
        )
        return made.with_control(None if self.untrained is None else self.untrained._changed(change))
