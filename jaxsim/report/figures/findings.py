"""Effects with their intervals beside their controls: one row for each model or pair of models, the largest first."""

import textwrap
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report.effects import KINDS, by_magnitude, findings_of, notes_of, row_label, spaces_of
from jaxsim.report.figures.canvas import (
    SMALL_SIZE,
    TEXT_SIZE,
    axes_or_new,
    name_axes,
    new_figure,
    plain,
    shorten,
    style_axes,
    title_axes,
)
from jaxsim.report.figures.palette import INK, MUTED

#: Rows of one panel, and height of one figure in rows, axes and titles counted.
MOST_ROWS, PAGE_ROWS = 36, 44
ROW_INCHES, FRAME_ROWS = 0.27, 4
SIDES = (
    ("", "value", INK, "o", INK, "measured"),
    ("control_", "control", MUTED, "o", "none", "random weights"),
    ("shuffled_", "shuffled", MUTED, "x", MUTED, "shuffled images"),
)


@dataclass(frozen=True)
class Panel:
    """Part of the effects of one kind: those of one space, from the `first` largest on."""

    space: str | None
    first: int
    count: int
    of: int

    @property
    def part(self) -> str:
        """Which of how many rows, where there is more than one panel of them."""
        if self.count == self.of:
            return ""
        return f", {self.first + 1} to {self.first + self.count} of {self.of} by size"


def finding_effects(
    findings: xr.Dataset,
    kind: str,
    *,
    space: str | None = None,
    k: int | None = None,
    most: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Every effect of one kind with its interval, and below it the same of random weights and of shuffled images.

    Rows are sorted by the size of the effect, the largest first. Effects without a trustworthy interval are points
    without a bar, and the axis says why.

    Args:
        findings: `Study.all_findings`.
        kind: One of `KINDS`.
        space: Only those of one space or label.
        k: Number of neighbours, one of the study's. Default: its first.
        most: Draw so many of the largest effects only; the axis says of how many. Default: all of them.
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
    _draw(ax, kind, rows, f"{KINDS[kind].title}{'' if space is None else f': {space}'}", label_width=46)
    if count < everything:
        ax.set_xlabel(f"{ax.get_xlabel()} (the {count} largest of {everything}, all in the table)")
    _legend(ax, rows)
    return ax


def finding_pages(findings: xr.Dataset, kind: str) -> list[list[Panel]]:
    """How the effects of a kind are spread over figures: a panel for every space, long ones over several.

    Args:
        findings: `Study.all_findings`.
        kind: One of `KINDS`.

    Returns:
        The panels of every figure; together they hold every effect once.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> found = constructed_findings(tuple("abcdefghij"), spaces=("colour", "all"))
        >>> [[panel.count for panel in page] for page in finding_pages(found, "information_difference")]
        [[36, 9], [36, 9]]
    """
    rows = findings_of(findings, kind)
    panels = []
    for space in spaces_of(rows) or [None]:
        of = int((rows["space"].values == (space or "")).sum())
        panels += [Panel(space, first, min(MOST_ROWS, of - first), of) for first in range(0, of, MOST_ROWS)]
    pages: list[list[Panel]] = []
    height = PAGE_ROWS + 1
    for pair in (panels[start : start + 2] for start in range(0, len(panels), 2)):
        needed = max(panel.count for panel in pair) + FRAME_ROWS
        if height + needed > PAGE_ROWS:
            pages.append([])
            height = 0
        pages[-1] += pair
        height += needed
    return pages


def finding_panels(findings: xr.Dataset, kind: str, page: list[Panel], *, k: int | None = None) -> list[Axes]:
    """One figure of the effects of a kind, as `finding_pages` spreads them; all figures have one scale.

    Args:
        findings: `Study.all_findings`.
        kind: One of `KINDS`.
        page: The panels of this figure.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        The axes, all of one new figure.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> found = constructed_findings()
        >>> [page] = finding_pages(found, "information_change")
        >>> [ax.get_title(loc="left") for ax in finding_panels(found, "information_change", page)]
        ['colour', 'all']
    """
    columns = min(2, len(page))
    bands = [page[start : start + columns] for start in range(0, len(page), columns)]
    heights = [max(panel.count for panel in each) + FRAME_ROWS for each in bands]
    figure = new_figure(9.6 if columns == 2 else 7.2, ROW_INCHES * sum(heights))
    if len(page) > 1 and page[0].space is not None:
        figure.suptitle(KINDS[kind].title, x=0.01, ha="left", fontsize=TEXT_SIZE + 1, color=INK, fontweight="bold")
    grid = figure.add_gridspec(len(bands), columns, height_ratios=heights)
    everything = findings_of(findings, kind, k=k)
    axes = []
    for place, panel in enumerate(page):
        ax = figure.add_subplot(grid[place // columns, place % columns])
        rows = by_magnitude(findings_of(findings, kind, space=panel.space, k=k))
        rows = rows.isel(finding=slice(panel.first, panel.first + panel.count))
        whole = KINDS[kind].title if panel.space is None else f"{KINDS[kind].title}: {panel.space}"
        title = f"{whole if len(page) == 1 or panel.space is None else panel.space}{panel.part}"
        _draw(
            ax, kind, rows, title, label_width=46 if columns == 1 else 34, with_space=False, limits=_limits(everything)
        )
        axes.append(ax)
    _legend(axes[0], everything)
    return axes


def _draw(
    ax: Axes,
    kind: str,
    rows: xr.Dataset,
    title: str,
    *,
    label_width: int,
    with_space: bool = True,
    limits: tuple[float, float] | None = None,
) -> None:
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
    labels = [row_label(rows.isel(finding=i), with_space=with_space) for i in range(count)]
    ax.set_yticks(at, [plain(shorten(label, label_width)) for label in labels])
    ax.set_ylim(at[-1] - 0.6, 0.6)
    if limits is not None:
        ax.set_xlim(*limits)
    name_axes(ax, KINDS[kind].axis, "")
    notes = notes_of(rows)
    if notes:
        lines = textwrap.wrap(f"no interval: {'; '.join(notes)}", 60)
        ax.set_xlabel("\n".join([ax.get_xlabel(), *map(plain, lines)]))
    title_axes(ax, title, width=70, pad=SMALL_SIZE * 2.2 if len(sides) > 1 else 6.0)


def _sides(rows: xr.Dataset) -> list[tuple[str, str, str, str, str, str]]:
    """The effect itself, and the controls that are there."""
    return [side for side in SIDES if side[1] == "value" or np.isfinite(rows[side[1]].values).any()]


def _limits(rows: xr.Dataset) -> tuple[float, float] | None:
    """Ends of the scale that holds every interval and point of a kind."""
    names = [name for prefix, middle, *_ in _sides(rows) for name in (middle, f"{prefix}low", f"{prefix}high")]
    values = np.concatenate([rows[name].values.ravel() for name in names])
    values = np.concatenate([values[np.isfinite(values)], [0.0] if KINDS[str(rows["kind"].values[0])].nothing else []])
    if not len(values):
        return None
    margin = 0.04 * max(float(values.max() - values.min()), 1e-6)
    return float(values.min() - margin), float(values.max() + margin)


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
