"""The sections that not every study has: image statistics, paths, the tree, the information plane."""

import numpy as np

from jaxsim.report import further
from jaxsim.report.header import swatch
from jaxsim.report.markup import Markup, joined, table, tag
from jaxsim.report.schema import at_k
from jaxsim.report.sentences import with_error
from jaxsim.report.story import Story, per_k, plot_figure


def information(story: Story) -> Markup:
    """What the steps of every model know of the low-level statistics, or of other spaces."""
    if story.information is None:
        raise ValueError("Expected a study of other spaces. Leave this section out where none were measured.")
    known = story.information

    def rows(k: int) -> Markup:
        chosen = at_k(known, k)
        owners = chosen["model"].values.astype(str)
        listing = []
        for name in dict.fromkeys(owners.tolist()):
            first, last = (int(np.flatnonzero(owners == name)[end]) for end in (0, -1))
            heading = joined(swatch(story.colours[name]), name) if name in story.colours else name
            for at in dict.fromkeys((first, last)):
                cells = [
                    with_error(float(value), float(error)) if np.isfinite(value) else "–"
                    for value, error in zip(chosen["forward"].values[at], chosen["forward_se"].values[at], strict=True)
                ]
                listing.append([heading, str(chosen["step_name"].values[at]), *cells])
        head = ["Model", "Step", *map(str, chosen["space"].values)]
        return table(
            head,
            listing,
            caption="Δ(step → statistic) at the first and the last step of every model: low where the step holds it.",
            numeric_from=2,
        )

    figure = plot_figure(
        story,
        "information",
        lambda k: f"{further.describe_information(known, k=k)} {further.describe_spaces(known, k=k)}",
        "Δ from every step to each group of image statistics: luminance, colour, spatial frequency, orientation, "
        "coarse layout, and all together. The dashed line at 1 is what a step gives that holds nothing of it, the one "
        "below the floor. Bands are two standard errors.",
    )
    title = "What the steps know of the image's statistics"
    return tag("section", tag("h2", title), figure, per_k(story.facts.k, rows), id="information")


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
            "Every step of every model, placed by classical scaling of the mean of both directions. The ring is the "
            "first step, the large marker the last.",
        ),
        tag("h3", "Which steps belong together", id="tree"),
        plot_figure(
            story,
            "tree",
            lambda k: further.describe_tree(placed, k=k),
            "Average linkage: two groups join at the mean dissimilarity of their steps.",
        ),
    ]
    if story.plane is not None:
        plane = story.plane
        parts += [
            tag("h3", "Who holds more of whom", id="plane"),
            plot_figure(
                story,
                "plane",
                lambda k: further.describe_plane(plane, k=k),
                "Both directions of every pair of steps of different models. Above the diagonal, model A holds more of "
                "B than the reverse. Deeper steps are darker.",
            ),
        ]
    return tag("section", tag("h2", "Models as paths"), *parts, id="paths")
