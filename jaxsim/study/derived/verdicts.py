"""The three claims of a study, each with a verdict in a word, the number it rests on, and its control.

| claim | question | effects it rests on |
| --- | --- | --- |
| `order` | Do the models take the same order of steps? | `alignment` of every pair of models |
| `information` | Do the models give up low-level statistics? | `information_change` of every model, all together |
| `smoothness` | Does one model change more smoothly than the others? | `smoothness_difference` of every pair |

An effect is decided where its p-value, corrected within its kind, is below 0.05. The verdict is "yes" where every
effect is decided for the claim (for the smoothness: where one model is smoother than each other one), "no" where every
effect is decided against it, "mixed" where some are decided and neither holds, and "cannot tell" where none is. That
models are equally smooth cannot be shown by a test, so the smoothness has no "no".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.study.derived.effects import Effect, effects, label_of

VERDICTS = ("yes", "no", "mixed", "cannot tell")
QUESTIONS = {
    "order": "Do the models take the same order of steps?",
    "information": "Do the models give up low-level statistics?",
    "smoothness": "Does one model change more smoothly than the others?",
}
#: Claim -> kind of the effects that it rests on.
KIND_OF = {"order": "alignment", "information": "information_change", "smoothness": "smoothness_difference"}
#: The space of all low-level statistics together, which the second claim is about where it was measured; else it is
#: about the first space that was.
ALL_STATISTICS = "all"
SURE = 0.05

#: Numbers of the headline that are those of its finding.
OF_FINDING = (
    *("value", "low", "high", "p_corrected"),
    *("control", "control_low", "control_high", "beyond", "beyond_low", "beyond_high", "shuffled"),
)
_TEXTS = ("verdict", "answer", "against_control", "role", "finding", "a", "b", "space")
_COUNTS = ("n", "n_for", "n_against", "n_beyond", "n_sign_changes")
_NO_INTERVAL = "without half-samples there is no interval"
_ABSENT = {
    "order": "there is one model alone",
    "information": "no low-level statistics were measured",
    "smoothness": "there is one model alone",
}


@dataclass(frozen=True)
class Verdict:
    """What is said of one claim.

    Attributes:
        verdict: One of `VERDICTS`.
        answer: One sentence, without its full stop.
        against_control: How the decided effects stand to those of random weights; "" where none is decided.
        role: Which of several effects the headline is, such as "the median"; "" where there is one alone.
        headline: Place of the finding whose number is shown, among the rows of the claim; None without rows.
        n: Effects of the claim.
        n_for: Those decided for it.
        n_against: Those decided against it.
        n_beyond: Those decided that are larger than with random weights, by the interval of the difference.
        n_sign_changes: Those with another sign at a smaller number of images.
    """

    verdict: str
    answer: str
    against_control: str = ""
    role: str = ""
    headline: int | None = None
    n: int = 0
    n_for: int = 0
    n_against: int = 0
    n_beyond: int = 0
    n_sign_changes: int = 0


def verdicts(findings: xr.Dataset) -> xr.Dataset:
    """The verdict on every claim, for every k.

    Args:
        findings: As `measure_findings` or `effects_alone` makes them.

    Returns:
        Dataset on (`k`, `claim`) with `question` on `claim`; the texts `verdict`, `answer` (one sentence without its
        full stop), `against_control` and `role` (which of several effects the headline is); the counts `n`, `n_for`,
        `n_against`, `n_beyond` and `n_sign_changes` of effects; and of the headline its `finding` (the name of a row of
        the findings, or ""), `a`, `b`, `space`, and `value`, `low`, `high`, `p_corrected`, `control`, `control_low`,
        `control_high`, `beyond`, `beyond_low`, `beyond_high` and `shuffled`, NaN where there are none; `least` and
        `most`, the range of the effects.
        The headline of order and information is the middle effect (of an even number the lower one); of the smoothness
        the smallest lead of the smoothest model, or without one the largest difference.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> found = verdicts(constructed_findings()).isel(k=0).sel(claim="order")
        >>> found.verdict.item(), round(found.value.item(), 3)
        ('cannot tell', 0.213)
    """
    cells = [[_cell(findings.isel(k=at), claim) for claim in QUESTIONS] for at in range(findings.sizes["k"])]
    names = cells[0][0]
    variables = {}
    for name in names:
        dtype = object if name in _TEXTS else np.int64 if name in _COUNTS else np.float64
        variables[name] = (("k", "claim"), np.array([[cell[name] for cell in row] for row in cells], dtype=dtype))
    space = cells[0][list(QUESTIONS).index("information")]["space"]
    questions = dict(QUESTIONS)
    if space not in ("", ALL_STATISTICS):
        questions["information"] = f"Do the models give up {space}?"
    coords = {
        "k": findings["k"].values,
        "claim": np.array(list(questions), dtype=object),
        "question": ("claim", np.array(list(questions.values()), dtype=object)),
    }
    return xr.Dataset(variables, coords=coords, attrs=dict(findings.attrs))


def effects_alone(results: xr.Dataset, information: xr.Dataset | None = None) -> xr.Dataset:
    """The effects of a study without half-samples, as `verdicts` takes them: values, and NaN for all that halves give.

    Args:
        results: With `imbalance`.
        information: What the steps know of other spaces; None without.

    Returns:
        Dataset on (`k`, `finding`).

    Example:
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel(m, f"s{i}", i / 4) for m in "AB" for i in range(5)]
        >>> depth = np.array([label.depth for label in labels])
        >>> found = effects_alone(label_imbalance(np.abs(depth[:, None] - depth[None]), labels))
        >>> verdicts(found).verdict.values.tolist()
        [['cannot tell', 'cannot tell', 'cannot tell']]
    """
    found = effects(results["imbalance"], information)
    names: list[Effect] = list(found)
    value = np.stack([found[name] for name in names], axis=1).astype(np.float64)
    variables: dict[str, Any] = {name: np.full(value.shape, np.nan) for name in OF_FINDING} | {"value": value}
    variables["sign_changes"] = np.zeros(value.shape, bool)
    return xr.Dataset(
        {name: (("k", "finding"), values) for name, values in variables.items()},
        coords={
            "k": np.atleast_1d(results["k"].values),
            "finding": np.array([label_of(name) for name in names], dtype=object),
            **{
                field: ("finding", np.array([getattr(name, field) for name in names], dtype=object))
                for field in ("kind", "a", "b", "space")
            },
        },
    )


def _cell(findings: xr.Dataset, claim: str) -> dict[str, Any]:
    """All that `verdicts` has of one claim at one k."""
    rows = findings.isel(finding=np.flatnonzero(findings["kind"].values == KIND_OF[claim]))
    if claim == "information":
        spaces = rows["space"].values.astype(str)
        about = ALL_STATISTICS if ALL_STATISTICS in spaces else next(iter(spaces), "")
        rows = rows.isel(finding=np.flatnonzero(spaces == about))
    found = _judged(rows, claim)
    cell = asdict(found)
    headline = cell.pop("headline")
    row = None if headline is None else rows.isel(finding=headline)
    cell |= {name: "" if row is None else str(row[name].item()) for name in ("finding", "a", "b", "space")}
    cell |= {name: np.nan if row is None else float(row[name]) for name in OF_FINDING}
    value = rows["value"].values
    defined = np.isfinite(value).any()
    return cell | {"least": np.nanmin(value) if defined else np.nan, "most": np.nanmax(value) if defined else np.nan}


def _judged(rows: xr.Dataset, claim: str) -> Verdict:
    n, value = rows.sizes["finding"], rows["value"].values
    if n == 0 or not np.isfinite(value).any():
        why = _ABSENT[claim] if n == 0 else "the effects are undefined"
        return Verdict("cannot tell", f"It cannot be told: {why}", n=n)
    sure = rows["p_corrected"].values < SURE
    up, down = int((sure & (value > 0)).sum()), int((sure & (value < 0)).sum())
    smoothest = _smoothest(rows, sure) if claim == "smoothness" else ""
    headline = _headline(rows, smoothest) if claim == "smoothness" else _middle(value)
    if claim == "smoothness":
        # A difference of either sign is one: which of the two is called a follows the order of the models.
        up, down = up + down, 0
        verdict = "yes" if smoothest else "mixed" if up else "cannot tell"
    else:
        verdict = "yes" if up == n else "no" if down == n else "mixed" if up + down else "cannot tell"
    if not np.isfinite(rows["low"].values).any():
        answer = f"It cannot be told: {_NO_INTERVAL}"
    elif claim == "smoothness":
        answer = _about_smoothness(rows, verdict, smoothest, up)
    else:
        answer = _about_direction(rows, claim, verdict, up, down)
    beyond = sure & _beyond(rows)
    return Verdict(
        verdict=verdict,
        answer=answer,
        against_control=_against_control(rows, sure, int(beyond.sum())),
        role=_role(claim, smoothest, int(np.isfinite(value).sum())) if n > 1 else "",
        headline=headline,
        n=n,
        n_for=up,
        n_against=down,
        n_beyond=int(beyond.sum()),
        n_sign_changes=int(rows["sign_changes"].values.sum()),
    )


def _middle(value: np.ndarray) -> int:
    """Place of the median, of an even number of effects of the lower one."""
    order = np.argsort(value, kind="stable")  # NaN last
    return int(order[(int(np.isfinite(value).sum()) - 1) // 2])


def _headline(rows: xr.Dataset, smoothest: str) -> int:
    """Of the smoothest model the smallest lead, else the largest difference."""
    size = np.abs(rows["value"].values)
    if not smoothest:
        return int(np.nanargmax(size))
    own = (rows["a"].values == smoothest) | (rows["b"].values == smoothest)
    return int(np.nanargmin(np.where(own, size, np.nan)))


def _role(claim: str, smoothest: str, n: int) -> str:
    """Which of several effects the headline is."""
    if claim == "smoothness":
        return "the smallest lead" if smoothest else "the largest"
    return "the smaller of the two" if n == 2 else "the median" if n % 2 else "the lower of the two in the middle"


def _smoothest(rows: xr.Dataset, sure: np.ndarray) -> str:
    """The model that changes less than each other one, decided for each; "" without one."""
    a, b, value = rows["a"].values.astype(str), rows["b"].values.astype(str), rows["value"].values
    for name in dict.fromkeys([*a.tolist(), *b.tolist()]):
        own = (a == name) | (b == name)
        less = np.where(a == name, value < 0, value > 0)
        if np.all((less & sure)[own]):
            return name
    return ""


def _beyond(rows: xr.Dataset) -> np.ndarray:
    """Whether an effect is larger than with random weights, in its own direction."""
    return np.where(rows["value"].values > 0, rows["beyond_low"].values > 0, rows["beyond_high"].values < 0)


def _against_control(rows: xr.Dataset, sure: np.ndarray, beyond: int) -> str:
    n = int(sure.sum())
    if n == 0:
        return ""
    if not np.isfinite(rows["control"].values).any():
        return "no control of random weights was run"
    if n == 1:
        return f"{'' if beyond else 'not '}by more than with random weights"
    of = "them" if n == len(sure) else f"the {n} that are decided"
    if beyond in (0, n):
        return f"{'not ' * (beyond == 0)}by more than with random weights in {'all of' if beyond else 'any of'} {of}"
    return f"by more than with random weights in {beyond} of {n if of == 'them' else of}"


def _about_direction(rows: xr.Dataset, claim: str, verdict: str, up: int, down: int) -> str:
    """The answer of a claim whose effects have a direction, with two numbers at most."""
    n, row = rows.sizes["finding"], rows.isel(finding=0)
    a, b = str(row["a"].item()), str(row["b"].item())
    if claim == "order":
        single, unit = "pair of models", "pairs of models"
        of = f"best-matching steps of {a} and {b}" if n == 1 else "best-matching steps"
        said = ("lie nearer in depth than shuffled ones", "lie farther apart in depth than shuffled ones")
        other = "farther apart"
    else:
        space = str(row["space"].item())
        what = "the image statistics" if space == ALL_STATISTICS else space
        single, unit = "model", "models"
        of = f"the last step of {a}" if n == 1 else "the last step"
        said = (f"holds less of {what} than the first", f"holds more of {what} than the first")
        other = "more"
    if verdict == "cannot tell":
        return f"It cannot be told from chance whether {of} {said[0]}"
    if verdict in ("yes", "no"):
        sentence = f"{of} {said[verdict == 'no']}"
        return f"{sentence[0].upper()}{sentence[1:]}" if n == 1 else f"In all {n} {unit}, {sentence}"
    others = "; in the others it cannot be told from chance" if up + down < n else ""
    if up and down:
        where = f"{up} {unit if up > 1 else single}"
        return f"{of[0].upper()}{of[1:]} {said[0]} in {where}, and {other} in {down}{others}"
    return f"In {up or down} of {n} {unit}, {of} {said[up == 0]}{others}"


def _about_smoothness(rows: xr.Dataset, verdict: str, smoothest: str, n_decided: int) -> str:
    n, row = rows.sizes["finding"], rows.isel(finding=0)
    a, b = str(row["a"].item()), str(row["b"].item())
    if verdict == "yes":
        other = "each other model" if n > 1 else b if smoothest == a else a
        return f"{smoothest} changes less over equal stretches of depth than {other}"
    if verdict == "mixed":
        return f"{n_decided} of {n} pairs of models differ, but no model changes less than each other one"
    who = f"{a} and {b}" if n == 1 else "any two models"
    return f"It cannot be told from chance whether {who} change differently over equal stretches of depth"
