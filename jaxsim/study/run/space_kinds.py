"""What kind of a space a user gave: features, dissimilarities, or categories that should be labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxsim.metrics.dissimilarities import Dissimilarities

MOST_CLASSES = 100
"""Integers of more different values are taken for numbers without a word."""


def given_dissimilarities(
    name: str, value: Dissimilarities, ids: Sequence[str], source_ids: Sequence[str]
) -> Dissimilarities:
    """Dissimilarities between the samples of a study, in its order.

    Args:
        name: Of the space.
        value: Between the samples of the study, or those it was drawn from; with ids, between any that hold them.
        ids: The samples of the study.
        source_ids: The samples it was drawn from.

    Returns:
        Those of the study's samples.

    Raises:
        ValueError: For another number of samples, or a sample that is not among the ids.

    Example:
        >>> brain = Dissimilarities([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
        >>> given_dissimilarities("brain", brain, ids=["a", "c"], source_ids=["a", "b", "c"])[:].tolist()
        [[0.0, 2.0], [2.0, 0.0]]
    """
    own = value.ids
    if own is None:
        if len(value) == len(ids):
            return value
        if len(value) != len(source_ids):
            there = f"{len(ids)} samples of the study" + (
                f" or the {len(source_ids)} it was drawn from" if len(source_ids) != len(ids) else ""
            )
            raise ValueError(
                f"expected dissimilarities between the {there} in the space {name!r}, got {len(value)} x {len(value)}; "
                "Dissimilarities(matrix, ids) aligns by itself"
            )
        own = source_ids
    place = {each: i for i, each in enumerate(own)}
    missing = next((each for each in ids if each not in place), None)
    if missing is not None:
        raise ValueError(
            f"expected dissimilarities of every sample in the space {name!r}, but {missing!r} is not among its ids"
        )
    return value.select([place[each] for each in ids])


def refuse_dissimilarities(name: str, rows: Float[np.ndarray, "n_samples n_features"]) -> None:
    """Refuses a matrix of dissimilarities that was given as if its columns were features.

    Args:
        name: Of the space.
        rows: The space.

    Raises:
        ValueError: If it is square and symmetric, not negative, with zeros on the diagonal alone.

    Example:
        >>> refuse_dissimilarities("ratings", np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 3.0], [1.0, 4.0, 0.0]]))
    """
    n = len(rows)
    if rows.shape != (n, n) or n < 3 or np.diagonal(rows).any() or (rows < 0).any() or not rows.any():
        return
    if np.allclose(rows, rows.T, rtol=1e-6, atol=1e-9 * rows.max()):
        raise ValueError(
            f"the space {name!r} looks like a dissimilarity matrix ({n} x {n}, symmetric, zero diagonal), whose "
            "columns are no features; wrap it in jaxsim.Dissimilarities(matrix)"
        )


def explain_categories(name: str, space: Any) -> str:
    """What is said of a space that holds categories as if they were positions; "" of any other.

    Args:
        name: Of the space.
        space: `[n_samples, n_features]`, or `Dissimilarities`.

    Example:
        >>> explain_categories("class", np.eye(3)[[0, 1, 2, 0, 1, 2, 0]]).partition(": ")[0]
        "the space 'class' is one-hot, with 3 classes"
        >>> explain_categories("scale", np.linspace(0, 1, 7)[:, None])
        ''
    """
    if isinstance(space, Dissimilarities):
        return ""
    n, width = space.shape
    cure = (
        f"labels={{{name!r}: ...}} (--labels {name}=FILE) takes categories as what they are and measures how many "
        "neighbours share one"
    )
    if width > 1:
        if ((space == 0) | (space == 1)).all() and (space.sum(axis=1) == 1).all():
            n_classes = int(space.any(axis=0).sum())
            return (
                f"the space {name!r} is one-hot, with {n_classes} classes: nearly all of its distances tie, and "
                f"Delta to it stays far above (k + 1) / N however well a step knows the class; {cure}"
            )
        return ""
    if not (space == np.round(space)).all():
        return ""
    n_values = len(np.unique(space))
    if not 2 <= n_values <= min(MOST_CLASSES, n // 3):
        return ""
    return (
        f"the space {name!r} holds {n_values} different integers, which are taken for positions on a line, with "
        f"many ties: if they are the names of classes, {cure}"
    )


def tells_nothing_apart(space: Any) -> bool:
    """Whether a space is the same for all samples.

    Example:
        >>> tells_nothing_apart(np.ones((4, 2))), tells_nothing_apart(np.eye(4))
        (True, False)
    """
    return space.constant if isinstance(space, Dissimilarities) else bool((space == space[:1]).all())
