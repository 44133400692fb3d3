"""What a chapter of the page is made of: what it requires of a study, its figures with their sentences, its tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jaxsim.report.charts import Spec
from jaxsim.report.markup import Markup, joined, tag
from jaxsim.report.story import Story, per_k

Cell = str | float | int | None


@dataclass(frozen=True)
class Figure:
    """One figure: what the page's script draws, what is said of it, and what a reader who cannot see it is told.

    Attributes:
        name: Of its files and of its place on the page; letters, digits and hyphens.
        title: Above it, on the page and in its files.
        description: What it shows, for readers who do not see it.
        kind: How it is drawn: "lines", "forest", "points", "tree", "matrix" or "map".
        draw: k -> what is drawn, ready for JSON.
        said: k -> its sentence; None without one.
        key: What its marks mean.
        fold: What the closed fold is called that holds it; empty where it stands open.
    """

    name: str
    title: str
    description: str
    kind: str
    draw: Callable[[int], Spec]
    said: Callable[[int], str] | None = None
    key: str = ""
    fold: str = ""


@dataclass(frozen=True)
class Table:
    """A table behind a closed fold, which sorts, filters and is copied or downloaded whole.

    Attributes:
        name: Of its file and its place on the page.
        title: What its fold is called.
        head: Names of the columns.
        rows: k -> rows of texts and numbers; None where there is no value.
        key: What a row is.
    """

    name: str
    title: str
    head: tuple[str, ...]
    rows: Callable[[int], list[list[Cell]]]
    key: str = ""


@dataclass(frozen=True)
class Row:
    """Figures beside each other where the page is wide enough."""

    figures: tuple[Figure, ...]


Part = Figure | Table | Row | Markup


@dataclass(frozen=True)
class Chapter:
    """One subject of the page.

    Attributes:
        anchor: Its place on the page.
        title: Its heading.
        requires: Whether a study has what it shows.
        parts: Its figures, tables and other markup, in order.
    """

    anchor: str
    title: str
    requires: Callable[[Story], bool]
    parts: Callable[[Story], Sequence[Part]]
    half: bool = False
    """Whether it stands beside other such chapters where the page is wide enough."""


def figures_of(parts: Sequence[Part]) -> list[Figure]:
    """The figures among the parts of a chapter, those in rows, too."""
    found: list[Figure] = []
    for part in parts:
        found += part.figures if isinstance(part, Row) else [part] if isinstance(part, Figure) else []
    return found


def section(chapter: Chapter, parts: Sequence[Part], story: Story) -> Markup:
    """The chapter as a section of the page.

    Args:
        chapter: The chapter.
        parts: Its parts.
        story: What the study has.
    """
    # A chapter of one figure is called as it.
    lone = len([part for part in parts if isinstance(part, Figure | Row) and not getattr(part, "fold", "")]) == 1
    body = (
        part_markup(part, story, headed=not (lone and isinstance(part, Figure) and not part.fold)) for part in parts
    )
    return tag(
        "section",
        tag("h2", chapter.title, " ", _link_to(chapter.anchor, chapter.title)),
        *body,
        id=chapter.anchor,
        class_="half" if chapter.half else None,
    )


def _link_to(anchor: str, title: str) -> Markup:
    """The sign behind a heading that is a link to it."""
    return tag("a", "#", href=f"#{anchor}", class_="anchor", aria_label=f"Link to {title}")


def part_markup(part: Part, story: Story, *, headed: bool = True) -> Markup:
    """One part of a chapter as markup, a figure with its own heading or without one."""
    if isinstance(part, Markup):
        return part
    if isinstance(part, Row):
        return tag("div", *(figure_markup(each, story) for each in part.figures), class_=f"row of-{len(part.figures)}")
    return figure_markup(part, story, headed=headed) if isinstance(part, Figure) else table_markup(part)


def figure_markup(figure: Figure, story: Story, *, headed: bool = True) -> Markup:
    """The place of a figure with its sentence, its key and links to its files."""
    said = figure.said
    whole = tag(
        "figure",
        tag("h3", tag("span", figure.title), " ", _link_to(figure.name, figure.title)) if headed else joined(),
        tag("div", class_="chart", data_figure=figure.name),
        tag(
            "figcaption",
            joined() if said is None else per_k(story.facts.k, lambda k: tag("p", said(k))),
            tag("p", f"{figure.key} " if figure.key else "", file_links(figure.name), class_="key"),
        ),
        id=figure.name,
    )
    return tag("details", tag("summary", figure.fold), whole) if figure.fold else whole


def file_links(name: str) -> Markup:
    """Links that make a figure's files when they are followed."""
    links = (
        tag("a", suffix.upper(), href=f"#{name}", data_save=suffix, data_of=name)
        for suffix in ("svg", "png", "pdf", "csv")
    )
    return tag("span", *links, class_="files")


def table_markup(table: Table) -> Markup:
    """The fold of a table, which the page's script fills when it is opened."""
    holder = tag("div", class_="table", data_table=table.name)
    return tag(
        "details",
        tag("summary", table.title),
        tag("p", table.key, class_="key"),
        holder,
        id=table.name,
        class_="tabled",
    )
