"""What the findings say in plain sentences: counts and directions of the values at N, and what their intervals allow.

Every number is the value at N, and every interval the one around it. "Above 0" and "excludes 0" are of that interval; a
difference is called beyond chance where its p-value, corrected within its kind, is below 0.05.
"""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr

from jaxsim.report.effects import by_magnitude, decimals_for, findings_of, interval, notes_of, signed, spaces_of, who
from jaxsim.report.sentences import counted, listed

CONTROLS = {"control": "random weights", "shuffled": "shuffled images"}
SURE = 0.05
MOST_SAID = 4
"""Models or pairs that a sentence names; of more it gives counts and the extremes, and says how many it leaves out."""

NEARER = "best-matching steps lie nearer in depth than shuffled ones"
FARTHER = "best-matching steps lie farther apart in depth than shuffled ones"


def describe_order(findings: xr.Dataset, k: int | None = None) -> str:
    """Whether best-matching steps lie at similar depth, and how far apart models are half way."""
    said = verdict(findings_of(findings, "alignment", k=k), "pair of models|pairs of models", NEARER, FARTHER)
    middle = findings_of(findings, "middle_distance", k=k)
    spread = _range(middle, "value", "Half way through, models are at Δ = {} of each other (1: unrelated)")
    beside = "".join(
        _range(middle, name, f", with {words} at {{}}")
        for name, words in CONTROLS.items()
        if np.isfinite(middle[name].values).any()
    )
    return f"{said} {spread}{beside}.{_no_interval(middle)}"


def describe_information(findings: xr.Dataset, k: int | None = None) -> str:
    """Which models give up the image statistics, and which last steps hold more than others."""
    rows = findings_of(findings, "information_change", k=k)
    space = main_of(rows)
    what = "the image statistics together" if space == "all" else space
    less, more = (f"the last step holds {word} of {what} than the first" for word in ("less", "more"))
    said = verdict(findings_of(findings, "information_change", space=space, k=k), "model|models", less, more)
    said += _others(rows, space, "space")
    return said + _pairs(
        findings, "information_difference", space, k, f"the last steps in what they hold of {what}", _holds_more
    )


def describe_labels(findings: xr.Dataset, k: int | None = None) -> str:
    """Whether neighbours share the label more in the last step than in the first, and in which last step most."""
    rows = findings_of(findings, "label_change", k=k)
    said = ""
    for label in spaces_of(rows):
        own = findings_of(findings, "label_change", space=label, k=k)
        better, worse = (f"the last step separates {label} {word} than the first" for word in ("better", "worse"))
        said += verdict(own, "model|models", better, worse)
        said += _pairs(findings, "label_difference", label, k, f"the last steps in {label}", _separates_better) + " "
    return said.strip()


def describe_smoothness(findings: xr.Dataset, k: int | None = None) -> str:
    """Which models change less over equal stretches of depth than others."""
    each = findings_of(findings, "smoothness", k=k)
    many = each.sizes["finding"] > 1
    said = _range(
        each, "value", f"Over equal stretches of depth {'models change' if many else 'the model changes'} by Δ = {{}}"
    )
    said += f"{f' ({_extremes(each)})' if many else ''}.{_no_interval(each)}"
    return said + _pairs(findings, "smoothness_difference", None, k, "how much models change", _changes_less)


def verdict(rows: xr.Dataset, unit: str, positive: str, negative: str) -> str:
    """In how many cases the value at N is above and below 0, in how many the interval agrees, and what controls do.

    Args:
        rows: The findings of one kind at one k, of one space.
        unit: What a row is, singular and plural parted by "|".
        positive: What a value above 0 means.
        negative: What a value below 0 means.

    Returns:
        One sentence or two.
    """
    n, value = rows.sizes["finding"], rows["value"].values
    if n == 1:
        return _single(rows, positive, negative)
    parts = []
    for sign, meaning in ((1, positive), (-1, negative)):
        own = rows.isel(finding=np.flatnonzero(np.sign(value) == sign))
        if own.sizes["finding"] or sign > 0:
            of = f" of {counted(n, *unit.split('|'))}" if sign > 0 else ""
            parts.append(f"in {own.sizes['finding']}{of}, {meaning}{_agreeing(own, sign)}")
    undefined = int(np.isnan(value).sum())
    if undefined:
        parts.append(f"in {undefined}, it is undefined")
    told = "; ".join(parts)
    few = listed([f"{who(row)} {interval(row, 'value')}" for row in _each(rows)]) if n <= MOST_SAID else ""
    shown = few or _span(value)
    return f"{told[0].upper()}{told[1:]}: {shown}{_beside(rows)}{_beyond_control(rows)}.{_no_interval(rows)}"


