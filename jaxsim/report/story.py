"""What every section draws on, and the pieces they share: blocks per k, figures, heat-map holders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from jaxsim.report.control import Control
from jaxsim.report.facts import StudyFacts
from jaxsim.report.markup import Markup, joined, tag
from jaxsim.report.steps import Flags

NO_FLAGS = Flags()


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
    labels: xr.Dataset | None = None  # how often neighbours share a label
    control: Control | None = None  # the same of random weights
    measures: xr.Dataset | None = None  # measures side by side
    descriptions: xr.Dataset | None = None  # every step by itself
    flags: Flags = NO_FLAGS  # steps that warnings are about


def per_k(ks: Sequence[int], content: Callable[[int], Markup]) -> Markup:
    """One block per k, of which the page shows the chosen one."""
    return joined(*(tag("div", content(k), data_k=place, hidden=place > 0) for place, k in enumerate(ks)))


def plot_figure(story: Story, name: str | Sequence[str], said: Callable[[int], str] | None, key: str) -> Markup:
    """A figure of the study, in one part or several, with its sentence for every k, if it has one, and a key."""
    parts = [name] if isinstance(name, str) else list(name)
    plots = per_k(
        story.facts.k,
        lambda k: joined(*(tag("div", story.plots[part, k], class_="scroll") for part in parts)),
    )
    caption = tag(
        "figcaption",
        joined() if said is None else per_k(story.facts.k, lambda k: tag("p", said(k))),
        tag("p", key, " ", files_note(*parts), class_="key"),
    )
    return tag("figure", plots, caption)


def footnotes(story: Story, labels: Iterable[str] | None = None) -> Markup:
    """What the daggers behind the steps shown mean; nothing where none has one.

    Args:
        story: What the sections draw on.
        labels: Labels of the steps shown. Default: all of the study.
    """
    notes = story.flags.notes(labels)
    return tag("div", *(tag("p", note) for note in notes), class_="files footnotes") if notes else joined()


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


def files_note(*names: str) -> str:
    """Where a figure lies as files."""
    return f"Files: {', '.join(f'figures/{name}_k*.svg' for name in names)} and .png."
