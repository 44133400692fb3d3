"""What a measure declares of itself. Studies, reports, the command line and the tests read these declarations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .statistics import Need, Statistics

Orientation = Literal["similarity", "dissimilarity"]
Invariance = Literal["sample permutation", "rotation", "translation", "scale", "invertible linear map"]


class Case(NamedTuple):
    """What the bounds of a measure may depend on.

    Attributes:
        n_samples: Number of samples N.
        k: Number of neighbours; 1 for measures that use none.
        widths: Numbers of features of the two layers.
    """

    n_samples: int
    k: int = 1
    widths: tuple[int, int] = (1, 1)


Bound = Callable[[Case], float]


@dataclass(frozen=True, eq=False)
class Measure:
    """A measure of two layers: what it promises, and its formula.

    Attributes:
        name: As users give it, such as `cka`.
        title: As figures and tables show it, such as `debiased CKA`.
        source: Paper that defines it, with its equation where it has a number.
        orientation: Whether larger values mean more alike (`similarity`) or less (`dissimilarity`).
        symmetric: Whether swapping the layers changes nothing.
        uses_k: Whether it depends on a number of neighbours; values then have a leading axis over k.
        lowest: Smallest possible value; None where there is none.
        highest: Largest possible value; None where there is none.
        equal: Value of two equal layers; None where it depends on the layers.
        independent: Expected value for independent layers; None where it is not known.
        invariances: Changes of either layer that leave the value as it is.
        needs: Statistics that the formula takes.
        formula: `(statistics) -> [n_layers, n_layers]`, or `[n_k, n_layers, n_layers]` for a measure that uses k; pure,
            for NumPy arrays in float64 and for traced JAX arrays. Entry `[a, b]` reads "from a to b" where the
            measure is not symmetric.
        least_samples: Fewest samples that it is defined for.
        least_k: Smallest number of neighbours that it is defined for.
        all_rows: Whether it follows neighbours of neighbours, so that those of query rows alone do not do.
        tolerance: Largest relative error where scores are float32; in float64 it is 1e-9.
        symbol: What stands for the measure on an axis and in a formula, such as `CKA`; "" where the title is short.
    """

    name: str
    title: str
    source: str
    orientation: Orientation
    symmetric: bool
    uses_k: bool
    lowest: Bound | None
    highest: Bound | None
    equal: Bound | None
    independent: Bound | None
    invariances: frozenset[Invariance]
    needs: frozenset[Need]
    formula: Callable[[Statistics], Any]
    least_samples: int = 3
    least_k: int = 1
    all_rows: bool = False
    tolerance: float = 1e-5
    symbol: str = ""


@dataclass(frozen=True, eq=False)
class LayerMeasure:
    """A measure of one layer: what it promises, and its formula.

    Attributes:
        name: As users give it, such as `intrinsic_dimension`.
        title: As figures and tables show it.
        source: Paper that defines it.
        unit: Of the values, such as `dimensions`, `nats`, or empty.
        uses_k: Whether it depends on a number of neighbours.
        lowest: Smallest possible value; None where there is none.
        highest: Largest possible value; None where there is none.
        invariances: Changes of the layer that leave the value as it is.
        needs: Statistics that the formula takes.
        formula: `(statistics) -> [n_layers]`, or `[n_k, n_layers]` for a measure that uses k.
        least_samples: Fewest samples that it is defined for.
        least_k: Smallest number of neighbours that it is defined for.
        all_rows: Whether it takes the neighbours of all samples together, so that those of query rows alone do not do.
        tolerance: Largest relative error where scores are float32.
    """

    name: str
    title: str
    source: str
    unit: str
    uses_k: bool
    lowest: Bound | None
    highest: Bound | None
    invariances: frozenset[Invariance]
    needs: frozenset[Need]
    formula: Callable[[Statistics], Any]
    least_samples: int = 3
    least_k: int = 1
    all_rows: bool = False
    tolerance: float = 1e-5


def constant(value: float) -> Bound:
    """A bound that is the same for all samples, k and widths.

    Example:
        >>> constant(1.0)(Case(100))
        1.0
    """
    return lambda _case: value