def excludes_zero(rows: xr.Dataset) -> np.ndarray:
    """Whether the interval lies on one side of 0, bool `[n_findings]`; False where there is none."""
    return (rows["low"].values > 0) | (rows["high"].values < 0)


def main_of(rows: xr.Dataset) -> str:
    """The space that the sentences speak of: all statistics together where there are such, else the first."""
    names = spaces_of(rows)
    return "all" if "all" in names else names[0]


def _single(rows: xr.Dataset, positive: str, negative: str) -> str:
    row = rows.isel(finding=0)
    value, shown = float(row["value"]), f"{who(row)}: {interval(row, 'value')}{_beside(rows)}"
    if not math.isfinite(value):
        return f"It is undefined whether {positive} ({who(row)})."
    said = positive if value > 0 else negative
    if not math.isfinite(float(row["low"])):
        return f"{said[0].upper()}{said[1:]} at this N ({shown})."
    if not excludes_zero(rows)[0]:
        return f"It cannot be told from chance whether {positive} ({shown}; the interval holds 0)."
    return f"{said[0].upper()}{said[1:]} ({shown}){_beyond_control(rows)}."


def _agreeing(own: xr.Dataset, sign: int) -> str:
    """Of values with one sign: how many intervals lie on that side of 0."""
    n = own.sizes["finding"]
    if n == 0 or not np.isfinite(own["low"].values).any():
        return ""
    sure = int(excludes_zero(own).sum())
    how_many = "all" if sure == n > 1 else str(sure or "none")
    return f" (interval {'above' if sign > 0 else 'below'} 0 in {how_many})"


def _beyond_control(rows: xr.Dataset) -> str:
    """Of effects whose interval excludes 0: how many are larger than with random weights, by the paired interval."""
    own = rows.isel(finding=np.flatnonzero(excludes_zero(rows)))
    n = own.sizes["finding"]
    if n == 0:
        return ""
    if not np.isfinite(rows["control"].values).any():
        return "; no control of random weights was run"
    beyond = int(_beyond(own).sum())
    if rows.sizes["finding"] == 1:
        return f", {'' if beyond else 'but not '}by more than with random weights"
    where = "; where the interval excludes 0, "
    if n == 1:
        return f"{where}{'' if beyond else 'not '}by more than with random weights"
    return f"{where}by more than with random weights in {'all' if beyond == n else beyond or 'none'} of {n}"


def _beyond(rows: xr.Dataset) -> np.ndarray:
    """Whether the effect is larger than its control, in its own direction, by the interval of the difference."""
    up = rows["value"].values > 0
    return np.where(up, rows["beyond_low"].values > 0, rows["beyond_high"].values < 0)


def _pairs(
    findings: xr.Dataset,
    kind: str,
    space: str | None,
    k: int | None,
    of_what: str,
    say: Callable[[str, str, bool], str],
) -> str:
    """In how many pairs the interval of a difference excludes 0, which remain after correction, and the largest."""
    if kind not in findings["kind"].values:
        return ""
    rows = by_magnitude(findings_of(findings, kind, space=space, k=k))
    n = rows.sizes["finding"]
    if not np.isfinite(rows["low"].values).any():
        return f" Of {counted(n, 'pair')}, {_listed_pairs(rows, say)}.{_no_interval(rows)}"
    apart = rows.isel(finding=np.flatnonzero(excludes_zero(rows)))
    if not apart.sizes["finding"]:
        shown = f" ({interval(rows.isel(finding=0), 'value')}{_beside(rows)})" if n == 1 else ""
        return f" Comparing {of_what}, no two differ beyond chance: every interval holds 0{shown}."
    if n == 1:
        beyond = _beyond_control(rows)
        return f" Comparing {of_what}, {_listed_pairs(apart, say, n)}{beyond}."
    sure = int((apart["p_corrected"].values < SURE).sum())
    head = f" Comparing {of_what}, the interval of the difference excludes 0 in {apart.sizes['finding']} of {n} pairs"
    return f"{head} (corrected p below {SURE} in {sure}): {_listed_pairs(apart, say)}{_beyond_control(rows)}."


