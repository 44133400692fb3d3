"""The sections that read across the page: at a glance, how to read it, and every heat map."""

from jaxsim.report import alignment, further, sentences
from jaxsim.report.findings import questions
from jaxsim.report.markup import Markup, tag
from jaxsim.report.schema import StudyFacts
from jaxsim.report.sentences import number
from jaxsim.report.story import Story, files_note, map_holder, per_k


def glance(story: Story) -> Markup:
    """The sentences of the main figures, first on the page."""

    def lines(k: int) -> Markup:
        said: list[tuple[str, str, str]] = []
        if len(story.facts.models) > 1:
            said.append(("overview", "Overall", sentences.describe_overview(story.results, k=k)))
        if story.between is not None:
            found = alignment.peaks(story.between, k=k)
            said.append(("between", "Along the depth", alignment.describe_peaks(found)))
            matched = alignment.alignments(story.between, story.results, k=k)
            if matched:
                said.append(("best-match", "Best match", alignment.describe_alignments(matched)))
        said.append(("smoothness", "From step to step", sentences.describe_smoothness(story.smoothness, k=k)))
        fixed = sentences.describe_fixed_step(story.smoothness, k=k)
        said.append(("fixed-step", "Over equal stretches", fixed))
        if story.findings is not None:
            said += [(q.anchor, q.title, q.say(story.findings, k)) for q in questions(story.findings)]
        if story.information is not None:
            said.append(("information", "Image statistics", further.describe_information(story.information, k=k)))
        entries = (
            tag("div", tag("dt", tag("a", title, href=f"#{anchor}")), tag("dd", sentence))
            for anchor, title, sentence in said
        )
        return tag("dl", *entries, class_="glance")

    return tag("section", tag("h2", "At a glance"), per_k(story.facts.k, lines), id="glance")


def reading(facts: StudyFacts) -> Markup:
    """How to read the page: what Delta means, its range, its direction, the floor and independence."""
    floors = sentences.listed(
        [f"{number(floor)} (k = {k})" for k, floor in zip(facts.k, facts.floor, strict=True)]
        if len(facts.k) > 1
        else [number(facts.floor[0])]
    )
    paragraphs = [
        [
            tag("strong", "What Δ asks. "),
            "Take each image's k nearest neighbours at a step of model A and look up how near they rank at "
            "a step of "
            "model B. ",
            tag("span", "Δ(A → B)", class_="formula"),
            " is twice their average rank, divided by the number of images N. It is how well A predicts B.",
        ],
        [
            tag("strong", "From 0 to 1. "),
            "Near 0, neighbours in A are neighbours in B too: A carries what B's distances tell. At 1, they "
            "are scattered "
            "over B as if the two had nothing to do with each other. By chance a value can exceed 1.",
        ],
        [
            tag("strong", "Direction. "),
            "Rows are A (from), columns are B (to). If A knows all that B knows and more, Δ(A → B) is small "
            "and "
            "Δ(B → A) is not.",
        ],
        [
            tag("strong", "The floor. "),
            f"Two identical steps give exactly (k + 1) / N, here {floors}. Δ depends on N, so compare "
            f"numbers only with "
            "studies on as many images.",
        ],
        [
            tag("strong", "Errors. "),
            "± is one standard error, over the query images; bands show two. A dot marks a cell within two "
            "standard errors "
            "of 1: it is not distinguishable from independent. Models share the images, so errors of "
            "different cells are "
            "not independent of each other.",
        ],
        [
            tag("strong", "Relative depth "),
            "runs from 0 (first step) to 1 (last step) in every model, whatever its number of steps.",
        ],
    ]
    body = tag("div", *(tag("p", *paragraph) for paragraph in paragraphs), class_="reading")
    return tag("section", tag("h2", "How to read this"), body, id="reading")


def overview(story: Story) -> Markup:
    """The matrix of all steps of all models."""
    caption = tag(
        "figcaption",
        per_k(story.facts.k, lambda k: tag("p", sentences.describe_overview(story.results, k=k))),
        tag(
            "p",
            "Rows are the steps that predict (from), columns the steps that are predicted (to), first step "
            "to last. "
            "Point at a cell to read it; click to go to that pair of models. "
            "Dots are left out where cells are too small. ",
            files_note("overview"),
            class_="key",
        ),
    )
    return tag(
        "section",
        tag("h2", "All steps of all models"),
        tag("figure", map_holder("All steps of all models", whole=True), caption, class_="beside"),
        id="overview",
    )


def pairs(story: Story) -> Markup:
    """A heat map for every ordered pair, the two directions side by side."""
    names = [model.name for model in story.facts.models]
    blocks = []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            title = tag("h3", f"{names[a]} and {names[b]}", id=f"pair-{a}-{b}")

            def said(k: int, a: int = a, b: int = b) -> Markup:
                return tag("p", sentences.describe_direction(story.results, names[a], names[b], k=k), class_="said")

            panels = tag("div", _pair_panel(story, a, b), _pair_panel(story, b, a), class_="pair")
            blocks += [title, per_k(story.facts.k, said), panels]
    return tag("section", tag("h2", "Every pair, both directions"), *blocks, id="pairs")


def within(story: Story) -> Markup:
    """A heat map of every model against itself."""
    panels = []
    for place, model in enumerate(story.facts.models):
        name = model.name

        def said(k: int, name: str = name) -> Markup:
            return tag("p", sentences.describe_within(story.results, name, k=k))

        caption = tag("figcaption", per_k(story.facts.k, said))
        holder = map_holder(f"Steps of {name} against each other", place, place)
        panels.append(tag("figure", tag("h4", name), holder, caption, id=f"map-{place}-{place}"))
    grid = tag("div", *panels, class_="pair")
    return tag("section", tag("h2", "Within each model"), grid, id="within")


def _pair_panel(story: Story, source: int, target: int) -> Markup:
    a, b = story.facts.models[source].name, story.facts.models[target].name
    caption = tag(
        "figcaption",
        per_k(story.facts.k, lambda k: tag("p", sentences.describe_pair(story.results, a, b, k=k))),
    )
    holder = map_holder(f"Heat map of Δ from the steps of {a} to the steps of {b}", source, target)
    return tag("figure", tag("h4", f"{a} → {b}"), holder, caption, id=f"map-{source}-{target}")
