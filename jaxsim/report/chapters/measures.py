"""Measures side by side: how alike they order the pairs of steps, and whether the findings hold by each of them."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxsim.report.chapter import Cell, Chapter, Figure, Part, Spec, Table
from jaxsim.report.chapters.effects import OPEN
from jaxsim.report.charts import numbers, rounded
from jaxsim.report.effects import KINDS
from jaxsim.report.schema import at_k
from jaxsim.report.story import Story
from jaxsim.wording import counted

#: Points of a panel: more say no more and load slowly.
MOST_POINTS = 400


def describe_measures(measures: xr.Dataset, k: int) -> str:
    """Which other measure orders pairs of steps most, and which least, as the first does.

    Args:
        measures: Measures side by side.
        k: Number of neighbours.

    Example:
        >>> from jaxsim.study.constructed import constructed_measures
        >>> describe_measures(constructed_measures(), 1).partition(" (")[0]
        'Debiased CKA orders the pairs of steps most like information imbalance'
    """
    titles = measures["title"].values.astype(str).tolist()
    values = at_k(measures, k)["rank_correlation"].values[0, 1:]
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return "No other measure has an order of its own."
    most, least = (int(known[place(values[known])]) for place in (np.argmax, np.argmin))
    title = titles[most + 1]
    said = f"{title[0].upper()}{title[1:]} orders the pairs of steps most like {titles[0]} ({values[most]:.2f})"
    return f"{said} and {titles[least + 1]} least ({values[least]:.2f})." if most != least else f"{said}."


def describe_agreement(measures: xr.Dataset, k: int) -> str:
    """How many of the effects told by the first measure all others tell with the same sign.

    Args:
        measures: Measures side by side, with their findings.
        k: Number of neighbours.

    Returns:
        A sentence; empty without findings.
    """
    found = comparable_findings(measures, k)
    if found is None:
        return ""
    low, high = (found[name].transpose("measure", "finding").values for name in ("effect_low", "effect_high"))
    signs = np.where(low > 0, 1, 0) - np.where(high < 0, 1, 0)
    first, title = signs[0], str(measures["title"].values[0])
    if not first.any():
        return f"No interval of an effect excludes 0 by {title}."
    same = int(((signs[1:] == first) & (first != 0)).all(axis=0).sum())
    n = int(np.count_nonzero(first))
    return (
        f"Of {counted(n, 'effect')} whose interval excludes 0 by {title}, {same} have the same sign by every measure."
    )


def comparable_findings(measures: xr.Dataset, k: int) -> xr.Dataset | None:
    """The main findings by all measures, those whose sign means something; None where there are none."""
    if "effect" not in measures:
        return None
    chosen = at_k(measures, k)
    kept = [place for place, kind in enumerate(chosen["kind"].values.astype(str)) if kind in OPEN]
    return chosen.isel(finding=kept) if kept else None


def _correlations(measures: xr.Dataset, k: int) -> Spec:
    values = at_k(measures, k)["rank_correlation"].values
    return {"names": measures["title"].values.astype(str).tolist(), "values": [numbers(row) for row in values]}


def _ranks(measures: xr.Dataset, k: int) -> Spec:
    ranks, titles = at_k(measures, k)["rank"].values, measures["title"].values.astype(str).tolist()
    owners = [
        [str(label).rpartition("/")[0] for label in measures[name].values] for name in ("cell_source", "cell_target")
    ]
    shown = np.linspace(0, ranks.shape[1] - 1, min(MOST_POINTS, ranks.shape[1])).astype(int)
    hollow = [int(owners[0][at] == owners[1][at]) for at in shown]
    panels = [
        {
            "title": titles[place],
            "x": titles[0],
            "y": titles[place],
            "points": [[rounded(round(float(value), 3)) for value in ranks[which, shown]] for which in (0, place)],
            "hollow": hollow,
        }
        for place in range(1, len(titles))
    ]
    return {"panels": panels}


def _disagreements(measures: xr.Dataset, k: int) -> list[list[Cell]]:
    chosen = at_k(measures, k)
    titles = dict(zip(measures["measure"].values.astype(str), measures["title"].values.astype(str), strict=True))
    rows: list[list[Cell]] = []
    for at in range(measures.sizes["disagreement"]):
        steps = [str(chosen[name].values[at]) for name in ("source_step", "target_step")]
        if steps[0]:
            places = [round(100 * float(chosen[name].values[at])) for name in ("rank_a", "rank_b")]
            both = [titles[str(measures[name].values[at])] for name in ("first", "second")]
            rows.append([*both, *steps, *places])
    return rows


def _effects(measures: xr.Dataset, k: int) -> list[list[Cell]]:
    found = comparable_findings(measures, k)
    if found is None:
        return []
    rows: list[list[Cell]] = []
    for at in range(found.sizes["finding"]):
        row = found.isel(finding=at)
        of = [str(row[name].item()) for name in ("a", "b", "space")]
        ends = np.stack([row[name].values for name in ("effect", "effect_low", "effect_high")], axis=-1)
        rows.append([KINDS[str(row["kind"].item())].title, *of, *numbers(ends)])
    return rows


def _parts(story: Story) -> Sequence[Part]:
    measures = story.measures
    if measures is None:
        return []
    titles = measures["title"].values.astype(str).tolist()
    parts: list[Part] = [
        Figure(
            "measure-correlations",
            "How alike measures order the pairs of steps",
            "Table of colours: Spearman's rank correlation of every two measures over all pairs of steps.",
            "matrix",
            lambda k: _correlations(measures, k),
            lambda k: describe_measures(measures, k),
            key="Spearman's correlation; similarities are turned round first.",
        ),
        Figure(
            "measure-ranks",
            f"Pairs of steps, by {titles[0]} and by another",
            "Scatter plots: every pair of steps by its place in the order of two measures.",
            "points",
            lambda k: _ranks(measures, k),
            key="From the most alike (0) to the least (1). Filled: steps of two models. Hollow: of one.",
            fold="Pairs of steps by two measures",
        ),
        Table(
            "disagreements",
            "Where measures disagree most",
            ("one measure", "the other", "from", "to", "place by the one, %", "place by the other, %"),
            lambda k: _disagreements(measures, k),
        ),
    ]
    if any(comparable_findings(measures, k) is not None for k in story.facts.k):
        columns = [each for title in titles for each in (title, "low", "high")]
        said = " ".join(dict.fromkeys(describe_agreement(measures, k) for k in story.facts.k))
        parts.append(
            Table(
                "effects-by-measure",
                "Do the findings hold by other measures?",
                ("effect", "A", "B", "statistic", *columns),
                lambda k: _effects(measures, k),
                key=f"{said} Signs and intervals can be compared; sizes are in units of their measure.",
            )
        )
    return parts


CHAPTER = Chapter("measures", "Other measures", lambda story: story.measures is not None, _parts, half=True)