def _listed_pairs(rows: xr.Dataset, say: Callable[[str, str, bool], str], n: int = 0) -> str:
    named = []
    for row in _each(rows.isel(finding=slice(0, MOST_SAID))):
        said = say(str(row["a"].item()), str(row["b"].item()), bool(row["value"] > 0))
        named.append(f"{said} ({_by(row, beside=n == 1)})")
    more = rows.sizes["finding"] - MOST_SAID
    return listed(named) + (f"; and {more} more with smaller differences, in the table" if more > 0 else "")


def _holds_more(a: str, b: str, up: bool) -> str:
    more, less = (b, a) if up else (a, b)
    return f"that of {more} holds more than that of {less}"


def _separates_better(a: str, b: str, up: bool) -> str:
    better, worse = (a, b) if up else (b, a)
    return f"that of {better} separates it better than that of {worse}"


def _changes_less(a: str, b: str, up: bool) -> str:
    smoother, other = (b, a) if up else (a, b)
    return f"{smoother} changes less than {other}"


def _by(row: xr.Dataset, *, beside: bool) -> str:
    """A difference whose direction the words around it say; with its controls where it is the only one."""
    sign = 1 if float(row["value"]) > 0 else -1
    value = abs(float(row["value"]))
    low, high = sorted(sign * float(row[name]) for name in ("low", "high"))
    decimals = decimals_for(high - value, value - low)
    ends = f" [{low:.{decimals}f}, {high:.{decimals}f}]".replace("-", "\u2212") if math.isfinite(low) else ""
    return f"by {value:.{decimals}f}{ends}{_beside(row, sign) if beside else ''}"


def _no_interval(rows: xr.Dataset) -> str:
    notes = notes_of(rows)
    return f" This has no interval: {'; '.join(notes)}." if notes else ""


def _others(rows: xr.Dataset, space: str, word: str) -> str:
    """That the sentence speaks of one space of several."""
    others = [name for name in spaces_of(rows) if name != space]
    if not others:
        return ""
    return f" ({counted(len(others), f'further {word}')}, {listed(others)}, in the figures and tables.)"


def _each(rows: xr.Dataset) -> list[xr.Dataset]:
    return [rows.isel(finding=i) for i in range(rows.sizes["finding"])]


def _beside(rows: xr.Dataset, sign: int = 1) -> str:
    """What the controls are, or from what to what."""
    values = {words: sign * rows[name].values.reshape(-1) for name, words in CONTROLS.items()}
    return "".join(f"; {words} {_span(each)}" for words, each in values.items() if np.isfinite(each).any())


def _span(values: np.ndarray) -> str:
    if not np.isfinite(values).any():
        return "undefined"
    low, high = signed(float(np.nanmin(values))), signed(float(np.nanmax(values)))
    return low if low == high else f"{low} to {high}"


def _extremes(rows: xr.Dataset) -> str:
    """Which model has the smallest value and which the largest."""
    value = rows["value"].values
    if not np.isfinite(value).any():
        return "undefined"
    least, most = (rows.isel(finding=int(place(value))) for place in (np.nanargmin, np.nanargmax))
    return f"{who(least)} least, {who(most)} most"


def _range(rows: xr.Dataset, name: str, words: str) -> str:
    values = rows[name].values
    if not np.isfinite(values).any():
        return words.format("undefined")
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    span = f"{low:.3f}" if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}"
    return words.format(span.replace("-", "\u2212"))
