"""How counts and numbers are written wherever a person reads them: on the page, in the terminal, in messages.

One form for each kind of number: values of a measure and their errors (`number`), effects and their intervals
(`signed`, with as many decimals as `decimals_for` finds in the interval), p-values (`p_value`), shares (`percent`).
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

#: Below this, a difference is what rounding left of 0.
ROUNDING = 1e-9
#: What the description of a study's images says where features alone were given.
FEATURES = "features"


def counted(count: int | np.integer, singular: str, plural: str | None = None) -> str:
    """So many of something, in words.

    Args:
        count: How many.
        singular: What one of them is called.
        plural: What several are called; the singular with an "s" by default.

    Example:
        >>> counted(1, "step"), counted(3, "step"), counted(1200, "pair of models", "pairs of models")
        ('1 step', '3 steps', '1,200 pairs of models')
        >>> counted(np.int64(2), "image")
        '2 images'
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def all_counted(count: int | np.integer, singular: str, plural: str | None = None) -> str:
    """All of so many, to begin a heading or a sentence; of one alone, that one.

    Example:
        >>> all_counted(1, "pair"), all_counted(3, "pair")
        ('The one pair', 'All 3 pairs')
    """
    return f"The one {singular}" if count == 1 else f"All {counted(count, singular, plural)}"


def sample_word(images: Any) -> str:
    """What a sample of a study is called: "image" where it is made of images, else "sample".

    Args:
        images: The attribute `images` of its results: a description as JSON or as a mapping; None where there is none.

    Example:
        >>> sample_word('{"kind": "folder"}'), sample_word({"kind": "features"}), sample_word(None)
        ('image', 'sample', 'sample')
    """
    if isinstance(images, str):
        try:
            images = json.loads(images)
        except ValueError:
            return "image"  # in words, as somebody has described them
    kind = images.get("kind") if isinstance(images, Mapping) else images
    return "sample" if kind in (None, FEATURES) else "image"


def number(value: float) -> str:
    """A value of a measure, or its error: three decimals, or two significant digits when it is smaller.

    Example:
        >>> number(0.41234), number(0.00042), number(float("nan"))
        ('0.412', '0.00042', 'undefined')
    """
    if not math.isfinite(value):
        return "undefined"
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def percent(share: float) -> str:
    """A share in whole percent.

    Example:
        >>> percent(0.95) == "95\u00a0%"
        True
    """
    return f"{100 * share:.0f}\u00a0%"


def signed(value: float, decimals: int = 3, *, plain: bool = False) -> str:
    """An effect: three decimals, or as many as wanted, with a sign; what rounding left of 0 has none.

    Args:
        value: The effect, or an end of its interval.
        decimals: See `decimals_for`.
        plain: Whether a minus is a hyphen and nothing is one, too, as terminals show them; else both have the
            typographic length.

    Example:
        >>> signed(0.0214), signed(0.00047, 5), signed(-1e-17), signed(math.nan)
        ('+0.021', '+0.00047', '0.000', '–')
        >>> signed(-0.5, plain=True), signed(math.nan, plain=True)
        ('-0.500', '-')
    """
    if not math.isfinite(value):
        return "-" if plain else "–"
    sign = "" if abs(value) < ROUNDING else "+"
    text = f"{value if sign else 0.0:{sign}.{decimals}f}"
    return text if plain else text.replace("-", "\u2212")


def decimals_for(*sizes: float) -> int:
    """At least three decimals, and so many that the smallest of some numbers other than 0 has a digit; at most six.

    Example:
        >>> decimals_for(0.04), decimals_for(0.4, 0.0004), decimals_for(0.0)
        (3, 4, 3)
    """
    smallest = min((abs(size) for size in sizes if size and math.isfinite(size)), default=1.0)
    return min(6, max(3, math.ceil(-math.log10(smallest))))


def p_value(p: float) -> str:
    """A p-value, as it goes on behind "p".

    Example:
        >>> p_value(0.0667), p_value(0.00004)
        ('= 0.067', '< 0.001')
    """
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"
