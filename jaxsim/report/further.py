"""The datasets that not every study has: what they must hold, their figures, and what they say in plain sentences."""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report import figures
from jaxsim.report.figures.palette import ModelStyle
from jaxsim.report.schema import at_k, checked_dataset
from jaxsim.report.sentences import counted, listed, number
from jaxsim.report.steps import Flags

INFORMATION_VARIABLES = ("forward", "backward", "forward_se", "backward_se", "model", "step_name", "depth", "constant")
NO_FLAGS = Flags()
#: Pairs of models that a sentence names; the table has all.
MOST_SAID = 3
PATH_VARIABLES = ("place", "explained", "negative", "linkage", "model", "step_name")
PLANE_VARIABLES = ("forward", "backward", "forward_se", "backward_se", "model_a", "model_b", "depth_a", "depth_b")

Job = tuple[str, int, str, Callable[[], Axes]]


def checked_information(information: xr.Dataset | None) -> xr.Dataset | None:
    """What the steps know of other spaces, or None where it was not measured.

    Raises:
        ValueError: A variable is missing.
    """
    return checked_dataset(information, "information", (*INFORMATION_VARIABLES, "floor"))


def checked_paths(paths: xr.Dataset | None) -> xr.Dataset | None:
    """The steps placed and grouped, or None.

    Raises:
        ValueError: A variable is missing.
    """
    return checked_dataset(paths, "paths", PATH_VARIABLES)


def checked_plane(plane: xr.Dataset | None) -> xr.Dataset | None:
    """Both directions of every pair of steps, or None.

    Raises:
        ValueError: A variable is missing.
    """
    return checked_dataset(plane, "plane", PLANE_VARIABLES)


def further_jobs(
    information: xr.Dataset | None,
    paths: xr.Dataset | None,
    plane: xr.Dataset | None,
    styles: dict[str, ModelStyle],
    ks: tuple[int, ...],
    *,
    control: xr.Dataset | None = None,
    flags: Flags = NO_FLAGS,
) -> list[Job]:
    """Every further figure: file name, k, description for the page, how to draw it."""
    jobs: list[Job] = []
    for k in ks:
        if information is not None:
            pages = figures.pages_of_spaces(information)
            for name, spaces in zip(information_figures(information), pages, strict=True):

                def draw(spaces: list[str] = spaces, k: int = k) -> Axes:
                    drawn = figures.low_level_informations(
                        information, spaces=spaces, k=k, styles=styles, control=control
                    )
                    return drawn[0]

                described = f"Line charts, one per statistic: how well each step predicts it against depth, k = {k}."
                jobs.append((name, k, described, draw))
        if paths is not None:
            jobs.append(
                (
                    "paths",
                    k,
                    f"The steps of every model as a path through a plane, similar steps near each other, k = {k}.",
                    lambda k=k: figures.trajectories(paths, k=k, styles=styles),
                )
            )
            jobs.append(
                (
                    "tree",
                    k,
                    f"Tree of all steps: branches join where groups of steps are about that dissimilar, k = {k}.",
                    lambda k=k: figures.dendrogram(paths, k=k, styles=styles, flags=flags),
                )
            )
        if plane is not None:
            jobs.append(
                (
                    "plane",
                    k,
                    f"Scatter plot: both directions of every pair of steps of different models, k = {k}.",
                    lambda k=k: figures.information_plane(plane, k=k, styles=styles),
                )
            )
    return jobs


def information_figures(information: xr.Dataset) -> list[str]:
    """Names of the figures of other spaces, in order: one, or numbered where there are many spaces."""
    count = len(figures.pages_of_spaces(information))
    return ["information"] if count == 1 else [f"information-{place + 1}" for place in range(count)]


def describe_paths(paths: xr.Dataset, *, k: int | None = None) -> str:
    """How much of the dissimilarities the plane shows, and which two steps of different models are closest."""
    chosen = at_k(paths, k)
    shown, negative = float(chosen["explained"].values[:2].sum()), float(chosen["negative"])
    return (
        f"The two axes explain {shown:.0%} of the dissimilarities between the {counted(chosen.sizes['step'], 'step')}; "
        f"{negative:.0%} lie in directions that no drawing with true distances can show. Distances between points are "
        "therefore a guide, and the numbers are in the heat maps."
    )


def describe_tree(paths: xr.Dataset, *, k: int | None = None) -> str:
    """Whether steps join their own model first, or those of others."""
    chosen = at_k(paths, k)
    owners = chosen["model"].values.astype(str)
    members: list[list[int]] = [[i] for i in range(len(owners))]
    whole: dict[str, float] = {}
    crossing = math.nan
    for first, second, height, _ in chosen["linkage"].values:
        joined = members[int(first)] + members[int(second)]
        members.append(joined)
        kinds = set(owners[joined].tolist())
        if len(kinds) > 1 and math.isnan(crossing):
            crossing = float(height)
        for name in kinds:
            if len(kinds) == 1 and len(joined) == int((owners == name).sum()):
                whole[name] = float(height)
    n_models = len(set(owners.tolist()))
    if n_models == 1:
        return f"The steps of {owners[0]} are all joined at {number(float(chosen['linkage'].values[-1, 2]))}."
    if len(whole) == n_models:
        return (
            f"The steps of every model join each other before they join those of another model (at {number(crossing)})."
        )
    joining = "joins" if len(whole) == 1 else "join"
    alone = f"{listed(list(whole))} {joining} as a whole first" if whole else "none joins as a whole first"
    return (
        f"Steps of different models join first at {number(crossing)}, before the steps of every model have joined: "
        f"of {n_models} models, {alone}."
    )


def plane_counts(plane: xr.Dataset, *, k: int | None = None) -> list[tuple[str, str, int, int, int]]:
    """For every pair of models: in how many pairs of steps the first holds more, the second more, and of how many."""
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


def describe_plane(plane: xr.Dataset, *, k: int | None = None) -> str:
    """For up to three pairs of models, in how many pairs of steps one holds more than the other, beyond its error."""
    found = plane_counts(plane, k=k)
    said = [
        f"{a} holds more than {b} in {more} and less in {less} of {counted(of, 'pair')} of steps"
        for a, b, more, less, of in found[:MOST_SAID]
    ]
    left = len(found) - MOST_SAID
    more = f"; the other {counted(left, 'pair')} of models are in the table" if left > 0 else ""
    return f"Beyond two query-row errors of each direction (a bound), {listed(said)}{more}."
