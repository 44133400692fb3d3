"""The findings: what they must hold, the questions they answer, their figures and the rows of their tables."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report import figures
from jaxsim.report.effects import (
    by_magnitude,
    changing,
    decimals_for,
    effect,
    findings_of,
    interval,
    kinds_of,
    row_label,
)
from jaxsim.report.figures.findings import Panel
from jaxsim.report.figures.palette import ModelStyle
from jaxsim.report.finding_sentences import (
    describe_information,
    describe_labels,
    describe_order,
    describe_smoothness,
)
from jaxsim.report.finding_sizes import headlines
from jaxsim.report.markup import joined, tag
from jaxsim.report.schema import at_k, checked_dataset
from jaxsim.report.sentences import counted, percent

VARIABLES = (
    *("value", "low", "high", "p_corrected", "control", "control_low", "control_high"),
    *("beyond_low", "beyond_high", "shuffled", "shuffled_low", "shuffled_high", "by_size", "sign_changes"),
    *("kind", "a", "b", "space", "note", "size"),
)
ATTRIBUTES = ("n_splits", "n_groups", "n_samples", "seed", "level", "degrees_of_freedom")
#: Half of the images and all of them, and a quarter where those were measured.
N_SIZES = (2, 3)

Job = tuple[str, int, str, Callable[[], Axes]]


@dataclass(frozen=True)
class Question:
    """One question of the study, in the order of the page.

    Attributes:
        anchor: Name of its figures and place on the page.
        title: The question.
        kinds: Kinds of findings that answer it.
        say: The sentence for one k.
    """

    anchor: str
    title: str
    kinds: tuple[str, ...]
    say: Callable[[xr.Dataset, int | None], str]


QUESTIONS = (
    Question(
        "order", "Do models take the same steps in the same order?", ("alignment", "middle_distance"), describe_order
    ),
    Question(
        "knowledge",
        "What do they give up of the image's low-level statistics?",
        ("information_change", "information_difference"),
        describe_information,
    ),
    Question("pace", "Who changes more smoothly?", ("smoothness", "smoothness_difference"), describe_smoothness),
    Question(
        "separation", "Do they come to separate the labels?", ("label_change", "label_difference"), describe_labels
    ),
)


def checked_findings(findings: xr.Dataset | None) -> xr.Dataset | None:
    """The findings, or None where no intervals were asked for.

    Raises:
        ValueError: A variable or an attribute is missing, a kind is not known, there are other than two or three
            sizes, or a value lies outside its own interval.
    """
    checked = checked_dataset(findings, "findings", VARIABLES)
    if checked is None:
        return None
    missing = [name for name in ATTRIBUTES if name not in checked.attrs]
    if missing:
        raise ValueError(
            f"Expected the findings to carry the attributes {', '.join(ATTRIBUTES)}, but {', '.join(missing)} is "
            "missing. Pass the findings of a `jaxsim` study unchanged."
        )
    kinds_of(checked)
    if checked.sizes["size"] not in N_SIZES:
        raise ValueError(
            f"Expected effects at N/2 and N, or at N/4, N/2 and N, in `by_size`, but {checked.sizes['size']} sizes "
            f"came. "
            "Pass the findings of a `jaxsim` study unchanged."
        )
    value, slack = checked["value"].values, 1e-9
    outside = (value < checked["low"].values - slack) | (value > checked["high"].values + slack)
    if outside.any():
        name = str(checked["finding"].values[np.argwhere(outside)[0, -1]])
        raise ValueError(
            f"Expected every value inside its own interval, but that of {name!r} lies outside. An interval of another "
            "number of images says nothing about the value: measure both on all images."
        )
    return checked


def questions(findings: xr.Dataset) -> tuple[Question, ...]:
    """The questions that these findings answer."""
    there = set(kinds_of(findings))
    return tuple(question for question in QUESTIONS if set(question.kinds) & there)


def kinds_of_question(findings: xr.Dataset, question: Question) -> tuple[str, ...]:
    """The kinds that a question draws: those that are there."""
    there = set(kinds_of(findings))
    return tuple(kind for kind in question.kinds if kind in there)


def figure_names(findings: xr.Dataset, kind: str) -> list[str]:
    """Names of the figures of a kind, in order: one, or numbered where the effects need more.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> figure_names(constructed_findings(), "alignment")
        ['finding-alignment']
    """
    name, count = f"finding-{kind.replace('_', '-')}", len(figures.finding_pages(findings, kind))
    return [name] if count == 1 else [f"{name}-{place + 1}" for place in range(count)]


def finding_jobs(
    findings: xr.Dataset | None, ks: Sequence[int], styles: Mapping[str, ModelStyle] | None = None
) -> list[Job]:
    """Every figure of findings: file name, k, description for the page, how to draw it."""
    jobs: list[Job] = []
    if findings is None:
        return jobs
    for kind in kinds_of(findings):
        pages = figures.finding_pages(findings, kind)
        for name, page in zip(figure_names(findings, kind), pages, strict=True):
            for k in ks:

                def draw(kind: str = kind, page: list[Panel] = page, k: int = k) -> Axes:
                    return figures.finding_panels(findings, kind, page, k=k)[0]

                described = (
                    f"Effects with intervals, filled, above those of random weights, hollow, and those of shuffled "
                    f"images, "
                    f"crosses, the largest first: {kind}, k = {k}."
                )
                jobs.append((name, k, described, draw))
    for k in ks:
        jobs.append(
            (
                "sample-size",
                k,
                f"Line charts: effects at a quarter, half and all of the images, k = {k}.",
                lambda k=k: figures.sample_sizes(findings, headlines(findings), k=k, styles=styles)[0],
            )
        )
    return jobs


def finding_rows(findings: xr.Dataset, kind: str, k: int | None = None) -> list[list[str]]:
    """The rows of a table, the largest effect first.

    Args:
        findings: The findings of a study.
        kind: One of `KINDS`.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        For every finding: what it is of, value and interval at N (or why there is none), corrected p, both controls and
        their intervals, and the effect at N/4 and N/2, with a mark where that changes what is said.
    """
    rows = by_magnitude(findings_of(findings, kind, k=k))
    changes = changing(rows)
    listing = []
    for i in range(rows.sizes["finding"]):
        row = rows.isel(finding=i)
        p = float(row["p_corrected"])
        chance = "–" if not math.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
        sizes = [float(value) for value in row["by_size"].values[:-1]]
        decimals = decimals_for(float(row["high"] - row["low"]), *(sizes if changes[i] else []))
        smaller = ", ".join(effect(row, value, decimals) for value in sizes)
        both = (interval(row, name) for name in ("control", "shuffled"))
        listing.append([row_label(row), _measured(row), chance, *both, f"{smaller}{' ↕' if changes[i] else ''}"])
    return listing


def study_of(findings: xr.Dataset, k: int) -> str:
    """What values, intervals and p-values rest on."""
    chosen, attrs = at_k(findings, k), findings.attrs
    n = counted(chosen.sizes["finding"], "finding")
    return (
        f"{n}. Every value is that of all N = {attrs['n_samples']:,} images; [low, high] is its "
        f"{percent(attrs['level'])} interval from {attrs['n_splits']} balanced half-samples, at N = "
        f"{attrs['n_samples']:,}: what new images would change (images in {attrs['n_groups']} groups, seed "
        f"{attrs['seed']}; t with {attrs['degrees_of_freedom']:g} degrees of freedom). p by Holm's correction within a "
        "kind. Intervals are one by one: of 100 effects that are nothing, about "
        f"{100 * (1 - attrs['level']):.0f} exclude 0."
    )


def _measured(row: xr.Dataset) -> str:
    """Value and interval; where there is none, the reason in lines of its own."""
    value, note = float(row["value"]), str(row["note"].item())
    if not note or math.isfinite(float(row["low"])) or not math.isfinite(value):
        return interval(row, "value")
    return joined(effect(row, value), " ", tag("span", f"no interval: {note}", class_="why"))
