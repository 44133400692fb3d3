"""All steps of all models at once: as paths, in both directions, as a tree."""

from __future__ import annotations

from typing import Unpack

from matplotlib.axes import Axes

from jaxsim.plot import figures
from jaxsim.plot.arguments import checked
from jaxsim.plot.look import Look, fitted, looked
from jaxsim.report.measured_by import measured_by
from jaxsim.report.steps import read_flags
from jaxsim.study import Study
from jaxsim.study.derived import trajectories as paths


@checked
def trajectories(study: Study, *, k: int | None = None, ax: Axes | None = None, **look: Unpack[Look]) -> Axes:
    """All models as paths through the plane in which their steps are placed, see `jaxsim.study.step_embedding`.

    Args:
        study: The study.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> trajectories(example_study()).get_xlabel().startswith("first axis (")
        True
    """
    study, styles = looked(study, look)
    return fitted(figures.trajectories(paths.step_embedding(study.imbalance), k=k, styles=styles, ax=ax), ax, look)


@checked
def information_plane(study: Study, *, k: int | None = None, ax: Axes | None = None, **look: Unpack[Look]) -> Axes:
    """Delta forward against backward for every pair of steps of different models.

    Args:
        study: The study.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> information_plane(example_study()).get_ylabel()
        'Δ(B → A)'
    """
    study, styles = looked(study, look)
    plane = paths.information_plane(study.imbalance, study.standard_error)
    return fitted(
        figures.information_plane(plane, k=k, styles=styles, measure=measured_by(study.results), ax=ax), ax, look
    )


@checked
def dendrogram(
    study: Study, *, method: str = "average", k: int | None = None, ax: Axes | None = None, **look: Unpack[Look]
) -> Axes:
    """The tree of all steps of all models by their mutual imbalance.

    Args:
        study: The study.
        method: "average", "complete", "single" or "weighted".
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k, or the method is another.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> len(dendrogram(example_study()).get_yticklabels())
        4
    """
    study, styles = looked(study, look)
    tree = paths.step_linkage(study.imbalance, method=method)
    return fitted(
        figures.dendrogram(
            tree, k=k, styles=styles, flags=read_flags(study.results), measure=measured_by(study.results), ax=ax
        ),
        ax,
        look,
    )
