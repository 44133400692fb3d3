"""Plain sentences that state what the numbers of a figure say, and no more.

Rules they keep: two values count as different only when they are more than two errors apart, or, where the study has
the interval of their difference, when that excludes 0; every sentence says which error it means; the error of a mean
over cells is bounded by the mean of the cells' errors, since all cells share the same images; an extreme among many
cells is named as such; steps that are the same for all images count nowhere; nothing is explained.
"""

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxsim.report.errors import error_word, errors_of
from jaxsim.report.schema import at_k, indistinguishable, model_names, steps_of


def number(value: float) -> str:
    """A value of the imbalance with three decimals, or two significant digits when it is smaller.

    Example:
        >>> number(0.41234), number(0.00042), number(float("nan"))
        ('0.412', '0.00042', 'undefined')
    """
    if not math.isfinite(value):
        return "undefined"
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def with_error(value: float, error: float) -> str:
    """A value and its error, to the error's first digit and at least three decimals.

    Example:
        >>> print(with_error(0.41234, 0.0062), with_error(0.00213, 0.00004), sep="; ")
        0.412 ± 0.006; 0.00213 ± 0.00004
    """
    if not (math.isfinite(value) and math.isfinite(error)):
        return number(value)
    decimals = max(3, math.ceil(-math.log10(error))) if error > 0 else 3
    return f"{value:.{decimals}f}\u00a0±\u00a0{error:.{decimals}f}" if error > 0 else number(value)


