"""The sections of the page below its header: one figure, its sentence and its table at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from jaxsim.report import alignment, sentences
from jaxsim.report.header import swatch
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.schema import StudyFacts, at_k
from jaxsim.report.sentences import number, with_error

MOST_ROWS = 15


@dataclass(frozen=True)
class Story:
    """All that the sections draw on: the checked datasets, the header and the figures as SVG elements."""

    results: xr.Dataset
    smoothness: xr.Dataset
    between: xr.Dataset | None
    facts: StudyFacts
    plots: Mapping[tuple[str, int], Markup]  # (figure, k) -> inline SVG
    colours: Mapping[str, str]  # model -> CSS colour


def per_k(ks: Sequence[int], content: Callable[[int], Markup]) -> Markup:
    """One block per k, of which the page shows the chosen one."""
    return joined(*(tag("div", content(k), data_k=place, hidden=place > 0) for place, k in enumerate(ks)))


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
            _files("overview"),
            class_="key",
        ),
    )
    return tag(
        "section",
        tag("h2", "All steps of all models"),
        tag("figure", _map_holder("All steps of all models", whole=True), caption, class_="beside"),
        id="overview",
    )


def between_models(story: Story) -> Markup:
    """Distance of the models along their depth."""
    if story.between is None:
        raise ValueError(
            "Expected a study with at least one pair of models. Leave this section out for a single model."
        )
    between = story.between

    def rows(k: int) -> Markup:
        listing = [
            [
                f"{peak.model_a}, {peak.model_b}",
                f"{peak.step_a} / {peak.step_b}",
                f"{peak.t:.2f}",
                with_error(peak.distance, peak.error),
                _span(peak),
                f"{peak.lowest_t:.2f}",
                number(peak.lowest),
            ]
            for peak in alignment.peaks(between, k=k)
        ]
        head = [
            "Models",
            "Most different step",
            "Depth",
            "Distance",
            "Within 2 s.e.",
            "Closest at",
            "Distance",
        ]
        return table(
            head,
            listing,
            caption="The most different processing step of each pair, the depths not two standard errors below it, and "
            "where the pair is closest.",
            numeric_from=2,
            class_=_tall(listing),
        )

    figure = _figure(
        story,
        "between",
        lambda k: alignment.describe_peaks(alignment.peaks(between, k=k)),
        "Mean of both directions between the steps nearest to each relative depth. A ring marks the peak, "
        "the most "
        "different processing step; bands are two standard errors.",
    )
    return tag("section", tag("h2", "Distance along the depth"), figure, per_k(story.facts.k, rows), id="between")


def best_match(story: Story) -> Markup:
    """Where each step finds its closest counterpart."""
    if story.between is None:
        raise ValueError(
            "Expected a study with at least one pair of models. Leave this section out for a single model."
        )
    between = story.between

    def rows(k: int) -> Markup:
        listing = [
            [
                f"{row.source} → {row.target}",
                number(row.offset),
                number(row.spread),
                f"{row.within_tenth} of {row.n_steps}",
            ]
            for row in alignment.alignments(between, story.results, k=k)
        ]
        return table(
            ["Steps of → matched in", "Mean offset", "If spread evenly", "Within 0.1"],
            listing,
            caption="Offset in relative depth between a step and its closest step in the other model.",
            class_=_tall(listing),
        )

    figure = _figure(
        story,
        "best-match",
        lambda k: alignment.describe_alignments(alignment.alignments(between, story.results, k=k)),
        "For each step, the relative depth of the closest step of the other model (smallest mean of both "
        "directions). On "
        "the grey diagonal steps match at equal depth.",
    )
    return tag("section", tag("h2", "Depth of the best match"), figure, per_k(story.facts.k, rows), id="best-match")


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
        holder = _map_holder(f"Steps of {name} against each other", place, place)
        panels.append(tag("figure", tag("h4", name), holder, caption, id=f"map-{place}-{place}"))
    grid = tag("div", *panels, class_="pair")
    return tag("section", tag("h2", "Within each model"), grid, id="within")


def smoothness(story: Story) -> Markup:
    """Step changes, the fixed-step profile and their summary."""
    key = (
        "Change between consecutive steps at their middle depth. "
        "Bands are two standard errors of the mean of both directions."
    )
    profiles = _figure(story, "smoothness", lambda k: sentences.describe_smoothness(story.smoothness, k=k), key)
    h = float(story.smoothness["fixed_step"].attrs.get("h", np.nan))
    stretch = f" (h = {h:.3g})" if np.isfinite(h) else ""
    fixed = _figure(
        story,
        "fixed-step",
        lambda k: sentences.describe_fixed_step(story.smoothness, k=k),
        f"Change from relative depth t to t + h{stretch}, the same stretch for every model; undefined where t + h > 1.",
    )
    return tag(
        "section",
        tag("h2", "Smoothness of processing"),
        profiles,
        per_k(story.facts.k, lambda k: _summary(story, k)),
        tag("h3", "Over equal stretches of depth", id="fixed-step"),
        fixed,
        per_k(story.facts.k, lambda k: _changes(story, k)),
        id="smoothness",
    )


def _summary(story: Story, k: int) -> Markup:
    chosen = at_k(story.smoothness, k)
    models = chosen["model"].values.astype(str)
    rows = []
    for place, name in enumerate(chosen["model_name"].values.astype(str)):
        marked = int(chosen["marked"].values[models == name].sum())
        values = [
            float(chosen[f"{what}{suffix}"].values[place])
            for suffix in ("", "_unmarked")
            for what in ("mean_change", "max_change", "roughness")
        ]
        heading = joined(swatch(story.colours[name]), name) if name in story.colours else name
        rows.append(
            [
                heading,
                str(int((models == name).sum())),
                *map(_cell, values[:3]),
                str(marked),
                *map(_cell, values[3:]),
            ]
        )
    head = [
        "Model",
        "Changes",
        "Mean",
        "Max",
        "Roughness",
        "Marked",
        "Mean, unmarked",
        "Max, unmarked",
        "Roughness, unmarked",
    ]
    return table(
        head,
        rows,
        caption="Step changes (mean of both directions); roughness is their standard deviation. "
        "Marked changes go along with a change of resolution or width; the last three columns leave them out.",
    )


def _changes(story: Story, k: int) -> Markup:
    chosen = at_k(story.smoothness, k)
    columns = [chosen[name].values for name in ("model", "step_from", "step_to", "depth", "marked")]
    numbers = [
        [with_error(float(v), float(e)) for v, e in zip(chosen[name].values, chosen[f"{name}_se"].values, strict=True)]
        for name in ("forward", "backward", "mean")
    ]
    rows = [
        [str(model), f"{start} → {stop}", "yes" if marked else "", f"{float(depth):.2f}", *values]
        for model, start, stop, depth, marked, *values in zip(*columns, *numbers, strict=True)
    ]
    listing = table(
        ["Model", "Steps", "Marked", "Depth", "Forward", "Backward", "Mean"],
        rows,
        caption="Every step change with its standard error.",
        numeric_from=3,
        class_="tall",
    )
    return tag("details", tag("summary", "All step changes as a table"), listing)


def _pair_panel(story: Story, source: int, target: int) -> Markup:
    a, b = story.facts.models[source].name, story.facts.models[target].name
    caption = tag(
        "figcaption",
        per_k(story.facts.k, lambda k: tag("p", sentences.describe_pair(story.results, a, b, k=k))),
    )
    holder = _map_holder(f"Heat map of Δ from the steps of {a} to the steps of {b}", source, target)
    return tag("figure", tag("h4", f"{a} → {b}"), holder, caption, id=f"map-{source}-{target}")


def _map_holder(label: str, source: int = 0, target: int = 0, *, whole: bool = False) -> Markup:
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


def _figure(story: Story, name: str, said: Callable[[int], str], key: str) -> Markup:
    plots = per_k(story.facts.k, lambda k: tag("div", story.plots[name, k], class_="scroll"))
    caption = tag(
        "figcaption",
        per_k(story.facts.k, lambda k: tag("p", said(k))),
        tag("p", key, " ", _files(name), class_="key"),
    )
    return tag("figure", plots, caption)


def _files(name: str) -> str:
    return f"Files: figures/{name}_k*.svg and .png."


def _span(peak: alignment.Peak) -> str:
    first, last = peak.span
    return f"{first:.2f} to {last:.2f}" if first < last else f"{first:.2f}"


def _tall(rows: list[list[str]]) -> str | None:
    """Long tables scroll."""
    return "tall" if len(rows) > MOST_ROWS else None


def _cell(value: float) -> str:
    return number(value) if np.isfinite(value) else "–"
