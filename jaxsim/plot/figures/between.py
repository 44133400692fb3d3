"""Two models along their depth: how far apart they are, and where each step finds its closest counterpart."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.plot.figures.canvas import (
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
from jaxsim.report.measured_by import DELTA_MEASURE, MeasuredBy
from jaxsim.report.palette import RULE, ModelStyle, styles_for
from jaxsim.report.schema import at_k


def models_of_pairs(between: xr.Dataset) -> list[str]:
    """The models that occur in the pairs, in order of first appearance."""
    ordered = [*between["model_a"].values.astype(str), *between["model_b"].values.astype(str)]
    return list(dict.fromkeys(ordered))


def between_model_distance(
    between: xr.Dataset,
    model: str,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    control: xr.Dataset | None = None,
    measure: MeasuredBy = DELTA_MEASURE,
    ax: Axes | None = None,
) -> Axes:
    """Distance of one model to each of the others at equal relative depth; a ring marks each curve's peak.

    The peak is the most different processing step of a pair. Bands are two errors: sampling errors where the study has
    them, else query-row errors.

    Args:
        between: Between-model dataset of a study.
        model: Name of the model whose distances are drawn.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        control: The same dataset of random weights, drawn as thin lines.
        measure: The measure behind the numbers, whose symbol the axes have.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such model or k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> ax = between_model_distance(constructed_study()[2], "vit")
        >>> ax.get_title(loc="left")
        'vit against resnet'
    """
    names = _known(between, model)
    looks = styles_for(names, styles)
    chosen = at_k(between, k)
    ax = axes_or_new(ax, 9.6, 3.3)
    style_axes(ax)
    t = chosen["t"].values
    others, handles = [], []
    for place, (a, b) in enumerate(zip(chosen["model_a"].values, chosen["model_b"].values, strict=True)):
        if model not in (str(a), str(b)):
            continue
        other = str(b) if str(a) == model else str(a)
        style, distance = looks[other], chosen["distance"].values[place]
        band(ax, t, distance, errors_of(chosen, "distance")[place], style.colour)
        handles += ax.plot(t, distance, color=style.colour, linestyle=style.line, linewidth=1.6)
        peak = float(chosen["peak_t"].values[place])
        if np.isfinite(peak):
            height = distance[int(np.abs(t - peak).argmin())]
            ax.plot(
                peak,
                height,
                marker="o",
                markersize=8,
                markerfacecolor="none",
                color=style.colour,
                linewidth=1.5,
            )
            ax.plot(peak, height, marker="o", markersize=2.6, color=style.colour)
        others.append(other)
    if control is not None:
        beside = at_k(control, k)
        pairs = zip(beside["model_a"].values.astype(str), beside["model_b"].values.astype(str), strict=True)
        for place, pair in enumerate(pairs):
            if model in pair:
                style = looks[pair[1] if pair[0] == model else pair[0]]
                control_line(ax, beside["t"].values, beside["distance"].values[place], style.colour, style.line)
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(bottom=0)
    name_axes(ax, "relative depth", f"distance ({measure.both_ways})")
    title_axes(ax, f"{model} against {others[0]}" if len(others) == 1 else f"{shorten(model, 24)} against", width=60)
    if len(others) > 1:
        legend_of_models(ax, handles, others)
    return ax


def best_match(
    between: xr.Dataset,
    model: str,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Relative depth of the closest step in each other model against the relative depth of the own step.

    On the grey diagonal, steps match at equal relative depth.

    Args:
        between: Between-model dataset of a study.
        model: Name of the model whose steps are matched.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such model or k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> ax = best_match(constructed_study()[2], "vit")
        >>> len(ax.lines[-1].get_xdata())
        6
    """
    names = _known(between, model)
    looks = styles_for(names, styles)
    chosen = at_k(between, k)
    ax = axes_or_new(ax, 4.2, 3.8)
    style_axes(ax)
    ax.plot([0, 1], [0, 1], color=RULE, linewidth=1.6, zorder=1)
    origin, goal = chosen["match_model_from"].values.astype(str), chosen["match_model_to"].values.astype(str)
    others, handles = [], []
    for other in dict.fromkeys(goal[origin == model].tolist()):
        rows = (origin == model) & (goal == other)
        style = looks[other]
        handles += ax.plot(
            chosen["match_depth"].values[rows],
            chosen["best_depth"].values[rows],
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markersize=marker_size(int(rows.sum())),
            linewidth=1.2,
        )
        others.append(other)
    ax.set_xlim(-0.03, 1.03)
    ax.set_ylim(-0.03, 1.03)
    name_axes(ax, f"relative depth in {shorten(model, 20)}", "depth of closest step")
    title_axes(ax, f"{model} → {others[0]}" if len(others) == 1 else f"{shorten(model, 28)} →", width=46)
    if len(others) > 1:
        legend_of_models(ax, handles, others)
    return ax


def _known(between: xr.Dataset, model: str) -> list[str]:
    names = models_of_pairs(between)
    if model not in names:
        raise ValueError(
            f"Expected a model that is part of a pair ({', '.join(map(repr, names))}), but {model!r} came."
        )
    return names
