"""From models and images to a study: extract, measure, derive, save, report."""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxsim_kernels import agree

from jaxsim.arguments import check_flag, check_progress
from jaxsim.data import ImageSource, open_images
from jaxsim.features import FeatureSet
from jaxsim.files import parse_json
from jaxsim.study.results import Study
from jaxsim.study.run.categories import check_categories, open_categories
from jaxsim.study.run.extraction import all_features, without_images
from jaxsim.study.run.folder import check_own_files, check_writable, feature_folders, output_folder, sometimes_written
from jaxsim.study.run.groups import check_groups, find_copies, open_groups
from jaxsim.study.run.inputs import Sources, StudyInput, open_inputs, untrained_inputs
from jaxsim.study.run.measurement import measure
from jaxsim.study.run.measures import check_measures_fit
from jaxsim.study.run.plan import Plan, make_plan
from jaxsim.study.run.samples import shared_samples
from jaxsim.study.run.settings import Progress, Settings, check_sample_count, checked_settings
from jaxsim.study.run.spaces import check_spaces, open_spaces
from jaxsim.study.run.statistics import Statistics, check_statistics, open_statistics
from jaxsim.study.saved import UNTRAINED


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

    def run(self, *, report: bool = True, progress: Progress | None = None) -> Study:
        """Does the work.

        With `out`, what is there already is used: features are taken up where a killed run left them, and a
        measurement made from the same features with the same settings is not made again. `Study.reused` says
        what was.

        Args:
            report: Write the report too; needs `out`.
            progress: Called as `progress(done, total, what)`.

        Returns:
            The study.

        Raises:
            ValueError: If images or features cannot be used.
        """
        return self._run(report, progress)

    def _run(
        self,
        report: bool,
        progress: Progress | None,
        samples: frozenset[str] | None = None,
        statistics: Statistics | None = None,
        together: Mapping[str, int] | None = None,
    ) -> Study:
        """The work; for a control on the samples, statistics and groups of the models it is the control of."""
        settings = self.settings if samples is None else replace(self.settings, drop_duplicates=False)
        features = all_features(self.inputs, self.images, self.settings, self.out, progress)
        extracted = {each.name for each in self.inputs if not isinstance(each.given, FeatureSet)}
        ids = shared_samples(
            {name: each.sample_ids for name, each in features.items() if name in extracted},
            {name: each.sample_ids for name, each in features.items() if name not in extracted},
            damaged={name: each.damaged for name, each in features.items() if name in extracted},
            n_samples=self.settings.n_samples,
            seed=self.settings.seed,
        )
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
        reused += ["imbalance"] if found.reused else []
        control = None
        if self.untrained is not None:
            shown = None if progress is None else lambda done, total, what: progress(done, total, f"untrained: {what}")
            dropped = parse_json(found.results.attrs["dropped"])
            together = None if groups is None else dict(zip(ids, groups.tolist(), strict=True))
            control = self.untrained._run(False, shown, frozenset(ids).difference(dropped), statistics, together)
            reused += [f"untrained: {each}" for each in control.reused]
        study = Study.from_results(
            found.results,
            seed=self.settings.seed,
            reused=tuple(reused),
            information=found.information,
            halves=found.halves,
            shuffled=found.shuffled,
            label_overlap=found.label_overlap,
            descriptions=found.descriptions,
            by_measure={
                name: Study.from_results(
                    own.results,
                    seed=self.settings.seed,
                    information=own.information,
                    halves=own.halves,
                    shuffled=own.shuffled,
                    untrained=None if control is None else control.by_measure.get(name),
                )
                for name, own in found.by_measure.items()
            },
            untrained=control,
        )
        if self.out is not None and jax.process_index() == 0:
            study.save(self.out)
            if report:
                study.report(self.out)
        return study


