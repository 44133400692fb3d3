"""A comparison that is ready to run: extract, measure, derive, save, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxsim.arguments import Progress
from jaxsim.data import ImageSource
from jaxsim.features import FeatureSet
from jaxsim.files import parse_json
from jaxsim.study.results import Study
from jaxsim.study.run.categories import open_categories
from jaxsim.study.run.extraction import all_features
from jaxsim.study.run.groups import find_copies, open_groups
from jaxsim.study.run.inputs import StudyInput
from jaxsim.study.run.measured import Measurement
from jaxsim.study.run.measurement import measure
from jaxsim.study.run.plan import Plan
from jaxsim.study.run.samples import shared_samples
from jaxsim.study.run.settings import Settings
from jaxsim.study.run.settings_fit import check_sample_count
from jaxsim.study.run.spaces import open_spaces
from jaxsim.study.run.statistics import Statistics, open_statistics


@dataclass(frozen=True)
class Comparison:
    """A comparison that is ready to run: models loaded, images opened, everything checked.

    Attributes:
        inputs: The models.
        images: The images, the subset drawn; None when all features were given.
        settings: How to compare.
        plan: What will be done.
        out: Folder for features, results and report; None keeps all in memory.
        spaces: Spaces to measure beside the models' steps, as given.
        source_ids: The images before a subset was drawn; empty when all features were given.
        labels: Categories of the samples, as given.
        groups: Which samples belong together, as given.
        untrained: The same comparison of the same architectures with random weights; None without that control.
    """

    inputs: tuple[StudyInput, ...]
    images: ImageSource | None
    settings: Settings
    plan: Plan
    out: Path | None
    spaces: Any = None
    source_ids: tuple[str, ...] = ()
    untrained: Comparison | None = None
    labels: Any = None
    groups: Any = None

    def extract(self, *, progress: Progress | None = None) -> dict[str, FeatureSet]:
        """The first stage alone: the features of all models and of their controls, and the images' statistics.

        Args:
            progress: Called as `progress(done, total, what)`.

        Returns:
            Model name -> its features.

        Raises:
            ValueError: If images or features cannot be used.
        """
        features, _ = self._features(progress)
        samples = self._samples(features)
        if self.settings.statistics is not False:
            images, out = self.images, self.out
            statistics = open_statistics(self.settings, images=images, ids=samples, out=out, progress=progress)
            _ = statistics.features  # read or computed when they are first asked for
        return features

    def _features(self, progress: Progress | None) -> tuple[dict[str, FeatureSet], Comparison | None]:
        """The features of all models, and the control with those of the untrained ones, from one reading of images."""
        twins = ((), None) if self.untrained is None else (self.untrained.inputs, self.untrained.out)
        features, controls = all_features(self.inputs, self.images, self.settings, self.out, progress, twins)
        if self.untrained is None:
            return features, None
        given = [replace(each, given=controls[each.name], from_images=each.extracted) for each in self.untrained.inputs]
        return features, replace(self.untrained, inputs=tuple(given))

    def run(self, *, report: bool = True, progress: Progress | None = None, command: str = "") -> Study:
        """Does the work.

        With `out`, what is there already is used: features are taken up where a killed run left them, and a
        measurement made from the same features with the same settings is not made again. `Study.reused` says
        what was.

        Args:
            report: Write the report too; needs `out`.
            progress: Called as `progress(done, total, what)`.
            command: How the study was asked for, as a line of a shell or of Python: `Study.results.attrs["command"]`.

        Returns:
            The study.

        Raises:
            ValueError: If images or features cannot be used.
        """
        return self._run(report, progress, command=command)

    def _run(
        self,
        report: bool,
        progress: Progress | None,
        samples: frozenset[str] | None = None,
        statistics: Statistics | None = None,
        together: Mapping[str, int] | None = None,
        command: str = "",
    ) -> Study:
        """The work; for a control on the samples, statistics and groups of the models it is the control of."""
        settings = self.settings if samples is None else replace(self.settings, drop_duplicates=False)
        features, untrained = self._features(progress)
        extracted = {each.name for each in self.inputs if each.extracted}
        ids = self._samples(features)
        ids = ids if samples is None else tuple(each for each in ids if each in samples)
        check_sample_count(len(ids), self.settings)
        described = {"kind": "features"} if self.images is None else self.images.description
        if statistics is None and self.settings.statistics is not False:
            statistics = open_statistics(settings, images=self.images, ids=ids, out=self.out, progress=progress)
        source_ids = self.source_ids or next(iter(features.values())).sample_ids
        spaces = open_spaces(self.spaces, statistics=statistics, ids=ids, source_ids=source_ids)
        copies, groups = None, None if together is None else np.array([together[each] for each in ids])
        if samples is None:
            copies = find_copies(features, ids, statistics)
            groups = open_groups(self.groups, ids, source_ids, copies=lambda: copies)
        found = measure(
            features,
            ids,
            settings,
            images=described,
            spaces=spaces,
            groups=groups,
            copies=None if self.groups is not None or settings.drop_duplicates else copies,
            categories=open_categories(self.labels, ids=ids, source_ids=source_ids),
            out=self.out,
            progress=progress,
        )
        reused = [f"features of {name}" for name in features if name in extracted and features[name].reused]
        reused += ["imbalance"] if found.reused else [f"imbalance of {' | '.join(pair)}" for pair in found.reused_pairs]
        control = None
        if untrained is not None:
            dropped = parse_json(found.results.attrs["dropped"])
            together = None if groups is None else dict(zip(ids, groups.tolist(), strict=True))
            others = frozenset(ids).difference(dropped)
            control = untrained._run(False, untrained_progress(progress), others, statistics, together)
            reused += [f"untrained: {each}" for each in control.reused]
        if command:
            # Not part of the measurement, which other commands take up, too.
            found = replace(found, results=found.results.assign_attrs(command=command))
        study = study_of(found, seed=self.settings.seed, reused=tuple(reused), control=control)
        if self.out is not None and jax.process_index() == 0:
            study.save(self.out)
            if report:
                study.report(self.out)
        return study

    def _samples(self, features: Mapping[str, FeatureSet]) -> tuple[str, ...]:
        """The samples that all models are measured on."""
        extracted = {each.name for each in self.inputs if each.extracted}
        return shared_samples(
            {name: each.sample_ids for name, each in features.items() if name in extracted},
            {name: each.sample_ids for name, each in features.items() if name not in extracted},
            damaged={name: each.damaged for name, each in features.items() if name in extracted},
            n_samples=self.settings.n_samples,
            seed=self.settings.seed,
            intersect=self.settings.intersect,
        )


def study_of(found: Measurement, *, seed: int, reused: tuple[str, ...] = (), control: Study | None = None) -> Study:
    """The study that a measurement makes.

    Args:
        found: The measurement.
        seed: Of the permutation null of the depth alignment.
        reused: What was taken from an earlier run.
        control: The study of random weights, if there is one.

    Returns:
        The study.
    """
    by_measure = {
        name: Study.from_results(
            own.results,
            seed=seed,
            information=own.information,
            halves=own.halves,
            shuffled=own.shuffled,
            untrained=None if control is None else control.by_measure.get(name),
        )
        for name, own in found.by_measure.items()
    }
    return Study.from_results(
        found.results,
        seed=seed,
        reused=reused,
        information=found.information,
        halves=found.halves,
        shuffled=found.shuffled,
        label_overlap=found.label_overlap,
        descriptions=found.descriptions,
        by_measure=by_measure,
        untrained=control,
    )


def untrained_progress(progress: Progress | None) -> Progress | None:
    """The same callable, told that it is about the untrained control.

    Example:
        >>> untrained_progress(lambda *each: print(each))(1, 2, "features of vit")
        (1, 2, 'untrained: features of vit')
    """
    return None if progress is None else lambda done, total, what: progress(done, total, f"untrained: {what}")
