"""Steps that are the same for all images, exactly or up to rounding: they are named, and not measured.

Such a step says nothing of the images, and every rank in it is a tie; measured, it would look like the largest change
of all. The commonest is the class token before the first block, which no image has reached yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from jaxsim.study.derived.labels import StepLabel


def mark_constant(labels: Sequence[StepLabel], constant: Sequence[bool]) -> list[StepLabel]:
    """The labels with the mark of the steps that are constant.

    Args:
        labels: The steps.
        constant: Whether each is the same for all samples.

    Raises:
        ValueError: If all of them are, so that there is nothing to measure.

    Example:
        >>> labels = [StepLabel("vit", "embeddings", 0.0), StepLabel("vit", "block00", 1.0)]
        >>> [label.constant for label in mark_constant(labels, [True, False])]
        [True, False]
    """
    if all(constant):
        raise ValueError(
            f"expected steps that differ between samples, but all {len(labels)} are the same for every sample "
            f"({', '.join(label.label for label in labels[:3])}{', ...' if len(labels) > 3 else ''}); are the samples "
            "copies of one?"
        )
    return [replace(label, constant=bool(flag)) for label, flag in zip(labels, constant, strict=True)]


def explain_constant(label: StepLabel, pool: str) -> str:
    """What is said of a step that is the same for all samples, and what to do about it.

    Args:
        label: The step.
        pool: How it became one vector for each image.

    Example:
        >>> explain_constant(StepLabel("vit", "embeddings", 0.0, "embeddings"), "cls").split(": ")[0]
        "the step 'vit/embeddings' is the same for all samples and is left out of every result"
    """
    said = f"the step {label.label!r} is the same for all samples and is left out of every result"
    if pool == "cls" and label.kind == "embeddings":
        return (
            f"{said}: with pool='cls' it is the class token, which no image has reached before the first block; "
            "pool='mean' (--pool mean) measures what the patches hold there"
        )
    return f"{said}: its features do not differ by more than rounding; leave it out with drop_steps= (--drop-steps)"


def with_missing(
    values: Float[np.ndarray, "*lead kept kept"], kept: Int[np.ndarray, " kept"], n: int
) -> Float[np.ndarray, "*lead n n"]:
    """A matrix between the layers that were measured as one between all of them, with NaN for the others.

    Args:
        values: Between the layers `kept`.
        kept: Their places among all layers.
        n: Number of all layers.

    Example:
        >>> with_missing(np.ones((1, 1)), np.array([1]), 2).tolist()
        [[nan, nan], [nan, 1.0]]
    """
    whole = np.full((*values.shape[:-2], n, n), np.nan)
    whole[..., kept[:, None], kept] = values
    return whole
