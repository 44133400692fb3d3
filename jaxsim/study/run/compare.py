"""From models and images to a study, in one call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import jax

from jaxsim.arguments import Progress, check_flag
from jaxsim.files import OwnedFiles
from jaxsim.study.progress import asked_progress
from jaxsim.study.results import Study
from jaxsim.study.run.called import Call
from jaxsim.study.run.inputs import Sources
from jaxsim.study.run.options import with_options
from jaxsim.study.run.preparation import prepare_comparison
from jaxsim.study.run.settings import SETTINGS, checked_settings
from jaxsim.study.run.surroundings import SURROUNDINGS
from jaxsim.study.saved import CONFIG
from jaxsim.warn import warn


@with_options(SETTINGS | SURROUNDINGS)
def compare(
    models: Sources,
    images: Any = None,
    *,
    out: str | os.PathLike[str] | None = None,
    report: bool = True,
    progress: Progress | bool | None = None,
    n_subsets: int | None = None,
    **options: Any,
) -> Study:
    """Compares the processing steps of vision models on the same images.

    Args:
        models: One or several of: a checkpoint directory or hub id, a live model, a `FeatureSet`, a folder
            of features; or a mapping from names to these. Equal names get a number.
        images: What `open_images` takes: a folder, an .npz or .npy file, a uint8 array, "digits", an
            `ImageSource`. Not needed when all features are given.
        out: Folder for features, results and report. A second run into it uses what is there; a killed one
            goes on.
        report: Write the report to `out`.
        progress: True shows a bar, in a notebook or a terminal, False none; or a callable, called as
            `progress(done, total, what)`. By default a bar is shown in interactive sessions.
        n_subsets: Deprecated; 0 is `n_splits=0`, and any other number leaves `n_splits` as it is.
        **options: All of what follows; a name that is none of these is a `TypeError`.
        {options}

    Returns:
        The study, with `.imbalance`, `.standard_error`, `.smoothness`, `.between`, `.information`, `.findings` and
        `.verdicts`.

    Raises:
        ValueError: Says what was expected, what came and what to do: settings out of range, too few images,
            models that cannot be loaded, a pooling that does not suit a model, sample ids that differ, a
            folder that cannot be written, damaged features in the folder, spaces of another number
            of samples.

    Example:
        >>> from jaxsim.study import compare
        >>> study = compare(  # doctest: +SKIP
        ...     ["facebook/dinov2-small", "microsoft/resnet-50"], images="photos", n_samples=2000, out="run"
        ... )
    """
    if n_subsets is not None:
        options["n_splits"] = splits_of_subsets(n_subsets, options.get("n_splits"))
    asked = Call("jaxsim.compare", models, {"images": images, "out": out} | options)
    return run_comparison(models, images, asked, out=out, report=report, progress=progress, options=options)


def run_comparison(
    models: Sources,
    images: Any,
    asked: Call,
    *,
    out: str | os.PathLike[str] | None,
    report: bool,
    progress: Progress | bool | None,
    options: Mapping[str, Any],
) -> Study:
    """The work of `compare`, whatever the name by which it was asked for.

    Args:
        models: As in `compare`.
        images: As in `compare`.
        asked: How the study was asked for.
        out: As in `compare`.
        report: As in `compare`.
        progress: As in `compare`.
        options: Further ones of `compare`, by name.

    Raises:
        ValueError: As `compare`.
    """
    report = check_flag("report", report)
    beside = {name: options.get(name, each.default) for name, each in SURROUNDINGS.items()}
    settings = {name: value for name, value in options.items() if name not in SURROUNDINGS}
    with asked_progress(progress) as show:
        comparison = prepare_comparison(models, images, settings=checked_settings(**settings), out=out, **beside)
        if comparison.out is not None and jax.process_index() == 0 and comparison.out.is_dir():
            # Of an earlier run from the command line: this study is not made of them.
            OwnedFiles(comparison.out).remove([CONFIG])
        return comparison.run(report=report, progress=show, command=asked.text())


def splits_of_subsets(n_subsets: int | None, n_splits: int | None) -> int | None:
    """Number of splits that a request for disjoint subsets, which intervals rested on once, stands for.

    Example:
        >>> splits_of_subsets(None, 4)
        4
    """
    if n_subsets is None:
        return n_splits
    warn(
        "n_subsets is deprecated: intervals rest on balanced half-samples now; use n_splits=0 for none, or leave it "
        "out.",
        DeprecationWarning,
    )
    return 0 if n_subsets == 0 else n_splits
