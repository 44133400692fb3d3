"""How often the neighbours of an image share its label, along the depth of every model."""

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
from jaxsim.report.palette import MUTED, ModelStyle, styles_for
from jaxsim.report.schema import at_k


def label_overlap(
    labels: xr.Dataset,
    label: str,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    control: xr.Dataset | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Mean fraction of the k nearest neighbours that share the label against relative depth, a line per model.

    The dashed line is what neighbours picked at random would give, the dotted one the most that any step could reach
    with the classes as large as they are. Bands are two errors: sampling errors where the study has them, else
    query-row errors. Steps that are the same for all images are left out.

    Args:
        labels: Label overlap of a study.
        label: Name of the label.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        control: The same dataset of random weights, drawn as thin lines.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such label or k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_labels
        >>> label_overlap(constructed_labels(constructed_study()[0]), "class").get_title(loc="left")
        'class, 10 classes'
    """
    known = [str(name) for name in labels["label"].values]
    if label not in known:
        raise ValueError(f"Expected one of the labels {', '.join(map(repr, known))}, but {label!r} came.")
    chosen = at_k(labels, k).isel(label=known.index(label))
    owners = chosen["model"].values.astype(str)
    names = list(dict.fromkeys(owners.tolist()))
    looks = styles_for(names, styles)
    ax = axes_or_new(ax, 6.4, 3.3)
    style_axes(ax)
    ax.axhline(float(chosen["chance"]), color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    ax.axhline(float(chosen["ceiling"]), color=MUTED, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1)
    handles = []
    for name in names:
        style, own = looks[name], owners == name
        depth, value = chosen["depth"].values[own], chosen["overlap"].values[own]
        band(ax, depth, value, errors_of(chosen, "overlap")[own], style.colour)
        handles += ax.plot(
            depth,
            value,
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markersize=marker_size(int(own.sum())),
            linewidth=1.5,
        )
    if control is not None and label in control["label"].values:
        beside = at_k(control, k).sel(label=label)
        for name in names:
            own = beside["model"].values.astype(str) == name
            control_line(
                ax, beside["depth"].values[own], beside["overlap"].values[own], looks[name].colour, looks[name].line
            )
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(0, max(1.02, 1.04 * float(np.nanmax(chosen["overlap"].values, initial=0.0))))
    name_axes(ax, "relative depth", f"neighbours with the same {shorten(label, 24)}")
    title_axes(ax, f"{label}, {int(chosen['n_classes'])} classes", width=40)
    if len(names) > 1:
        legend_of_models(ax, handles, names)
    return ax
