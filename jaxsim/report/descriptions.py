"""Measures of every step by itself: what the dataset must hold, its figure, what it says, and its section."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report import figures
from jaxsim.report.errors import errors_of, is_sampling
from jaxsim.report.figures.palette import ModelStyle
from jaxsim.report.header import swatch
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.schema import at_k, checked_dataset
from jaxsim.report.sentences import number, with_error
from jaxsim.report.story import Story, footnotes, per_k, plot_figure

VARIABLES = ("model", "step_name", "depth")
MOST_ROWS = 12

Job = tuple[str, int, str, Callable[[], Axes]]


def checked_descriptions(descriptions: xr.Dataset | None) -> xr.Dataset | None:
    """Measures of every step by itself, or None where none were asked for.

    Raises:
        ValueError: A variable is missing.
    """
    return checked_dataset(descriptions, "descriptions", VARIABLES)


def description_jobs(
    descriptions: xr.Dataset | None,
    styles: Mapping[str, ModelStyle],
    ks: tuple[int, ...],
    control: xr.Dataset | None = None,
) -> list[Job]:
    """The figure of measures of one step: file name, k, description for the page, how to draw it."""
    if descriptions is None:
        return []
    known = descriptions

    def job(k: int) -> Job:
        described = f"Line charts, one per measure: every step by itself against relative depth, k = {k}."
        draw = figures.description_panels
        return "descriptions", k, described, lambda: draw(known, k=k, styles=styles, control=control)[0]

    return [job(k) for k in ks]


def describe_descriptions(descriptions: xr.Dataset, *, k: int | None = None) -> str:
    """For every measure: the steps where it is smallest and largest, and the depths at which models have their peak.

    Args:
        descriptions: Of a study.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        A sentence for every measure.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_descriptions
        >>> describe_descriptions(constructed_descriptions(constructed_study()[0])).partition(" lies")[0]
        'Intrinsic dimension (TwoNN)'
    """
    chosen = at_k(descriptions, k)
    return " ".join(_sentence(chosen, name) for name in figures.described_names(descriptions))


def _sentence(chosen: xr.Dataset, name: str) -> str:
    title, values = _title(chosen, name), np.asarray(chosen[name].values, np.float64)
    title = f"{title[0].upper()}{title[1:]}"
    if not np.isfinite(values).any():
        return f"{title} is undefined for every step."
    owners, steps = chosen["model"].values.astype(str), chosen["step_name"].values.astype(str)
    ends = [
        f"{values[at]:.3g} ({owners[at]}, {steps[at]})" for at in (int(np.nanargmin(values)), int(np.nanargmax(values)))
    ]
    peaks = []
    for model in dict.fromkeys(owners.tolist()):
        own = np.flatnonzero((owners == model) & np.isfinite(values))
        if len(own):
            peaks.append(float(chosen["depth"].values[own[values[own].argmax()]]))
    where = f"{min(peaks):.2f}" + (f" to {max(peaks):.2f}" if max(peaks) > min(peaks) else "")
    owner = "The model has its" if len(peaks) == 1 else "Models have their"
    return f"{title} lies between {ends[0]} and {ends[1]}. {owner} largest value at relative depth {where}."


def _title(descriptions: xr.Dataset, name: str) -> str:
    return str(descriptions[name].attrs.get("long_name", name))


def section(story: Story) -> Markup:
    """The chapter: curves along the depth, and a table of all steps."""
    if story.descriptions is None:
        raise ValueError("Expected steps described by themselves. Leave this section out without them.")
    known = story.descriptions
    names = figures.described_names(known)
    titles = [_title(known, name) for name in names]
    sampled = all(is_sampling(known, name) for name in names)
    thin = "" if story.control is None or story.control.descriptions is None else " Thin lines: random weights."
    figure = plot_figure(
        story,
        "descriptions",
        lambda k: describe_descriptions(known, k=k),
        "Every step by itself."
        + (" Bands are two sampling errors to both sides (other images of the same kind)." if sampled else "")
        + thin,
    )

    def rows(k: int) -> Markup:
        chosen = at_k(known, k)
        listing = []
        for at in range(known.sizes["step"]):
            model, step = str(known["model"].values[at]), str(known["step_name"].values[at])
            heading = joined(swatch(story.colours[model]), model) if model in story.colours else joined(model)
            cells = []
            for name in names:
                value, error = float(chosen[name].values[at]), float(errors_of(chosen, name)[at])
                cells.append(
                    "–" if not np.isfinite(value) else with_error(value, error) if np.isfinite(error) else number(value)
                )
            listing.append([heading, story.flags.marked(model, step), *cells])
        caption = "Measures of every step by itself" + ("; ± one sampling error." if sampled else ".")
        class_ = "tall" if len(listing) > MOST_ROWS else None
        return table(["Model", "Step", *titles], listing, caption=caption, numeric_from=2, class_=class_)

    title = tag("h2", "Every step by itself")
    return tag("section", title, figure, per_k(story.facts.k, rows), footnotes(story), id="descriptions")
