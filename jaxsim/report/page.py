"""The page: one self-contained HTML document, style, script and numbers inside."""

from collections.abc import Mapping
from importlib import resources

from matplotlib.colors import to_hex

from jaxsim.report import depth_sections, descriptions, finding_sections, further_sections, header, measures, sections
from jaxsim.report.facts import StudyFacts
from jaxsim.report.figures.palette import IMBALANCE_COLOURS, ModelStyle, for_dark_paper
from jaxsim.report.markup import Markup, joined, tag
from jaxsim.report.payload import as_script_text, study_payload
from jaxsim.report.steps import SAME, describe_constant
from jaxsim.report.story import Story

N_STOPS = 13
ROOT_DARK = "@media screen and (prefers-color-scheme: dark)"


def page(story: Story, styles: dict[str, ModelStyle]) -> str:
    """The whole document.

    Args:
        story: Checked datasets, header and figures.
        styles: Colours by model.

    Returns:
        HTML text that refers to nothing outside itself.
    """
    parts = [
        ("At a glance", "glance", sections.glance(story)),
        ("How to read this", "reading", sections.reading(story)),
    ]
    if story.findings is not None:
        parts.append(("Findings", "findings", finding_sections.findings(story)))
    elif story.control is not None:
        parts.append(("Random weights", "untrained", further_sections.untrained(story)))
    if len(story.facts.models) > 1:
        parts.append(("All steps", "overview", sections.overview(story)))
    if story.between is not None:
        parts.append(("Distance along the depth", "between", depth_sections.between_models(story)))
        if story.between.sizes.get("match", 0):
            parts.append(("Best match", "best-match", depth_sections.best_match(story)))
    if len(story.facts.models) > 1:
        parts.append(("Every pair", "pairs", sections.pairs(story)))
    parts.append(("Smoothness", "smoothness", depth_sections.smoothness(story)))
    if story.information is not None:
        parts.append(("Image statistics", "information", further_sections.information(story)))
    if story.labels is not None:
        parts.append(("Labels", "labels", further_sections.labels(story)))
    if story.descriptions is not None:
        parts.append(("Every step", "descriptions", descriptions.section(story)))
    if story.measures is not None:
        parts.append(("Measures", "measures", measures.section(story)))
    if story.paths is not None:
        parts.append(("Paths", "paths", further_sections.paths(story)))
    parts.append(("Within each model", "within", sections.within(story)))

    index = tag("ol", *(tag("li", tag("a", title, href=f"#{anchor}")) for title, anchor, _ in parts))
    names = ", ".join(model.name for model in story.facts.models)
    payload = as_script_text(study_payload(story.results, story.facts, story.colours, story.flags))
    constant = describe_constant(story.results)
    body = tag(
        "body",
        tag(
            "div",
            header.masthead(story.facts, story.colours, constant=constant, flags=story.flags),
            tag("nav", index, class_="index", aria_label="Contents"),
            _controls(story.facts, hatched=bool(constant)),
            tag("main", *(content for _, _, content in parts)),
            tag("footer", _colophon(story.facts)),
            class_="page",
        ),
        tag("script", Markup(payload), type="application/json", id="study"),
        tag("script", Markup(_asset("heatmaps.js"))),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{names} · jaxsim"),
        tag("style", Markup(_asset("page.css") + _model_colours(styles))),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def colour_variables(styles: Mapping[str, ModelStyle]) -> dict[str, str]:
    """Colour of a model in a figure's file -> the CSS variable that stands for it on the page."""
    return {style.colour: f"--model-{place}" for place, style in enumerate(styles.values())}


def _model_colours(styles: Mapping[str, ModelStyle]) -> str:
    light = "".join(f"{variable}:{colour};" for colour, variable in colour_variables(styles).items())
    dark = "".join(f"{variable}:{for_dark_paper(colour)};" for colour, variable in colour_variables(styles).items())
    return f"\n:root{{{light}}}\n{ROOT_DARK}{{:root{{{dark}}}}}\n"


def _controls(facts: StudyFacts, *, hatched: bool) -> Markup:
    choices = joined(
        *(
            tag("label", tag("input", type="radio", name="k", value=place, checked=place == 0), str(k))
            for place, k in enumerate(facts.k)
        )
    )
    which = tag("fieldset", tag("legend", "Neighbours k"), choices) if len(facts.k) > 1 else Markup("")
    stops = ", ".join(to_hex(IMBALANCE_COLOURS(place / (N_STOPS - 1))) for place in range(N_STOPS))
    bar = tag("span", class_="bar", style=f"background:linear-gradient(to right, {stops})", aria_hidden="true")
    return tag(
        "div",
        which,
        tag("div", tag("span", "predicted"), bar, tag("span", "unrelated"), class_="scale ticks"),
        tag("span", "not distinguishable from independent", class_="mark scale"),
        tag("span", SAME, class_="hatch scale") if hatched else Markup(""),
        tag(
            "fieldset",
            tag("label", tag("input", type="checkbox", id="stretch"), "stretch colours to this study's range"),
        ),
        class_="controls",
        role="group",
        aria_label="Heat map settings and colour scale",
    )


def _colophon(facts: StudyFacts) -> Markup:
    return joined(
        f"Made by jaxsim {facts.jaxsim_version} on {facts.created}. Information imbalance: Glielmo, Zeni, "
        f"Cheng, Csányi and "
        "Laio, PNAS Nexus 2022. Study design: Mahaut and Baroni, arXiv 2601.21621."
    )


def _asset(name: str) -> str:
    return resources.files("jaxsim.report").joinpath("assets", name).read_text(encoding="utf-8")
