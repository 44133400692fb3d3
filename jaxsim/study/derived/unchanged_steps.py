"""Consecutive steps between which nothing changes, as the information imbalance sees it.

An identity, dropout in evaluation mode and a scaling by one number keep every rank. The imbalance between what goes in
and what comes out is then exactly that of a representation with itself, in both directions and for every k, and the
model counts as perfectly smooth there. Of few samples with a small k the same may come of a step that changes little,
so it is told apart whether the representations are equal, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from jaxsim.study.derived.labels import read_labels

#: Steps of one run that are named; of more, the first and the last.
MOST_NAMED = 6
_ROWS = 4096


class UnchangedStepWarning(UserWarning):
    """Consecutive steps of a model that are equal for every sample."""


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
    values, names = np.asarray(imbalance.values, np.float64), imbalance["source"].values.astype(str)
    place = {name: at for at, name in enumerate(names.tolist())}

    def unchanged(here: str, there: str) -> bool:
        a, b = place[here], place[there]
        return np.array_equal(values[:, [a, b], [b, a]], values[:, [a, b], [a, b]])

    return [run for model in models for run in _runs(names[model.positions].tolist(), unchanged)]


def equal_steps(run: Sequence[str], layers: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Those of a run that are equal to the last bit, for every sample.

    Args:
        run: Labels of consecutive steps.
        layers: Label -> representation `[n_samples, n_features]`, read in blocks of rows.

    Returns:
        Runs of labels, at least two each.

    Example:
        >>> x = np.eye(3)
        >>> equal_steps(("m/a", "m/b", "m/c"), {"m/a": x, "m/b": x.copy(), "m/c": 2 * x})
        [('m/a', 'm/b')]
    """

    def equal(here: str, there: str) -> bool:
        a, b = layers[here], layers[there]
        return a.shape == b.shape and all(
            np.array_equal(np.asarray(a[start : start + _ROWS]), np.asarray(b[start : start + _ROWS]))
            for start in range(0, a.shape[0], _ROWS)
        )

    return _runs(run, equal)


def describe_equal(run: Sequence[str]) -> str:
    """One sentence on steps that are equal, and what to do about them.

    Example:
        >>> describe_equal(("m/b", "m/c")).partition(",")[0]
        "steps 'm/b' and 'm/c' are equal for every sample"
    """
    return (
        f"steps {_named(run)} are equal for every sample, as an identity or dropout in evaluation mode leaves them, "
        "and count as no change at all; leave out those that are no steps of their own with drop_steps (--drop-steps)"
    )


def describe_unchanged(run: Sequence[str]) -> str:
    """One sentence on steps that differ, though not to the information imbalance.

    Example:
        >>> describe_unchanged(("m/b", "m/c")).partition(":")[0]
        "steps 'm/b' and 'm/c' differ, but the information imbalance between them is that of equal ones"
    """
    return (
        f"steps {_named(run)} differ, but the information imbalance between them is that of equal ones: every query "
        "has the same neighbours at them, as after a scaling, or with a small k among few samples"
    )


def _runs(steps: Sequence[str], joined: Callable[[str, str], bool]) -> list[tuple[str, ...]]:
    """Runs of at least two consecutive steps each of which is joined to the next."""
    runs: list[list[str]] = []
    for step in steps:
        if runs and joined(runs[-1][-1], step):
            runs[-1].append(step)
        else:
            runs.append([step])
    return [tuple(run) for run in runs if len(run) > 1]


def _named(run: Sequence[str]) -> str:
    named = [repr(label) for label in run]
    if len(named) > MOST_NAMED:
        return f"{named[0]} to {named[-1]} ({len(named)} consecutive steps)"
    return f"{', '.join(named[:-1])} and {named[-1]}"
