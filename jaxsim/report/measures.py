"""Measures side by side: what the dataset must hold, its figures, what it says, and its section."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report import figures
from jaxsim.report.effects import KINDS, decimals_for, row_label, signed
from jaxsim.report.header import swatch
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.schema import at_k, checked_dataset
from jaxsim.report.sentences import listed, with_error
from jaxsim.report.story import Story, per_k, plot_figure

VARIABLES = ("rank_correlation", "rank", "rank_a", "rank_b", "source_step", "target_step", "title", "first", "second")
FIGURES = ("measure-correlations", "measure-ranks")

Job = tuple[str, int, str, Callable[[], Axes]]


def checked_measures(measures: xr.Dataset | None) -> xr.Dataset | None:
    """Measures side by side, or None where the study has one measure.

    Raises:
        ValueError: A variable is missing.
    """
    return checked_dataset(measures, "measures", VARIABLES)


def measure_jobs(measures: xr.Dataset | None, ks: tuple[int, ...]) -> list[Job]:
    """The figures of measures: file name, k, description for the page, how to draw it."""
    if measures is None:
        return []
    known, jobs = measures, []
    for k in ks:
        table_of, scatter = FIGURES
        jobs.append((
            table_of, k, f"Table of colours: rank correlation of every two measures over all pairs of steps, k = {k}.",
            lambda k=k: figures.measure_correlations(known, k=k),
        ))  # fmt: skip
        jobs.append((
            scatter, k, f"Scatter plots: every pair of steps by its place in the order of two measures, k = {k}.",
            lambda k=k: figures.measure_ranks(known, k=k)[0],
        ))  # fmt: skip
    return jobs


def describe_measures(measures: xr.Dataset, *, k: int | None = None) -> str:
    """How alike the other measures order the pairs of steps as the first does.

    Args:
        measures: From `measures_side_by_side`, with titles.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        A sentence.

    Example:
        >>> from jaxsim.study.constructed import constructed_measures
        >>> describe_measures(constructed_measures()).partition(":")[0]
        'Rank correlation with information imbalance over all 90 pairs of steps'
    """
    chosen = at_k(measures, k)
    titles = [str(title) for title in measures["title"].values]
    values = chosen["rank_correlation"].values[0]
    errors = chosen["sampling_error"].values[0] if "sampling_error" in chosen else np.full(len(values), np.nan)
    parts = []
    for title, value, error in list(zip(titles, values, errors, strict=True))[1:]:
        if not np.isfinite(value):
            parts.append(f"{title} has no order of its own")
        else:
            parts.append(f"{title} {with_error(value, error)}")
    n_cells = int(np.isfinite(chosen["rank"].values).all(axis=0).sum())
    return f"Rank correlation with {titles[0]} over all {n_cells:,} pairs of steps: {listed(parts)}."


def disagreement_rows(measures: xr.Dataset, k: int) -> list[tuple[str, str, str, str, str, str]]:
    """The cells that two measures place most differently: measures, steps, and both places in per cent."""
    chosen = at_k(measures, k)
    titles = dict(zip(measures["measure"].values.astype(str), measures["title"].values.astype(str), strict=True))
    rows = []
    for at in range(measures.sizes["disagreement"]):
        if not str(chosen["source_step"].values[at]):
            continue
        rows.append(
            (
                titles[str(measures["first"].values[at])],
                titles[str(measures["second"].values[at])],
                str(chosen["source_step"].values[at]),
                str(chosen["target_step"].values[at]),
                f"{100 * float(chosen['rank_a'].values[at]):.0f}",
                f"{100 * float(chosen['rank_b'].values[at]):.0f}",
            )
        )
    return rows


def comparable_findings(measures: xr.Dataset, k: int | None = None) -> xr.Dataset | None:
    """The findings by all measures whose sign means something, for one k; None where there are none."""
    if "effect" not in measures:
        return None
    chosen = at_k(measures, k)
    kept = [place for place, kind in enumerate(chosen["kind"].values.astype(str)) if KINDS[kind].nothing]
    return chosen.isel(finding=kept) if kept else None


def describe_agreement(measures: xr.Dataset, *, k: int | None = None) -> str:
    """How many findings of the first measure the others bear out, and how many they turn round.

    Args:
        measures: From `measures_side_by_side`, with the findings.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        A sentence; empty without findings.

    Example:
        >>> from jaxsim.study.constructed import constructed_measures
        >>> print(describe_agreement(constructed_measures()).partition(",")[0])
        Of the 4 effects whose interval excludes 0 by information imbalance
    """
    found = comparable_findings(measures, k)
    if found is None:
        return ""
    low, high = (found[name].transpose("measure", "finding").values for name in ("effect_low", "effect_high"))
    signs = np.where(low > 0, 1, 0) - np.where(high < 0, 1, 0)
    first, titles = signs[0], [str(title) for title in measures["title"].values]
    count = int(np.count_nonzero(first))
    if not count:
        return f"No interval of an effect excludes 0 by {titles[0]}."
    parts = []
    for title, own in list(zip(titles, signs, strict=True))[1:]:
        same, other = (int(np.count_nonzero((first != 0) & (own == sign * first))) for sign in (1, -1))
        parts.append(f"{title} {same}" + (f" (and {other} with the opposite sign)" if other else ""))
    return (
        f"Of the {count} effect{'s' if count > 1 else ''} whose interval excludes 0 by {titles[0]}, so many have one "
        f"that excludes 0 by another measure, with the same sign: {listed(parts)}."
    )


def finding_rows(measures: xr.Dataset, k: int | None = None) -> dict[str, list[list[str]]]:
    """By kind of finding: what each is of, and its effect and interval by every measure."""
    found, rows = comparable_findings(measures, k), {}
    if found is None:
        return {}
    for at in range(found.sizes["finding"]):
        row = found.isel(finding=at)
        ends = [row[name].values for name in ("effect", "effect_low", "effect_high")]
        cells = [_effect(*map(float, each)) for each in zip(*ends, strict=True)]
        rows.setdefault(str(row["kind"].item()), []).append([row_label(row), *cells])
    return rows


def _effect(value: float, low: float, high: float) -> str:
    if not (np.isfinite(low) and np.isfinite(high)):
        return signed(value)
    digits = decimals_for(high - value, value - low)
    return f"{signed(value, digits)} [{signed(low, digits)}, {signed(high, digits)}]"


def section(story: Story) -> Markup:
    """The chapter: rank correlations, the pairs of steps by two measures, and where they disagree most."""
    if story.measures is None:
        raise ValueError("Expected measures side by side. Leave this section out with one measure.")
    measures = story.measures
    figure = plot_figure(
        story,
        FIGURES[0],
        lambda k: describe_measures(measures, k=k),
        "Spearman's correlation of two measures over all ordered pairs of different steps; similarities are turned "
        "round first. 1: both put the pairs in the same order.",
    )
    ranks = plot_figure(
        story,
        FIGURES[1],
        None,
        "Each point is a pair of steps, placed from the most alike (0) to the least (1): across by the first measure, "
        "up by the one above the panel. Filled: steps of two models. Hollow: steps of one model.",
    )

    def rows(k: int) -> Markup:
        listing = [
            [first, second, _marked(story, source), _marked(story, target), a, b]
            for first, second, source, target, a, b in disagreement_rows(measures, k)
        ]
        caption = (
            "Pairs of steps that two measures place most differently: place among all, from 0 (the most alike) to 100 "
            "(the least). Where both measures are symmetric, a pair is listed in one direction."
        )
        head = ["One measure", "The other", "From", "To", "Place by the one", "Place by the other"]
        return table(head, listing, caption=caption, numeric_from=4, class_="tall" if len(listing) > 12 else None)

    def effects(k: int) -> Markup:
        by_kind = finding_rows(measures, k)
        if not by_kind:
            return joined()
        titles = [str(title) for title in measures["title"].values]
        tables = [
            table(
                ["Of", *titles],
                [[of, *map(_in_two_lines, cells)] for of, *cells in rows],
                caption=f"{KINDS[kind].title}, by every measure as a dissimilarity: effect and 95 % interval. Signs "
                "and intervals can be compared; sizes are in units of their measure.",
                class_="tall" if len(rows) > 12 else None,
            )
            for kind, rows in by_kind.items()
        ]
        title = tag("h3", "Do the findings hold by other measures?")
        return joined(title, tag("p", describe_agreement(measures, k=k)), *tables)

    parts = (figure, ranks, per_k(story.facts.k, rows), per_k(story.facts.k, effects))
    return tag("section", tag("h2", "Measures side by side"), *parts, id="measures")


def _in_two_lines(cell: str) -> Markup:
    value, bracket, within = cell.partition("[")
    return joined(value, tag("span", f"{bracket}{within}", class_="within")) if bracket else joined(value)


def _marked(story: Story, label: str) -> Markup:
    """A step with the colour of its model."""
    model = label.rpartition("/")[0]
    marked = joined(swatch(story.colours[model]), label) if model in story.colours else joined(label)
    return tag("span", marked, class_="step")
