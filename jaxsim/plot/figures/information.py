"""What the steps of each model still know of other spaces, such as the low-level statistics of the images."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.plot.figures.canvas import (
    SMALL_SIZE,
    axes_or_new,
    band,
    control_line,
    marker_size,
    name_axes,
    shorten,
    style_axes,
    title_axes,
)
from jaxsim.plot.figures.smoothness import legend_of_models
from jaxsim.report.errors import errors_of
from jaxsim.report.limits import attainable
from jaxsim.report.measured_by import DELTA_MEASURE, MeasuredBy
from jaxsim.report.palette import MUTED, ModelStyle, styles_for
from jaxsim.report.schema import at_k

DIRECTIONS = ("forward", "backward")


def low_level_information(
    information: xr.Dataset,
    space: str,
    *,
    direction: str = "forward",
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    control: xr.Dataset | None = None,
    measure: MeasuredBy = DELTA_MEASURE,
    ax: Axes | None = None,
) -> Axes:
    """Delta between every step and one space against relative depth, a line per model, on the scale 0 .. 1.

    Low: the step knows the space (forward), or the space explains the step (backward). The dashed line at 1 is what
    independence gives. The dotted lines are the least and the largest value that any step could have, where the study
    knows them (forward, of spaces full of ties); else one at the floor (k + 1) / N. Bands are two errors: sampling
    errors where the study has them, else query-row errors. Steps that are the same for all samples are left out.

    Args:
        information: Information dataset of a study.
        space: Name of the space, such as "colour" or "all".
        direction: "forward", Delta(step -> space), or "backward".
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        control: The same dataset of random weights, drawn as thin lines.
        measure: The measure behind the numbers, whose symbol the axes have.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such space or k, or the direction is another.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_information
        >>> known = constructed_information(constructed_study()[0])
        >>> low_level_information(known, "colour").get_title(loc="left")
        'colour'
    """
    spaces = [str(name) for name in information["space"].values]
    if space not in spaces:
        raise ValueError(f"Expected one of the spaces {', '.join(map(repr, spaces))}, but {space!r} came.")
    if direction not in DIRECTIONS:
        raise ValueError(f"Expected direction 'forward' or 'backward', but {direction!r} came.")
    chosen = at_k(information, k).isel(space=spaces.index(space))
    owners = chosen["model"].values.astype(str)
    names = list(dict.fromkeys(owners.tolist()))
    looks = styles_for(names, styles)
    ax = axes_or_new(ax, 6.4, 3.3)
    style_axes(ax)
    ax.axhline(1.0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    limits = attainable(chosen, direction)
    for level in limits:
        ax.axhline(level, color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    handles = []
    for name in names:
        style, own = looks[name], owners == name
        depth, value = chosen["depth"].values[own], chosen[direction].values[own]
        band(ax, depth, value, errors_of(chosen, direction)[own], style.colour)
        handles += ax.plot(
            depth,
            value,
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markersize=marker_size(int(own.sum())),
            linewidth=1.5,
        )
    if control is not None and space in control["space"].values:
        beside = at_k(control, k).sel(space=space)
        for name in names:
            own = beside["model"].values.astype(str) == name
            depth, value = beside["depth"].values[own], beside[direction].values[own]
            control_line(ax, depth, value, looks[name].colour, looks[name].line)
    if bool(chosen["constant"]):
        ax.text(
            0.5, 0.5, "the same for all samples", transform=ax.transAxes, ha="center", color=MUTED, fontsize=SMALL_SIZE
        )
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(0, _top(chosen, direction))
    name_axes(ax, "relative depth", measure.of(*_ends(direction, shorten(space, 24))))
    title_axes(ax, space, width=30)
    if len(names) > 1:
        legend_of_models(ax, handles, names)
    return ax


def _ends(direction: str, space: str) -> tuple[str, str]:
    """From what to what a direction is."""
    return ("step", space) if direction == "forward" else (space, "step")


def _top(chosen: xr.Dataset, direction: str) -> float:
    """Upper end of the scale: 1 and every value; a ceiling far above all of them may lie outside."""
    highest = float(np.nanmax(chosen[direction].values, initial=1.0))
    return max(1.08, highest * 1.04)
