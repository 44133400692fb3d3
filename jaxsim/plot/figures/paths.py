"""Models as paths: the steps placed by their mutual imbalance, grouped in a tree, and seen in both directions."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from scipy.cluster.hierarchy import dendrogram as drawn_tree

from jaxsim.plot.figures.canvas import (
    SMALL_SIZE,
    axes_or_new,
    name_axes,
    naming_note,
    plain,
    shorten,
    style_axes,
    thinned,
)
from jaxsim.plot.figures.smoothness import legend_of_models
from jaxsim.report.measured_by import DELTA_MEASURE, MeasuredBy
from jaxsim.report.palette import INK, MUTED, PAPER, RULE, ModelStyle, styles_for
from jaxsim.report.schema import at_k
from jaxsim.report.steps import Flags

NO_FLAGS = Flags()
#: Leaves that are named; a new figure grows with them.
MOST_LEAVES = 120


def trajectories(
    paths: xr.Dataset,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Every model as a path through the plane in which all steps of all models are placed.

    Steps that lie close are similar; those without a place, being the same for all images, are left out. The first step
    drawn is a hollow ring, the last a large filled marker; both axes have one scale. The labels say which share of the
    dissimilarities each axis explains.

    Args:
        paths: Dataset with `place`, `explained`, as `jaxsim.study.step_embedding` makes it.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every model.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: There is no such k, or places have one axis only.

    Example:
        >>> import jaxsim.study
        >>> from jaxsim.study.constructed import constructed_study
        >>> ax = trajectories(jaxsim.study.step_embedding(constructed_study()[0].imbalance))
        >>> len(ax.lines)
        2
    """
    chosen = at_k(paths, k)
    place = chosen["place"].values
    if place.shape[1] < 2:
        raise ValueError(f"Expected places along at least two axes, but {place.shape[1]} came. Use n_axes=2.")
    owners = chosen["model"].values.astype(str)
    names = list(dict.fromkeys(owners.tolist()))
    looks = styles_for(names, styles)
    ax = axes_or_new(ax, 7.2, 4.6)
    style_axes(ax)
    ax.grid(visible=False)
    placed = np.asarray(np.isfinite(place[:, :2]).all(axis=1))
    names = [name for name in names if placed[owners == name].any()]
    handles = []
    for name in names:
        style, own = looks[name], place[placed & (owners == name)]
        handles += ax.plot(
            own[:, 0],
            own[:, 1],
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            markersize=3.2,
            linewidth=1.4,
        )
        ax.scatter(*own[0, :2], s=52, facecolor=PAPER, edgecolor=style.colour, linewidths=1.5, zorder=4)
        ax.scatter(*own[-1, :2], s=46, marker=style.marker, color=style.colour, linewidths=0, zorder=4)
    ax.set_aspect("equal", adjustable="datalim")
    share = chosen["explained"].values
    name_axes(ax, f"first axis ({share[0]:.0%} explained)", f"second axis ({share[1]:.0%})")
    if len(names) > 1:
        legend_of_models(ax, handles, names)
    return ax


