"""How smoothly models change: over equal stretches of depth, and from step to step."""

import math
from collections.abc import Sequence

import numpy as np

from jaxsim.report.chapter import Cell, Chapter, Figure, Part, Row, Spec, Table
from jaxsim.report.charts import curve, numbers, panel
from jaxsim.report.errors import band_note, error_word, errors_of
from jaxsim.report.schema import at_k
from jaxsim.report.story import Story
from jaxsim.wording import number


def stretches_drawn(story: Story) -> np.ndarray:
    """The relative depths that some model has a change over an equal stretch from.

    Args:
        story: What the study has.
    """
    values = story.smoothness["fixed_step"].transpose("t", ...).values
    return story.smoothness["t"].values[np.isfinite(values).any(axis=tuple(range(1, values.ndim)))]


def stretch_curves(story: Story, k: int) -> Spec:
    """Change from depth t to t + h against t, all models on one axis, with their twins.

    Args:
        story: What the study has.
        k: Number of neighbours.
    """
    chosen = at_k(story.smoothness, k)
    t, errors = chosen["t"].values, errors_of(chosen, "fixed_step")
    lone = len(stretches_drawn(story)) < 2
    curves = [
        curve(name, t, chosen["fixed_step"].values[at], a=story.place(name), error=errors[at], points=lone)
        for at, name in enumerate(chosen["model_name"].values.astype(str).tolist())
    ]
    if story.control is not None:
        beside = at_k(story.control.smoothness, k)
        for at, name in enumerate(beside["model_name"].values.astype(str).tolist()):
            values = beside["fixed_step"].values[at]
            curves.append(curve(f"{name}, random weights", beside["t"].values, values, a=story.place(name), twin=True))
    return panel(curves, x="relative depth t", y=f"{_mean(story)}, t and t + {_h(story)}")


def describe_stretches(story: Story, k: int) -> str:
    """Which model changes least and which most over equal stretches of depth.

    Args:
        story: What the study has.
        k: Number of neighbours.
    """
    chosen = at_k(story.smoothness, k)
    values, errors = chosen["fixed_step"].values, errors_of(chosen, "fixed_step")
    defined = np.isfinite(values).all(axis=0)
    if not defined.any():
        return "The change over equal stretches is not defined at any depth that all models share."
    means, bounds = values[:, defined].mean(axis=1), np.nan_to_num(errors[:, defined]).mean(axis=1)
    names = chosen["model_name"].values.astype(str)
    if len(names) == 1:
        return (
            f"Over a stretch of {_h(story)} of the depth, {names[0]} changes by {number(float(means[0]))} on average"
            f"{_both(story)}."
        )
    least, most = int(means.argmin()), int(means.argmax())
    ends = number(float(means[least])), number(float(means[most]))
    said = f"{names[least]} changes least ({ends[0]}) and {names[most]} most ({ends[1]}){_both(story)}"
    near = means[most] - means[least] <= 2 * (bounds[least] + bounds[most])
    return f"{said}, within two {error_word(chosen, 'fixed_step')}s of each other." if near else f"{said}."


def describe_changes(story: Story, k: int) -> str:
    """Where the largest change from one step to the next is.

    Args:
        story: What the study has.
        k: Number of neighbours.
    """
    chosen = at_k(story.smoothness, k)
    values = chosen["mean"].values
    if not np.isfinite(values).any():
        return "No model has two consecutive steps, so there is no change to show."
    at = int(np.nanargmax(values))
    model, start, stop = (str(chosen[name].values[at]) for name in ("model", "step_from", "step_to"))
    where = ", where resolution or width changes" if bool(chosen["marked"].values[at]) else ""
    size = f"{number(float(values[at]))}{_both(story)}"
    return f"The largest change is that of {model} between {start} and {stop}, {size}{where}."


def _changes(story: Story, k: int, *, apart: bool) -> Spec:
    """Change from step to step: the mean of all models on one axis, or both directions in a panel per model."""
    chosen = at_k(story.smoothness, k)
    owners, errors, panels, together = chosen["model"].values.astype(str), errors_of(chosen, "mean"), [], []
    y = f"{_mean(story)}, step and next" if not apart else f"{story.measure.axis} of a step and the next"
    for model in chosen["model_name"].values.astype(str).tolist():
        own = np.flatnonzero(owners == model)
        depth, at = chosen["depth"].values[own], story.place(model)
        labels = [f"{chosen['step_from'].values[i]} – {chosen['step_to'].values[i]}" for i in own]
        marks = np.flatnonzero(chosen["marked"].values[own]).tolist()
        mean = curve(
            model, depth, chosen["mean"].values[own], a=at, error=errors[own], points=True, marks=marks, labels=labels
        )
        together.append(mean)
        both = [
            curve(f"{model}, {name}", depth, chosen[name].values[own], a=at, style=style)
            for name, style in (("forward", "thin"), ("backward", "dotted"))
        ]
        panels.append(panel([mean, *both], title=model, y=y))
    if story.control is not None and not apart:
        beside = at_k(story.control.smoothness, k)
        of = beside["model"].values.astype(str)
        for model in dict.fromkeys(of.tolist()):
            x, values = beside["depth"].values[of == model], beside["mean"].values[of == model]
            together.append(curve(f"{model}, random weights", x, values, a=story.place(model), twin=True))
    return {"panels": panels, "shared": True} if apart else {"panels": [panel(together, y=y)]}


