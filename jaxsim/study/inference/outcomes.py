"""What tests against shuffled pairings found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PermutationTest:
    """One value against the same value under shuffled pairings.

    Attributes:
        value: The measured Delta.
        p_value: (1 + number of shuffles as extreme) / (1 + n_permutations).
        null: The values under shuffled pairings, `[n_permutations]`.
        alternative: "less": smaller than by chance, so the spaces share information; or "greater".
        direction: "forward" (x -> y), "backward" or "mean" of both.
        k: Number of neighbours.
        n_samples: Number of samples N.
        n_queries: Number of query rows M.
        metric: Of the distances.
        n_permutations: Number of shuffles.
        seed: Of the queries and the shuffles.
    """

    value: float
    p_value: float
    null: np.ndarray
    alternative: str
    direction: str
    k: int
    n_samples: int
    n_queries: int
    metric: str
    n_permutations: int
    seed: int


@dataclass(frozen=True)
class ExtremumTest:
    """The extremum over all pairs of two sets of layers, against the same extremum under shuffled pairings.

    Attributes:
        value: The smallest (or largest) Delta.
        source: Layer at which it is reached.
        target: Layer at which it is reached.
        p_value: (1 + number of shuffles whose extremum is as extreme) / (1 + n_permutations).
        null: The extrema under shuffled pairings, `[n_permutations]`.
        values: All Delta, `[n_sources, n_targets]`.
        adjusted_p_values: For each cell the p of its value against the null of the extremum: corrected for having
            looked at all cells, `[n_sources, n_targets]`.
        sources: Names of the rows of `values`.
        targets: Names of its columns.
        extremum: "min" or "max".
        alternative: "less" or "greater".
        direction: "forward", "backward" or "mean".
        k: Number of neighbours.
        n_samples: Number of samples N.
        n_queries: Number of query rows M.
        metric: Of the distances.
        n_permutations: Number of shuffles.
        seed: Of the queries and the shuffles.
    """

    value: float
    source: str
    target: str
    p_value: float
    null: np.ndarray
    values: np.ndarray
    adjusted_p_values: np.ndarray
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    extremum: str
    alternative: str
    direction: str
    k: int
    n_samples: int
    n_queries: int
    metric: str
    n_permutations: int
    seed: int
