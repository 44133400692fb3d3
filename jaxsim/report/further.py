"""The datasets that not every study has: what they must hold, their figures, and what they say in plain sentences."""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report import figures
from jaxsim.report.figures.palette import ModelStyle
from jaxsim.report.schema import at_k, checked_dataset
from jaxsim.report.sentences import counted, listed, number, with_error

INFORMATION_VARIABLES = ("forward", "backward", "forward_se", "backward_se", "model", "step_name", "depth", "constant")
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
) -> list[Job]:
    """Every further figure: file name, k, description for the page, how to draw it."""
    jobs: list[Job] = []
    for k in ks:
        if information is not None:
            jobs.append(
                (
                    "information",
                    k,
                    f"Line charts, one per statistic: how well each step predicts it against relative depth, k = {k}.",
                    lambda k=k: figures.low_level_informations(information, k=k, styles=styles)[0],
                )
            )
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
                    lambda k=k: figures.dendrogram(paths, k=k, styles=styles),
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


def main_space(information: xr.Dataset) -> str:
    """The space that the sentences speak of: all statistics together where there are such, else the first."""
    # Findings that are of no space have "" there.
    names = [str(name) for name in information["space"].values if name]
    return "all" if "all" in names else names[0]


def describe_information(information: xr.Dataset, *, k: int | None = None) -> str:
    """How much of the statistics the first and the last step of every model hold, and which last step holds most."""
    space = main_space(information)
    chosen = at_k(information, k).sel(space=space)
    owners = chosen["model"].values.astype(str)
    what = "the low-level statistics together" if space == "all" else space
    said, last = [], []
    for name in dict.fromkeys(owners.tolist()):
        value, error = (chosen[each].values[owners == name] for each in ("forward", "forward_se"))
        if not np.isfinite(value).all():
            return f"What the steps know of {what} is undefined: it is the same for all images."
        last.append((float(value[-1]), float(error[-1]), name))
        ends = f"{with_error(float(value[0]), float(error[0]))} to {with_error(float(value[-1]), float(error[-1]))}"
        bound = 2 * math.hypot(float(error[0]), float(error[-1]))
        if len(value) < 2 or abs(value[-1] - value[0]) <= bound:
            said.append(f"{name} does not tell its first step from its last by more than two standard errors ({ends})")
        else:
            said.append(
                f"{name} {'loses' if value[-1] > value[0] else 'gains'} from its first step to its last ({ends})"
            )
    sentence = f"Of {what} (Δ from step to statistics; lower: the step holds more), {listed(said)}."
    if len(last) < 2:
        return sentence
    most, least = min(last), max(last)
    far = least[0] - most[0] > 2 * math.hypot(most[1], least[1])
    return f"{sentence} Among the last steps, that of {most[2]} holds most and that of {least[2]} least" + (
        "." if far else ", within two standard errors of each other."
    )


def describe_spaces(information: xr.Dataset, *, k: int | None = None) -> str:
    """Which space the last step of every model holds best, and how many spaces it does not hold at all."""
    chosen = at_k(information, k)
    owners = chosen["model"].values.astype(str)
    parts = [
        str(name) != "all" and not bool(c)
        for name, c in zip(chosen["space"].values, chosen["constant"].values, strict=True)
    ]
    names = [str(name) for name, kept in zip(chosen["space"].values, parts, strict=True) if kept]
    constant = [str(n) for n, c in zip(chosen["space"].values, chosen["constant"].values, strict=True) if bool(c)]
    said = []
    for name in dict.fromkeys(owners.tolist()):
        row = int(np.flatnonzero(owners == name)[-1])
        value, error = (chosen[each].values[row, parts] for each in ("forward", "forward_se"))
        if not names:
            continue
        best = int(np.nanargmin(value))
        nothing = int((value + 2 * error >= 1).sum())
        tail = f", {nothing} of {len(names)} not at all within two standard errors" if nothing else ""
        said.append(f"{name} holds {names[best]} best ({with_error(float(value[best]), float(error[best]))}){tail}")
    sentence = f"In its last step, {listed(said)}." if said else ""
    if constant:
        sentence += f" Not measured, because the same for all images: {listed(constant)}."
    return sentence.strip()


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
    alone = (
        f"{listed(list(whole))} {'joins' if len(whole) == 1 else 'join'} as a whole first" if whole else "no model does"
    )
    return (
        f"Steps of different models join first at {number(crossing)}, before the steps of every model have joined: "
        f"of {n_models} models, {alone}."
    )


def describe_plane(plane: xr.Dataset, *, k: int | None = None) -> str:
    """For every pair of models, in how many pairs of steps one holds more than the other, beyond its error."""
    chosen = at_k(plane, k)
    first, second = chosen["model_a"].values.astype(str), chosen["model_b"].values.astype(str)
    forward, backward = chosen["forward"].values, chosen["backward"].values
    bound = 2 * (chosen["forward_se"].values + chosen["backward_se"].values)
    said = []
    for a, b in dict.fromkeys(zip(first.tolist(), second.tolist(), strict=True)):
        own = (first == a) & (second == b)
        more = int((backward - forward > bound)[own].sum())
        less = int((forward - backward > bound)[own].sum())
        said.append(
            f"{a} holds more than {b} in {more} and less in {less} of {counted(int(own.sum()), 'pair')} of steps"
        )
    shown = said if len(said) <= 3 else [*said[:3], f"so on for {len(said) - 3} more pairs of models"]
    return f"Beyond two standard errors (a bound), {listed(shown)}."