def _mean(story: Story) -> str:
    """What an axis shows; a key beside it says of what it is the mean."""
    return f"mean {story.measure.axis}" if story.measure.directed else story.measure.axis


def _both(story: Story) -> str:
    """That a number is the mean of two directions, where there are two."""
    return ", the mean of both directions" if story.measure.directed else ""


def _h(story: Story) -> str:
    h = float(story.smoothness["fixed_step"].attrs.get("h", math.nan))
    return f"{h:.3g}" if math.isfinite(h) else "h"


def _rows(story: Story, k: int) -> list[list[Cell]]:
    chosen = at_k(story.smoothness, k)
    errors = {name: errors_of(chosen, name) for name in ("forward", "backward", "mean")}
    rows: list[list[Cell]] = []
    for at in range(chosen.sizes["change"]):
        model, start, stop = (str(chosen[name].values[at]) for name in ("model", "step_from", "step_to"))
        measured = [value for name in errors for value in (chosen[name].values[at], errors[name][at])]
        marked = "yes" if bool(chosen["marked"].values[at]) else ""
        steps = (story.flags.marked(model, start), story.flags.marked(model, stop))
        rows.append([model, *steps, *numbers([chosen["depth"].values[at]]), marked, *numbers(measured)])
    return rows


def _summaries(story: Story, k: int) -> list[list[Cell]]:
    chosen = at_k(story.smoothness, k)
    names = [f"{what}{suffix}" for suffix in ("", "_unmarked") for what in ("mean_change", "max_change", "roughness")]
    rows: list[list[Cell]] = []
    for at, model in enumerate(chosen["model_name"].values.astype(str).tolist()):
        own = (chosen["model"].values.astype(str) == model) & np.isfinite(chosen["mean"].values)
        marked = int(chosen["marked"].values[own].sum())
        rows.append([model, int(own.sum()), marked, *numbers([chosen[name].values[at] for name in names])])
    return rows


def _parts(story: Story) -> Sequence[Part]:
    twins = " Dashed: random weights." if story.control is not None else ""
    both = _both(story)
    return [
        Row(
            (
                Figure(
                    "equal-stretches",
                    "Over equal stretches of depth",
                    "Line chart: change over equal stretches of relative depth, a line per model.",
                    "lines",
                    lambda k: {"panels": [stretch_curves(story, k)]},
                    lambda k: describe_stretches(story, k),
                    key=f"The same stretch for all models: the steps nearest to t and to t + {_h(story)}{both}. "
                    f"{band_note(story.smoothness, 'fixed_step')}{twins}",
                ),
                Figure(
                    "step-changes",
                    "From step to step",
                    "Line chart: change between consecutive steps against relative depth, a line per model.",
                    "lines",
                    lambda k: _changes(story, k, apart=False),
                    lambda k: describe_changes(story, k),
                    key=f"Every change{both}. More steps make smaller changes: compare models by the chart beside this."
                    f" A hollow diamond: resolution or width changes.{twins}",
                ),
            )
        ),
        Figure(
            "step-changes-each",
            "From step to step, both directions",
            "Line charts, one per model: change to the next step and back against relative depth.",
            "lines",
            lambda k: _changes(story, k, apart=True),
            key=f"Bold: the mean. Thin: to the next step. Dotted: back. {band_note(story.smoothness, 'mean')}",
            fold="A panel for each model",
        ),
        Table(
            "change-summaries",
            "Every model",
            (
                *("model", "changes", "marked", "mean", "largest", "roughness"),
                *("mean, unmarked", "largest, unmarked", "roughness, unmarked"),
            ),
            lambda k: _summaries(story, k),
            key=f"Every change{both}. Roughness is the standard deviation of changes; marked ones go with another "
            "resolution or width.",
        ),
        Table(
            "changes",
            "Every step change",
            (
                *("model", "from", "to", "depth", "marked", "forward", "± error", "backward", "± error"),
                *("mean", "± error"),
            ),
            lambda k: _rows(story, k),
        ),
    ]


CHAPTER = Chapter("smoothness", "How smoothly they change", lambda _story: True, _parts)
