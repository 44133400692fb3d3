"""Figures to files and onto the page: the same bytes for the same numbers, text as text."""

import io
import re
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from jaxsim.files import OwnedFiles
from jaxsim.names import printable
from jaxsim.report.figures.palette import INK, MUTED, PAPER, RULE
from jaxsim.report.markup import Markup

DOTS_PER_INCH = 160
SUFFIXES = ("png", "svg")
SALT = "jaxsim"
SVG_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": SALT,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
}


def save_figure(figure: Figure, files: OwnedFiles, name: str) -> str:
    """Write `name.png` and `name.svg` to a folder.

    Args:
        figure: What to write.
        files: The folder; that of the name exists in it.
        name: File name without suffix, relative to the folder.

    Returns:
        The text of the SVG file.
    """
    pixels, vector = io.BytesIO(), io.StringIO()
    figure.set_facecolor("white")
    # By the canvases: `savefig` would draw every file twice to find a layout that stands already.
    with matplotlib.rc_context(SVG_SETTINGS):
        FigureCanvasSVG(figure).print_svg(vector, metadata={"Date": None, "Creator": None})
        figure.set_layout_engine("none")
        figure.set_dpi(DOTS_PER_INCH)
        FigureCanvasAgg(figure).print_png(pixels, metadata={"Software": None})
    files.write(f"{name}.png", pixels.getvalue())
    # A name with a control character would make it no XML.
    text = printable(vector.getvalue(), keep="\n\t")
    files.write(f"{name}.svg", text.encode())
    return text


def inlined(svg: str, *, name: str, description: str, colours: Mapping[str, str]) -> Markup:
    """An SVG file's text as an element of the page.

    Ids become unique to the figure, coordinates keep two decimals, and the known colours become CSS
    variables, so that the figure follows the page's colour scheme.

    Args:
        svg: Text of an SVG file that `save_figure` wrote.
        name: Name of the figure, letters, digits and hyphens.
        description: What a reader who does not see the figure is told.
        colours: Colour as in the file -> CSS variable.

    Returns:
        The `svg` element.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->|<style.*?</style>", "", body, flags=re.DOTALL)
    body = _tags_only(re.sub(r">\s+<", "><", body), r"\s+", " ")
    body = _tags_only(body, r'\sid="([^"]+)"', rf' id="{name}-\1"')
    body = _tags_only(body, r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"')
    body = _tags_only(body, r"url\(#([^)]+)\)", rf"url(#{name}-\1)")
    body = _tags_only(body, r"-?\d+\.\d{3,}", lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."))
    known = {
        INK: "--ink",
        MUTED: "--muted",
        RULE: "--rule",
        PAPER: "--paper",
        "#ffffff": "--paper",
        **colours,
    }
    for colour, variable in known.items():
        body = _tags_only(body, re.escape(colour), f"var({variable})")
    view_box = re.search(r'viewBox="([^"]+)"', body)
    if view_box is None:
        raise ValueError(f"Expected figure {name!r} as SVG with a viewBox, but there is none. Use save_figure's text.")
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    opening = f'<svg class="plot" viewBox="{view_box[1]}" role="img" aria-label="{label}">'
    return Markup(opening + body[body.index(">") + 1 :].strip())


def _tags_only(body: str, pattern: str, replacement: str | Callable[[re.Match[str]], str]) -> str:
    """Substitute inside tags, never in the text between them: a model may be called 0.1234 or #ffffff."""
    return re.sub(r"<[^>]*>", lambda element: re.sub(pattern, replacement, element[0]), body)
