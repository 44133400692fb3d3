"""How effects depend on the number of samples: half of them and all, and a quarter where that was measured."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from jaxsim.plot.figures.canvas import (
    SMALL_SIZE,
    axes_or_new,
    name_axes,
    plain,
    shorten,
    style_axes,
    title_axes,
)
from jaxsim.report.effects import KINDS, SIZES, axis_of, by_magnitude, changing, findings_of, row_label
from jaxsim.report.measured_by import DELTA_MEASURE, MeasuredBy
from jaxsim.report.palette import INK, LINES, MARKERS, MUTED, ModelStyle

#: Effects that have a colour and a name each; more are told apart by whether their sign changes.
MOST_NAMED = 12
#: Names of so many letters stand in two columns.
SHORT = 30
#: No model has this colour.
CHANGING = "#b3123c"


def sample_size(
    findings: xr.Dataset,
    kind: str,
    *,
    space: str | None = None,
    k: int | None = None,
    styles: Mapping[str, ModelStyle] | None = None,
    measure: MeasuredBy = DELTA_MEASURE,
    ax: Axes | None = None,
) -> Axes:
    """Every effect of one kind at N/4 (where it was measured), N/2 and N images, with its interval at N.

    The smaller samples lie within the larger ones. Effects that change are drawn in red and named so: those whose sign
    is another at a smaller N, and, of kinds whose sign says nothing, those whose place in the order is another. Single
    models keep their own colours. Of more than twelve effects only these two groups are told apart.

    Args:
        findings: `Study.all_findings`.
        kind: One of `KINDS`.
        space: Only those of one space or label.
        k: Number of neighbours, one of the study's. Default: its first.
        styles: Colours by model. Default: a hue for every line.
        measure: The measure behind the numbers, whose symbol the axes have.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k, or no finding of that kind.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> ax = sample_size(constructed_findings(), "alignment")
        >>> [tick.get_text() for tick in ax.get_xticklabels()]
        ['100 (N/4)', '200 (N/2)', '400 (N)']
    """
    rows = by_magnitude(findings_of(findings, kind, space=space, k=k))
    ax = axes_or_new(ax, 4.8, 3.0)
    style_axes(ax)
    if KINDS[kind].nothing:
        ax.axhline(0.0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    sizes = rows["size"].values.astype(int)
    at = np.log2(sizes)
    count = rows.sizes["finding"]
    handles, labels = [], []
    changed = changing(rows)
    word = "sign" if KINDS[kind].nothing else "place in the order"
    for i in range(count):
        row, changes = rows.isel(finding=i), bool(changed[i])
        look = _look(row, i, count, changes, styles)
        # Beside each other, so that intervals of like effects can be told apart.
        shift = 0.0 if count == 1 else 0.16 * (i / (count - 1) - 0.5)
        above = 2 + changes
        faint = 0.45 if count > MOST_NAMED and not changes else 1.0
        (drawn,) = ax.plot(
            at,
            row["by_size"].values,
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            markersize=3.4,
            linewidth=1.3,
            alpha=faint,
            zorder=above,
        )
        low, high = float(row["low"]), float(row["high"])
        ax.vlines(at[-1] + shift, low, high, color=look.colour, linewidth=1.0, alpha=faint, zorder=above)
        handles.append(drawn)
        labels.append(f"{row_label(row, with_space=space is None)}{f', {word} changes' if changes else ''}")
    if count > MOST_NAMED:
        n = int(changed.sum())
        handles = [Line2D([], [], color=each, linewidth=1.3) for each in (CHANGING, MUTED)]
        labels = [f"{word} changes with N ({n})", f"{word} as at N ({count - n})"]
    ax.set_xticks(at, [f"{size:,} ({name})" for name, size in zip(SIZES[-len(sizes) :], sizes, strict=True)])
    ax.set_xlim(at[0] - 0.2, at[-1] + 0.3)
    name_axes(ax, "number of samples", axis_of(kind, measure.symbol))
    title_axes(ax, f"{KINDS[kind].title}{f': {space}' if space else ''}", width=46)
    ax.legend(
        handles,
        [plain(shorten(label, 44)) for label in labels],
        ncols=2 if len(labels) > 3 and max(map(len, labels)) <= SHORT else 1,
        columnspacing=1.4,
        loc="upper left",
        bbox_to_anchor=(0.0, -0.24),
        frameon=False,
        fontsize=SMALL_SIZE,
        labelcolor=MUTED,
        handlelength=2.4,
        borderaxespad=0.0,
    )
    return ax


def _look(
    row: xr.Dataset, place: int, count: int, changes: bool, styles: Mapping[str, ModelStyle] | None
) -> ModelStyle:
    """How one effect is drawn: a model as everywhere, a pair in ink, or in red where it changes."""
    if count > MOST_NAMED:
        return ModelStyle(CHANGING if changes else MUTED, "-", "o")
    model = str(row["a"].item())
    if styles is not None and not str(row["b"].item()) and model in styles:
        return styles[model]
    colour = CHANGING if changes else INK if place < len(LINES) else MUTED
    return ModelStyle(colour, LINES[place % len(LINES)], MARKERS[place % len(MARKERS)])
