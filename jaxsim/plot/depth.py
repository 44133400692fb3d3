"""Curves along the depth of the models: how smoothly they change, how far apart they are, where steps match."""

from __future__ import annotations

from typing import Unpack

from matplotlib.axes import Axes

from jaxsim.arguments import check_flag
from jaxsim.plot import figures
from jaxsim.plot.arguments import check_model, checked, one_model
from jaxsim.plot.look import Look, fitted, looked
from jaxsim.report.measured_by import measured_by
from jaxsim.study import Study


@checked
def smoothness(
    study: Study,
    model: str | None = None,
    *,
    fixed_step: bool = False,
    k: int | None = None,
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Axes:
    """Change from step to step against relative depth, the mean of both directions.

    Args:
        study: The study.
        model: One model, with both directions and marked steps; None draws the means of all models.
        fixed_step: Draw the change from t to t + h with one h for all models instead: the one to compare models of
            different numbers of steps by.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such model or k, or one model's fixed step was asked for.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> smoothness(example_study(), fixed_step=True).get_xlabel()
        'relative depth t'
    """
    study, styles = looked(study, look)
    check_model(model)
    if check_flag("fixed_step", fixed_step):
        if model is not None:
            raise ValueError("Expected all models for the fixed-step profile, which compares them. Leave model out.")
        profile = figures.fixed_step_profile(
            study.smoothness, k=k, styles=styles, measure=measured_by(study.results), ax=ax
        )
        return fitted(profile, ax, look)
    if model is None:
        return fitted(
            figures.smoothness_overlay(study.smoothness, k=k, styles=styles, measure=measured_by(study.results), ax=ax),
            ax,
            look,
        )
    return fitted(figures.smoothness_profile(study.smoothness, model, k=k, styles=styles, ax=ax), ax, look)


@checked
def distance(
    study: Study, model: str | None = None, *, k: int | None = None, ax: Axes | None = None, **look: Unpack[Look]
) -> Axes:
    """Distance of one model to each of the others against relative depth; rings mark the peaks.

    Args:
        study: A study of at least two models.
        model: The model; None takes the first.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has one model only, or no such model or k.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> distance(example_study()).get_title(loc="left")
        'vit against resnet'
    """
    study, styles = looked(study, look)
    return fitted(
        figures.between_model_distance(
            study.between, one_model(study, model), k=k, styles=styles, measure=measured_by(study.results), ax=ax
        ),
        ax,
        look,
    )


@checked
def best_match(
    study: Study, model: str | None = None, *, k: int | None = None, ax: Axes | None = None, **look: Unpack[Look]
) -> Axes:
    """Relative depth of the closest step in each other model, for every step of one.

    Args:
        study: A study of at least two models.
        model: The model; None takes the first.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has one model only, or no such model or k.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> best_match(example_study()).get_ylabel()
        'depth of closest step'
    """
    study, styles = looked(study, look)
    return fitted(figures.best_match(study.between, one_model(study, model), k=k, styles=styles, ax=ax), ax, look)
