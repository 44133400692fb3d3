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
        The values of a dissimilarity as they are, those of a similarity taken off its largest possible value, or off
        that of equal layers where there is no largest one.

    Raises:
        ValueError: For a similarity with neither.

    Example:
        >>> from jaxsim.metrics.registry import find_measures
        >>> as_dissimilarity(find_measures("mutual_knn")[0], 0.25, Case(100, 10))
        0.75
    """
    check_turnable(measure)
    # A ratio of local sums, such as cknna, may exceed what equal layers have, and is still one there.
    largest = measure.highest or measure.equal
    return values if measure.orientation == "dissimilarity" or largest is None else largest(case) - values


def check_turnable(measure: Measure) -> None:
    """Refuses a similarity without a largest value and without one of equal layers: no dissimilarity follows from it.

    Raises:
        ValueError: Says what to take instead.
    """
    if measure.orientation == "similarity" and measure.highest is None and measure.equal is None:
        raise ValueError(
            f"expected a dissimilarity, or a similarity with a largest value, got {measure.name!r}, which has none; "
            "take a normalised measure, such as cka in place of hsic."
        )
