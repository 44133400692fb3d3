"""What every section draws on, and the pieces they share: blocks per k, figures, heat-map holders."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from jaxsim.report.markup import Markup, joined, tag
from jaxsim.report.schema import StudyFacts


@dataclass(frozen=True)
class Story:
    """All that the sections draw on: the checked datasets, the header and the figures as SVG elements."""

    results: xr.Dataset
    smoothness: xr.Dataset
    between: xr.Dataset | None
    facts: StudyFacts
    plots: Mapping[tuple[str, int], Markup]  # (figure, k) -> inline SVG
    colours: Mapping[str, str]  # model -> CSS colour
    information: xr.Dataset | None = None  # what the steps know of other spaces
    paths: xr.Dataset | None = None  # the steps placed and grouped
    plane: xr.Dataset | None = None  # both directions of every pair of steps
    findings: xr.Dataset | None = None  # effects with intervals and controls


def per_k(ks: Sequence[int], content: Callable[[int], Markup]) -> Markup:
    """One block per k, of which the page shows the chosen one."""
    return joined(*(tag("div", content(k), data_k=place, hidden=place > 0) for place, k in enumerate(ks)))


def plot_figure(story: Story, name: str, said: Callable[[int], str] | None, key: str) -> Markup:
    """A figure of the study with its sentence for every k, if it has one, and a key."""
    plots = per_k(story.facts.k, lambda k: tag("div", story.plots[name, k], class_="scroll"))
    caption = tag(
        "figcaption",
        joined() if said is None else per_k(story.facts.k, lambda k: tag("p", said(k))),
        tag("p", key, " ", files_note(name), class_="key"),
    )
    return tag("figure", plots, caption)


def map_holder(label: str, source: int = 0, target: int = 0, *, whole: bool = False) -> Markup:
    """The place where the page's script draws the heat map of one ordered pair, or of everything."""
    return tag(
        "div",
        tag(
            "noscript",
            "This heat map is drawn by a script; the folder figures/ beside this page has it as PNG and SVG.",
        ),
        class_="heatmap overview" if whole else "heatmap",
        data_source=None if whole else source,
        data_target=None if whole else target,
        tabindex=0,
        role="img",
        aria_label=f"{label}. Arrow keys move from cell to cell and read it out.",
    )


def files_note(name: str) -> str:
    """Where a figure lies as files."""
    return f"Files: figures/{name}_k*.svg and .png."
