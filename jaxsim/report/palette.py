"""Colours and line styles that mean the same in every figure and on the page.

Families get hues that stay apart for colour-blind readers (Okabe & Ito's, darkened to a contrast of 3 : 1 on
white);
models of one family share its hue and differ in lightness, line style and marker, so a grey print still
tells them
apart. Imbalance has one colour scale whose lightness only rises: dark means similar.
"""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex, to_rgb

INK = "#22272e"
MUTED = "#5f6873"
RULE = "#d9dde3"
PAPER = "#ffffff"
#: Ground of hatched cells.
EMPTY = "#ececee"

FAMILY_HUES = ("#0072b2", "#c8540c", "#00835f", "#a8458a", "#a06a00", "#2b8bb0", "#6a5acd", "#6b737c")
Line = Literal["-", "--", "-.", ":"]
LINES: tuple[Line, ...] = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "v", "P", "X", "<", ">")

IMBALANCE_COLOURS = LinearSegmentedColormap.from_list(
    "jaxsim_imbalance",
    ["#0b1d38", "#14406a", "#1f6b8e", "#4596a0", "#83bba9", "#c3dbbd", "#f6f1df"],
    N=256,
).with_extremes(bad="#b9b9bd")
IMBALANCE_RANGE = Normalize(0.0, 1.0)


@dataclass(frozen=True)
class ModelStyle:
    """How one model is drawn in every figure."""

    colour: str
    line: Line
    marker: str


def model_styles(families: Mapping[str, str]) -> dict[str, ModelStyle]:
    """A style for every model: hue by family, lightness, line and marker by place within the family.

    Args:
        families: Model name -> family, in the order of the study.

    Returns:
        Model name -> style.

    Example:
        >>> styles = model_styles({"a": "vit", "b": "resnet", "c": "vit"})
        >>> styles["a"].colour, styles["b"].colour
        ('#0072b2', '#c8540c')
        >>> styles["c"].line
        '--'
    """
    distinct = list(dict.fromkeys(families.values()))
    members = {family: [name for name in families if families[name] == family] for family in distinct}
    styles = {}
    for place, (name, family) in enumerate(families.items()):
        siblings = members[family]
        sibling = siblings.index(name)
        hue = FAMILY_HUES[distinct.index(family) % len(FAMILY_HUES)]
        styles[name] = ModelStyle(
            colour=_lightened(hue, sibling, len(siblings)),
            line=LINES[(sibling + distinct.index(family) // len(FAMILY_HUES)) % len(LINES)],
            marker=MARKERS[place % len(MARKERS)],
        )
    return styles


def styles_for(names: Sequence[str], styles: Mapping[str, ModelStyle] | None) -> dict[str, ModelStyle]:
    """The given styles, or, without any, a hue of its own for every model."""
    if styles is None:
        return model_styles({name: name for name in names})
    missing = [name for name in names if name not in styles]
    if missing:
        raise ValueError(
            f"Expected a style for every model, but {', '.join(map(repr, missing))} has none. "
            "Make them with model_styles(families) over all models, or leave `styles` out."
        )
    return dict(styles)


def for_dark_paper(colour: str) -> str:
    """The same hue, light enough to be read on a dark page."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*to_rgb(colour))
    return to_hex(colorsys.hls_to_rgb(hue, max(0.62, min(0.8, 1.12 - lightness)), min(saturation, 0.75)))


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE L* (0 black .. 100 white) of sRGB colours `[n, 3]` in 0 .. 1: what a grey print keeps."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.where(luminance > 216 / 24389, 116 * np.cbrt(luminance) - 16, luminance * 24389 / 27)


def _lightened(colour: str, place: int, count: int) -> str:
    """Spread `count` siblings from the hue itself to a third of the way to white, darkest first."""
    if count == 1 or place == 0:
        return colour
    share = 0.38 * place / (count - 1)
    return to_hex(tuple(np.array(to_rgb(colour)) * (1 - share) + share))
