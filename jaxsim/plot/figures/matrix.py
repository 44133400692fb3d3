"""Heat maps of information imbalance: one ordered pair of models, and all steps of all models at once."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.image import AxesImage

from jaxsim.plot.figures.canvas import (
    SMALL_SIZE,
    TEXT_SIZE,
    axes_or_new,
    figure_of,
    hatched,
    naming_note,
    plain,
    shorten,
    thinned,
)
from jaxsim.report.measured_by import MeasuredBy, measured_by
from jaxsim.report.palette import IMBALANCE_COLOURS, IMBALANCE_RANGE, INK, MUTED, PAPER
from jaxsim.report.schema import at_k, indistinguishable, model_names, steps_of
from jaxsim.report.steps import constant_mask, read_flags

LABEL_WIDTH = 20
#: Steps that are named on given axes, and on those of a new figure, which grows with them.
MOST_LABELS, MOST_LABELS_GROWN = 24, 72
LABEL_INCHES = 0.115
DENSE = 120


def heatmap(
    results: xr.Dataset,
    source: str,
    target: str,
    *,
    k: int | None = None,
    cmap: Colormap | str | None = None,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> Axes:
    """Delta(source step -> target step) for every step of two models, on the common scale 0 .. 1.

    A dot marks cells within two query-row errors of 1: not distinguishable from independent. Steps that are the same
    for all images are hatched. A dagger behind a step's name says that a warning is about it. With too many steps to
    name all, the axis says how many are.

    Args:
        results: Results dataset of a study.
        source: Name of the model on the rows.
        target: Name of the model on the columns; may be the same.
        k: Number of neighbours, one of the study's. Default: its first.
        cmap: Colours of the cells. Default: the report's, dark meaning alike.
        ax: Where to draw. Default: the axes of a new figure.
        colorbar: Whether to add the colour scale.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such model or k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> ax = heatmap(constructed_study()[0], "vit", "resnet")
        >>> ax.get_images()[0].get_array().shape
        (6, 5)
    """
    chosen = at_k(results, k)
    rows, columns = steps_of(results, source), steps_of(results, target, "target")
    cell = chosen.isel(source=rows, target=columns)
    most = MOST_LABELS if ax is not None else MOST_LABELS_GROWN
    sides = [1.3 + LABEL_INCHES * min(len(own), most) for own in (columns, rows)]
    ax = axes_or_new(ax, max(4.4, sides[0]), max(4.0, sides[1]))
    image = _draw(ax, cell["imbalance"].values, cell["standard_error"].values, cmap)
    empty, flags = constant_mask(results), read_flags(results)
    _hatch(ax, empty[rows], empty[columns])
    for axis, model, own in (("y", source, rows), ("x", target, columns)):
        names = [flags.marked(model, str(step)) for step in results["source_step"].values[own]]
        _label_steps(ax, axis, names, most)
        label = f"{'from' if axis == 'y' else 'to'} {shorten(model, 30)}{naming_note(len(own), most)}"
        (ax.set_ylabel if axis == "y" else ax.set_xlabel)(plain(label), fontsize=TEXT_SIZE, color=INK)
    if colorbar:
        _add_colorbar(ax, image, measured_by(results))
    return ax


def overview(
    results: xr.Dataset,
    *,
    k: int | None = None,
    cmap: Colormap | str | None = None,
    ax: Axes | None = None,
    colorbar: bool = True,
) -> Axes:
    """Delta between all steps of all models, with lines where one model ends and the next begins.

    Steps that are the same for all images are hatched. Above 120 steps cells are too small for the dots that mark what
    cannot be told from independent; the axis says so.

    Args:
        results: Results dataset of a study, the steps of a model side by side.
        k: Number of neighbours, one of the study's. Default: its first.
        cmap: Colours of the cells. Default: the report's, dark meaning alike.
        ax: Where to draw. Default: the axes of a new figure.
        colorbar: Whether to add the colour scale.

    Returns:
        The axes drawn on.

    Raises:
        ValueError: The study has no such k.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> ax = overview(constructed_study()[0])
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['vit', 'resnet']
    """
    chosen = at_k(results, k)
    ax = axes_or_new(ax, 6.4, 5.6)
    value = chosen["imbalance"].values
    dense = len(value) > DENSE
    image = _draw(ax, value, None if dense else chosen["standard_error"].values, cmap)
    empty = constant_mask(results)
    _hatch(ax, empty, empty)
    names = model_names(results)
    steps = [steps_of(results, name) for name in names]
    for own in steps[1:]:
        ax.axhline(own[0] - 0.5, color=PAPER, linewidth=1.6)
        ax.axvline(own[0] - 0.5, color=PAPER, linewidth=1.6)
    middles = [float(own.mean()) for own in steps]
    labels = [plain(shorten(name, 28)) for name in names]
    ax.set_yticks(middles, labels, fontsize=TEXT_SIZE, color=INK)
    crowded = len(names) > 2
    ax.set_xticks(
        middles,
        labels,
        fontsize=TEXT_SIZE,
        color=INK,
        rotation=35 if crowded else 0,
        ha="right" if crowded else "center",
        rotation_mode="anchor",
    )
    ax.tick_params(length=0)
    ax.set_ylabel("from", fontsize=TEXT_SIZE, color=MUTED)
    ax.set_xlabel("to (cells too small for dots)" if dense else "to", fontsize=TEXT_SIZE, color=MUTED)
    if colorbar:
        _add_colorbar(ax, image, measured_by(results))
    return ax


def _draw(ax: Axes, value: np.ndarray, error: np.ndarray | None, cmap: Colormap | str | None) -> AxesImage:
    image = ax.imshow(
        value,
        cmap=IMBALANCE_COLOURS if cmap is None else cmap,
        norm=IMBALANCE_RANGE,
        interpolation="none",
        aspect="auto",
    )
    for spine in ax.spines.values():
        spine.set_visible(False)
    if error is not None:
        row, column = np.nonzero(indistinguishable(value, error))
        ax.scatter(column, row, s=min(9.0, 400 / max(value.shape)), color=INK, linewidths=0)
    return image


def _hatch(ax: Axes, rows: np.ndarray, columns: np.ndarray) -> None:
    """Hatch the rows and columns of steps that are the same for all images."""
    for row in np.flatnonzero(rows):
        hatched(ax, -0.5, row - 0.5, float(len(columns)), 1.0)
    for column in np.flatnonzero(columns):
        hatched(ax, column - 0.5, -0.5, 1.0, float(len(rows)))


def _label_steps(ax: Axes, axis: str, names: list[str], most: int) -> None:
    shown = thinned(len(names), most)
    labels = [plain(shorten(names[place], LABEL_WIDTH)) for place in shown]
    if axis == "y":
        ax.set_yticks(shown, labels, fontsize=SMALL_SIZE)
    else:
        ax.set_xticks(shown, labels, fontsize=SMALL_SIZE, rotation=90)
    ax.tick_params(length=2, width=0.6, color=MUTED, labelcolor=MUTED)


def _add_colorbar(ax: Axes, image: AxesImage, measure: MeasuredBy) -> None:
    bar = figure_of(ax).colorbar(image, ax=ax, fraction=0.045, pad=0.02, ticks=[0, 0.25, 0.5, 0.75, 1.0], extend="max")
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    bar.ax.tick_params(labelsize=SMALL_SIZE, color=MUTED, labelcolor=MUTED, length=2, width=0.6)
    bar.set_label(
        f"{measure.axis}   0 fully predicted, 1 not at all" if measure.usual else measure.axis,
        fontsize=SMALL_SIZE,
        color=MUTED,
    )
