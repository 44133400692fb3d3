"""The answers to the three questions of the page, as far as the intervals and tests of a study's findings carry them.

An effect counts as told from nothing where its p-value, corrected within its kind, is below 0.05. "Yes" and "no" need
that of every effect a question rests on; some but not all make it "mixed"; and where no effect can be told from
nothing, or none was tested, the answer is that it cannot be told.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.report.control import describe_missing_intervals
from jaxsim.report.effects import findings_of, main_space, who
from jaxsim.report.sentences import counted
from jaxsim.report.story import Story

YES, NO, MIXED, UNKNOWN = "yes", "no", "mixed", "cannot tell"
SURE = 0.05


@dataclass(frozen=True)
class Verdict:
    """An answer, in a word and a sentence, with the number that stands for it.

    Attributes:
        word: "yes", "no", "mixed" or "cannot tell".
        sentence: What it rests on, or why it cannot be told.
        of: What the number is of; empty without one.
        value: The effect at N.
        low: Lower end of its interval.
        high: Upper end.
        p: Corrected within its kind.
        control: The same effect with random weights.
    """

    word: str
    sentence: str
    of: str = ""
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    control: float = math.nan


def order_verdict(story: Story, k: int) -> Verdict:
    """Whether models go through their steps in the same order: best matches lie nearer in depth than shuffled ones.

    Args:
        story: What the study has.
        k: Number of neighbours.
    """
    if len(story.models) < 2:
        return Verdict(UNKNOWN, "It takes two models to compare, and this study has one.")
    rows = _rows(story, "alignment", k)
    if rows is None:
        return Verdict(UNKNOWN, describe_missing_intervals(story.facts.n_samples))

    def said(n: int, up: int, down: int) -> str:
        which = f"{who(rows.isel(finding=0))}:" if n == 1 else f"In all {n} pairs,"
        if up == n:
            return f"{which} best-matching steps lie nearer in depth than shuffled ones{_control(rows, 1)}."
        if down == n:
            return f"{which} best-matching steps lie farther apart in depth than shuffled ones{_control(rows, -1)}."
        which = f"{up} pairs and farther apart in {down}" if down else f"{up} of {n} pairs"
        return (
            f"Best-matching steps lie nearer in depth than shuffled ones in {which}{_control(rows, 1)}."
            if up
            else f"Best-matching steps lie farther apart in depth than shuffled ones in {down} of {n} pairs."
        )

    return _judged(rows, said, "No pair of models can be told from shuffled matches with this many images.", "pair")


def information_verdict(story: Story, k: int) -> Verdict:
    """Whether the last steps hold less of the low-level statistics (or of the first space) than the first ones.

    Args:
        story: What the study has.
        k: Number of neighbours.
    """
    if story.information is None:
        return Verdict(UNKNOWN, "No image statistics were measured in this study.")
    rows = _rows(story, "information_change", k)
    if rows is None:
        return Verdict(UNKNOWN, describe_missing_intervals(story.facts.n_samples))
    what = told_space(story)

    def said(n: int, up: int, down: int) -> str:
        which = f"The last step of {who(rows.isel(finding=0))}" if n == 1 else f"In all {n} models the last step"
        if up == n:
            return f"{which} holds less of {what} than the first{_control(rows, 1)}."
        if down == n:
            return f"{which} holds more of {what} than the first{_control(rows, -1)}."
        which = f"{up} models and more in {down}" if down else f"{up} of {n} models"
        return (
            f"The last step holds less of {what} than the first in {which}{_control(rows, 1)}."
            if up
            else f"The last step holds more of {what} than the first in {down} of {n} models."
        )

    return _judged(rows, said, f"No change of what the steps hold of {what} can be told from nothing.", "model")


def smoothness_verdict(story: Story, k: int) -> Verdict:
    """Whether one model changes less over equal stretches of depth than every other one.

    Args:
        story: What the study has.
        k: Number of neighbours.
    """
    if len(story.models) < 2:
        return Verdict(UNKNOWN, "It takes two models to compare, and this study has one.")
    rows, each = _rows(story, "smoothness_difference", k), _rows(story, "smoothness", k)
    if rows is None or each is None:
        return Verdict(UNKNOWN, describe_missing_intervals(story.facts.n_samples))
    level = dict(zip(each["a"].values.astype(str).tolist(), each["value"].values.tolist(), strict=True))
    order = sorted((name for name in level if math.isfinite(level[name])), key=lambda name: level[name])
    if len(order) < 2:
        return Verdict(UNKNOWN, "Fewer than two models have a profile over equal stretches of depth.")
    smoothest = order[0]
    against = {other: _oriented(rows, smoothest, other) for other in order[1:]}
    nearest = against[order[1]]
    headline = {"of": f"{smoothest} less {order[1]}", **nearest}
    beyond = headline.pop("beyond")
    sure = [other for other, found in against.items() if found["p"] < SURE and found["value"] < 0]
    if not any(math.isfinite(found["p"]) for found in against.values()):
        return Verdict(UNKNOWN, _why_untested(rows), **headline)
    if len(sure) == len(against):
        others = f"than {order[1]}" if len(against) == 1 else f"than each of the other {len(against)} models"
        return Verdict(YES, f"Over equal stretches of depth, {smoothest} changes less {others}{beyond}.", **headline)
    if (rows["p_corrected"].values < SURE).any():
        open_ones = [other for other in against if other not in sure]
        told = open_ones[0] if len(open_ones) == 1 else counted(len(open_ones), "other model")
        return Verdict(MIXED, f"{smoothest} changes least, but cannot be told from {told}.", **headline)
    return Verdict(UNKNOWN, "No two models can be told apart with this many images.", **headline)


def told_space(story: Story) -> str:
    """What the second question is about: all low-level statistics together, or the first space."""
    if story.information is None:
        return "the image statistics"
    space = main_space(story.information["space"].values)
    return "the image statistics" if space == "all" else space


def _rows(story: Story, kind: str, k: int) -> xr.Dataset | None:
    """The findings of a kind, of the space that sentences speak of; None where there are none."""
    found = story.findings
    if found is None or kind not in found["kind"].values:
        return None
    rows = findings_of(found, kind, k=k)
    if not any(str(name) for name in rows["space"].values):
        return rows
    return findings_of(found, kind, space=main_space(rows["space"].values), k=k)


def _judged(rows: xr.Dataset, said: Callable[[int, int, int], str], nothing: str, unit: str) -> Verdict:
    """The answer to whether effects lie above 0."""
    value, p = rows["value"].values, rows["p_corrected"].values
    n = rows.sizes["finding"]
    up, down = int(((p < SURE) & (value > 0)).sum()), int(((p < SURE) & (value < 0)).sum())
    headline = _median(rows, unit)
    if not np.isfinite(p).any():
        return Verdict(UNKNOWN, _why_untested(rows), **headline)
    if up == down == 0:
        return Verdict(UNKNOWN, nothing, **headline)
    return Verdict(YES if up == n else NO if down == n else MIXED, said(n, up, down), **headline)


def _why_untested(rows: xr.Dataset) -> str:
    notes = [str(note) for note in rows["note"].values if str(note)]
    return f"There is no interval: {notes[0]}." if notes else "No effect was tested."


def _median(rows: xr.Dataset, unit: str) -> dict[str, Any]:
    """The finding in the middle of all by size, as the number that stands for them."""
    value = rows["value"].values
    known = np.flatnonzero(np.isfinite(value))
    if not len(known):
        return {}
    place = int(known[np.argsort(value[known], kind="stable")[(len(known) - 1) // 2]])
    row = rows.isel(finding=place)
    many = f", the median {unit}" if rows.sizes["finding"] > 1 else ""
    return {"of": f"{who(row)}{many}", **_numbers(row)}


def _numbers(row: xr.Dataset) -> dict[str, float]:
    found = {name: float(row[name]) for name in ("value", "low", "high", "control")}
    return found | {"p": float(row["p_corrected"])}


def _oriented(rows: xr.Dataset, a: str, b: str) -> dict[str, Any]:
    """The difference a less b, whichever comes first in the study, and whether random weights differ as much."""
    for place in range(rows.sizes["finding"]):
        row = rows.isel(finding=place)
        pair = str(row["a"].item()), str(row["b"].item())
        if set(pair) == {a, b}:
            sign = 1.0 if pair == (a, b) else -1.0
            found: dict[str, Any] = {name: sign * each for name, each in _numbers(row).items() if name != "p"}
            found["low"], found["high"] = sorted((found["low"], found["high"]))
            ends = [sign * float(row[name]) for name in ("beyond_low", "beyond_high")]
            return found | {"p": float(row["p_corrected"]), "beyond": _beyond(max(ends))}
    return dict.fromkeys(("value", "low", "high", "control", "p"), math.nan) | {"beyond": ""}


def _beyond(highest: float) -> str:
    """Whether a difference below 0 lies below that of random weights, by the upper end of the difference of both."""
    if not math.isfinite(highest):
        return "; there is no control of random weights"
    return ", and more so than with random weights" if highest < 0 else ", but no more than with random weights"


def _control(rows: xr.Dataset, sign: int) -> str:
    """Whether the effects that can be told from nothing are larger than with random weights."""
    if not np.isfinite(rows["control"].values).any():
        return "; there is no control of random weights"
    own = (rows["p_corrected"].values < SURE) & (sign * rows["value"].values > 0)
    beyond = (rows["beyond_low"].values if sign > 0 else -rows["beyond_high"].values)[own] > 0
    if beyond.all():
        return ", and more so than with random weights"
    return ", in some no more than with random weights" if beyond.any() else ", but no more than with random weights"
