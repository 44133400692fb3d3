"""Which features of x predict y, by exact information imbalance: one more, or one fewer, at a time."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from jaxsim.arguments import check_choice, check_count

from .soft_neighbours import checked_spaces, rank_rows

Direction = Literal["forward", "backward"]


@dataclass(frozen=True)
class SelectedFeatures:
    """Sets of features, one for each number of them.

    Attributes:
        features: The best set found of every size, in the order of the search.
        imbalances: From each set to y.
    """

    features: tuple[tuple[int, ...], ...]
    imbalances: Float[np.ndarray, " n_sets"]


def select_features(
    x: Any,
    y: Any,
    n_features: int,
    *,
    direction: str = "forward",
    beam: int = 1,
    k: int = 1,
    n_queries: int | None = None,
    seed: int = 0,
) -> SelectedFeatures:
    """Sets of features of x that predict the neighbourhoods of y best, found greedily.

    A feature adds its squared differences to the squared distances of a set, so that every set costs one such sum and
    one look for the nearest, whatever the number of features in it.

    Args:
        x: `[n_samples, n_features]`; features as they are, so scale them first.
        y: `[n_samples, n_features_y]`, the same samples in the same order.
        n_features: Size of the last set: the largest of a forward search, the smallest of a backward one.
        direction: `forward` begins with none and adds one at a time, `backward` with all and takes one away.
        beam: Number of sets that are kept of each size; 1 is greedy.
        k: Number of neighbours.
        n_queries: Look from only this many samples, drawn at random; None for all.
        seed: Of that draw.

    Returns:
        The best set of each size, and its imbalance: of all samples `Delta(set -> y)`, ties in index order. Memory:
        ranks and, for each set of the beam, distances of `n_queries` x `n_samples` in 8 bytes.

    Raises:
        ValueError: For numbers out of range, and as `differentiable_imbalance`.

    Source:
        Glielmo et al., PNAS Nexus 2022 (greedy selection by information imbalance).

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 5))
        >>> found = select_features(x, x[:, [3, 1]], 2)
        >>> sorted(found.features[-1]), found.imbalances.round(3).tolist()[-1]
        ([1, 3], 0.02)
    """
    features, ranked, _ = checked_spaces(x, y, None)
    n, width = features.shape
    chosen = check_choice("direction", direction, get_args(Direction))
    n_features = check_count("n_features", n_features, 1, most=width)
    beam, k = check_count("beam", beam, 1), check_count("k", k, 1, most=n - 2)
    rows = np.arange(n)
    if n_queries is not None:
        n_queries = check_count("n_queries", n_queries, 2, most=n)
        rows = np.sort(np.random.default_rng(check_count("seed", seed, 0)).choice(n, n_queries, replace=False))
    ranks = rank_rows(ranked)[rows]
    search = _Search(features, rows, ranks, k)
    if chosen == "forward":
        kept, found = [((), np.zeros((len(rows), n)))], []
        sizes = range(n_features)
    else:
        everything = tuple(range(width))
        squares = sum((search.squares(place) for place in everything), np.zeros((len(rows), n)))
        kept, found = [(everything, squares)], [(everything, search.imbalance(squares))]
        sizes = range(width - n_features)
    for _ in sizes:
        kept = search.step(kept, beam, 1 if chosen == "forward" else -1)
        found.append((kept[0][0], search.imbalance(kept[0][1])))
    return SelectedFeatures(tuple(each for each, _ in found), np.array([value for _, value in found]))


@dataclass(frozen=True)
class _Search:
    features: np.ndarray
    rows: np.ndarray
    ranks: np.ndarray
    k: int

    def squares(self, place: int) -> np.ndarray:
        """Squared differences by one feature."""
        column = self.features[:, place]
        return (column[self.rows][:, None] - column) ** 2

    def imbalance(self, squares: np.ndarray) -> float:
        """From these distances to y; equally near samples in index order."""
        apart = squares.copy()
        apart[np.arange(len(self.rows)), self.rows] = np.inf
        nearest = apart.argmin(1)[:, None] if self.k == 1 else apart.argsort(1, kind="stable")[:, : self.k]
        n_rows, n = apart.shape
        return float(2 * np.take_along_axis(self.ranks, nearest, 1).sum(dtype=np.float64) / (n_rows * n * self.k))

    def step(
        self, kept: list[tuple[tuple[int, ...], np.ndarray]], beam: int, sign: int
    ) -> list[tuple[tuple[int, ...], np.ndarray]]:
        """The best sets of one feature more (sign 1) or fewer (-1)."""
        scored: dict[frozenset[int], tuple[float, tuple[int, ...], int, int]] = {}
        for number, (own, squares) in enumerate(kept):
            others = [each for each in range(self.features.shape[1]) if each not in own] if sign > 0 else list(own)
            for place in others:
                names = (*own, place) if sign > 0 else tuple(each for each in own if each != place)
                if frozenset(names) not in scored:
                    value = self.imbalance(self._moved(squares, place, sign))
                    scored[frozenset(names)] = (value, names, number, place)
        best = sorted(scored.values(), key=lambda each: (each[0], each[1]))[:beam]
        return [(names, self._moved(kept[number][1], place, sign)) for _, names, number, place in best]

    def _moved(self, squares: np.ndarray, place: int, sign: int) -> np.ndarray:
        # What is taken away again leaves rounding, which must not order samples that are equally far.
        return squares + self.squares(place) if sign > 0 else np.maximum(squares - self.squares(place), 0)
