"""Measures of every step by itself, along the depth."""

from collections.abc import Sequence

import numpy as np

from jaxsim.report.chapter import Cell, Chapter, Figure, Part, Spec, Table
from jaxsim.report.charts import curve, numbers, panel
from jaxsim.report.errors import errors_of, is_sampling
from jaxsim.report.optional import described_names
from jaxsim.report.schema import at_k
from jaxsim.report.story import Story


def describe_descriptions(story: Story, k: int) -> str:
    """Where the first of the measures is largest.

    Args:
        story: What the study has.
        k: Number of neighbours.
    """
    if story.descriptions is None:
        raise ValueError("Expected steps described by themselves.")
    name = described_names(story.descriptions)[0]
    chosen = at_k(story.descriptions, k)
    title, values = _title(story, name), np.asarray(chosen[name].values, np.float64)
    title = f"{title[0].upper()}{title[1:]}"
    if not np.isfinite(values).any():
        return f"{title} is undefined for every step."
    at = int(np.nanargmax(values))
    where = f"{chosen['step_name'].values[at]} of {chosen['model'].values[at]}"
    return f"{title} is largest at {where} ({values[at]:.3g}), at depth {float(chosen['depth'].values[at]):.2f}."


def _title(story: Story, name: str) -> str:
    known = story.descriptions
    return name if known is None else str(known[name].attrs.get("long_name", name))


def _curves(story: Story, name: str, k: int) -> Spec:
    if story.descriptions is None:
        raise ValueError("Expected steps described by themselves.")
    chosen = at_k(story.descriptions, k)
    owners, errors = chosen["model"].values.astype(str), errors_of(chosen, name)
    curves = []
    for model in dict.fromkeys(owners.tolist()):
        own = owners == model
        curves.append(
            curve(
                model, chosen["depth"].values[own], chosen[name].values[own], a=story.place(model), error=errors[own],
                points=True, labels=chosen["step_name"].values[own].astype(str).tolist(),
            )
        )  # fmt: skip
    control = None if story.control is None else story.control.descriptions
    if control is not None and name in control:
        beside = at_k(control, k)
        of = beside["model"].values.astype(str)
        for model in dict.fromkeys(of.tolist()):
            x, y = beside["depth"].values[of == model], beside[name].values[of == model]
            curves.append(curve(f"{model}, random weights", x, y, a=story.place(model), twin=True))
    unit = str(story.descriptions[name].attrs.get("units", ""))
    return panel(curves, title=_title(story, name), y=unit or "value")


def _rows(story: Story, k: int) -> list[list[Cell]]:
    if story.descriptions is None:
        return []
    chosen, names = at_k(story.descriptions, k), described_names(story.descriptions)
    errors = {name: errors_of(chosen, name) for name in names}
    rows: list[list[Cell]] = []
    for at in range(chosen.sizes["step"]):
        model, step = str(chosen["model"].values[at]), str(chosen["step_name"].values[at])
        measured = [value for name in names for value in (chosen[name].values[at], errors[name][at])]
        rows.append([model, story.flags.marked(model, step), *numbers([chosen["depth"].values[at], *measured])])
    return rows


def _parts(story: Story) -> Sequence[Part]:
    known = story.descriptions
    if known is None:
        return []
    names = described_names(known)
    key = "Bands: two sampling errors." if any(is_sampling(known, name) for name in names) else ""
    twins = story.control is not None and story.control.descriptions is not None
    return [
        Figure(
            "descriptions",
            "Every step by itself",
            "Line charts, one per measure: every step by itself against relative depth, a line per model.",
            "lines",
            lambda k: {"panels": [_curves(story, name, k) for name in names]},
            lambda k: describe_descriptions(story, k),
            key=f"{key}{' Dashed: random weights.' if twins else ''}".strip(),
        ),
        Table(
            "description-steps",
            "Every step",
            ("model", "step", "depth", *(each for name in names for each in (_title(story, name), "± error"))),
            lambda k: _rows(story, k),
        ),
    ]


CHAPTER = Chapter(
    "steps-themselves", "What single steps are like", lambda story: story.descriptions is not None, _parts, half=True
)
