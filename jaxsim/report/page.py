"""The page: one self-contained HTML document, style, script and numbers inside."""

import re
from collections.abc import Mapping, Sequence
from importlib import resources

from matplotlib.colors import to_hex

from jaxsim.report.chapter import Chapter, Figure, Part, Table, figures_of, section
from jaxsim.report.chapters import (
    answers,
    descriptions,
    effects,
    information,
    labels,
    measures,
    overview,
    pairs,
    paths,
    provenance,
    smoothness,
    untrained,
)
from jaxsim.report.citing import citing
from jaxsim.report.markup import Markup, joined, tag
from jaxsim.report.palette import IMBALANCE_COLOURS, ModelStyle, for_dark_paper
from jaxsim.report.payload import as_script_text, page_payload
from jaxsim.report.reading import lead, reading
from jaxsim.report.steps import SAME, constant_mask
from jaxsim.report.story import Story
from jaxsim.wording import counted

#: The chapters in the order of the page; each that the study has what it requires of stands on it.
CHAPTERS: tuple[Chapter, ...] = (
    overview.CHAPTER,
    pairs.CHAPTER,
    effects.CHAPTER,
    untrained.CHAPTER,
    information.CHAPTER,
    smoothness.CHAPTER,
    labels.CHAPTER,
    descriptions.CHAPTER,
    measures.CHAPTER,
    paths.CHAPTER,
    provenance.CHAPTER,
)
SCRIPTS = ("numbers", "drawing", "curves", "effects", "points", "heatmaps", "saving", "pdf", "tables", "page")
N_STOPS = 13
SCREEN_DARK = "@media screen and (prefers-color-scheme: dark)"


def page(story: Story, styles: dict[str, ModelStyle]) -> str:
    """The whole document.

    Args:
        story: Checked datasets and settings.
        styles: Colours by model.

    Returns:
        HTML text that refers to nothing outside itself.
    """
    chapters = [(chapter, chapter.parts(story)) for chapter in CHAPTERS if chapter.requires(story)]
    everything: list[Part] = [part for _, parts in chapters for part in parts]
    figures: list[Figure] = [*answers.figures(story), *figures_of(everything)]
    tables = [part for part in everything if isinstance(part, Table)]
    index = tag("ol", *(tag("li", tag("a", each.title, href=f"#{each.anchor}")) for each, _ in chapters))
    payload = as_script_text(page_payload(story, styles, figures, tables, pairs.pair_sentences))
    body = tag(
        "body",
        tag(
            "div",
            _masthead(story),
            answers.cards(story),
            reading(story),
            tag("nav", index, class_="index", aria_label="Contents"),
            _controls(story),
            tag("main", *(section(chapter, parts, story) for chapter, parts in chapters)),
            citing(story.measure, story.facts.jaxsim_version),
            class_="page",
        ),
        tag("script", Markup(payload), type="application/json", id="study"),
        tag("script", Markup(_script())),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{question(story)} · jaxsim"),
        tag("style", Markup(_asset("page.css") + _model_colours(styles))),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def question(story: Story) -> str:
    """What the page answers, its title."""
    names = story.models
    samples = counted(story.facts.n_samples, story.facts.sample)
    if len(names) == 1:
        return f"How does {names[0]} change its representation, step by step? {samples}"
    who = " and ".join(names) if len(names) == 2 and sum(map(len, names)) <= 40 else counted(len(names), "model")
    return f"Do {who} take the same steps? {samples}"


def _with_whole_names(words: str, names: Sequence[str]) -> list[str]:
    """The words with names that no line breaks, where a line holds them."""
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return [tag("span", part, class_="name") if part in names else part for part in re.split(f"({pattern})", words)]


def colour_variables(styles: Mapping[str, ModelStyle]) -> dict[str, str]:
    """Model -> the CSS variable that holds its colour on the page."""
    return {name: f"--model-{place}" for place, name in enumerate(styles)}


def _masthead(story: Story) -> Markup:
    key = (
        tag("li", provenance.swatch(story.colours[model.name]), model.name, class_="model")
        for model in story.facts.models
    )
    return tag(
        "header",
        tag("p", "jaxsim · similarity of processing steps", class_="kicker"),
        tag("h1", *_with_whole_names(question(story), story.models)),
        tag("p", lead(story), class_="lead"),
        tag("ul", *key, class_="models", aria_label="Models and their colours"),
        provenance.notice(story),
        tag(
            "noscript", tag("p", "The figures and tables of this page are drawn by a script, which does not run here.")
        ),
        class_="masthead",
    )


def _model_colours(styles: Mapping[str, ModelStyle]) -> str:
    variables = colour_variables(styles)
    light = "".join(f"{variables[name]}:{style.colour};" for name, style in styles.items())
    dark = "".join(f"{variables[name]}:{for_dark_paper(style.colour)};" for name, style in styles.items())
    return f"\n:root{{{light}}}\n{SCREEN_DARK}{{:root{{{dark}}}}}\n"


def _controls(story: Story) -> Markup:
    facts = story.facts
    choices = joined(
        *(
            tag("label", tag("input", type="radio", name="k", value=place, checked=place == 0), str(k))
            for place, k in enumerate(facts.k)
        )
    )
    which = tag("fieldset", tag("legend", "Neighbours k"), choices) if len(facts.k) > 1 else Markup("")
    stops = ", ".join(to_hex(IMBALANCE_COLOURS(place / (N_STOPS - 1))) for place in range(N_STOPS))
    bar = tag("span", class_="bar", style=f"background:linear-gradient(to right, {stops})", aria_hidden="true")
    scales = (
        tag("option", words, value=name, selected=name == "sqrt")
        for name, words in (("sqrt", "square root"), ("log", "logarithm"), ("linear", "linear"))
    )
    return tag(
        "div",
        which,
        tag(
            "div",
            tag("span", "alike"),
            bar,
            tag("span", "unrelated" if story.measure.usual else "not"),
            class_="scale ticks",
        ),
        tag("span", "as unrelated", class_="mark scale") if story.measure.usual else Markup(""),
        tag("span", SAME, class_="hatch scale") if constant_mask(story.results).any() else Markup(""),
        tag("label", "colours by ", tag("select", *scales, id="scale")),
        tag("label", tag("input", type="checkbox", id="stretch"), "stretch to this study"),
        class_="controls",
        role="group",
        aria_label="Neighbours and colours of the heat maps",
    )


def _script() -> str:
    """The page's script: its files one after the other in one scope."""
    body = "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{body}}})();\n'


def _asset(name: str) -> str:
    return resources.files("jaxsim.report").joinpath("assets", name).read_text(encoding="utf-8")
