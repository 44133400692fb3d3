"""The expectation of the measure under random tie-breaking in both spaces, for the rows that need it.

A row without a tie at its k-th neighbour is settled by the streaming kernels. The others need the ranks of a whole tie
group, which has no bounded size: they are worked out on the host from the strips' own bits.
"""

from collections.abc import Callable, Sequence

import numpy as np

Block = tuple[np.ndarray, np.ndarray]


def expected_contributions(
    blocks: Sequence[Block],
    neighbour_scores: Sequence[np.ndarray],
    scores: Sequence[Callable[[int], np.ndarray]],
    ks: tuple[int, ...],
) -> list[Block]:
    """Replace the contributions of rows with a tie at the k-th neighbour by their expectation.

    Args:
        blocks: Per target layer, doubled rank sums and tie counts `[n_rows, n_sources, n_k]`.
        neighbour_scores: Per source layer, scores of the `max(ks) + 1` nearest `[n_rows, max(ks) + 1]`.
        scores: Of every layer, called for a row with a tie: its scores `[n_columns]`.
        ks: Numbers of neighbours.

    Returns:
        The blocks in float64.

    Example:
        >>> expected_contributions([], [], [], (1,))
        []
    """
    blocks = [(doubled.astype(np.float64), tied) for doubled, tied in blocks]
    at = np.asarray(ks)
    tied_rows = [scores[:, at - 1] == scores[:, at] for scores in neighbour_scores]
    needy = np.flatnonzero(np.any([t.any(1) for t in tied_rows], axis=0)) if tied_rows else ()
    for row in needy:
        own = np.stack([of_layer(int(row)) for of_layer in scores])
        ranks = np.stack([_doubled_mid_ranks(each) for each in own])
        for source, flags in enumerate(tied_rows):
            for place in np.flatnonzero(flags[row]):
                last = neighbour_scores[source][row, ks[place] - 1]
                inside, group = own[source] < last, own[source] == last
                share = (ks[place] - inside.sum()) / group.sum()
                expected = ranks[:, inside].sum(1) + share * ranks[:, group].sum(1)
                for target, (doubled, _) in enumerate(blocks):
                    doubled[row, source, place] = expected[target]
    return blocks


def _doubled_mid_ranks(scores: np.ndarray) -> np.ndarray:
    ordered = np.sort(scores)
    return 1.0 + ordered.searchsorted(scores, "left") + ordered.searchsorted(scores, "right")
