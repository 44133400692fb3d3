"""The sections that read across the page: at a glance, how to read it, and every heat map."""

from jaxsim.report import alignment, sentences
from jaxsim.report import information as known_spaces
from jaxsim.report.control import describe_missing_intervals
from jaxsim.report.descriptions import describe_descriptions
from jaxsim.report.errors import QUERY_ROWS, SAMPLING, is_sampling
from jaxsim.report.finding_sizes import describe_sizes
from jaxsim.report.findings import questions
from jaxsim.report.labels import describe_label_overlap
from jaxsim.report.markup import Markup, tag
from jaxsim.report.measures import describe_measures
from jaxsim.report.sentences import number
from jaxsim.report.steps import constant_mask
from jaxsim.report.story import Story, files_note, footnotes, map_holder, per_k


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
        fixed = sentences.describe_fixed_step(story.smoothness, k=k, findings=story.findings)
        said.append(("fixed-step", "Over equal stretches", fixed))
        if story.findings is not None:
            said += [(q.anchor, q.title, q.say(story.findings, k)) for q in questions(story.findings)]
            said.append(("sample-size", "Number of images", describe_sizes(story.findings, k)))
        elif story.control is not None:
            why = describe_missing_intervals(story.facts.n_samples)
            said.append(
                ("untrained", "Random weights", f"{why} Values stand beside those of random weights in a table.")
            )
        if story.information is not None:
            known = known_spaces.describe_information(story.information, k=k, findings=story.findings)
            said.append(("information", "Image statistics", known))
        if story.descriptions is not None:
            said.append(("descriptions", "Every step", describe_descriptions(story.descriptions, k=k)))
        if story.measures is not None:
            said.append(("measures", "Other measures", describe_measures(story.measures, k=k)))
        if story.labels is not None:
            said.append(("labels", "Labels", describe_label_overlap(story.labels, k=k)))
        entries = (
            tag("div", tag("dt", tag("a", title, href=f"#{anchor}")), tag("dd", sentence))
            for anchor, title, sentence in said
        )
        return tag("dl", *entries, class_="glance")

    return tag("section", tag("h2", "At a glance"), per_k(story.facts.k, lines), id="glance")


def reading(story: Story) -> Markup:
    """How to read the page: what Delta means, its range, its direction, the floor and independence."""
    facts = story.facts
    depth = [
        tag("strong", "Relative depth "),
        "runs from 0 (first step) to 1 (last step) in every model, whatever its number of steps.",
    ]
    errors = [[tag("strong", "Errors. "), _errors(story)], [tag("strong", "Intervals. "), _intervals(story)]]
    if facts.measure:
        what = (
            f"Δ is {facts.measure} here, as a dissimilarity: a similarity is taken off its largest value (or its value "
            "for equal layers). What the page says of ranks, of 0 and 1 and of the floor is about the information "
            "imbalance; how to read this measure is in its source."
        )
        return _reading([[tag("strong", "What Δ is. "), what], *errors, depth])
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
            "over B as if the two had nothing to do with each other. By chance a value can exceed 1. A dot marks a "
            "cell "
            "within two query-row errors of 1: it is not distinguishable from independent.",
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
        *errors,
        depth,
    ]
    return _reading(paragraphs)


def _reading(paragraphs: list[list[str]]) -> Markup:
    body = tag("div", *(tag("p", *paragraph) for paragraph in paragraphs), class_="reading")
    return tag("section", tag("h2", "How to read this"), body, id="reading")


def _errors(story: Story) -> str:
    """Which errors the page shows beside the cells."""
    shared = "Models share the images, so errors of different cells are not independent of each other."
    if is_sampling(story.results, "imbalance"):
        return f"± is one {SAMPLING}; hovering over a cell also gives its {QUERY_ROWS}. {shared}"
    return f"± is one {QUERY_ROWS}: new images would move a value by more than that. {shared}"


def _intervals(story: Story) -> str:
    """What intervals are about, or why there are none."""
    if story.findings is None:
        return describe_missing_intervals(story.facts.n_samples)
    attrs = story.findings.attrs
    return (
        f"[low, high] is a {sentences.percent(attrs['level'])} interval from {attrs['n_splits']} balanced "
        f"half-samples, at N = "
        f"{attrs['n_samples']:,}: around the value that is shown, which is that of all images."
    )


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
            "Hatched steps are the same for all images. " if constant_mask(story.results).any() else "",
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
    return tag("section", tag("h2", "Every pair, both directions"), *blocks, footnotes(story), id="pairs")


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
    return tag("section", tag("h2", "Within each model"), grid, footnotes(story), id="within")


def _pair_panel(story: Story, source: int, target: int) -> Markup:
    a, b = story.facts.models[source].name, story.facts.models[target].name
    caption = tag(
        "figcaption",
        per_k(story.facts.k, lambda k: tag("p", sentences.describe_pair(story.results, a, b, k=k))),
    )
    holder = map_holder(f"Heat map of Δ from the steps of {a} to the steps of {b}", source, target)
    return tag("figure", tag("h4", f"{a} → {b}"), holder, caption, id=f"map-{source}-{target}")
