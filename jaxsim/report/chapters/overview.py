"""All steps of all models against each other: one heat map."""

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from jaxsim.report.chapter import Chapter, Figure, Part
from jaxsim.report.errors import errors_of
from jaxsim.report.schema import model_names, steps_of
from jaxsim.report.steps import constant_mask
from jaxsim.report.story import Story
from jaxsim.wording import all_counted, number


def describe_overview(story: Story, k: int) -> str:
    """Which two models are closest and which farthest apart, on average over their steps.

    Args:
        story: What the study has.
        k: Number of neighbours.

    Returns:
        One sentence with two numbers.
    """
    names = model_names(story.results)
    if len(names) == 1:
        n_steps = len(steps_of(story.results, names[0]))
        return f"{all_counted(n_steps, 'step')} of {names[0]} against {'each other' if n_steps > 1 else 'itself'}."
    pairs = []
    for place, a in enumerate(names):
        for b in names[place + 1 :]:
            there, back = block(story.results, a, b, k), block(story.results, b, a, k)
            error = (mean_of(there[1]) + mean_of(back[1])) / 2
            pairs.append(((mean_of(there[0]) + mean_of(back[0])) / 2, error, f"{a} and {b}"))
    pairs = [pair for pair in pairs if math.isfinite(pair[0])]
    if not pairs:
        return "No value between two models is defined."
    near, far = min(pairs), max(pairs)
    if len(pairs) == 1:
        return f"Over all steps and both directions, {near[2]} are at {story.measure.symbol} = {number(near[0])}."
    said = f"On average {near[2]} are closest ({number(near[0])}) and {far[2]} farthest apart ({number(far[0])})"
    close = far[0] - near[0] <= 2 * (near[1] + far[1])
    return f"{said}, but that order is within the errors." if close else f"{said}."


def block(results: xr.Dataset, source: str, target: str, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and errors between the steps of two models, `[n_source, n_target]` each."""
    place = [int(each) for each in results["k"].values].index(k)
    cells = np.ix_(steps_of(results, source), steps_of(results, target, "target"))
    return results["imbalance"].values[place][cells], errors_of(results, "imbalance")[place][cells]


def mean_of(values: np.ndarray) -> float:
    """The mean of what is defined; NaN where nothing is."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else math.nan


def map_key(story: Story) -> str:
    """What rows, columns, dots and hatches of a heat map mean."""
    key = "Rows are the steps it is read from, columns those it is read to."
    if story.measure.usual:
        key += " A dot: within two query-row errors of 1, as unrelated steps are."
    return key + (" Hatched: the same for all samples." if constant_mask(story.results).any() else "")


def _parts(story: Story) -> Sequence[Part]:
    return [
        Figure(
            "overview",
            "All steps of all models" if len(story.models) > 1 else f"All steps of {story.models[0]}",
            f"Heat map of {story.measure.title} from every step (rows) to every step (columns), model after model.",
            "map",
            lambda _k: {"whole": True},
            lambda k: describe_overview(story, k),
            key=f"{map_key(story)} Point at a cell to read it; click it to see that pair.",
        )
    ]


CHAPTER = Chapter("all-steps", "Every step against every step", lambda _story: True, _parts)
