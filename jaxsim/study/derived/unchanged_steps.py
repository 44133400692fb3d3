"""Consecutive steps between which nothing changes, as the information imbalance sees it.

An identity, dropout in evaluation mode and a scaling by one number keep every rank. The imbalance between what goes in
and what comes out is then exactly that of a representation with itself, in both directions and for every k, and the
model counts as perfectly smooth there. Whether a model does nothing, or a step was taken that is none, no number tells.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from jaxsim.study.derived.labels import read_labels

#: Steps of one run that are named; of more, the first and the last.
MOST_NAMED = 6


class UnchangedStepWarning(UserWarning):
    """Consecutive steps between which the information imbalance sees no change at all."""


def unchanged_steps(imbalance: xr.DataArray) -> list[tuple[str, ...]]:
    """Runs of consecutive steps of a model between which the imbalance is that of a representation with itself.

    Args:
        imbalance: Labelled, with dims (`k`,) `source`, `target`, as in `Study.imbalance`.

    Returns:
        Labels of the steps of every run, at least two each, in the order of the study.

    Raises:
        ValueError: If the labels do not fit.

    Example:
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel("m", name, depth) for name, depth in (("a", 0.0), ("b", 0.5), ("c", 1.0))]
        >>> values = np.array([[0.1, 0.4, 0.4], [0.3, 0.1, 0.1], [0.3, 0.1, 0.1]])
        >>> unchanged_steps(label_imbalance(values, labels).imbalance)
        [('m/b', 'm/c')]
    """
    imbalance, models = read_labels(imbalance)
    values, labels = np.asarray(imbalance.values, np.float64), imbalance["source"].values.astype(str)
    runs: list[tuple[str, ...]] = []
    for model in models:
        run: list[int] = []
        for here, there in zip(model.positions[:-1], model.positions[1:], strict=True):
            both_ways, itself = values[:, [here, there], [there, here]], values[:, [here, there], [here, there]]
            if np.array_equal(both_ways, itself):
                run = [*run, int(there)] if run and run[-1] == here else [int(here), int(there)]
                if len(run) > 2:
                    runs.pop()
                runs.append(tuple(labels[run].tolist()))
    return runs


def describe_unchanged(run: tuple[str, ...]) -> str:
    """One sentence on steps between which nothing changes, and what to do about them.

    Args:
        run: Labels of consecutive steps.

    Example:
        >>> describe_unchanged(("m/b", "m/c")).partition(":")[0]
        "steps 'm/b' and 'm/c' are the same to the information imbalance"
    """
    named = [repr(label) for label in run]
    if len(named) > MOST_NAMED:
        told = f"{named[0]} to {named[-1]} ({len(named)} consecutive steps)"
    else:
        told = f"{', '.join(named[:-1])} and {named[-1]}"
    return (
        f"steps {told} are the same to the information imbalance: between them it is exactly that of a representation "
        "with itself, as an identity, dropout in evaluation mode or a scaling leaves it, and they count as no change "
        "at all; leave out what is no step of its own with drop_steps (--drop-steps)"
    )