def prepare_comparison(
    models: Sources,
    images: Any = None,
    *,
    settings: Settings,
    spaces: Any = None,
    labels: Any = None,
    groups: Any = None,
    untrained: Any = False,
    out: str | os.PathLike[str] | None = None,
) -> Comparison:
    """Loads and checks everything that a comparison needs, and plans the work.

    Args:
        models: As in `compare`.
        images: As in `compare`.
        settings: From `checked_settings`.
        spaces: As in `compare`.
        labels: As in `compare`.
        groups: As in `compare`.
        untrained: As in `compare`.
        out: As in `compare`.

    Returns:
        The comparison; its `plan` says what will be done and its `run` does it.

    Raises:
        ValueError: As `compare`, for all that can be known before the work.
    """
    if out is None and jax.process_count() > 1:
        raise ValueError("expected out= (--out), a folder that all processes see, when several processes run together")
    folder = None if out is None else output_folder(out)
    # One process for all: the check makes and removes folders.
    if folder is not None and jax.process_index() == 0:
        check_writable(folder)
        check_own_files(folder)
    source = open_images(images) if images is not None else None
    check_spaces(spaces, settings)
    check_groups(groups)
    check_statistics(settings, source, folder)
    source_ids = () if source is None else source.ids
    check_categories(labels, source_ids)
    if source is not None and settings.n_samples is not None:
        source = source.subset(settings.n_samples, settings.seed)
    if source is not None:
        check_sample_count(len(source), settings)
    inputs = open_inputs(models, settings)
    to_run = [each.name for each in inputs if not isinstance(each.given, FeatureSet)]
    if to_run and source is None:
        raise ValueError(without_images(to_run[0]))
    if source is not None and to_run:
        n = len(source)
    else:
        given = {each.name: each.given.sample_ids for each in inputs if isinstance(each.given, FeatureSet)}
        n = len(shared_samples({}, given, n_samples=settings.n_samples, seed=settings.seed))
        check_sample_count(n, settings)
    _agree_on_comparison(inputs, source, settings, n, untrained=untrained is not False, labels=labels, groups=groups)
    plan = make_plan(inputs, n, settings)
    check_measures_fit(
        (*settings.measures, *settings.describe),
        n_samples=n,
        ks=settings.k,
        n_splits=plan.n_splits,
        widths={model.name: model.widths for model in plan.models},
        spaces=spaces,
    )
    if folder is not None and jax.process_index() == 0:
        spaced = spaces is not None or settings.statistics is not False
        sometimes = sometimes_written(
            spaces=spaced, labels=labels is not None, splits=plan.n_splits > 0, describe=bool(settings.describe)
        )
        further = [each.name for each in settings.measures]
        names = [each.name for each in inputs]
        own = feature_folders(folder, names).values()
        check_own_files(folder, sometimes, features=own, measures=further)
        if untrained is not False:
            twin = folder / UNTRAINED
            check_own_files(twin, sometimes, features=feature_folders(twin, names).values(), measures=further)
    comparison = Comparison(inputs, source, settings, plan, folder, spaces, source_ids, labels=labels, groups=groups)
    if untrained is False:
        return comparison
    twins = untrained_inputs(inputs, untrained, settings)
    control = replace(
        comparison,
        inputs=twins,
        plan=make_plan(twins, n, settings),
        out=None if folder is None else folder / UNTRAINED,
    )
    return replace(comparison, untrained=control)


def _agree_on_comparison(
    inputs: Sequence[StudyInput], source: ImageSource | None, settings: Settings, n_samples: int, **given: Any
) -> None:
    """Refuses processes of one comparison that were asked for different ones, before each extracts its share."""
    if jax.process_count() == 1:
        return
    ids = "" if source is None else zlib.crc32("\n".join(source.ids).encode("utf-8", "surrogateescape"))
    agree(
        {
            "models": [each.name for each in inputs],
            "number of steps": [len(each.step_names) for each in inputs],
            "number of samples": n_samples,
            "hash of names of images": ids,
            **{field.name: _told(getattr(settings, field.name)) for field in fields(settings)},
            **{name: value if isinstance(value, bool) else value is not None for name, value in given.items()},
        }
    )


