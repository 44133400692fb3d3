"""Effects with their intervals beside their controls: one row for each model or pair of models."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report.figures.canvas import (
    SMALL_SIZE,
    axes_or_new,
    name_axes,
    plain,
    shorten,
    style_axes,
    thinned,
    title_axes,
)
from jaxsim.report.figures.palette import INK, MUTED
from jaxsim.report.schema import at_k

MOST_ROWS = 36
EFFECTS = {
    "alignment": ("Order of processing", "nearer in depth than shuffled matches"),
    "middle_distance": ("Half way", "Δ at the same depth, 0.25 to 0.75"),
    "information_change": ("Image statistics, first to last step", "change of Δ(step → statistic)"),
    "information_difference": ("Image statistics, last steps", "difference of Δ(step → statistic)"),
    "smoothness": ("Change over equal stretches", "mean Δ between t and t + h"),
    "smoothness_difference": ("Smoothness, difference", "difference of mean Δ between t and t + h"),
}
#: Where an effect is nothing; the other kinds have no such place.
NOTHING = {"alignment": 0.0, "information_change": 0.0, "information_difference": 0.0, "smoothness_difference": 0.0}


def finding_effects(
    findings: xr.Dataset, kind: str, *, space: str | None = None, k: int | None = None, ax: Axes | None = None
) -> Axes:
    """Every effect of one kind with its interval, and below it the same of random weights and of shuffled images.

    Args:
        findings: `Study.findings`.
        kind: One of `EFFECTS`.
        space: Only those of one space.
        k: Number of neighbours, one of the study's. Default: its first.
        ax: Where to draw. Default: the axes of a new figure.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k, or no finding of that kind.

    Example:
        >>> from jaxsim.report.constructed import constructed_findings
        >>> finding_effects(constructed_findings(), "smoothness_difference").get_title(loc="left")
        'Smoothness, difference'
    """
    rows = findings_of(findings, kind, space=space, k=k)
    kept = thinned(rows.sizes["finding"], MOST_ROWS)
    rows = rows.isel(finding=kept)
    ax = axes_or_new(ax, 6.4, 1.1 + 0.27 * len(kept))
    style_axes(ax)
    ax.grid(visible=False, axis="y")
    if kind in NOTHING:
        ax.axvline(NOTHING[kind], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    at = -np.arange(len(kept), dtype=float)
    sides = [
        ("", "estimate", INK, "o", INK, "measured"),
        ("control_", "control", MUTED, "o", "none", "random weights"),
        ("shuffled_", "shuffled", MUTED, "x", MUTED, "shuffled images"),
    ]
    sides = [side for side in sides if np.isfinite(rows[side[1]].values).any()]
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
    ax.set_yticks(at, [plain(shorten(row_label(rows.isel(finding=i)), 46)) for i in range(len(kept))])
    ax.set_ylim(at[-1] - 0.6, 0.6)
    title, what = EFFECTS[kind]
    name_axes(ax, what, "")
    legend = len(sides) > 1
    title_axes(ax, title if space is None else f"{title}: {space}", pad=SMALL_SIZE * 2.2 if legend else 6.0)
    if legend:
        # Between title and axes, where no interval can lie under it.
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
            ncols=len(sides),
        )
    return ax


def findings_of(findings: xr.Dataset, kind: str, *, space: str | None = None, k: int | None = None) -> xr.Dataset:
    """The findings of one kind, for one k, of one space if wanted.

    Raises:
        ValueError: There is none.
    """
    chosen = at_k(findings, k)
    own = chosen["kind"].values == kind
    if space is not None:
        own &= chosen["space"].values == space
    if not own.any():
        known = ", ".join(dict.fromkeys(chosen["kind"].values.astype(str).tolist()))
        what = kind if space is None else f"{kind} of {space}"
        raise ValueError(f"Expected findings of the kind {what!r}, but the study has those of: {known}.")
    return chosen.isel(finding=np.flatnonzero(own))


def row_label(row: xr.Dataset) -> str:
    """What an effect is of: model, pair or space."""
    a, b, space = (str(row[name].item()) for name in ("a", "b", "space"))
    of = f"{a} − {b}" if b and "difference" in str(row["kind"].item()) else f"{a}, {b}" if b else a
    return f"{of}: {space}" if space else of
