"""Similarities as dissimilarities: the one place where one becomes the other."""

from typing import Any

from .declaration import Case, Measure


def as_dissimilarity(measure: Measure, values: Any, case: Case) -> Any:
    """Values of a measure so that larger is less alike.

    Args:
        measure: Which.
        values: Its values, of any shape.
        case: Samples, k and widths that they belong to.

    Returns:
        The values of a dissimilarity as they are, those of a similarity taken off its largest possible value.

    Raises:
        ValueError: For a similarity without a largest value.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> as_dissimilarity(find_measures("mutual_knn")[0], 0.25, Case(100, 10))
        0.75
    """
    check_turnable(measure)
    if measure.orientation == "dissimilarity" or measure.highest is None:
        return values
    return measure.highest(case) - values


def check_turnable(measure: Measure) -> None:
    """Refuses a similarity without a largest value, from which no dissimilarity follows.

    Raises:
        ValueError: Says what to take instead.
    """
    if measure.orientation == "similarity" and measure.highest is None:
        raise ValueError(
            f"expected a dissimilarity, or a similarity with a largest value, got {measure.name!r}, which has none; "
            "take a normalised measure, such as cka in place of hsic."
        )