def percent(share: float) -> str:
    """A share in whole percent.

    Example:
        >>> percent(0.95) == "95\u00a0%"
        True
    """
    return f"{100 * share:.0f}\u00a0%"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """`1 step`, `3 steps`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def describe_direction(results: xr.Dataset, a: str, b: str, *, k: int | None = None) -> str:
    """Mean level of a pair in both directions, and whether one direction is lower beyond its error."""
    forward, forward_error, _ = _block(results, a, b, k)
    backward, backward_error, _ = _block(results, b, a, k)
    means = _mean(forward), _mean(backward)
    if not all(map(math.isfinite, means)):
        return f"Δ between {a} and {b} is undefined for every pair of steps in at least one direction."
    bound = 2 * (_mean(forward_error) + _mean(backward_error))
    level = (
        f"Averaged over the {counted(int(np.isfinite(forward).sum()), 'step pair')}, Δ({a} → {b}) is "
        f"{number(means[0])} and "
        f"Δ({b} → {a}) is {number(means[1])}"
    )
    if not abs(means[0] - means[1]) > bound:
        word = error_word(results, "imbalance")
        return f"{level}; the two do not differ by more than two {word}s (a bound), so no direction stands out."
    better, worse = (a, b) if means[0] < means[1] else (b, a)
    return f"{level}: neighbours in {better} say more about {worse} than the reverse."


def describe_pair(results: xr.Dataset, source: str, target: str, *, k: int | None = None) -> str:
    """What the heat map of one ordered pair shows: its smallest cell, and the cells like independent ones."""
    value, error, cell = _block(results, source, target, k)
    count = int(np.isfinite(value).sum())
    if count == 0:
        return f"Δ({source} → {target}) is undefined for every pair of steps."
    row, column = np.unravel_index(np.nanargmin(value), value.shape)
    source_step, target_step = cell["source_step"].values[row], cell["target_step"].values[column]
    selected = f", the smallest of {count:,} and so a little too small by selection" if count > 10 else ""
    return (
        f"{source_step} predicts {target_step} best "
        f"({with_error(float(value[row, column]), float(error[row, column]))}"
        f"{selected}). {_independence(value, cell['standard_error'].values)}"
    )


def describe_within(results: xr.Dataset, model: str, *, k: int | None = None) -> str:
    """What the heat map of one model against itself shows: its first against its last step."""
    value, error, cell = _block(results, model, model, k)
    informative = np.flatnonzero(np.isfinite(np.diagonal(value)))
    if len(informative) < 2:
        telling = " that tells images apart" if len(value) > 1 else ""
        return f"{model} has {counted(len(informative), 'step')}{telling}, so there is nothing to compare within it."
    first, last = int(informative[0]), int(informative[-1])
    start, stop = (str(cell["source_step"].values[place]) for place in (first, last))
    there, back = float(value[first, last]), float(value[last, first])
    errors = float(error[first, last]), float(error[last, first])
    bound = 2 * (errors[0] + errors[1])
    which = "first" if first == 0 else "first informative"
    opening = (
        f"From its {which} step ({start}) to its last ({stop}) {model} has {with_error(there, errors[0])}, and back "
        f"{with_error(back, errors[1])}: "
    )
    if not abs(there - back) > bound:
        return f"{opening}the two do not differ by more than two {error_word(results, 'imbalance')}s (a bound)."
    better, worse = ("last", "first") if back < there else ("first", "last")
    return f"{opening}the {better} step predicts the {worse} better than the reverse."


def describe_overview(results: xr.Dataset, *, k: int | None = None) -> str:
    """Which two models are closest and which farthest on average over their steps."""
    names = model_names(results)
    if len(names) == 1:
        return f"All {counted(len(steps_of(results, names[0])), 'step')} of {names[0]} against each other."
    pairs = []
    for place, a in enumerate(names):
        for b in names[place + 1 :]:
            there, there_error, _ = _block(results, a, b, k)
            back, back_error, _ = _block(results, b, a, k)
            error = (_mean(there_error) + _mean(back_error)) / 2
            pairs.append(((_mean(there) + _mean(back)) / 2, error, f"{a} and {b}"))
    pairs = [pair for pair in pairs if math.isfinite(pair[0])]
    if not pairs:
        return "No value between two models is defined."
    if len(pairs) == 1:
        return (
            f"Averaged over all their step pairs and both directions, {pairs[0][2]} are at "
            f"{number(pairs[0][0])} "
            "(0 would be: every step predicts every other; 1: as if independent)."
        )
    near, far = min(pairs), max(pairs)
    sentence = (
        f"Averaged over all step pairs and both directions, {near[2]} are closest ({number(near[0])}) and "
        f"{far[2]} farthest apart ({number(far[0])}) of the {counted(len(pairs), 'pair')} of models"
    )
    if far[0] - near[0] <= 2 * (near[1] + far[1]):
        word = error_word(results, "imbalance")
        return f"{sentence}; the difference is within two {word}s (a bound), so the order is uncertain."
    return f"{sentence}."


def describe_smoothness(smoothness: xr.Dataset, *, k: int | None = None) -> str:
    """How much the models change per step, where the largest change is, and why step counts matter."""
    chosen = at_k(smoothness, k)
    change_model, changes = chosen["model"].values.astype(str), chosen["mean"].values
    errors, of_means = errors_of(chosen, "mean"), errors_of(chosen, "mean_change")
    rows = []
    for place, name in enumerate(chosen["model_name"].values.astype(str)):
        mean, own = float(chosen["mean_change"].values[place]), (change_model == name) & np.isfinite(changes)
        if math.isfinite(mean):
            error = float(of_means[place])
            rows.append((mean, name, int(own.sum()), error if math.isfinite(error) else _mean(errors[own])))
    if not rows:
        return "No model has two consecutive steps, so there is no change to show."
    if len(rows) == 1:
        mean, name, count, _ = rows[0]
        return f"{name} changes by {number(mean)} on average over {counted(count, 'change')}. {_largest(chosen, name)}"
    least, most = min(rows), max(rows)
    fewest, highest = min(count for *_, count, _ in rows), max(count for *_, count, _ in rows)
    sentence = (
        f"Per step, {least[1]} changes least (mean {number(least[0])} over {counted(least[2], 'change')}) "
        f"and {most[1]} most ({number(most[0])} over {counted(most[2], 'change')})"
    )
    close = not most[0] - least[0] > 2 * (least[3] + most[3])
    word = error_word(chosen, "mean_change" if np.isfinite(of_means).any() else "mean")
    sentence += f", within two {word}s (a bound) of each other." if close else "."
    if fewest < highest:
        sentence += (
            f" The models have {fewest} to {highest} changes, and more steps look smoother for that reason alone: "
            "compare models by the fixed-step profile below."
        )
    return f"{sentence} {_largest(chosen, most[1])}"


def describe_fixed_step(smoothness: xr.Dataset, *, k: int | None = None, findings: xr.Dataset | None = None) -> str:
    """Mean change over equal stretches of depth, where it is defined for every model.

    Args:
        smoothness: Smoothness dataset of a study.
        k: Number of neighbours, one of the study's. Default: its first.
        findings: The findings of the study; the interval of a difference is taken from them.
    """
    chosen = at_k(smoothness, k)
    values, errors = chosen["fixed_step"].values, errors_of(chosen, "fixed_step")
    defined = np.isfinite(values).all(axis=0)
    if not defined.any():
        return "The fixed-step change is not defined at any depth that all models share."
    t, h = chosen["t"].values[defined], float(chosen["fixed_step"].attrs.get("h", np.nan))
    reach = f"from t = {t[0]:.2f} to {t[-1]:.2f}"
    step = f"Over a stretch of {h:.3g} of the relative depth" if math.isfinite(h) else "Over equal stretches of depth"
    means = values[:, defined].mean(axis=1)
    bounds = np.nan_to_num(errors[:, defined]).mean(axis=1)
    names = chosen["model_name"].values.astype(str)
    if len(names) == 1:
        return f"{step} ({reach}), {names[0]} changes by {number(float(means[0]))} on average."
    least, most = int(means.argmin()), int(means.argmax())
    sentence = (
        f"{step} (averaged {reach}), {names[least]} changes least ({number(float(means[least]))}) and "
        f"{names[most]} most ({number(float(means[most]))})"
    )
    tested = _difference(findings, str(names[least]), str(names[most]), k)
    if tested:
        return f"{sentence}; {tested}"
    word = error_word(chosen, "fixed_step")
    if means[most] - means[least] <= 2 * (bounds[least] + bounds[most]):
        return f"{sentence}; the two are within two {word}s (a bound) of each other."
    return f"{sentence}; they differ by more than two {word}s (a bound)."


def _difference(findings: xr.Dataset | None, least: str, most: str, k: int | None) -> str:
    """Value and interval of how much less one model changes than another; empty where the study has none."""
    if findings is None:
        return ""
    chosen = at_k(findings, k)
    for place in np.flatnonzero(chosen["kind"].values == "smoothness_difference"):
        row = chosen.isel(finding=place)
        a, b = str(row["a"].item()), str(row["b"].item())
        low, high = float(row["low"]), float(row["high"])
        if {a, b} == {least, most} and math.isfinite(low) and math.isfinite(high):
            sign = 1 if a == most else -1
            low, high = sorted((sign * low, sign * high))
            told = "excludes" if low > 0 or high < 0 else "holds"
            ends = f"{sign * float(row['value']):.3f} [{low:.3f}, {high:.3f}]".replace("-", "\u2212")
            return f"the interval of the difference, {ends}, {told} 0."
    return ""


def _block(results: xr.Dataset, source: str, target: str, k: int | None) -> tuple[np.ndarray, np.ndarray, xr.Dataset]:
    chosen = at_k(results, k)
    cell = chosen.isel(source=steps_of(results, source), target=steps_of(results, target, "target"))
    return cell["imbalance"].values, errors_of(cell, "imbalance"), cell


def _independence(value: np.ndarray, error: np.ndarray) -> str:
    like = int(indistinguishable(value, error).sum())
    beyond = int((value - 1 > 2 * error).sum())
    count = int(np.isfinite(value).sum())
    if like == 0 and beyond == 0:
        return "No cell is within two query-row errors of 1."
    parts = []
    if like:
        share = "All cells are" if like == count else f"{counted(like, 'cell')} of {count:,} {_are(like)}"
        parts.append(f"{share} not distinguishable from independent (within two query-row errors of 1).")
    if beyond:
        parts.append(f"{counted(beyond, 'cell')} {_are(beyond)} above 1 by more than two query-row errors.")
    return " ".join(parts)


def _largest(chosen: xr.Dataset, model: str) -> str:
    own = chosen.isel(change=chosen["model"].values.astype(str) == model)
    place = int(np.nanargmax(own["mean"].values))
    marked = bool(own["marked"].values[place])
    return (
        f"The largest change of {model} is from {own['step_from'].values[place]} to "
        f"{own['step_to'].values[place]} "
        f"({with_error(float(own['mean'].values[place]), float(own['mean_se'].values[place]))})"
        + (", where its resolution or width changes." if marked else ".")
    )


def _mean(values: np.ndarray) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else math.nan


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
