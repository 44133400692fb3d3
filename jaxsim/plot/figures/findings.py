"""Effects with their intervals beside their controls: one row for each model or pair of models, the largest first."""

import textwrap

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.plot.figures.canvas import (
    SMALL_SIZE,
    axes_or_new,
    name_axes,
    plain,
    shorten,
    style_axes,
    title_axes,
)
from jaxsim.report.effects import KINDS, axis_of, by_magnitude, findings_of, notes_of, row_label
from jaxsim.report.measured_by import DELTA_MEASURE, MeasuredBy
from jaxsim.report.palette import INK, MUTED

#: Rows of one panel, and height of one figure in rows, axes and titles counted.
MOST_ROWS, PAGE_ROWS = 36, 44
ROW_INCHES, FRAME_ROWS = 0.27, 4
SIDES = (
    ("", "value", INK, "o", INK, "measured"),
    ("control_", "control", MUTED, "o", "none", "random weights"),
    ("shuffled_", "shuffled", MUTED, "x", MUTED, "shuffled samples"),
)


def finding_effects(
    findings: xr.Dataset,
    kind: str,
    *,
    space: str | None = None,
    k: int | None = None,
    most: int | None = None,
    measure: MeasuredBy = DELTA_MEASURE,
    ax: Axes | None = None,
) -> Axes:
    """Every effect of one kind with its interval, and below it the same of random weights and of shuffled samples.

    Rows are sorted by the size of the effect, the largest first. Effects without a trustworthy interval are points
    without a bar, and the axis says why.

    Args:
        findings: `Study.all_findings`.
        kind: One of `KINDS`.
        space: Only those of one space or label.
        k: Number of neighbours, one of the study's. Default: its first.
        most: Draw so many of the largest effects only; the axis says of how many. Default: all of them.
        measure: The measure behind the numbers, whose symbol the axes have.
        ax: Where to draw. Default: the axes of a new figure, as high as the rows need.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k, or no finding of that kind.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> finding_effects(constructed_findings(), "smoothness_difference").get_title(loc="left")
        'Smoothness, difference'
    """
    rows = by_magnitude(findings_of(findings, kind, space=space, k=k))
    everything = rows.sizes["finding"]
    rows = rows.isel(finding=slice(0, most))
    count = rows.sizes["finding"]
    ax = axes_or_new(ax, 6.4, 1.1 + ROW_INCHES * count)
    _draw(ax, kind, rows, f"{KINDS[kind].title}{'' if space is None else f': {space}'}", measure)
    if count < everything:
        ax.set_xlabel(f"{ax.get_xlabel()} (the {count} largest of {everything}, all in the table)")
    _legend(ax, rows)
    return ax


def _draw(ax: Axes, kind: str, rows: xr.Dataset, title: str, measure: MeasuredBy) -> None:
    style_axes(ax)
    ax.grid(visible=False, axis="y")
    if KINDS[kind].nothing:
        ax.axvline(0.0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    count = rows.sizes["finding"]
    at = -np.arange(count, dtype=float)
    sides = _sides(rows)
    shifts = 0.26 * (np.arange(len(sides) - 1, -1, -1) - (len(sides) - 1) / 2)
    for (prefix, middle, colour, marker, face, label), shift in zip(sides, shifts, strict=True):
        low, high = rows[f"{prefix}low"].values, rows[f"{prefix}high"].values
        ax.hlines(at + shift, low, high, color=colour, linewidth=1.3, zorder=2)
        ax.plot(
            rows[middle].values,
            at + shift,
            linestyle="",
            marker=marker,
            markersize=4.2,
            markerfacecolor=face,
            markeredgecolor=colour,
            label=label,
            zorder=3,
        )
    labels = [row_label(rows.isel(finding=i)) for i in range(count)]
    ax.set_yticks(at, [plain(shorten(label, 46)) for label in labels])
    ax.set_ylim(at[-1] - 0.6, 0.6)
    name_axes(ax, axis_of(kind, measure.symbol), "")
    notes = notes_of(rows)
    if notes:
        lines = textwrap.wrap(f"no interval: {'; '.join(notes)}", 60)
        ax.set_xlabel("\n".join([ax.get_xlabel(), *map(plain, lines)]))
    title_axes(ax, title, width=70, pad=SMALL_SIZE * 2.2 if len(sides) > 1 else 6.0)


def _sides(rows: xr.Dataset) -> list[tuple[str, str, str, str, str, str]]:
    """The effect itself, and the controls that are there."""
    return [side for side in SIDES if side[1] == "value" or np.isfinite(rows[side[1]].values).any()]


def _legend(ax: Axes, rows: xr.Dataset) -> None:
    """Between title and axes, where no interval can lie under it; none for one kind of point."""
    if len(_sides(rows)) > 1:
        ax.legend(
            frameon=False,
            fontsize=SMALL_SIZE,
            labelcolor=MUTED,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            borderaxespad=0.2,
            borderpad=0.0,
            columnspacing=1.4,
            handletextpad=0.2,
            ncols=len(SIDES),
        )