def _told(value: Any) -> Any:
    """A setting as processes compare it: measures by name, since functions of theirs lie elsewhere in each."""
    return [getattr(each, "name", each) for each in value] if isinstance(value, tuple) else value


def compare(
    models: Sources,
    images: Any = None,
    *,
    n_samples: int | None = None,
    pool: str = "mean",
    k: int | Sequence[int] = 1,
    metric: str = "euclidean",
    n_queries: int | None = None,
    ties: str = "index",
    seed: int = 0,
    granularity: str = "block",
    batch_size: int = 32,
    strict: bool = False,
    image_size: tuple[int, int] | int | None = None,
    overwrite: bool = False,
    precision: str = "highest",
    plan: str | None = None,
    devices: int | None = None,
    verify: bool = False,
    clip: Any = None,
    drop_duplicates: bool = False,
    statistics: bool | int | tuple[int, int] = False,
    spaces: Any = None,
    labels: Any = None,
    steps: Any = None,
    drop_steps: Any = None,
    n_splits: int | None = None,
    n_subsets: int | None = None,
    verify_images: bool = False,
    groups: Any = None,
    measures: Any = (),
    describe: Any = (),
    untrained: Any = False,
    out: str | os.PathLike[str] | None = None,
    report: bool = True,
    progress: Progress | None = None,
) -> Study:
    """Compares the processing steps of vision models on the same images.

    Args:
        models: One or several of: a checkpoint directory or hub id, a live model, a `FeatureSet`, a folder
            of features; or a mapping from names to these. Equal names get a number.
        images: What `open_images` takes: a folder, an .npz or .npy file, a uint8 array, "digits", an
            `ImageSource`. Not needed when all features are given.
        n_samples: Size of a random subset of the images, drawn once for all models; None takes all.
        pool: How a step becomes one vector per image: "mean", "cls", "flatten" or "spatial:P".
        k: Number of neighbours, or several, all in one pass.
        metric: "euclidean", "cosine" or "correlation".
        n_queries: Number of query rows, for less work and a known standard error; None takes all.
        ties: "index" or "expected", see `imbalance_matrix`.
        seed: Seed of the subset, the queries and the permutation null.
        granularity: "block" or "hf", of the models loaded here.
        batch_size: Images per forward pass.
        strict: Damaged images are an error instead of being left out for all models and listed in the
            results.
        image_size: Edge, or (height, width), of what the models loaded here see, instead of the checkpoints'
            own.
        overwrite: Replace features in `out` that were made otherwise, and use nothing that is there.
        precision: Of the distances: "highest" (float32; float64 for up to 1024 samples), "float64", "high" or
            "fast", see `imbalance_matrix`.
        plan: Force "one-pass" or "two-pass".
        devices: Number of devices that share the samples; None takes the default device, or all devices of
            all processes when several run together.
        verify: Recheck some rows in float64 and record the largest deviation.
        clip: Two quantiles such as (0.05, 0.95): clip every image's features to their own quantiles, in every step.
        drop_duplicates: Of images that are equal in every step of every model keep the first; the others are listed
            in the results.
        statistics: Measure what each step knows of the images' low-level statistics (luminance, colour, frequency,
            orientation, layout, all together), too: `Study.information`. They are computed from the images as
            decoded, brought to one size whatever the models see: the short edge is resized (bicubic, antialiased) and
            the middle cut out. True takes the images' own short edge, at most 224 pixels; an edge or
            (height, width) states it. `out` keeps the statistics with their sample ids, so a later run into it needs
            no images for them, and the untrained control is measured against the same numbers.
        spaces: Further spaces to measure the steps against, such as the true factors of rendered images: name ->
            array `[n_samples, n_features]` in the order of the images, or name -> mapping from sample id to row.
            They are used as they are: give columns of different units a common scale. A space of which only
            dissimilarities are known is given as `jaxsim.Dissimilarities(matrix)`; categories are given as `labels`.
        labels: Categories of the images, strings or integers: name -> one for each image in order, or name -> mapping
            from sample id to category. How many of a step's nearest neighbours share the category is in
            `Study.label_overlap`.
        steps: The steps to measure: a name or a glob such as "block*", or several, each of which stands for "step" of
            every model and for "model/step"; or a mapping from names of models to such. None takes all. Features of all
            steps are kept.
        drop_steps: Of these, steps to leave out, in the same way.
        n_splits: Number of balanced splits of the samples into two halves, 2 to 15, that intervals and tests rest on:
            `Study.findings`. None takes eight where a half holds at least 32 samples, 0 takes none.
        verify_images: Read and hash all image files again, even those whose size and time are as an earlier run into
            `out` has noted them.
        n_subsets: Deprecated; 0 is `n_splits=0`, and any other number leaves `n_splits` as it is.
        groups: Samples that belong together, such as crops of one photograph or frames of one film: one entry for each
            image, or a mapping from sample id to group. Samples of one group are not ranked among each other and stay
            in one half. "near_duplicates" takes the groups of near copies that jaxsim finds.
        measures: Further measures to set beside the information imbalance, such as ("cka", "mutual_knn"): names, as
            `jaxsim metrics` lists them, or `Measure` objects. `Study.by_measure` holds the same study by each of them,
            `Study.measures` compares them.
        describe: Measures of every step by itself, such as ("intrinsic_dimension",): `Study.descriptions`.
        untrained: Also measure the same architectures with random weights, the control of every finding:
            `Study.untrained`. True draws the weights, with a seed that follows from `seed` and the model's
            name; a mapping from the names of models to untrained
            ones (or their features) serves models that cannot be drawn anew.
        out: Folder for features, results and report. A second run into it uses what is there; a killed one
            goes on.
        report: Write the report to `out`.
        progress: Called as `progress(done, total, what)`.

    Returns:
        The study, with `.imbalance`, `.standard_error`, `.smoothness`, `.between`, `.information`, `.findings`.

    Raises:
        ValueError: Says what was expected, what came and what to do: settings out of range, too few images,
            models that cannot be loaded, a pooling that does not suit a model, sample ids that differ, a
            folder that cannot be written, features in the folder that were made otherwise, spaces of another number
            of samples.

    Example:
        >>> from jaxsim.study import compare
        >>> study = compare(  # doctest: +SKIP
        ...     ["facebook/dinov2-small", "microsoft/resnet-50"], images="photos", n_samples=2000, out="run"
        ... )
    """
    check_progress(progress)
    report = check_flag("report", report)
    settings = checked_settings(
        n_splits=splits_of_subsets(n_subsets, n_splits),
        steps=steps,
        drop_steps=drop_steps,
        k=k,
        n_samples=n_samples,
        pool=pool,
        metric=metric,
        n_queries=n_queries,
        ties=ties,
        seed=seed,
        granularity=granularity,
        batch_size=batch_size,
        strict=strict,
        image_size=image_size,
        overwrite=overwrite,
        precision=precision,
        plan=plan,
        devices=devices,
        verify=verify,
        clip=clip,
        drop_duplicates=drop_duplicates,
        statistics=statistics,
        verify_images=verify_images,
        measures=measures,
        describe=describe,
    )
    comparison = prepare_comparison(
        models, images, settings=settings, spaces=spaces, labels=labels, groups=groups, untrained=untrained, out=out
    )
    return comparison.run(report=report, progress=progress)


def splits_of_subsets(n_subsets: int | None, n_splits: int | None) -> int | None:
    """Number of splits that a request for disjoint subsets, which intervals rested on once, stands for.

    Example:
        >>> splits_of_subsets(None, 4)
        4
    """
    if n_subsets is None:
        return n_splits
    warnings.warn(
        "n_subsets is deprecated: intervals rest on balanced half-samples now; use n_splits=0 for none, or leave it "
        "out.",
        DeprecationWarning,
        stacklevel=3,
    )
    return 0 if n_subsets == 0 else n_splits
