"""Measures side by side: how alike they order the pairs of steps."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report.figures.canvas import (
    SMALL_SIZE,
    axes_or_new,
    grid_of_axes,
    name_axes,
    plain,
    shorten,
    style_axes,
    title_axes,
)
from jaxsim.report.figures.palette import FAMILY_HUES, IMBALANCE_COLOURS, INK, MUTED, PAPER
from jaxsim.report.schema import at_k

MOST_POINTS = 3000


def measure_correlations(measures: xr.Dataset, *, k: int | None = None, ax: Axes | None = None) -> Axes:
    """Rank correlation of every two measures over all pairs of steps, as a table of colours with numbers.

    Args:
        measures: From `measures_side_by_side`.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.study.constructed import constructed_measures
        >>> len(measure_correlations(constructed_measures()).texts)
        9
    """
    chosen = at_k(measures, k)
    values = chosen["rank_correlation"].values
    names = [plain(shorten(str(title), 28)) for title in measures["title"].values]
    # As wide as the page's other figures, so that its text is as large.
    ax = axes_or_new(ax, 9.6, 1.5 + 0.36 * len(names))
    ax.imshow(1 - np.nan_to_num(values, nan=0.0), cmap=IMBALANCE_COLOURS, vmin=0, vmax=1)
    for a in range(len(names)):
        for b in range(len(names)):
            known = np.isfinite(values[a, b])
            dark = known and values[a, b] > 0.45
            text = f"{values[a, b]:.2f}" if known else "-"
            ax.text(b, a, text, ha="center", va="center", fontsize=SMALL_SIZE, color=PAPER if dark else INK)
    ax.set_yticks(range(len(names)), names, fontsize=SMALL_SIZE, color=INK)
    ax.set_xticks(
        range(len(names)), names, fontsize=SMALL_SIZE, color=INK, rotation=35, ha="right", rotation_mode="anchor"
    )
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


def measure_ranks(measures: xr.Dataset, *, k: int | None = None) -> list[Axes]:
    """Every pair of steps by its place in the order of the first measure and of each other one.

    On the diagonal a pair of steps is as alike by both. Filled: steps of two models; hollow: steps of one.

    Args:
        measures: From `measures_side_by_side`.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        The axes, one for each further measure.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.study.constructed import constructed_measures
        >>> len(measure_ranks(constructed_measures()))
        2
    """
    chosen = at_k(measures, k)
    titles = [str(title) for title in measures["title"].values]
    ranks = chosen["rank"].values
    owners = np.array(
        [[str(label).rpartition("/")[0] for label in measures[name].values] for name in ("cell_source", "cell_target")]
    )
    within = owners[0] == owners[1]
    # A figure of ten thousand points says no more and loads slowly.
    shown = np.linspace(0, ranks.shape[1] - 1, min(MOST_POINTS, ranks.shape[1])).astype(int)
    _, axes = grid_of_axes(len(titles) - 1, columns=3, width=2.6, height=2.6)
    for place, ax in enumerate(axes, 1):
        style_axes(ax)
        ax.plot([0, 1], [0, 1], color=MUTED, linewidth=0.6, zorder=1)
        for inside, face in ((True, "none"), (False, FAMILY_HUES[0])):
            at = shown[within[shown] == inside]
            ax.scatter(
                ranks[0, at], ranks[place, at], s=7, facecolors=face, edgecolors=FAMILY_HUES[0], linewidths=0.4,
                alpha=0.7, zorder=2,
            )  # fmt: skip
        ax.set_aspect("equal")
        title_axes(ax, titles[place], width=34)
        name_axes(ax, titles[0] if place > len(axes) - 3 else "", "")
    return axes
