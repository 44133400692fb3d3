"""How much a model changes its representation from one step to the next, and over equal stretches."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from jaxsim.plot.figures.canvas import (
    SMALL_SIZE,
    axes_or_new,
    band,
    control_line,
    name_axes,
    plain,
    shorten,
    style_axes,
    title_axes,
)
from jaxsim.report.errors import errors_of
from jaxsim.report.measured_by import DELTA_MEASURE, MeasuredBy
from jaxsim.report.palette import MUTED, PAPER, ModelStyle, styles_for
from jaxsim.report.schema import at_k

#: Markers on a curve over the grid of relative depth, which tell curves apart; steps have a marker each.
MOST_MARKERS = 20


def smoothness_profile(
    smoothness: xr.Dataset,
    model: str,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Change between consecutive steps of one model against relative depth: forward, backward and their mean.

    The band is two errors around the mean: sampling errors where the study has them, else query-row errors. Steps that
    change resolution or width have a hollow diamond; changes without a value are left out.

    Args:
        smoothness: Smoothness dataset of a study.
        model: Name of the model.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such model or k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> ax = smoothness_profile(constructed_study()[1], "vit")
        >>> len(ax.lines[-1].get_xdata())
        5
    """
    names = _models(smoothness)
    if model not in names:
        raise ValueError(f"Expected one of the models {', '.join(map(repr, names))}, but {model!r} came.")
    style = styles_for(names, styles)[model]
    chosen = at_k(smoothness, k)
    own = chosen.isel(change=chosen["model"].values.astype(str) == model)
    ax = axes_or_new(ax)
    style_axes(ax)
    depth, mean = own["depth"].values, own["mean"].values
    band(ax, depth, mean, errors_of(own, "mean"), style.colour)
    ax.plot(depth, own["forward"].values, color=style.colour, linewidth=0.8, linestyle="--", dashes=(4, 2))
    ax.plot(depth, own["backward"].values, color=style.colour, linewidth=0.8, linestyle=":")
    marked = own["marked"].values.astype(bool)
    ax.plot(depth, mean, color=style.colour, linewidth=1.6)
    ax.scatter(depth[~marked], mean[~marked], s=11, color=style.colour, zorder=3, linewidths=0)
    ax.scatter(
        depth[marked],
        mean[marked],
        s=34,
        marker="D",
        facecolor=PAPER,
        edgecolor=style.colour,
        linewidths=1.3,
        zorder=4,
    )
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(bottom=0)
    title_axes(ax, model, width=30)
    return ax


def smoothness_overlay(
    smoothness: xr.Dataset,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    measure: MeasuredBy = DELTA_MEASURE,
    ax: Axes | None = None,
) -> Axes:
    """Mean of both directions of every step change against relative depth, all models in one panel.

    Bands are two errors, sampling errors where the study has them, else query-row errors. Models of many steps change
    less per step for that reason alone: compare them by `fixed_step_profile`.

    Args:
        smoothness: Smoothness dataset of a study.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        measure: The measure behind the numbers, whose symbol the axes have.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> len(smoothness_overlay(constructed_study()[1]).lines)
        2
    """
    names = _models(smoothness)
    looks = styles_for(names, styles)
    chosen = at_k(smoothness, k)
    ax = axes_or_new(ax, 7.2, 3.3)
    style_axes(ax)
    handles = []
    for name in names:
        style, own = looks[name], chosen["model"].values.astype(str) == name
        depth, mean = chosen["depth"].values[own], chosen["mean"].values[own]
        band(ax, depth, mean, errors_of(chosen, "mean")[own], style.colour)
        handles += ax.plot(
            depth,
            mean,
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markersize=3.6,
            linewidth=1.5,
        )
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(bottom=0)
    name_axes(ax, "relative depth", f"step change, {measure.both_ways}")
    legend_of_models(ax, handles, names)
    return ax


def fixed_step_profile(
    smoothness: xr.Dataset,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    control: xr.Dataset | None = None,
    measure: MeasuredBy = DELTA_MEASURE,
    ax: Axes | None = None,
) -> Axes:
    """Mean of both directions between relative depth t and t + h against t, h the same for every model.

    Models with different numbers of steps may be compared here; the change from step to step favours many steps. Bands
    are two errors, sampling errors where the study has them, else query-row errors.

    Args:
        smoothness: Smoothness dataset of a study; `fixed_step` carries h as an attribute and is NaN where
        undefined.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        control: The same dataset of random weights, drawn as thin lines.
        measure: The measure behind the numbers, whose symbol the axes have.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> len(fixed_step_profile(constructed_study()[1]).lines)
        2
    """
    names = _models(smoothness)
    looks = styles_for(names, styles)
    chosen = at_k(smoothness, k)
    ax = axes_or_new(ax, 9.6, 3.3)
    style_axes(ax)
    t = chosen["t"].values
    handles = []
    for place, name in enumerate(names):
        style, values = looks[name], chosen["fixed_step"].values[place]
        band(ax, t, values, errors_of(chosen, "fixed_step")[place], style.colour)
        handles += ax.plot(
            t,
            values,
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markevery=max(1, len(t) // MOST_MARKERS),
            markersize=3.6,
            linewidth=1.5,
        )
    if control is not None:
        beside = at_k(control, k)
        for name, values in zip(_models(control), beside["fixed_step"].values, strict=True):
            control_line(ax, beside["t"].values, values, looks[name].colour, looks[name].line)
    h = float(chosen["fixed_step"].attrs.get("h", np.nan))
    name_axes(
        ax,
        "relative depth t",
        f"{measure.both_ways}, t and t + {f'{h:.3g}' if np.isfinite(h) else 'h'}",
    )
    defined = np.isfinite(chosen["fixed_step"].values).any(axis=0)
    ax.set_xlim(-0.02, (float(t[defined].max()) if defined.any() else 1.0) + 0.02)
    ax.set_ylim(bottom=0)
    legend_of_models(ax, handles, names)
    return ax


def legend_of_models(ax: Axes, handles: list[Line2D], names: list[str]) -> None:
    """A legend to the right of the axes, one model a line."""
    ax.legend(
        handles,
        [plain(shorten(name, 26)) for name in names],
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        fontsize=SMALL_SIZE,
        labelcolor=MUTED,
        handlelength=3.0,
    )


def _models(smoothness: xr.Dataset) -> list[str]:
    return [str(name) for name in smoothness["model_name"].values]
