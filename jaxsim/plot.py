"""One function per figure of a study: a `Study` in, matplotlib axes out.

Colours are those of the report: a hue per family that colour-blind readers can tell apart, lightness, line style and
marker within it, so that a grey print still shows which model is which. Imbalance has one scale everywhere, 0 .. 1,
dark meaning similar. Bands are two errors: sampling errors (what new images would change) where the study has them,
else query-row errors (conditional on these reference images). Steps that are the same for all images are hatched in
heat maps and left out elsewhere. Save a figure with `ax.figure.savefig("figure.pdf")`.

    import jaxsim

    study = jaxsim.Study.load("run")
    jaxsim.plot.distance(study)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import xarray as xr
from matplotlib.axes import Axes

from jaxsim.arguments import as_count, check_count, check_flag, shown
from jaxsim.files import parse_json
from jaxsim.report import figures
from jaxsim.report.steps import read_flags
from jaxsim.study import Study
from jaxsim.study.derived import trajectories as paths

__all__ = [
    "best_match",
    "dendrogram",
    "distance",
    "findings",
    "imbalance_heatmap",
    "information_plane",
    "label_overlap",
    "low_level_information",
    "sample_size",
    "smoothness",
    "trajectories",
]


_Further = ParamSpec("_Further")


def _checked(draw: Callable[Concatenate[Study, _Further], Axes]) -> Callable[Concatenate[Study, _Further], Axes]:
    """The function, which refuses first what is no study, number of neighbours or axes."""

    @functools.wraps(draw)
    def checked(study: Study, *args: _Further.args, **options: _Further.kwargs) -> Axes:
        if not isinstance(study, Study):
            raise ValueError(f"Expected a Study, as compare returns it or Study.load reads it, got {shown(study)}.")
        k, ax = options.get("k"), options.get("ax")
        if k is not None and as_count(k) is None:
            raise ValueError(f"Expected k as one of the study's numbers of neighbours, got {shown(k)}.")
        if ax is not None and not isinstance(ax, Axes):
            raise ValueError(f"Expected ax as axes of matplotlib, got {shown(ax)}. Leave it out for a new figure.")
        return draw(study, *args, **options)

    return checked


@_checked
def imbalance_heatmap(
    study: Study,
    source: str | None = None,
    target: str | None = None,
    *,
    k: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Delta between all steps of all models, or between the steps of two.

    Args:
        study: The study.
        source: Name of the model on the rows; None draws all models.
        target: Name of the model on the columns; None takes the source itself.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such model or k, or a target came without a source.

    Example:
        >>> imbalance_heatmap(_example()).get_xlabel()
        'to'
        >>> imbalance_heatmap(_example(), "vit", "resnet").get_ylabel()
        'from vit'
    """
    for model in (source, target):
        _check_model(model)
    if source is None:
        if target is not None:
            raise ValueError(f"Expected a source for the target {target!r}. Give both, or neither for all models.")
        return figures.overview(study.results, k=k, ax=ax)
    return figures.heatmap(study.results, source, source if target is None else target, k=k, ax=ax)


