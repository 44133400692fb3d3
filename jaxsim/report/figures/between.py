"""Two models along their depth: how far apart they are, and where each step finds its closest counterpart."""

from collections.abc import Mapping

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
from jaxsim.report.figures.palette import INK, MUTED, RULE, ModelStyle, styles_for
from jaxsim.report.figures.smoothness import legend_of_models
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
    name_axes(ax, "relative depth", "distance (mean Δ)")
    title_axes(ax, f"{model} against {others[0]}" if len(others) == 1 else f"{shorten(model, 24)} against", width=60)
    if len(others) > 1:
        legend_of_models(ax, handles, others)
    return ax


def between_model_distances(
    between: xr.Dataset,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    control: xr.Dataset | None = None,
) -> list[Axes]:
    """Every pair: one panel for two models, else a panel for every model with a curve for each of the others.

    Args:
        between: Between-model dataset of a study with at least one pair.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        control: The same dataset of random weights, drawn as thin lines.

    Returns:
        The axes, all of one new figure.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> len(between_model_distances(constructed_study()[2]))
        1
    """
    names = models_of_pairs(between)
    if len(names) == 2:
        return [between_model_distance(between, names[0], k=k, styles=styles, control=control)]
    panels = _panels(names, styles)
    for ax, name in zip(panels, names, strict=True):
        between_model_distance(between, name, k=k, styles=styles, control=control, ax=ax)
        _drop_legend(ax)
    drawn = [at_k(each, k)["distance"].values for each in (between, control) if each is not None]
    highest = max(float(np.nanmax(values, initial=0.0)) for values in drawn)
    panels[0].set_ylim(0, 1.08 * highest if highest > 0 else 1.0)
    return panels


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


def best_matches(
    between: xr.Dataset,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
) -> list[Axes]:
    """The depth-of-best-match curves of every model, one panel each.

    Args:
        between: Between-model dataset of a study with at least one pair.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.

    Returns:
        The axes, all of one new figure.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> len(best_matches(constructed_study()[2]))
        2
    """
    names = models_of_pairs(between)
    panels = _panels(names, styles, height=3.0)
    for ax, name in zip(panels, names, strict=True):
        best_match(between, name, k=k, styles=styles, ax=ax)
        _drop_legend(ax)
    return panels


def _panels(names: list[str], styles: Mapping[str, ModelStyle] | None, height: float = 2.6) -> list[Axes]:
    """One panel per model and, from three models on, one common legend."""
    columns = 2 if len(names) in (2, 4) else 3
    figure, panels = grid_of_axes(len(names), columns=columns, width=9.6 / columns, height=height)
    if len(names) > 2:
        looks = styles_for(names, styles)
        entries = [(Line2D([], [], color=looks[n].colour, linestyle=looks[n].line, linewidth=1.6), n) for n in names]
        legend = figure.legend(
            [line for line, _ in entries],
            [plain(shorten(name, 26)) for _, name in entries],
            loc="outside lower center",
            ncols=min(4, len(names)),
            frameon=False,
            fontsize=SMALL_SIZE,
            labelcolor=MUTED,
            handlelength=3.0,
            title="curve: the other model",
            title_fontsize=SMALL_SIZE,
        )
        legend.get_title().set_color(INK)
    return panels


def _drop_legend(ax: Axes) -> None:
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()


def _known(between: xr.Dataset, model: str) -> list[str]:
    names = models_of_pairs(between)
    if model not in names:
        raise ValueError(
            f"Expected a model that is part of a pair ({', '.join(map(repr, names))}), but {model!r} came."
        )
    return names
