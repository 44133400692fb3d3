"""The sections that not every study has: image statistics, labels, random weights, paths, the information plane."""

import numpy as np
import xarray as xr

from jaxsim.report import further
from jaxsim.report import information as known_spaces
from jaxsim.report.control import Control, control_rows, describe_missing_intervals
from jaxsim.report.errors import band_note, error_meaning, errors_of
from jaxsim.report.header import swatch
from jaxsim.report.labels import describe_label_overlap
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.schema import at_k
from jaxsim.report.sentences import number, with_error
from jaxsim.report.story import Story, footnotes, per_k, plot_figure

MOST_ROWS = 15
THIN_LINES = " Thin lines are the same architectures with random weights, without intervals."


def information(story: Story) -> Markup:
    """What the steps of every model know of the low-level statistics, or of other spaces."""
    if story.information is None:
        raise ValueError("Expected a study of other spaces. Leave this section out where none were measured.")
    known = story.information
    error = error_meaning(known, "forward")
    spaces = [str(name) for name in known["space"].values]
    everything = list(range(known.sizes["step"]))

    def listed_steps(k: int, steps: list[int], caption: str, class_: str | None = None) -> Markup:
        limits = known_spaces.limit_rows(known, k)
        names = ["Least attainable", "Most attainable"] if len(limits) > 1 else ["Floor (k + 1) / N"]
        rows = [
            [*_headed(story, known, at), *cells]
            for at, cells in zip(steps, known_spaces.information_rows(known, steps, k), strict=True)
        ]
        rows += [[name, "", *cells] for name, cells in zip(names, limits, strict=True)]
        return table(["Model", "Step", *spaces], rows, caption=caption, numeric_from=2, class_=class_)

    def ends(k: int) -> Markup:
        steps = _ends(known, "forward", k)
        caption = (
            "Δ(step → statistic) at the first and the last step of every model that tells images apart: low where "
            "the step "
            f"holds it; ± one {error}."
        )
        return listed_steps(k, steps, caption)

    def all_steps(k: int) -> Markup:
        return listed_steps(k, everything, f"Δ(step → statistic) at every step; ± one {error}.", "tall")

    dotted = (
        "the dotted ones the least and the largest value that any step could have where that is known, else the floor"
        if "floor_forward" in known
        else "the dotted one below the floor (k + 1) / N"
    )
    figure = plot_figure(
        story,
        further.information_figures(known),
        lambda k: (
            f"{known_spaces.describe_information(known, k=k, findings=story.findings)} "
            f"{known_spaces.describe_spaces(known, k=k)}"
        ),
        f"Δ from every step to each of {len(spaces)} spaces. The dashed line at 1 is what a step gives that holds "
        f"nothing of "
        f"it, {dotted}. {band_note(known, 'forward')} The reverse, Δ(statistic → step), is in information.csv."
        + (THIN_LINES if story.control is not None and story.control.information is not None else ""),
    )
    title = "What the steps know of the image's statistics"
    full = tag("details", tag("summary", "All steps as a table"), per_k(story.facts.k, all_steps))
    return tag(
        "section", tag("h2", title), figure, per_k(story.facts.k, ends), full, footnotes(story), id="information"
    )


def labels(story: Story) -> Markup:
    """How often the neighbours of an image share its label, along the depth of every model."""
    if story.labels is None:
        raise ValueError("Expected a study with labels. Leave this section out without them.")
    known = story.labels
    error = error_meaning(known, "overlap")
    names = [str(name) for name in known["label"].values]

    def rows(k: int) -> Markup:
        chosen = at_k(known, k).transpose("step", "label", ...)
        values, errors = chosen["overlap"].values, errors_of(chosen, "overlap")
        listing = [
            [
                *_headed(story, known, at),
                *(
                    with_error(float(value), float(each)) if np.isfinite(value) else "–"
                    for value, each in zip(values[at], errors[at], strict=True)
                ),
            ]
            for at in range(known.sizes["step"])
        ]
        for name in ("chance", "ceiling"):
            listing.append([name.capitalize(), "", *(number(float(value)) for value in chosen[name].values)])
        caption = f"Mean fraction of the k nearest neighbours that share the label, at every step; ± one {error}."
        class_ = "tall" if len(listing) > MOST_ROWS else None
        return table(["Model", "Step", *names], listing, caption=caption, numeric_from=2, class_=class_)

    figure = plot_figure(
        story,
        "labels",
        lambda k: describe_label_overlap(known, k=k),
        "How often the k nearest neighbours of an image share its label. Dashed: chance, neighbours picked at random. "
        "Dotted: the most that any step could reach, the classes being as large as they are. "
        + band_note(known, "overlap")
        + (THIN_LINES if story.control is not None and story.control.labels is not None else ""),
    )
    return tag(
        "section",
        tag("h2", "How well the steps separate the labels"),
        figure,
        per_k(story.facts.k, rows),
        footnotes(story),
        id="labels",
    )