@_checked
def smoothness(
    study: Study,
    model: str | None = None,
    *,
    fixed_step: bool = False,
    k: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Change from step to step against relative depth.

    Args:
        study: The study.
        model: One model, with both directions and marked steps; None draws the means of all models.
        fixed_step: Draw the change from t to t + h with one h for all models instead: the one to compare models of
            different numbers of steps by.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such model or k, or one model's fixed step was asked for.

    Example:
        >>> smoothness(_example(), fixed_step=True).get_xlabel()
        'relative depth t'
    """
    _check_model(model)
    if check_flag("fixed_step", fixed_step):
        if model is not None:
            raise ValueError("Expected all models for the fixed-step profile, which compares them. Leave model out.")
        return figures.fixed_step_profile(study.smoothness, k=k, styles=_styles(study), ax=ax)
    if model is None:
        return figures.smoothness_overlay(study.smoothness, k=k, styles=_styles(study), ax=ax)
    return figures.smoothness_profile(study.smoothness, model, k=k, styles=_styles(study), ax=ax)


@_checked
def distance(study: Study, model: str | None = None, *, k: int | None = None, ax: Axes | None = None) -> Axes:
    """Distance of one model to each of the others against relative depth; rings mark the peaks.

    Args:
        study: A study of at least two models.
        model: The model; None takes the first.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has one model only, or no such model or k.

    Example:
        >>> distance(_example()).get_title(loc="left")
        'vit against resnet'
    """
    return figures.between_model_distance(study.between, _one(study, model), k=k, styles=_styles(study), ax=ax)


@_checked
def best_match(study: Study, model: str | None = None, *, k: int | None = None, ax: Axes | None = None) -> Axes:
    """Relative depth of the closest step in each other model, for every step of one.

    Args:
        study: A study of at least two models.
        model: The model; None takes the first.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has one model only, or no such model or k.

    Example:
        >>> best_match(_example()).get_ylabel()
        'depth of closest step'
    """
    return figures.best_match(study.between, _one(study, model), k=k, styles=_styles(study), ax=ax)


@_checked
def trajectories(study: Study, *, k: int | None = None, ax: Axes | None = None) -> Axes:
    """All models as paths through the plane in which their steps are placed, see `jaxsim.study.step_embedding`.

    Args:
        study: The study.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> trajectories(_example()).get_xlabel().startswith("first axis (")
        True
    """
    return figures.trajectories(paths.step_embedding(study.imbalance), k=k, styles=_styles(study), ax=ax)


@_checked
def information_plane(study: Study, *, k: int | None = None, ax: Axes | None = None) -> Axes:
    """Delta forward against backward for every pair of steps of different models.

    Args:
        study: The study.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> information_plane(_example()).get_ylabel()
        'Δ(B → A)'
    """
    plane = paths.information_plane(study.imbalance, study.standard_error)
    return figures.information_plane(plane, k=k, styles=_styles(study), ax=ax)


@_checked
def dendrogram(study: Study, *, method: str = "average", k: int | None = None, ax: Axes | None = None) -> Axes:
    """The tree of all steps of all models by their mutual imbalance.

    Args:
        study: The study.
        method: "average", "complete", "single" or "weighted".
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k, or the method is another.

    Example:
        >>> len(dendrogram(_example()).get_yticklabels())
        4
    """
    tree = paths.step_linkage(study.imbalance, method=method)
    return figures.dendrogram(tree, k=k, styles=_styles(study), flags=read_flags(study.results), ax=ax)


@_checked
def low_level_information(
    study: Study,
    space: str | None = None,
    *,
    direction: str = "forward",
    k: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """What the steps know of a low-level statistic, or of another space, against relative depth.

    Args:
        study: A study with `statistics=True` or `spaces=`.
        space: The space; None takes "all" statistics, or the first space without them.
        direction: "forward", Delta(step -> space), or "backward".
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has measured no spaces, or has no such space or k.

    Example:
        >>> low_level_information(_example())
        Traceback (most recent call last):
        ...
        ValueError: Expected a study of other spaces, but it has none. Run compare with statistics=True or spaces=.
    """
    if study.information is None:
        raise ValueError(
            "Expected a study of other spaces, but it has none. Run compare with statistics=True or spaces=."
        )
    names = [str(name) for name in study.information["space"].values]
    chosen = space if space is not None else ("all" if "all" in names else names[0])
    return figures.low_level_information(
        study.information, chosen, direction=direction, k=k, styles=_styles(study), ax=ax
    )


@_checked
def label_overlap(study: Study, label: str | None = None, *, k: int | None = None, ax: Axes | None = None) -> Axes:
    """How often the nearest neighbours of an image share its label, against relative depth.

    Args:
        study: A study with `labels=`.
        label: Name of the label; None takes the first.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no labels, or no such label or k.

    Example:
        >>> label_overlap(_example())
        Traceback (most recent call last):
        ...
        ValueError: Expected a study with labels, but it has none. Run compare with labels=.
    """
    known = study.label_overlap
    if known is None:
        raise ValueError("Expected a study with labels, but it has none. Run compare with labels=.")
    chosen = str(known["label"].values[0]) if label is None else label
    return figures.label_overlap(known, chosen, k=k, styles=_styles(study), ax=ax)


@_checked
def findings(
    study: Study,
    kind: str,
    *,
    space: str | None = None,
    k: int | None = None,
    most: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Effects of one kind at N with their intervals, those of random weights beside them, the largest first.

    Args:
        study: A study with intervals.
        kind: "alignment", "middle_distance", "information_change", "information_difference", "smoothness",
            "smoothness_difference", "label_change" or "label_difference".
        space: Only those of one space or label.
        k: Number of neighbours, one of the study's. Default: its first.
        most: Draw so many of the largest effects only; the axis says of how many. Default: all of them.
        ax: Where to draw. Default: the axes of a new figure, as high as the rows need.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no intervals, no such k or no finding of that kind.

    Example:
        >>> findings(_example(), "smoothness")
        Traceback (most recent call last):
        ...
        ValueError: Expected a study with intervals, but it has none. Run compare with 64 images or more.
    """
    most = None if most is None else check_count("most", most, 1)
    return figures.finding_effects(_with_intervals(study), kind, space=space, k=k, most=most, ax=ax)


@_checked
def sample_size(
    study: Study, kind: str, *, space: str | None = None, k: int | None = None, ax: Axes | None = None
) -> Axes:
    """Effects of one kind at a quarter, half and all of the images, with their intervals at N.

    Args:
        study: A study with intervals.
        kind: As in `findings`.
        space: Only those of one space or label.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no intervals, no such k or no finding of that kind.

    Example:
        >>> sample_size(_example(), "smoothness")
        Traceback (most recent call last):
        ...
        ValueError: Expected a study with intervals, but it has none. Run compare with 64 images or more.
    """
    return figures.sample_size(_with_intervals(study), kind, space=space, k=k, styles=_styles(study), ax=ax)


def _with_intervals(study: Study) -> xr.Dataset:
    """The findings of a study that has some."""
    found = study.all_findings
    if found is None:
        raise ValueError("Expected a study with intervals, but it has none. Run compare with 64 images or more.")
    return found


def _check_model(model: Any) -> None:
    if model is not None and not isinstance(model, str):
        raise ValueError(f"Expected a model by its name in the study, got {shown(model)}.")


def _one(study: Study, model: str | None) -> str:
    """The model, or the first of a study that has pairs."""
    _check_model(model)
    if study.between.sizes.get("pair", 0) == 0:
        raise ValueError("Expected a study of at least two models, but it has one. Compare it with another.")
    return str(study.imbalance["source_model"].values[0]) if model is None else model


def _styles(study: Study) -> Any:
    """The report's colours where the study knows its families; else a hue for every model."""
    if "models" not in study.results.attrs:
        return None
    described = study.results.attrs["models"]
    families = {each["name"]: each["family"] for each in parse_json(described)}
    return figures.model_styles(families)


def _example() -> Study:
    """A study of two models of two steps, for the examples."""
    import numpy as np

    from jaxsim.study import StepLabel, label_imbalance

    labels = [StepLabel(model, step, depth) for model in ("vit", "resnet") for step, depth in (("a", 0.0), ("b", 1.0))]
    depth = np.array([label.depth for label in labels])
    values = 0.1 + 0.5 * np.abs(depth[:, None] - depth[None])
    return Study.from_results(label_imbalance(values, labels, standard_error=np.full((4, 4), 0.01), n_samples=100))
