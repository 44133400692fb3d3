"""Every effect with its interval, its test and its controls: forest plots faceted by statistic, and all numbers."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxsim.report.chapter import Cell, Chapter, Figure, Part, Spec, Table
from jaxsim.report.charts import curve, numbers, panel
from jaxsim.report.effects import (
    KINDS,
    SURE,
    axis_of,
    by_magnitude,
    changing,
    findings_of,
    kinds_of,
    main_space,
    notes_of,
    row_label,
    size_names,
    space_title,
    spaces_of,
)
from jaxsim.report.schema import at_k
from jaxsim.report.story import Story
from jaxsim.wording import all_counted, counted, percent

#: What stands open; levels, which have no test, and differences of last steps stand in folds.
OPEN = ("alignment", "smoothness_difference", "information_change", "label_change")
#: Kinds that a study has of every statistic or label.
OF_SPACES = ("information_change", "label_change")
#: Rows of panels of single statistics and labels beside the main ones; where there are more, they stand in a fold.
MANY_ROWS = 40
#: Kinds whose dependence on the number of samples is drawn.
BY_SIZE = ("alignment", "information_change", "smoothness", "label_change")
#: Numbers of a finding -> the columns of the table that hold them.
COLUMNS = {
    "value": "value",
    "low": "low",
    "high": "high",
    "p_value": "p",
    "p_corrected": "p corrected",
    "control": "random weights",
    "control_low": "random weights, low",
    "control_high": "random weights, high",
    "beyond_low": "beyond, low",
    "beyond_high": "beyond, high",
    "shuffled": "shuffled samples",
}
CONTROLS = {"control": "random weights", "shuffled": "shuffled samples"}


def describe_effects(findings: xr.Dataset, k: int) -> str:
    """How many of the tested effects can be told from nothing."""
    p = at_k(findings, k)["p_corrected"].values
    tested = int(np.isfinite(p).sum())
    if not tested:
        return "No effect of this study was tested."
    return f"Of {counted(tested, 'tested effect')}, {int((p < SURE).sum()):,} can be told from nothing, by corrected p."


def describe_sizes(findings: xr.Dataset, k: int) -> str:
    """How many of the tested effects have another sign with fewer samples."""
    chosen = at_k(findings, k)
    tested = np.isfinite(chosen["p_corrected"].values)
    changes = int((chosen["sign_changes"].values & tested).sum())
    if not changes:
        return "No tested effect has another sign with fewer samples."
    have = counted(changes, "has", "have")
    return f"Of {counted(int(tested.sum()), 'tested effect')}, {have} another sign with fewer samples."


def _forest(story: Story, findings: xr.Dataset, kinds: Sequence[str], k: int, *, main: bool | None = None) -> Spec:
    """A panel for each kind and statistic, the largest effects first; panels of one kind share their scale.

    With `main`, that of the main statistic and label alone; with `main=False`, those of all others.
    """
    panels, place = [], _places(findings, k)
    for kind in kinds:
        everything = findings_of(findings, kind, k=k)
        limits = _limits(everything)
        spaces: list[str | None] = [*spaces_of(everything)] or [None]
        for space in spaces:
            if main is not None and main != (space is None or space == main_space(spaces)):
                continue
            rows = by_magnitude(findings_of(findings, kind, space=space, k=k))
            title = (
                KINDS[kind].title if space is None else f"{space_title(space)}, {KINDS[kind].title.partition(', ')[2]}"
            )
            drawn = {
                "title": title,
                "x": axis_of(kind, story.measure.symbol),
                "rows": [place[str(name)] for name in rows["finding"].values],
            }
            panels.append(drawn | {"zero": KINDS[kind].nothing, "limits": limits, "minus": "difference" in kind})
    return {"panels": panels, "table": "findings"}


def _beside_main(findings: xr.Dataset) -> int:
    """How many effects are of single statistics or labels other than the main ones."""
    kinds, spaces = findings["kind"].values.astype(str), findings["space"].values.astype(str)
    found = 0
    for kind in OF_SPACES:
        own = spaces[kinds == kind]
        found += int((own != main_space(own)).sum()) if len(own) else 0
    return found


def _places(findings: xr.Dataset, k: int) -> dict[str, int]:
    """Row of every finding in the table of all."""
    order = [
        str(name)
        for kind in kinds_of(findings)
        for name in by_magnitude(findings_of(findings, kind, k=k))["finding"].values
    ]
    return {name: place for place, name in enumerate(order)}


def _limits(rows: xr.Dataset) -> list[float] | None:
    """Ends of the scale that holds every interval and point of a kind."""
    names = ("value", "low", "high", "control", "control_low", "control_high", "shuffled")
    values = np.concatenate([rows[name].values.ravel() for name in names])
    values = values[np.isfinite(values)]
    if KINDS[str(rows["kind"].values[0])].nothing:
        values = np.append(values, 0.0)
    if not len(values):
        return None
    margin = 0.04 * max(float(values.max() - values.min()), 1e-6)
    return [float(f"{end:.6g}") for end in (values.min() - margin, values.max() + margin)]


def _sizes(story: Story, findings: xr.Dataset, k: int) -> Spec:
    """The effects of the main kinds with fewer samples and with all of them, with their intervals at N."""
    panels = []
    for kind in kinds_of(findings):
        if kind not in BY_SIZE:
            continue
        rows = findings_of(findings, kind, k=k)
        named = spaces_of(rows)
        space = main_space(rows["space"].values) if named else None
        rows = by_magnitude(findings_of(findings, kind, space=space, k=k))
        sizes = rows["size"].values.astype(float)
        curves = []
        for at in range(rows.sizes["finding"]):
            row = rows.isel(finding=at)
            b = str(row["b"].item())
            error = np.full(len(sizes), np.nan)
            error[-1] = float(row["high"] - row["value"]) / 2
            values = row["by_size"].values
            a, second = story.place(row["a"].item()), story.place(b) if b else None
            name = row_label(row, with_space=False)
            curves.append(curve(name, sizes, values, points=True, error=error, a=a, b=second))
        title = KINDS[kind].title if space is None else f"{KINDS[kind].title}: {space_title(space)}"
        rules = [(0.0, "")] if KINDS[kind].nothing else []
        panels.append(
            panel(curves, title=title, x="number of samples", y=axis_of(kind, story.measure.symbol), rules=rules)
            | {"log": False, "ticks": sizes.tolist(), "bars": True}
        )
    return {"panels": panels}


def _rows(findings: xr.Dataset, k: int) -> list[list[Cell]]:
    listing: list[list[Cell]] = []
    for kind in kinds_of(findings):
        rows = by_magnitude(findings_of(findings, kind, k=k))
        n = rows.sizes["finding"]
        undefined = np.full(n, np.nan)
        measured = np.stack([rows[name].values if name in rows else undefined for name in COLUMNS], axis=1)
        sizes, changes = rows["by_size"].transpose("finding", "size").values[:, :-1], changing(rows)
        texts = [rows[name].values.astype(str).tolist() for name in ("a", "b", "space", "note")]
        for at, (a, b, space, note) in enumerate(zip(*texts, strict=True)):
            values = numbers(measured[at]) + numbers(sizes[at])
            listing.append([KINDS[kind].title, a, b, space, *values, "yes" if changes[at] else "", note])
    return listing


def _key(story: Story, findings: xr.Dataset) -> str:
    attrs = findings.attrs
    key = f"Bars: {percent(attrs['level'])} intervals at N = {attrs['n_samples']:,}."
    there = [words for name, words in CONTROLS.items() if np.isfinite(findings[name].values).any()]
    marks = {"random weights": "Hollow: random weights.", "shuffled samples": "Cross: shuffled samples."}
    notes = notes_of(findings)
    missing = f" Without an interval: {'; '.join(notes)}." if notes else ""
    return " ".join([key, *(marks[words] for words in there)]) + missing


def _parts(story: Story) -> Sequence[Part]:
    found = story.findings
    if found is None:
        return []
    kinds = kinds_of(found)
    levels = [kind for kind in kinds if not KINDS[kind].nothing]
    opened, folded = (
        [kind for kind in kinds if kind not in levels and (kind in OPEN) == wanted] for wanted in (True, False)
    )
    many = _beside_main(found) > MANY_ROWS
    smaller = size_names(found)[:-1]
    described = "Effects with intervals, the largest first, above those of random weights and of shuffled samples."
    parts: list[Part] = [
        Figure(
            "effects",
            "Effects, their intervals and controls",
            described,
            "forest",
            lambda k: _forest(story, found, opened, k, main=True if many else None),
            lambda k: describe_effects(found, k),
            key=_key(story, found),
        )
    ]
    if many:
        each = [kind for kind in opened if kind in OF_SPACES]
        parts.append(
            Figure(
                "each-statistic",
                "Every statistic and label by itself",
                described,
                "forest",
                lambda k: _forest(story, found, each, k, main=False),
                key=_key(story, found),
                fold="Every statistic and label by itself",
            )
        )
    if folded:
        parts.append(
            Figure(
                "differences",
                "Differences of last steps",
                described,
                "forest",
                lambda k: _forest(story, found, folded, k),
                key=_key(story, found),
                fold="Differences between the last steps of any two models",
            )
        )
    if levels:
        parts.append(
            Figure(
                "levels",
                "Half way, and over equal stretches",
                described,
                "forest",
                lambda k: _forest(story, found, levels, k),
                key=_key(story, found),
                fold="How far apart half way, and how much over equal stretches",
            )
        )
    parts.append(
        Figure(
            "sample-size",
            "With fewer samples",
            "Line charts: effects at a quarter, half and all of the samples.",
            "lines",
            lambda k: _sizes(story, found, k),
            lambda k: describe_sizes(found, k),
            key="Smaller samples lie within larger ones; the bar is the interval at N.",
            fold="Does it depend on the number of samples?",
        )
    )
    parts.append(
        Table(
            "findings",
            all_counted(found.sizes["finding"], "effect"),
            (
                *("effect", "A", "B", "statistic", *COLUMNS.values(), *(f"at {name}" for name in smaller)),
                *("changes with N", "no interval because"),
            ),
            lambda k: _rows(found, k),
            key="Beyond: the effect less that of random weights. p is corrected within a kind of effect, by Holm.",
        )
    )
    return parts


CHAPTER = Chapter("effects-all", "How sure it is", lambda story: story.findings is not None, _parts)
