"""What the steps of each model still know of other spaces, such as the low-level statistics of the images."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from jaxsim.report.errors import errors_of
from jaxsim.report.figures.canvas import (
    SMALL_SIZE,
    axes_or_new,
    band,
    control_line,
    grid_of_axes,
    marker_size,
    name_axes,
    plain,
    shorten,
    style_axes,
    title_axes,
)
from jaxsim.report.figures.palette import MUTED, ModelStyle, styles_for
from jaxsim.report.figures.smoothness import legend_of_models
from jaxsim.report.schema import at_k

DIRECTIONS = {"forward": "step → {space}", "backward": "{space} → step"}
#: Spaces of one figure; a report with more has several.
MOST_PANELS = 12
#: A floor that differs from the usual one by less than this share is the usual one.
OWN_FLOOR = 0.01


def low_level_information(
    information: xr.Dataset,
    space: str,
    *,
    direction: str = "forward",
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    control: xr.Dataset | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Delta between every step and one space against relative depth, a line per model, on the scale 0 .. 1.

    Low: the step knows the space (forward), or the space explains the step (backward). The dashed line at 1 is what
    independence gives. The dotted lines are the least and the largest value that any step could have, where the study
    knows them (forward, of spaces full of ties); else one at the floor (k + 1) / N. Bands are two errors: sampling
    errors where the study has them, else query-row errors. Steps that are the same for all images are left out.

    Args:
        information: Information dataset of a study.
        space: Name of the space, such as "colour" or "all".
        direction: "forward", Delta(step -> space), or "backward".
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        control: The same dataset of random weights, drawn as thin lines.
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
            0.5, 0.5, "the same for all images", transform=ax.transAxes, ha="center", color=MUTED, fontsize=SMALL_SIZE
        )
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(0, _top(chosen, direction))
    name_axes(ax, "relative depth", f"Δ({DIRECTIONS[direction].format(space=shorten(space, 24))})")
    title_axes(ax, space, width=30)
    if len(names) > 1:
        legend_of_models(ax, handles, names)
    return ax


def low_level_informations(
    information: xr.Dataset,
    *,
    spaces: Sequence[str] | None = None,
    direction: str = "forward",
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    control: xr.Dataset | None = None,
) -> list[Axes]:
    """One panel for every space on common scales, with one legend.

    Args:
        information: Information dataset of a study.
        spaces: Names of the spaces to draw. Default: all of them.
        direction: "forward", Delta(step -> space), or "backward".
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        control: The same dataset of random weights, drawn as thin lines.

    Returns:
        The axes, all of one new figure.

    Raises:
        ValueError: The study has no such k, or the direction is another.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_information
        >>> len(low_level_informations(constructed_information(constructed_study()[0])))
        6
    """
    spaces = [str(name) for name in information["space"].values] if spaces is None else list(spaces)
    columns = min(len(spaces), 2 if len(spaces) in (2, 4) else 3)
    figure, panels = grid_of_axes(len(spaces), columns=columns, width=9.6 / columns, height=2.4)
    for place, (ax, space) in enumerate(zip(panels, spaces, strict=True)):
        low_level_information(information, space, direction=direction, k=k, styles=styles, control=control, ax=ax)
        label = "Δ(step → statistic)" if direction == "forward" else "Δ(statistic → step)"
        name_axes(ax, "relative depth", label if place % columns == 0 else "")
        legend = ax.get_legend()
        if legend is not None:
            legend.remove()
    panels[0].set_ylim(0, _top(at_k(information, k), direction))
    names = list(dict.fromkeys(information["model"].values.astype(str).tolist()))
    looks = styles_for(names, styles)
    figure.legend(
        [
            Line2D([], [], color=looks[n].colour, linestyle=looks[n].line, marker=looks[n].marker, markersize=3.6)
            for n in names
        ],
        [plain(shorten(name, 26)) for name in names],
        loc="outside lower center",
        ncols=min(4, len(names)),
        frameon=False,
        fontsize=SMALL_SIZE,
        labelcolor=MUTED,
        handlelength=3.0,
    )
    return panels


def pages_of_spaces(information: xr.Dataset) -> list[list[str]]:
    """The spaces that one figure holds each, in the order of the study."""
    spaces = [str(name) for name in information["space"].values]
    return [spaces[start : start + MOST_PANELS] for start in range(0, len(spaces), MOST_PANELS)]


def attainable(chosen: xr.Dataset, direction: str = "forward") -> tuple[float, ...]:
    """Least and largest value that a step could have for one space at one k; the floor alone without ties.

    A space that is full of ties has a floor and a ceiling of its own; of one whose own floor is the usual one, or where
    the study does not know them, the floor (k + 1) / N is all there is to say.

    Args:
        chosen: Information dataset at one k and one space.
        direction: "forward", Delta(step -> space), or "backward".

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_information
        >>> known = constructed_information(constructed_study()[0], tied=("colour",)).isel(k=0)
        >>> attainable(known.sel(space="colour")), attainable(known.sel(space="colour"), "backward")
        ((0.035, 1.01), (0.005,))
    """
    if direction == "forward" and "floor_forward" in chosen and "ceiling_forward" in chosen:
        limits = (float(chosen["floor_forward"]), float(chosen["ceiling_forward"]))
        if np.isfinite(limits).all() and not np.isclose(limits[0], float(chosen["floor"]), rtol=OWN_FLOOR, atol=0):
            return limits
    return (float(chosen["floor"]),)


def _top(chosen: xr.Dataset, direction: str) -> float:
    """Upper end of the scale: 1 and every value; a ceiling far above all of them may lie outside."""
    highest = float(np.nanmax(chosen[direction].values, initial=1.0))
    return max(1.08, highest * 1.04)
