"""What each metric promises. Tests take their properties from here, and tools can list the metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .information_imbalance import information_imbalance

Invariance = Literal["sample permutation", "rotation", "translation", "scale"]


@dataclass(frozen=True)
class MetricPromise:
    """A metric and its properties.

    Attributes:
        compute: `(x, y) -> float` for representations `[n_samples, n_features]`.
        symmetric: Whether swapping x and y changes nothing.
        equal: Value of equal spaces, as a function of the number of samples.
        independent: Expected value for independent spaces.
        lower: Smallest possible value, as a function of the number of samples.
        invariances: Changes of x that leave the value as it is.
        source: Paper and equation.
    """

    compute: Callable[[Any, Any], float]
    symmetric: bool
    equal: Callable[[int], float]
    independent: float
    lower: Callable[[int], float]
    invariances: frozenset[Invariance]
    source: str


METRICS: dict[str, MetricPromise] = {
    "information_imbalance": MetricPromise(
        compute=lambda x, y: float(information_imbalance(x, y).forward),
        symmetric=False,
        equal=lambda n: 2 / n,
        independent=1.0,
        lower=lambda n: 2 / n,
        invariances=frozenset({"sample permutation", "rotation", "translation", "scale"}),
        source="Glielmo et al., PNAS Nexus 2022, eq. 1",
    ),
}
"""All metrics by name."""
