"""What the steps of each model still know of other spaces, such as the low-level statistics of the images."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from jaxsim.report.figures.canvas import (
    SMALL_SIZE,
    axes_or_new,
    band,
    grid_of_axes,
    name_axes,
    plain,
    shorten,
    style_axes,
    title_axes,
)
from jaxsim.report.figures.palette import MUTED, ModelStyle, styles_for
from jaxsim.report.figures.smoothness import MOST_MARKERS, legend_of_models
from jaxsim.report.schema import at_k

DIRECTIONS = {"forward": "step → {space}", "backward": "{space} → step"}
MOST_PANELS = 12


def low_level_information(
    information: xr.Dataset,
    space: str,
    *,
    direction: str = "forward",
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Delta between every step and one space against relative depth, a line per model, on the scale 0 .. 1.

    Low: the step knows the space (forward), or the space explains the step (backward). The dashed line at 1 is what
    independence gives, the lower one the floor (k + 1) / N. Bands are two standard errors.

    Args:
        information: Information dataset of a study.
        space: Name of the space, such as "colour" or "all".
        direction: "forward", Delta(step -> space), or "backward".
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such space or k, or the direction is another.

    Example:
        >>> from jaxsim.report.constructed import constructed_information, constructed_study
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
    for level in (1.0, float(chosen["floor"])):
        ax.axhline(level, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    handles = []
    for name in names:
        style, own = looks[name], owners == name
        depth, value = chosen["depth"].values[own], chosen[direction].values[own]
        band(ax, depth, value, chosen[f"{direction}_se"].values[own], style.colour)
        handles += ax.plot(
            depth,
            value,
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markevery=max(1, int(own.sum()) // MOST_MARKERS),
            markersize=3.6,
            linewidth=1.5,
        )
    if bool(chosen["constant"]):
        ax.text(
            0.5, 0.5, "the same for all images", transform=ax.transAxes, ha="center", color=MUTED, fontsize=SMALL_SIZE
        )
    ax.set_xlim(-0.02, 1.02)
    highest = float(np.nanmax(chosen[direction].values, initial=1.0))
    ax.set_ylim(0, max(1.08, highest * 1.04))
    name_axes(ax, "relative depth", f"Δ({DIRECTIONS[direction].format(space=shorten(space, 24))})")
    title_axes(ax, space, width=30)
    if len(names) > 1:
        legend_of_models(ax, handles, names)
    return ax


def low_level_informations(
    information: xr.Dataset,
    *,
    direction: str = "forward",
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
) -> list[Axes]:
    """One panel for every space on common scales, with one legend; at most the first twelve spaces.

    Args:
        information: Information dataset of a study.
        direction: "forward", Delta(step -> space), or "backward".
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.

    Returns:
        The axes, all of one new figure.

    Raises:
        ValueError: The study has no such k, or the direction is another.

    Example:
        >>> from jaxsim.report.constructed import constructed_information, constructed_study
        >>> len(low_level_informations(constructed_information(constructed_study()[0])))
        6
    """
    spaces = [str(name) for name in information["space"].values][:MOST_PANELS]
    columns = min(len(spaces), 2 if len(spaces) in (2, 4) else 3)
    figure, panels = grid_of_axes(len(spaces), columns=columns, width=9.6 / columns, height=2.4)
    for place, (ax, space) in enumerate(zip(panels, spaces, strict=True)):
        low_level_information(information, space, direction=direction, k=k, styles=styles, ax=ax)
        label = "Δ(step → statistic)" if direction == "forward" else "Δ(statistic → step)"
        name_axes(ax, "relative depth", label if place % columns == 0 else "")
        legend = ax.get_legend()
        if legend is not None:
            legend.remove()
    top = max(1.08, float(np.nanmax(at_k(information, k)[direction].values, initial=1.0)) * 1.04)
    panels[0].set_ylim(0, top)
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
