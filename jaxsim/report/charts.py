"""What the page's script draws, as plain lists and numbers: curves, effects, points."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Spec = dict[str, Any]
#: A panel whose values span more than this is drawn on a logarithmic scale.
DECADES = 30.0
#: Digits that are kept of a number, and of an error.
DIGITS, ERROR_DIGITS = 5, 3


def rounded(value: float, digits: int = DIGITS) -> float | None:
    """A number with five digits, None where it is undefined.

    Example:
        >>> rounded(0.123456789), rounded(float("nan"))
        (0.12346, None)
    """
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def numbers(values: Any, digits: int = DIGITS) -> list[float | None]:
    """A list of such numbers."""
    return [rounded(float(value), digits) for value in np.asarray(values, np.float64).ravel()]


def curve(
    name: str,
    x: Any,
    y: Any,
    *,
    a: int | None = None,
    b: int | None = None,
    error: Any = None,
    twin: bool = False,
    points: bool = False,
    marks: Sequence[int] = (),
    labels: Sequence[str] = (),
    style: str = "",
) -> Spec:
    """One curve.

    Args:
        name: What it is of.
        x: Places.
        y: Values; undefined ones are gaps.
        a: Place of the model whose colour it has.
        b: Place of the second model of a pair, whose colour alternates with the first.
        error: Of the values; a band of two to both sides.
        twin: Whether it is that of random weights, which is drawn dashed.
        points: Whether every value has a marker.
        marks: Places along the curve of values with a hollow mark.
        labels: What the values are of, for readers who point at them.
        style: "thin" or "dotted" for what stands beside the main curve.
    """
    found: Spec = {"name": name, "x": numbers(x), "y": numbers(y)}
    further = {"a": a, "b": b, "twin": twin, "points": points, "marks": list(marks), "labels": list(labels)}
    found |= {key: value for key, value in further.items() if _told(value)}
    if error is not None and np.isfinite(np.asarray(error, np.float64)).any():
        found["e"] = numbers(error, ERROR_DIGITS)
    return found | ({"style": style} if style else {})


def panel(
    curves: Sequence[Spec],
    *,
    title: str = "",
    x: str = "relative depth",
    y: str,
    rules: Sequence[tuple[float, str]] = (),
    diagonal: bool = False,
) -> Spec:
    """Curves on common axes.

    Args:
        curves: From `curve`.
        title: Of the panel, where there are several.
        x: Name of the horizontal axis.
        y: Name of the vertical one.
        rules: Level lines: height and what it means.
        diagonal: Whether the line of equal values is drawn.
    """
    values = [value for each in curves if not each.get("twin") for value in each["y"] if value is not None]
    spans = bool(values) and min(values) > 0 and max(values) / min(values) > DECADES
    found: Spec = {"curves": list(curves), "x": x, "y": y, "log": spans and not diagonal}
    further = {
        "title": title,
        "rules": [[rounded(height), words] for height, words in rules if math.isfinite(height)],
        "diagonal": diagonal,
    }
    return found | {key: value for key, value in further.items() if _told(value)}


def _told(value: Any) -> bool:
    """Whether a value says more than leaving it out; the place 0 does."""
    return not (value is None or value is False or value in ("", []))
