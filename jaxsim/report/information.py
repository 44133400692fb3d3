"""What the steps know of other spaces, in plain sentences and in the rows of tables."""

import math

import numpy as np
import xarray as xr

from jaxsim.report.errors import error_word, errors_of
from jaxsim.report.figures.information import attainable
from jaxsim.report.schema import at_k
from jaxsim.report.sentences import listed, number, with_error


def main_space(information: xr.Dataset) -> str:
    """The space that the sentences speak of: all statistics together where there are such, else the first."""
    names = [str(name) for name in information["space"].values]
    return "all" if "all" in names else names[0]


def informative_ends(chosen: xr.Dataset, model: str, variable: str = "forward") -> tuple[int, int] | None:
    """First and last step of a model that has a value in any space or label; None where it has none.

    Args:
        chosen: Dataset along `step` at one k.
        model: Name of the model.
        variable: The variable that has values.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_information
        >>> results = constructed_study(constant=("vit/embeddings",))[0]
        >>> informative_ends(constructed_information(results).isel(k=0), "vit")
        (1, 5)
    """
    values = chosen[variable].transpose("step", ...).values.reshape(chosen.sizes["step"], -1)
    own = np.flatnonzero((chosen["model"].values.astype(str) == model) & np.isfinite(values).any(axis=1))
    return (int(own[0]), int(own[-1])) if len(own) else None


def describe_information(information: xr.Dataset, *, k: int | None = None, findings: xr.Dataset | None = None) -> str:
    """How much of the statistics the first and the last step of every model hold, and which last step holds most.

    Args:
        information: Information dataset of a study.
        k: Number of neighbours, one of the study's. Default: its first.
        findings: The findings of the study; whether a change and a difference can be told from chance is taken from
        their
            intervals, so that the page says one thing about it.
    """
    space = main_space(information)
    chosen = at_k(information, k)
    values, errors = (each[:, list(chosen["space"].values).index(space)] for each in _forward(chosen))
    what = "the low-level statistics together" if space == "all" else space
    if not np.isfinite(values).any():
        return f"What the steps know of {what} is undefined: it is the same for all images."
    said, last = [], []
    for name in dict.fromkeys(chosen["model"].values.astype(str).tolist()):
        ends = informative_ends(chosen, name)
        if ends is None:
            said.append(f"{name} has no step that tells images apart")
            continue
        first, final = ends
        last.append((float(values[final]), float(errors[final]), name))
        shown = " to ".join(with_error(float(values[at]), float(errors[at])) for at in dict.fromkeys(ends))
        change, bound = values[final] - values[first], 2 * (errors[first] + errors[final])
        there = _interval(findings, "information_change", name, "", space, k)
        if first == final:
            said.append(f"{name} has one step ({shown})")
            continue
        told = bool(there[0] > 0 or there[1] < 0) if there is not None else bool(abs(change) > bound)
        if told:
            said.append(f"{name} {'loses' if change > 0 else 'gains'} from its first step to its last ({shown})")
        else:
            why = "the interval of the change holds 0" if there is not None else f"within two {_word(chosen)}s, a bound"
            said.append(f"{name} neither gains nor loses as far as can be told ({shown}; {why})")
    sentence = f"Of {what} (Δ from step to statistics; lower: the step holds more), {listed(said)}."
    if len(last) < 2:
        return sentence
    most, least = min(last), max(last)
    sentence += f" Among the last steps, that of {most[2]} holds most and that of {least[2]} least"
    there = _interval(findings, "information_difference", most[2], least[2], space, k)
    if there is not None:
        return (
            f"{sentence}; the interval of their difference {'excludes' if there[0] > 0 or there[1] < 0 else 'holds'} 0."
        )
    far = least[0] - most[0] > 2 * (most[1] + least[1])
    return f"{sentence}{'' if far else f', within two {_word(chosen)}s (a bound) of each other'}."


def describe_spaces(information: xr.Dataset, *, k: int | None = None) -> str:
    """Which space the last step of every model holds best, and how many spaces it does not hold at all."""
    chosen = at_k(information, k)
    values, errors = _forward(chosen)
    spaces, constant = chosen["space"].values.astype(str), chosen["constant"].values.astype(bool)
    parts = np.flatnonzero((spaces != "all") & ~constant)
    said = []
    for name in dict.fromkeys(chosen["model"].values.astype(str).tolist()):
        ends = informative_ends(chosen, name)
        if ends is None or not len(parts):
            continue
        value, error = values[ends[1], parts], errors[ends[1], parts]
        best = int(np.nanargmin(value))
        nothing = int((value + 2 * error >= 1).sum())
        tail = f", {nothing} of {len(parts)} not at all within two {_word(chosen)}s" if nothing else ""
        said.append(
            f"{name} holds {spaces[parts[best]]} best ({with_error(float(value[best]), float(error[best]))}){tail}"
        )
    sentence = f"In its last step, {listed(said)}." if said else ""
    if constant.any():
        sentence += f" Not measured, because the same for all images: {listed(spaces[constant].tolist())}."
    tied = [str(name) for name in spaces if len(attainable(chosen.sel(space=name))) > 1]
    if tied:
        sentence += (
            f" Because of ties, Δ to {listed(tied)} cannot reach the floor (k + 1) / N: the dotted lines are the "
            f"least and "
            "the largest value that any step could have."
        )
    return sentence.strip()


def information_rows(information: xr.Dataset, steps: list[int], k: int | None = None) -> list[list[str]]:
    """Value and error of every space for some steps: cells of a table, without its headings.

    Args:
        information: Information dataset of a study.
        steps: Places of the steps.
        k: Number of neighbours, one of the study's. Default: its first.
    """
    values, errors = _forward(at_k(information, k))
    return [
        [
            with_error(float(v), float(e)) if math.isfinite(v) else "–"
            for v, e in zip(values[at], errors[at], strict=True)
        ]
        for at in steps
    ]


def limit_rows(information: xr.Dataset, k: int | None = None) -> list[list[str]]:
    """Least and largest value that any step could have in every space: two rows of cells, or one of floors alone."""
    chosen = at_k(information, k)
    limits = [attainable(chosen.isel(space=place)) for place in range(chosen.sizes["space"])]
    rows = [[number(each[0]) for each in limits]]
    if any(len(each) > 1 for each in limits):
        rows.append([number(each[1]) if len(each) > 1 else "–" for each in limits])
    return rows


def _forward(chosen: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Delta(step -> space) and its error, `[n_steps, n_spaces]`."""
    ordered = chosen.transpose("step", "space", ...)
    return ordered["forward"].values, errors_of(ordered, "forward")


def _word(chosen: xr.Dataset) -> str:
    return error_word(chosen, "forward")


def _interval(
    findings: xr.Dataset | None, kind: str, a: str, b: str, space: str, k: int | None
) -> tuple[float, float] | None:
    """Ends of the interval of one finding, of two models in either order; None where the study has none."""
    if findings is None:
        return None
    chosen = at_k(findings, k)
    fields = (chosen[name].values.astype(str).tolist() for name in ("kind", "a", "b", "space"))
    for place, (of_kind, *models, of_space) in enumerate(zip(*fields, strict=True)):
        if of_kind == kind and of_space == space and set(models) == {a, b}:
            low, high = float(chosen["low"].values[place]), float(chosen["high"].values[place])
            return (low, high) if math.isfinite(low) and math.isfinite(high) else None
    return None
