"""Everything that a comparison needs, loaded and checked before the work."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import jax
from jaxsim_kernels import agree

from jaxsim.data import ImageSource, open_images
from jaxsim.features import FeatureSet
from jaxsim.study.run.categories import check_categories
from jaxsim.study.run.columns import of_column, of_columns
from jaxsim.study.run.comparison import Comparison
from jaxsim.study.run.extraction import without_images
from jaxsim.study.run.folder import check_own_files, check_writable, output_folder, sometimes_written
from jaxsim.study.run.groups import check_groups
from jaxsim.study.run.inputs import Sources, StudyInput, open_inputs, untrained_inputs
from jaxsim.study.run.measures import check_measures_fit
from jaxsim.study.run.places import known_folders
from jaxsim.study.run.plan import make_plan
from jaxsim.study.run.samples import shared_samples
from jaxsim.study.run.settings import Settings
from jaxsim.study.run.settings_fit import check_models_named, check_sample_count
from jaxsim.study.run.spaces import check_spaces
from jaxsim.study.run.statistics import check_statistics
from jaxsim.study.run.stored import stored_inputs, stored_twins
from jaxsim.study.saved import UNTRAINED


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
    stored: bool = False,
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
        stored: Take features that an earlier extraction has left in `out`, and load no model.

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
    labels, groups = of_columns(labels, source, "labels"), of_column(groups, source, "groups")
    check_groups(groups)
    check_statistics(settings, source, folder)
    source_ids = () if source is None else source.ids
    check_categories(labels, source_ids)
    if source is not None and settings.n_samples is not None:
        source = source.subset(settings.n_samples, settings.seed)
    if source is not None:
        check_sample_count(len(source), settings)
    inputs = stored_inputs(models, settings, images=source, out=folder) if stored else open_inputs(models, settings)
    check_models_named(settings, tuple(each.name for each in inputs))
    to_run = [each.name for each in inputs if not isinstance(each.given, FeatureSet)]
    if to_run and source is None:
        raise ValueError(without_images(to_run[0]))
    if source is not None and to_run:
        n = len(source)
    else:
        given = [(each, each.given) for each in inputs if isinstance(each.given, FeatureSet)]
        shared = shared_samples(
            {each.name: features.sample_ids for each, features in given if each.extracted},
            {each.name: features.sample_ids for each, features in given if not each.extracted},
            damaged={each.name: features.damaged for each, features in given if each.extracted},
            n_samples=settings.n_samples,
            seed=settings.seed,
            intersect=settings.intersect,
        )
        n = len(shared)
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
        own = known_folders(folder, names)
        check_own_files(folder, sometimes, features=own, measures=further)
        if untrained is not False:
            twin = folder / UNTRAINED
            check_own_files(twin, sometimes, features=known_folders(twin, names), measures=further)
    comparison = Comparison(inputs, source, settings, plan, folder, spaces, source_ids, labels=labels, groups=groups)
    if untrained is False:
        return comparison
    if stored and folder is not None:
        twins = stored_twins(inputs, settings, images=source, out=folder / UNTRAINED)
    else:
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
            "number of steps": [len(each.step_names(settings.pool_of(each.name))) for each in inputs],
            "number of samples": n_samples,
            "hash of names of images": ids,
            **{field.name: _told(getattr(settings, field.name)) for field in fields(settings)},
            **{name: value if isinstance(value, bool) else value is not None for name, value in given.items()},
        }
    )


def _told(value: Any) -> Any:
    """A setting as processes compare it: measures by name, since functions of theirs lie elsewhere in each."""
    return [getattr(each, "name", each) for each in value] if isinstance(value, tuple) else value
