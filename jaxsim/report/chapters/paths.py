"""All steps of all models at once: as paths through a plane, in both directions, and as a tree."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.cluster.hierarchy import dendrogram

from jaxsim.report.chapter import Cell, Chapter, Figure, Part, Row, Spec, Table
from jaxsim.report.charts import numbers
from jaxsim.report.schema import at_k
from jaxsim.report.story import Story
from jaxsim.wording import number


def describe_paths(paths: xr.Dataset, k: int) -> str:
    """How much of the dissimilarities the plane shows.

    Args:
        paths: The steps placed.
        k: Number of neighbours.
    """
    chosen = at_k(paths, k)
    shown, negative = float(chosen["explained"].values[:2].sum()), float(chosen["negative"])
    return (
        f"The two axes show {shown:.0%} of the dissimilarities; {negative:.0%} lie in directions that no drawing with "
        "true distances can show."
    )


def describe_tree(paths: xr.Dataset, k: int) -> str:
    """At which height steps of different models join first.

    Args:
        paths: The steps grouped.
        k: Number of neighbours.
    """
    chosen = at_k(paths, k)
    owners = chosen["model"].values.astype(str)
    if len(set(owners.tolist())) == 1:
        return f"All steps of {owners[0]} are joined at {number(float(chosen['linkage'].values[-1, 2]))}."
    members: list[list[int]] = [[i] for i in range(len(owners))]
    whole = 0
    crossing = math.nan
    for first, second, height, _ in chosen["linkage"].values:
        joined = members[int(first)] + members[int(second)]
        members.append(joined)
        kinds = set(owners[joined].tolist())
        if len(kinds) > 1 and math.isnan(crossing):
            crossing = float(height)
        whole += len(kinds) == 1 and len(joined) == int((owners == next(iter(kinds))).sum())
    if whole == len(set(owners.tolist())):
        return (
            f"The steps of every model join each other before they join those of another, first at {number(crossing)}."
        )
    return f"Steps of different models join first at {number(crossing)}, before the steps of every model have joined."


def plane_counts(plane: xr.Dataset, k: int) -> list[tuple[str, str, int, int, int]]:
    """For every pair of models: in how many pairs of steps the first holds more, the second more, and of how many.

    Args:
        plane: Both directions of every pair of steps.
        k: Number of neighbours.
    """
    chosen = at_k(plane, k)
    first, second = chosen["model_a"].values.astype(str), chosen["model_b"].values.astype(str)
    forward, backward = chosen["forward"].values, chosen["backward"].values
    bound = 2 * (chosen["forward_se"].values + chosen["backward_se"].values)
    found = []
    for a, b in dict.fromkeys(zip(first.tolist(), second.tolist(), strict=True)):
        own = (first == a) & (second == b) & np.isfinite(forward) & np.isfinite(backward)
        more, less = (backward - forward > bound)[own], (forward - backward > bound)[own]
        found.append((a, b, int(more.sum()), int(less.sum()), int(own.sum())))
    return found


def describe_plane(plane: xr.Dataset, k: int) -> str:
    """Which pair of models is most one-sided.

    Args:
        plane: Both directions of every pair of steps.
        k: Number of neighbours.
    """
    found = [row for row in plane_counts(plane, k) if row[4]]
    if not found:
        return "No pair of steps has a value in both directions."
    a, b, more, less, _ = max(found, key=lambda row: abs(row[2] - row[3]) / row[4])
    if more == less:
        return "No model holds more of another than the reverse in most pairs of steps."
    first, second = (a, b) if more > less else (b, a)
    lead = "The most one-sided pair: " if len(found) > 1 else ""
    return f"{lead}{first} holds more of {second} in {max(more, less)} pairs of steps, and less in {min(more, less)}."


def _paths(story: Story, paths: xr.Dataset, k: int) -> Spec:
    chosen = at_k(paths, k)
    places, owners = chosen["place"].values, chosen["model"].values.astype(str)
    steps = chosen["step_name"].values.astype(str)
    drawn = []
    for model in dict.fromkeys(owners.tolist()):
        own = (owners == model) & np.isfinite(places[:, :2]).all(axis=1)
        if own.any():
            x, y = numbers(places[own, 0]), numbers(places[own, 1])
            drawn.append({"name": model, "a": story.place(model), "x": x, "y": y, "labels": steps[own].tolist()})
    share = chosen["explained"].values
    axes = {"x": f"first axis ({share[0]:.0%} explained)", "y": f"second axis ({share[1]:.0%})"}
    return {"panels": [{"paths": drawn, **axes}], "equal": True}


def _tree(story: Story, paths: xr.Dataset, k: int) -> Spec:
    chosen = at_k(paths, k)
    found: dict[str, Any] = dendrogram(chosen["linkage"].values, no_plot=True)
    owners, steps = chosen["model"].values.astype(str), chosen["step"].values.astype(str)
    return {
        # SciPy puts the leaves at 5, 15, 25, ...
        "places": [[(each - 5) / 10 for each in branch] for branch in found["icoord"]],
        "heights": [numbers(branch) for branch in found["dcoord"]],
        "leaves": [
            {"name": f"{steps[leaf]} {story.flags.sign(str(steps[leaf]))}".strip(), "a": story.place(owners[leaf])}
            for leaf in found["leaves"]
        ],
        "x": f"dissimilarity (mean {story.measure.axis} of both directions)",
    }


def _parts(story: Story) -> Sequence[Part]:
    placed, plane = story.paths, story.plane
    if placed is None:
        return []
    symbol = story.measure.of
    row = [
        Figure(
            "paths",
            "Models as paths",
            "The steps of every model as a path through a plane, similar steps near each other.",
            "points",
            lambda k: _paths(story, placed, k),
            lambda k: describe_paths(placed, k),
            key="Placed by classical scaling of the mean of both directions. A ring: the first step; large: the last.",
        )
    ]
    if plane is not None and story.measure.directed:
        row.append(
            Figure(
                "plane",
                "Who holds more of whom",
                "Scatter plot: both directions of every pair of steps of different models.",
                "points",
                lambda _k: {"plane": True, "panels": [{"x": symbol("A", "B"), "y": symbol("B", "A")}]},
                lambda k: describe_plane(plane, k),
                key="Above the diagonal, A holds more of B than the reverse. Inside: the colour of A; rim: that of B.",
            )
        )
    parts: list[Part] = [
        Row(tuple(row)),
        Figure(
            "tree",
            "Which steps belong together",
            "Tree of all steps: branches join where groups of steps are about that dissimilar.",
            "tree",
            lambda k: _tree(story, placed, k),
            lambda k: describe_tree(placed, k),
            key="Average linkage: two groups join at the mean dissimilarity of their steps.",
            fold="All steps as a tree",
        ),
    ]
    if plane is not None and story.measure.directed:
        parts.append(
            Table(
                "holds-more",
                "Who holds more, for every pair of models",
                ("A", "B", "A holds more", "B holds more", "pairs of steps"),
                lambda k: _counted(plane, k),
                key="Pairs of steps in which one direction is lower by more than two query-row errors of each.",
            )
        )
    return parts


def _counted(plane: xr.Dataset, k: int) -> list[list[Cell]]:
    return [list(row) for row in plane_counts(plane, k)]


CHAPTER = Chapter("together", "All models together", lambda story: story.paths is not None, _parts)