def untrained(story: Story) -> Markup:
    """The values of random weights beside those of the trained models, and why there are no intervals."""
    if story.control is None:
        raise ValueError("Expected a control of random weights. Leave this section out without one.")
    control = story.control
    own = Control(story.results, story.smoothness, story.between, story.information, story.labels)

    def rows(k: int) -> Markup:
        listing = control_rows(own, control, k)
        caption = (
            f"Values at N = {story.facts.n_samples:,}, without intervals: of the models, and of the same "
            f"architectures with "
            "random weights on the same images."
        )
        class_ = "tall" if len(listing) > MOST_ROWS else None
        return table(
            ["What", "Of", "Measured", "Random weights"], listing, caption=caption, numeric_from=2, class_=class_
        )

    said = tag(
        "p",
        f"{describe_missing_intervals(story.facts.n_samples)} The curves of random weights are the thin lines in the "
        f"figures "
        "of this page; how far an effect and its control differ by chance cannot be told from them.",
    )
    title = "The same with random weights"
    return tag("section", tag("h2", title), said, per_k(story.facts.k, rows), id="untrained")


def paths(story: Story) -> Markup:
    """All steps of all models as paths, as a tree, and in both directions."""
    if story.paths is None:
        raise ValueError("Expected the steps as paths. Leave this section out without them.")
    placed = story.paths
    parts = [
        plot_figure(
            story,
            "paths",
            lambda k: further.describe_paths(placed, k=k),
            "Every step of every model that tells images apart, placed by classical scaling of the mean of both "
            "directions. "
            "The ring is the first step, the large marker the last.",
        ),
        tag("h3", "Which steps belong together", id="tree"),
        plot_figure(
            story,
            "tree",
            lambda k: further.describe_tree(placed, k=k),
            "Average linkage: two groups join at the mean dissimilarity of their steps.",
        ),
        footnotes(story, placed["step"].values.astype(str).tolist()),
    ]
    if story.plane is not None:
        plane = story.plane

        def rows(k: int) -> Markup:
            listing = [[f"{a}, {b}", *map(str, counts)] for a, b, *counts in further.plane_counts(plane, k=k)]
            caption = (
                "Pairs of steps in which one holds more of the other than the reverse, beyond two query-row errors "
                "of each "
                "direction (a bound; conditional on these reference images)."
            )
            class_ = "tall" if len(listing) > MOST_ROWS else None
            head = ["Models", "First holds more", "Second holds more", "Of"]
            return table(head, listing, caption=caption, class_=class_)

        parts += [
            tag("h3", "Who holds more of whom", id="plane"),
            plot_figure(
                story,
                "plane",
                lambda k: further.describe_plane(plane, k=k),
                "Both directions of every pair of steps of different models. Above the diagonal, model A holds more of "
                "B than the reverse. Deeper steps are darker.",
            ),
            per_k(story.facts.k, rows),
        ]
    return tag("section", tag("h2", "Models as paths"), *parts, id="paths")


def _ends(known: xr.Dataset, variable: str, k: int) -> list[int]:
    """First and last step of every model that tells images apart."""
    chosen, steps = at_k(known, k), []
    for name in dict.fromkeys(known["model"].values.astype(str).tolist()):
        ends = known_spaces.informative_ends(chosen, name, variable)
        steps += list(dict.fromkeys(ends)) if ends is not None else []
    return steps


def _headed(story: Story, known: xr.Dataset, at: int) -> list[str]:
    """Model and step of a row."""
    model, step = str(known["model"].values[at]), str(known["step_name"].values[at])
    heading = joined(swatch(story.colours[model]), model) if model in story.colours else model
    return [heading, story.flags.marked(model, step)]
