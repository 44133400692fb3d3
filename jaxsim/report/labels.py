"""How well the steps separate the labels: what the dataset must hold, its figure, and what it says."""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from jaxsim.report import figures
from jaxsim.report.errors import error_word, errors_of
from jaxsim.report.figures.palette import ModelStyle
from jaxsim.report.schema import at_k, checked_dataset
from jaxsim.report.sentences import listed, number, with_error

VARIABLES = ("overlap", "standard_error", "chance", "ceiling", "n_classes", "model", "step_name", "depth", "label")

Job = tuple[str, int, str, Callable[[], Axes]]


def checked_labels(labels: xr.Dataset | None) -> xr.Dataset | None:
    """The label overlap, or None without labels.

    Raises:
        ValueError: A variable is missing.
    """
    return checked_dataset(labels, "labels", VARIABLES)


def label_jobs(
    labels: xr.Dataset | None,
    styles: Mapping[str, ModelStyle],
    ks: tuple[int, ...],
    control: xr.Dataset | None = None,
) -> list[Job]:
    """The figure of labels: file name, k, description for the page, how to draw it."""
    if labels is None:
        return []
    known = labels

    def job(k: int) -> Job:
        described = f"Line charts, one per label: how often neighbours share it against relative depth, k = {k}."
        return "labels", k, described, lambda: figures.label_overlaps(known, k=k, styles=styles, control=control)[0]

    return [job(k) for k in ks]


def describe_label_overlap(labels: xr.Dataset, *, k: int | None = None) -> str:
    """For every label: chance, ceiling, and what the first and the last step of every model reach.

    Args:
        labels: Label overlap of a study.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        A sentence or two for every label.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> from jaxsim.study.constructed import constructed_labels
        >>> describe_label_overlap(constructed_labels(constructed_study()[0])).partition(";")[0]
        'Of the nearest neighbour, 0.100 would share its class (10 classes) by chance and at most 0.980'
    """
    chosen = at_k(labels, k)
    nearest = int(chosen["k"])
    who = "Of the nearest neighbour" if nearest == 1 else f"Of the {nearest} nearest neighbours"
    owners = chosen["model"].values.astype(str)
    word = error_word(chosen, "overlap")
    said = []
    for place, label in enumerate(chosen["label"].values.astype(str).tolist()):
        one = chosen.isel(label=place)
        value, error = one["overlap"].values, errors_of(one, "overlap")
        ends, last = [], []
        for name in dict.fromkeys(owners.tolist()):
            own = np.flatnonzero((owners == name) & np.isfinite(value))
            if not len(own):
                ends.append(f"{name} has no step that tells images apart")
                continue
            first, final = (with_error(float(value[at]), float(error[at])) for at in (own[0], own[-1]))
            ends.append(f"{name} has {final}" if len(own) == 1 else f"{name} goes from {first} to {final}")
            last.append((float(value[own[-1]]), float(error[own[-1]]), name))
        sentence = (
            f"{who}, {number(float(one['chance']))} would share its {label} ({int(one['n_classes'])} classes) by "
            f"chance and "
            f"at most {number(float(one['ceiling']))}; from the first step to the last, {listed(ends)}."
        )
        if len(last) > 1:
            least, most = min(last), max(last)
            near = most[0] - least[0] <= 2 * (np.nan_to_num(most[1]) + np.nan_to_num(least[1]))
            sentence += f" The last step of {most[2]} separates it best and that of {least[2]} least" + (
                f", within two {word}s (a bound) of each other." if near else "."
            )
        said.append(sentence)
    return " ".join(said)