def information_plane(
    plane: xr.Dataset,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    measure: MeasuredBy = DELTA_MEASURE,
    ax: Axes | None = None,
) -> Axes:
    """Both directions of every pair of steps of different models, a colour per pair of models.

    On the grey diagonal, two steps tell equally much of each other. Above it the step of the first model holds what
    the other holds and more; dark points are deep steps, light ones early.

    Args:
        plane: Dataset with `forward` and `backward`, as `jaxsim.study.information_plane` makes it.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model; a pair has the colour of its first model and the marker of its second.
        measure: The measure behind the numbers, whose symbol the axes have.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: There is no such k.

    Example:
        >>> import jaxsim.study
        >>> from jaxsim.study.constructed import constructed_study
        >>> ax = information_plane(jaxsim.study.information_plane(constructed_study()[0].imbalance))
        >>> ax.get_xlabel()
        'Δ(A → B)'
    """
    chosen = at_k(plane, k)
    first, second = chosen["model_a"].values.astype(str), chosen["model_b"].values.astype(str)
    names = list(dict.fromkeys([*first.tolist(), *second.tolist()]))
    looks = styles_for(names, styles)
    ax = axes_or_new(ax, 6.6, 4.6)
    style_axes(ax)
    ax.plot([0, 1], [0, 1], color=RULE, linewidth=1.6, zorder=1)
    handles, labels = [], []
    depth = (chosen["depth_a"].values + chosen["depth_b"].values) / 2
    for a, b in dict.fromkeys(zip(first.tolist(), second.tolist(), strict=True)):
        own = (first == a) & (second == b)
        colour, marker = looks[a].colour, looks[b].marker
        x, y = chosen["forward"].values[own], chosen["backward"].values[own]
        ax.scatter(x, y, s=13, color=colour, marker=marker, alpha=cast(Any, 0.25 + 0.65 * depth[own]), linewidths=0)
        handles += ax.plot([], [], color=colour, marker=marker, linewidth=0, markersize=4)
        labels.append(f"{shorten(a, 18)} | {shorten(b, 18)}" if a != b else a)
    top = max(1.05, float(np.nanmax([chosen["forward"].values, chosen["backward"].values], initial=1.0)) * 1.03)
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    ax.set_aspect("equal", adjustable="box")
    name_axes(ax, measure.of("A", "B"), measure.of("B", "A"))
    legend = ax.legend(
        handles,
        [plain(label) for label in labels],
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        fontsize=SMALL_SIZE,
        labelcolor=MUTED,
        title="A | B",
        title_fontsize=SMALL_SIZE,
    )
    legend.get_title().set_color(INK)
    return ax


def dendrogram(
    tree: xr.Dataset,
    *,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    flags: Flags = NO_FLAGS,
    measure: MeasuredBy = DELTA_MEASURE,
    ax: Axes | None = None,
) -> Axes:
    """The tree of all steps of all models: branches join at the dissimilarity of what they hold.

    Args:
        tree: Dataset with `linkage`, as `jaxsim.study.step_linkage` makes it.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours of the leaves' marks by model. Default: a hue for every model.
        flags: Steps that warnings are about; a sign stands behind their names.
        measure: The measure behind the numbers, whose symbol the axes have.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: There is no such k.

    Example:
        >>> import jaxsim.study
        >>> from jaxsim.study.constructed import constructed_study
        >>> ax = dendrogram(jaxsim.study.step_linkage(constructed_study()[0].imbalance))
        >>> len(ax.get_yticklabels())
        11
    """
    chosen = at_k(tree, k)
    labels, owners = chosen["step"].values.astype(str), chosen["model"].values.astype(str)
    names = list(dict.fromkeys(owners.tolist()))
    looks = styles_for(names, styles)
    ax = axes_or_new(ax, 7.2, 1.2 + (0.17 if len(labels) <= 40 else 0.125) * min(len(labels), MOST_LEAVES))
    style_axes(ax)
    found = drawn_tree(chosen["linkage"].values, no_plot=True)
    for places, heights in zip(found["icoord"], found["dcoord"], strict=True):
        ax.plot(heights, places, color=MUTED, linewidth=1.0, solid_joinstyle="miter")
    order = np.array(found["leaves"])
    shown = thinned(len(order), MOST_LEAVES)
    # SciPy puts the leaves at 5, 15, 25, ...
    names = [f"{labels[leaf]} {flags.sign(str(labels[leaf]))}".strip() for leaf in order]
    ax.set_yticks([10 * at + 5 for at in shown], [plain(shorten(names[at], 34)) for at in shown])
    for text in ax.get_yticklabels():
        text.set_color(INK)
        text.set_fontsize(SMALL_SIZE)
    for at, leaf in enumerate(order):
        style = looks[str(owners[leaf])]
        ax.plot(0, 10 * at + 5, marker=style.marker, color=style.colour, markersize=3.6, clip_on=False, zorder=3)
    ax.grid(visible=False)
    ax.set_ylim(10 * len(order), 0)
    ax.set_xlim(0, 1.04 * max(1e-12, float(chosen["linkage"].sel(column="height").max())))
    note = naming_note(len(order), MOST_LEAVES)
    name_axes(ax, f"dissimilarity (mean {measure.axis} of both directions){note}", "")
    return ax
