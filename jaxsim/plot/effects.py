"""The findings of a study: effects with their intervals and controls, and how they depend on the number of images."""

from __future__ import annotations

from typing import Unpack

from matplotlib.axes import Axes

from jaxsim.arguments import check_count
from jaxsim.plot import figures
from jaxsim.plot.arguments import checked, with_intervals
from jaxsim.plot.look import Look, fitted, looked
from jaxsim.report.measured_by import measured_by
from jaxsim.study import Study


@checked
def findings(
    study: Study,
    kind: str,
    *,
    space: str | None = None,
    k: int | None = None,
    most: int | None = None,
    ax: Axes | None = None,
    **look: Unpack[Look],
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
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no intervals, no such k or no finding of that kind.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> findings(example_study(), "smoothness")
        Traceback (most recent call last):
        ...
        ValueError: Expected a study with intervals, but it has none. Run compare with 64 samples or more.
    """
    study, _ = looked(study, look)
    most = None if most is None else check_count("most", most, 1)
    return fitted(
        figures.finding_effects(
            with_intervals(study), kind, space=space, k=k, most=most, measure=measured_by(study.results), ax=ax
        ),
        ax,
        look,
    )


@checked
def sample_size(
    study: Study,
    kind: str,
    *,
    space: str | None = None,
    k: int | None = None,
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Axes:
    """Effects of one kind at a quarter, half and all of the images, with their intervals at N.

    Args:
        study: A study with intervals.
        kind: As in `findings`.
        space: Only those of one space or label.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no intervals, no such k or no finding of that kind.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> sample_size(example_study(), "smoothness")
        Traceback (most recent call last):
        ...
        ValueError: Expected a study with intervals, but it has none. Run compare with 64 samples or more.
    """
    study, styles = looked(study, look)
    return fitted(
        figures.sample_size(
            with_intervals(study),
            kind,
            space=space,
            k=k,
            styles=styles,
            measure=measured_by(study.results),
            ax=ax,
        ),
        ax,
        look,
    )
