"""What the steps know of statistics and other spaces, and of labels."""

from __future__ import annotations

from typing import Unpack

from matplotlib.axes import Axes

from jaxsim.plot import figures
from jaxsim.plot.arguments import checked
from jaxsim.plot.look import Look, fitted, looked
from jaxsim.report.measured_by import measured_by
from jaxsim.study import Study


@checked
def low_level_information(
    study: Study,
    space: str | None = None,
    *,
    direction: str = "forward",
    k: int | None = None,
    ax: Axes | None = None,
    **look: Unpack[Look],
) -> Axes:
    """What the steps know of a low-level statistic, or of another space, against relative depth.

    Args:
        study: A study with `statistics=True` or `spaces=`.
        space: The space; None takes "all" statistics, or the first space without them.
        direction: "forward", Delta(step -> space), or "backward".
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has measured no spaces, or has no such space or k.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> low_level_information(example_study())
        Traceback (most recent call last):
        ...
        ValueError: Expected a study of other spaces, but it has none. Run compare with statistics=True or spaces=.
    """
    study, styles = looked(study, look)
    if study.information is None:
        raise ValueError(
            "Expected a study of other spaces, but it has none. Run compare with statistics=True or spaces=."
        )
    names = [str(name) for name in study.information["space"].values]
    chosen = space if space is not None else ("all" if "all" in names else names[0])
    return fitted(
        figures.low_level_information(
            study.information,
            chosen,
            direction=direction,
            k=k,
            styles=styles,
            measure=measured_by(study.results),
            ax=ax,
        ),
        ax,
        look,
    )


@checked
def label_overlap(
    study: Study, label: str | None = None, *, k: int | None = None, ax: Axes | None = None, **look: Unpack[Look]
) -> Axes:
    """How often the nearest neighbours of an image share its label, against relative depth.

    Args:
        study: A study with `labels=`.
        label: Name of the label; None takes the first.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.
        **look: `models`, `labels`, `colors`, `width`, as in `Look`.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no labels, or no such label or k.

    Example:
        >>> from jaxsim.plot.arguments import example_study
        >>> label_overlap(example_study())
        Traceback (most recent call last):
        ...
        ValueError: Expected a study with labels, but it has none. Run compare with labels=.
    """
    study, styles = looked(study, look)
    known = study.label_overlap
    if known is None:
        raise ValueError("Expected a study with labels, but it has none. Run compare with labels=.")
    chosen = str(known["label"].values[0]) if label is None else label
    return fitted(figures.label_overlap(known, chosen, k=k, styles=styles, ax=ax), ax, look)
