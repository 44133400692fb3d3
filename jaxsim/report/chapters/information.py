"""What the steps hold of the image's low-level statistics, or of other spaces, along the depth."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxsim.report.chapter import Cell, Chapter, Figure, Part, Spec, Table
from jaxsim.report.charts import curve, numbers, panel
from jaxsim.report.effects import main_space, space_title
from jaxsim.report.errors import band_note, error_word, errors_of
from jaxsim.report.limits import attainable
from jaxsim.report.schema import at_k
from jaxsim.report.story import Story
from jaxsim.wording import number


def information_curves(story: Story, space: str, k: int, *, title: str = "") -> Spec:
    """How well every step predicts one space against relative depth, all models on one axis, with their twins.

    Args:
        story: What the study has.
        space: Name of the space.
        k: Number of neighbours.
        title: Of the panel.
    """
    if story.information is None:
        raise ValueError("Expected a study of other spaces.")
    chosen = at_k(story.information, k).sel(space=space)
    owners, names = chosen["model"].values.astype(str), chosen["step_name"].values.astype(str)
    errors = errors_of(chosen, "forward")
    curves = []
    for model in dict.fromkeys(owners.tolist()):
        own = owners == model
        curves.append(
            curve(
                model, chosen["depth"].values[own], chosen["forward"].values[own], a=story.place(model),
                error=errors[own], points=True, labels=names[own].tolist(),
            )
        )  # fmt: skip
    control = None if story.control is None else story.control.information
    if control is not None and space in control["space"].values.astype(str):
        beside = at_k(control, k).sel(space=space)
        of = beside["model"].values.astype(str)
        for model in dict.fromkeys(of.tolist()):
            own = of == model
            x, y = beside["depth"].values[own], beside["forward"].values[own]
            curves.append(curve(f"{model}, random weights", x, y, a=story.place(model), twin=True))
    rules = [(1.0, "as unrelated")] if story.measure.usual else []
    if story.measure.usual:
        rules += [
            (level, "least attainable" if at == 0 else "most attainable") for at, level in enumerate(attainable(chosen))
        ]
    return panel(curves, y=story.measure.of("step", "statistic"), rules=rules, title=title)


def describe_information(story: Story, k: int) -> str:
    """Which last step holds most and which least of the statistics.

    Args:
        story: What the study has.
        k: Number of neighbours.
    """
    if story.information is None:
        raise ValueError("Expected a study of other spaces.")
    space = main_space(story.information["space"].values)
    chosen = at_k(story.information, k).sel(space=space)
    what = "the statistics together" if space == "all" else space
    owners, values, errors = chosen["model"].values.astype(str), chosen["forward"].values, errors_of(chosen, "forward")
    last = []
    for model in dict.fromkeys(owners.tolist()):
        own = np.flatnonzero((owners == model) & np.isfinite(values))
        last += [(float(values[own[-1]]), float(errors[own[-1]]), model)] if len(own) else []
    if not last:
        return f"What the steps hold of {what} is undefined: it is the same for all samples."
    most, least = min(last), max(last)
    if len(last) == 1:
        return f"The last step of {most[2]} is at {number(most[0])} to {what} (lower: it holds more)."
    ends = f"{most[2]} holds most ({number(most[0])}) and that of {least[2]} least ({number(least[0])})"
    said = f"Of {what}, the last step of {ends}"
    near = least[0] - most[0] <= 2 * (np.nan_to_num(most[1]) + np.nan_to_num(least[1]))
    return f"{said}, within two {error_word(chosen, 'forward')}s of each other." if near else f"{said}."


def drawn_spaces(information: xr.Dataset) -> list[str]:
    """The spaces that have a panel: those that are not the same for all samples; all, where none is left."""
    spaces = [str(name) for name in information["space"].values]
    return [name for name, same in zip(spaces, information["constant"].values, strict=True) if not same] or spaces


def _rows(story: Story, k: int) -> list[list[Cell]]:
    if story.information is None:
        return []
    chosen = at_k(story.information, k).transpose("step", "space", ...)
    errors = {name: errors_of(chosen, name) for name in ("forward", "backward")}
    rows: list[list[Cell]] = []
    for at in range(chosen.sizes["step"]):
        model, step = str(chosen["model"].values[at]), str(chosen["step_name"].values[at])
        measured = [
            each[at, place]
            for place in range(chosen.sizes["space"])
            for name in errors
            for each in (chosen[name].values, errors[name])
        ]
        rows.append(
            [model, story.flags.marked(model, step), *numbers([chosen["depth"].values[at]]), *numbers(measured)]
        )
    return rows


def _parts(story: Story) -> Sequence[Part]:
    known = story.information
    if known is None:
        return []
    drawn = drawn_spaces(known)
    constant = [str(name) for name in known["space"].values if str(name) not in drawn]
    of = story.measure.of
    key = "Low: the step holds it."
    if story.measure.usual:
        key += " Dotted: as unrelated to it, and the least that any step can reach."
    twins = story.control is not None and story.control.information is not None
    key += f" {band_note(known, 'forward')}" + (" Dashed: random weights." if twins else "")
    key += f" The same for all samples, and so left out: {', '.join(constant)}." if constant else ""
    pairs = [(of(*ends)) for name in known["space"].values.astype(str) for ends in (("step", name), (name, "step"))]
    columns = [each for name in pairs for each in (name, "± error")]
    return [
        Figure(
            "information",
            "How much of each statistic a step holds",
            "Line charts, one per statistic: how well every step predicts it against relative depth, a line per model.",
            "lines",
            lambda k: {"panels": [information_curves(story, name, k, title=space_title(name)) for name in drawn]},
            lambda k: describe_information(story, k),
            key=key,
        ),
        Table(
            "information-steps",
            "Every step and statistic, both directions",
            ("model", "step", "depth", *columns),
            lambda k: _rows(story, k),
        ),
    ]


CHAPTER = Chapter("statistics", "What the steps hold of the image", lambda story: story.information is not None, _parts)
