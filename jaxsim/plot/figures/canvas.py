"""Axes in the house style, and text that is drawn exactly as it was given."""

import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from jaxsim.report.palette import EMPTY, INK, MUTED, RULE

TEXT_SIZE = 8.0
SMALL_SIZE = 7.0


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of the given size in inches, which notebooks and `pyplot.show()` show as any other."""
    # Costs more than the rest of matplotlib, and axes that are given need it not.
    from matplotlib import pyplot

    return pyplot.figure(figsize=(width, height), layout="constrained", facecolor="none")


def axes_or_new(ax: Axes | None, width: float = 5.0, height: float = 3.2) -> Axes:
    """The given axes, or the only axes of a new figure."""
    return new_figure(width, height).add_subplot() if ax is None else ax


def figure_of(ax: Axes) -> Figure:
    """The figure that an axes belongs to."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("Expected axes that belong to a figure, but these do not. Make them with figure.subplots().")
    return figure


def style_axes(ax: Axes) -> None:
    """Thin rules, no box, quiet ticks."""
    ax.set_facecolor("none")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MUTED)
        ax.spines[side].set_linewidth(0.6)
    ax.tick_params(labelsize=SMALL_SIZE, color=MUTED, labelcolor=MUTED, length=3, width=0.6)
    ax.grid(axis="y", color=RULE, linewidth=0.6)
    ax.set_axisbelow(True)


def name_axes(ax: Axes, x: str, y: str) -> None:
    """Axis labels in the house style."""
    ax.set_xlabel(plain(x), fontsize=TEXT_SIZE, color=MUTED)
    ax.set_ylabel(plain(y), fontsize=TEXT_SIZE, color=MUTED)


def title_axes(ax: Axes, title: str, *, width: int = 44, pad: float = 6.0) -> None:
    """A title at the left edge, shortened to `width` characters, `pad` points above the axes."""
    ax.set_title(
        plain(shorten(title, width)), loc="left", fontsize=TEXT_SIZE + 1, color=INK, fontweight="bold", pad=pad
    )


def plain(text: str) -> str:
    r"""Text that matplotlib draws as it is: one line, and a dollar sign is a dollar sign.

    Example:
        >>> print(plain("a $x$ b"))
        a \$x\$ b
    """
    return re.sub(r"\s+", " ", text).replace("$", r"\$")


def shorten(text: str, width: int) -> str:
    """The text with its middle left out when it is longer than `width` characters.

    Example:
        >>> shorten("encoder.stage2.block11", 12)
        'encod…lock11'
    """
    if len(text) <= width:
        return text
    kept = width - 1
    return f"{text[: kept // 2]}…{text[len(text) - (kept - kept // 2) :]}"


def thinned(count: int, most: int) -> list[int]:
    """At most about `most` of `count` positions, evenly spaced, the first and the last among them.

    Example:
        >>> thinned(5, 10), thinned(13, 5)
        ([0, 1, 2, 3, 4], [0, 3, 6, 9, 12])
    """
    if count <= most:
        return list(range(count))
    stride = -(-(count - 1) // max(1, most - 1))
    places = list(range(0, count - 1, stride))
    if count - 1 - places[-1] < stride and len(places) > 1:
        places.pop()
    return [*places, count - 1]


def marker_size(count: int) -> float:
    """Size of the markers on a curve of so many steps: every step has one, small where they are many."""
    return 3.6 if count <= 30 else 2.2


def naming_note(count: int, most: int, what: str = "steps") -> str:
    """What an axis says when only some of its places are named, as `thinned` chooses them; else nothing.

    Example:
        >>> naming_note(5, 10), naming_note(13, 5)
        ('', ' (1 in 3 steps named)')
    """
    if count <= most:
        return ""
    return f" (1 in {-(-(count - 1) // max(1, most - 1))} {what} named)"


def band(ax: Axes, x: np.ndarray, y: np.ndarray, error: np.ndarray, colour: str) -> None:
    """Shade two errors to both sides of a line; gaps stay gaps."""
    ax.fill_between(x, y - 2 * error, y + 2 * error, color=colour, alpha=0.16, linewidth=0, label="_band")


def control_line(ax: Axes, x: np.ndarray, y: np.ndarray, colour: str, line: str) -> None:
    """The same curve of random weights: thin, without band and markers."""
    ax.plot(x, y, color=colour, linestyle=line, linewidth=0.8, alpha=0.6, label="_random weights", zorder=1.5)


def hatched(ax: Axes, left: float, bottom: float, width: float, height: float) -> None:
    """A hatched rectangle over what has no value: its steps are the same for all images."""
    ax.add_patch(
        Rectangle(
            (left, bottom), width, height, facecolor=EMPTY, edgecolor=MUTED, hatch="//////", linewidth=0, zorder=2.5
        )
    )
