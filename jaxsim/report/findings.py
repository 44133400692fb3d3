"""The findings: what they must hold, their figures, and what the numbers do and do not support, in plain sentences."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report import figures
from jaxsim.report.figures.findings import findings_of, row_label
from jaxsim.report.further import main_space
from jaxsim.report.schema import at_k, checked_dataset
from jaxsim.report.sentences import counted, listed

VARIABLES = (
    *("estimate", "low", "high", "p_corrected", "control", "control_low", "control_high"),
    *("beyond_low", "beyond_high", "shuffled", "shuffled_low", "shuffled_high", "kind", "a", "b", "space"),
)
CONTROLS = {"control": "random weights", "shuffled": "shuffled images"}
SURE = 0.05
MOST_SAID = 4
"""Models or pairs that a sentence names; of more it gives counts and the extremes."""

ORDER = (
    "best-matching steps lie nearer in depth than shuffled ones",
    "best-matching steps lie farther apart in depth than shuffled ones",
)

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


def checked_findings(findings: xr.Dataset | None) -> xr.Dataset | None:
    """The findings, or None where no intervals were asked for.

    Raises:
        ValueError: A variable is missing.
    """
    return checked_dataset(findings, "findings", VARIABLES)


def questions(findings: xr.Dataset) -> tuple[Question, ...]:
    """The questions that these findings answer."""
    there = set(findings["kind"].values.astype(str).tolist())
    return tuple(question for question in QUESTIONS if set(question.kinds) & there)


def finding_jobs(findings: xr.Dataset | None, ks: Sequence[int]) -> list[Job]:
    """Every figure of findings: file name, k, description for the page, how to draw it."""
    jobs: list[Job] = []
    if findings is None:
        return jobs
    for question in questions(findings):
        for kind in figures_of(findings, question):
            for k in ks:
                jobs.append(
                    (
                        f"finding-{kind.replace('_', '-')}",
                        k,
                        f"Effects with intervals, filled, above those of random weights, hollow, and those of shuffled "
                        f"images, crosses: {kind}, k = {k}.",
                        lambda kind=kind, k=k: figures.finding_effects(findings, kind, k=k),
                    )
                )
    return jobs


def figures_of(findings: xr.Dataset, question: Question) -> tuple[str, ...]:
    """The kinds that a question draws: those that are there."""
    there = set(findings["kind"].values.astype(str).tolist())
    return tuple(kind for kind in question.kinds if kind in there)


def describe_order(findings: xr.Dataset, k: int | None = None) -> str:
    """Whether best-matching steps lie at similar depth, and how far apart models are half way."""
    rows = findings_of(findings, "alignment", k=k)
    said = _verdict(rows, "pair of models|pairs of models", *ORDER)
    middle = findings_of(findings, "middle_distance", k=k)
    spread = _range(middle, "estimate", "Half way through, models are at Δ = {} of each other (1: unrelated)")
    return f"{said} {spread}{_control_ranges(middle)}."


def describe_information(findings: xr.Dataset, k: int | None = None) -> str:
    """Which models give up the image statistics, and which last steps hold more than others."""
    space = main_space(findings)
    rows = findings_of(findings, "information_change", space=space, k=k)
    what = "the image statistics together" if space == "all" else space
    less, more = (f"the last step holds {word} of {what} than the first" for word in ("less", "more"))
    said = _verdict(rows, "model", less, more)
    if "information_difference" not in findings["kind"].values:
        return said
    pairs = findings_of(findings, "information_difference", space=space, k=k)
    sure = pairs.isel(finding=_sure(pairs))
    if not sure.sizes["finding"]:
        return f"{said} The last steps of no two models differ beyond chance in what they hold of it."
    named = []
    for i in _largest(sure):
        a, b = str(sure["a"].values[i]), str(sure["b"].values[i])
        more, less = (b, a) if sure["estimate"].values[i] > 0 else (a, b)
        named.append(f"that of {more} holds more than that of {less} ({_by(sure.isel(finding=i), len(pairs.finding))})")
    ending = _ending(listed(named), sure.sizes["finding"])
    if pairs.sizes["finding"] == 1:
        return f"{said} Of the last steps, {ending}."
    count = f"{sure.sizes['finding']} of {pairs.sizes['finding']} pairs"
    return f"{said} The last steps differ in {count} of models: {ending}{_control_verdict(sure)}."


def describe_smoothness(findings: xr.Dataset, k: int | None = None) -> str:
    """Which models change less over equal stretches of depth than others."""
    each = findings_of(findings, "smoothness", k=k)
    if "smoothness_difference" not in findings["kind"].values:
        return f"{_range(each, 'estimate', 'Over equal stretches of depth the model changes by Δ = {}')}."
    rows = findings_of(findings, "smoothness_difference", k=k)
    sure = rows.isel(finding=_sure(rows))
    if not sure.sizes["finding"]:
        return "No two models differ beyond chance in how much they change over equal stretches of depth."
    named = []
    for i in _largest(sure):
        a, b = str(sure["a"].values[i]), str(sure["b"].values[i])
        smoother, other = (a, b) if sure["estimate"].values[i] < 0 else (b, a)
        named.append(f"{smoother} changes less than {other} ({_by(sure.isel(finding=i), len(rows.finding))})")
    beyond = int(_beyond(sure).sum())
    control = ""
    if np.isfinite(rows["control"].values).any():
        n = sure.sizes["finding"]
        if n == 1:
            control = f" It is {'' if beyond else 'not '}larger than with random weights."
        else:
            control = (
                f" Of these {n} differences, {beyond} {'is' if beyond == 1 else 'are'} larger than with random weights."
            )
    ending = _ending(listed(named), sure.sizes["finding"])
    if rows.sizes["finding"] == 1:
        return f"Over equal stretches of depth, {ending}.{control}"
    count = f"{sure.sizes['finding']} of {rows.sizes['finding']} pairs"
    return f"Over equal stretches of depth, {count} of models differ: {ending}.{control}"


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
)


def finding_rows(findings: xr.Dataset, kind: str, k: int | None = None) -> list[list[str]]:
    """The rows of a table: what, effect and interval, corrected p, both controls and their intervals."""
    rows = findings_of(findings, kind, k=k)
    listing = []
    for i in range(rows.sizes["finding"]):
        row = rows.isel(finding=i)
        p = float(row["p_corrected"])
        chance = "–" if not math.isfinite(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"
        listing.append([row_label(row), *(_interval(row, name) for name in ("estimate", "control", "shuffled"))])
        listing[-1].insert(2, chance)
    return listing


def _verdict(rows: xr.Dataset, unit: str, positive: str, negative: str) -> str:
    """In how many cases the effect is there, in how many it is the other way, and what the control does."""
    n, sure = rows.sizes["finding"], _sure(rows)
    up, down = (rows.isel(finding=sure & (np.sign(rows["estimate"].values) == sign)) for sign in (1, -1))
    if n == 1:
        shown = f"{_who(rows.isel(finding=0))}: {_interval(rows.isel(finding=0), 'estimate')}{_beside(rows)}"
        if not sure[0]:
            return f"It cannot be told from chance whether {positive} ({shown})."
        said = positive if up.sizes["finding"] else negative
        return f"{said[0].upper()}{said[1:]} ({shown}){_control_verdict(rows)}."
    said = [f"in {up.sizes['finding']} of {counted(n, *unit.split('|'))} {positive}"]
    if down.sizes["finding"]:
        said.append(f"in {down.sizes['finding']} {negative}")
    if n <= MOST_SAID:
        each = [rows.isel(finding=i) for i in range(n)]
        shown = listed([f"{_who(row)} {_interval(row, 'estimate')}" for row in each])
    else:
        shown = _span(rows["estimate"].values)
    told = listed(said)
    return f"{told[0].upper()}{told[1:]} ({shown}{_beside(rows)}){_control_verdict(up)}."


def _control_verdict(rows: xr.Dataset) -> str:
    """Of effects that are there: how many are larger than with random weights."""
    n = rows.sizes["finding"]
    if n == 0:
        return ""
    if not np.isfinite(rows["control"].values).any():
        return "; no control of random weights was run"
    beyond = int(_beyond(rows).sum())
    if n == 1:
        return f", {'' if beyond else 'but not '}by more than with random weights"
    return f"; {beyond} of these {n} by more than with random weights"


def _sure(rows: xr.Dataset) -> np.ndarray:
    return rows["p_corrected"].values < SURE


def _beyond(rows: xr.Dataset) -> np.ndarray:
    """Whether the effect is larger than its control, in its own direction, by the paired interval."""
    up = rows["estimate"].values > 0
    return np.where(up, rows["beyond_low"].values > 0, rows["beyond_high"].values < 0)


def _largest(rows: xr.Dataset) -> list[int]:
    order = np.argsort(-np.abs(rows["estimate"].values), kind="stable")
    return [int(i) for i in order[:MOST_SAID]]


def _ending(said: str, n: int) -> str:
    return said if n <= MOST_SAID else f"{said}; and {n - MOST_SAID} more"


def _beside(rows: xr.Dataset, sign: int = 1) -> str:
    """What the controls are, or from what to what."""
    values = {words: sign * rows[name].values.reshape(-1) for name, words in CONTROLS.items()}
    return "".join(f"; {words} {_span(each)}" for words, each in values.items() if np.isfinite(each).any())


def _by(row: xr.Dataset, n: int) -> str:
    """A difference whose direction the words around it say; with its controls where it is the only one."""
    sign = 1 if float(row["estimate"]) > 0 else -1
    low, high = sorted(sign * float(row[name]) for name in ("low", "high"))
    return f"by {abs(float(row['estimate'])):.3f} [{low:.3f}, {high:.3f}]{_beside(row, sign) if n == 1 else ''}"


def _who(row: xr.Dataset) -> str:
    """The model or the pair."""
    return ", ".join(name for name in (str(row["a"].item()), str(row["b"].item())) if name)


def _span(values: np.ndarray) -> str:
    low, high = _signed(float(np.nanmin(values))), _signed(float(np.nanmax(values)))
    return low if low == high else f"{low} to {high}"


def _interval(row: xr.Dataset, name: str) -> str:
    middle, prefix = float(row[name]), "" if name == "estimate" else f"{name}_"
    if not math.isfinite(middle):
        return "–" if prefix else "undefined"
    return f"{_signed(middle)} [{_signed(float(row[f'{prefix}low']))}, {_signed(float(row[f'{prefix}high']))}]"


def _signed(value: float) -> str:
    """Three decimals with a sign of typographic length."""
    return f"{value:+.3f}".replace("-", "\u2212")


def _range(rows: xr.Dataset, name: str, words: str) -> str:
    values = rows[name].values
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return words.format(f"{low:.3f}" if f"{low:.3f}" == f"{high:.3f}" else f"{low:.3f} to {high:.3f}")


def _control_ranges(rows: xr.Dataset) -> str:
    there = {name: words for name, words in CONTROLS.items() if np.isfinite(rows[name].values).any()}
    return "".join(_range(rows, name, f", with {words} at {{}}") for name, words in there.items())


def study_of(findings: xr.Dataset, k: int) -> str:
    """What the intervals rest on."""
    chosen, attrs = at_k(findings, k), findings.attrs
    n = counted(chosen.sizes["finding"], "finding")
    return (
        f"{n}; intervals at {attrs['level']:.0%} and tests from {attrs['n_subsets']} disjoint subsets of "
        f"{attrs['n_samples']:,} images (seed {attrs['seed']}), Δ being that of so many; p by Holm's correction within "
        "a kind."
    )
