"""How a figure looks: which models, by which names and in which colours, how wide, and in which style."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, TypedDict

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, to_hex

from jaxsim.arguments import shown
from jaxsim.files import parse_json
from jaxsim.plot.figures.canvas import SMALL_SIZE, figure_of
from jaxsim.report.palette import MUTED, ModelStyle, model_styles
from jaxsim.study import Study

#: Widths by name: a column and a whole page of most journals, in inches.
WIDTHS = {"column": 3.3, "page": 6.8}
NARROWEST, WIDEST = 1.0, 60.0
#: Height of a line of a legend, and of a row that has a name.
LINE_INCHES, ROW_INCHES = 0.16, 0.125
#: In figures narrower than this the models are named below, not beside.
NARROW = 5.0
SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "savefig.bbox": "tight",
    "savefig.dpi": 300,
    # Words stay words: they can be searched for and set in another font.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
}


class Look(TypedDict, total=False):
    """What every figure takes beside its own options.

    Attributes:
        models: Names or globs of the models to draw; all else is derived anew from these. Default: all.
        labels: Names of models and steps -> names to show for them.
        colors: Names of models, as shown -> colours as matplotlib takes them. Default: a hue for every family.
        width: Of a new figure: "column" (3.3 inches), "page" (6.8 inches), or a number of inches. Its height follows.
    """

    models: Any
    labels: Mapping[str, str] | None
    colors: Mapping[str, Any] | None
    width: str | float | None


def style() -> AbstractContextManager[None]:
    """The settings for figures in print, as a context: words as text in SVG and PDF, tight margins, 300 dots an inch.

    Returns:
        A context, within which figures are drawn and saved.

    Example:
        >>> with style():
        ...     matplotlib.rcParams["pdf.fonttype"]
        42
    """
    return matplotlib.rc_context(SETTINGS)


def looked(study: Study, look: Look) -> tuple[Study, dict[str, ModelStyle] | None]:
    """The study as it is to be drawn, and the styles of its models.

    Args:
        study: The study.
        look: As given.

    Returns:
        The study of the chosen models by the names to show, and a style for every model; None where the study does not
        know the families of its models, and no colours are given.

    Raises:
        ValueError: An option is unknown, or has a value that it cannot have.
    """
    unknown = [name for name in look if name not in Look.__annotations__]
    if unknown:
        known = ", ".join(Look.__annotations__)
        raise ValueError(f"Expected options among k, ax and {known}, got {unknown[0]!r}.")
    _width(look)
    models, labels = look.get("models"), look.get("labels")
    if models is not None:
        study = study.select(models=models)
    if labels is not None:
        study = study.rename(labels)
    styles, colors = _styles(study), look.get("colors")
    if colors is None:
        return study, styles
    if not isinstance(colors, Mapping):
        raise ValueError(f"Expected colors as a mapping from models to colours, got {shown(colors)}.")
    styles = styles or model_styles({name: name for name in study.models})
    for name, colour in colors.items():
        if name not in styles:
            raise ValueError(f"Expected colors of the models {', '.join(styles)}, got one of {shown(name)}.")
        if not is_color_like(colour):
            raise ValueError(f"Expected a colour of {name!r} as matplotlib takes them, got {shown(colour)}.")
        styles[name] = replace(styles[name], colour=to_hex(colour))
    return study, styles


def fitted(ax: Axes, given: Axes | None, look: Look) -> Axes:
    """The axes, their figure as wide as asked for; a figure that was given keeps its size.

    Args:
        ax: Drawn on.
        given: As given by the caller; None for a new figure.
        look: As given.
    """
    width = _width(look)
    if given is not None or width is None:
        return ax
    figure = figure_of(ax)
    before, height = figure.get_size_inches()
    lines = _named_below(ax) if width < NARROW else 0
    # As high as before in proportion, but high enough for rows that have names.
    named = 0.6 + ROW_INCHES * len(ax.get_yticks())
    new = max(height * width / before, min(height, max(0.8 * width, named)))
    figure.set_size_inches(width, new + LINE_INCHES * lines)
    return ax


def _named_below(ax: Axes) -> int:
    """Moves the legend of narrow axes below them; returns its number of lines."""
    legend = ax.get_legend()
    if legend is None:
        return 0
    names = [text.get_text() for text in legend.get_texts()]
    title = legend.get_title().get_text()
    figure_of(ax).legend(
        [handle for handle in legend.legend_handles if handle is not None],
        names,
        loc="outside lower left",
        frameon=False,
        fontsize=SMALL_SIZE,
        labelcolor=MUTED,
        title=title or None,
        title_fontsize=SMALL_SIZE,
        alignment="left",
    )
    legend.remove()
    return len(names) + bool(title)


def _width(look: Look) -> float | None:
    """The width in inches; None where none is asked for."""
    width = look.get("width")
    if width is None:
        return None
    if isinstance(width, str) and width in WIDTHS:
        return WIDTHS[width]
    if isinstance(width, int | float) and not isinstance(width, bool) and NARROWEST <= width <= WIDEST:
        return float(width)
    raise ValueError(
        f"Expected width as {' or '.join(map(repr, WIDTHS))}, or as {NARROWEST:g} to {WIDEST:g} inches, got "
        f"{shown(width)}."
    )


def _styles(study: Study) -> dict[str, ModelStyle] | None:
    """The report's colours where the study knows its families; else None, a hue for every model."""
    if "models" not in study.results.attrs:
        return None
    described = study.results.attrs["models"]
    return model_styles({str(each["name"]): str(each["family"]) for each in parse_json(described)})
