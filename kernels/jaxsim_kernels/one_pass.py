"""One pass: the strips of all layers for a block of rows at once, and everything from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import jax
import numpy as np

from .blocks import Rows
from .prepare import Layer
from .strip_maker import StripMaker
from .ties import expected_contributions

if TYPE_CHECKING:
    from .half_run import HalfRun
    from .streaming import Run


def one_pass(run: Run) -> None:
    """Measure every block of query rows from the strips of all layers.

    Args:
        run: What is measured; its sums are added to.
    """
    options, ranker = run.options, run.ranker
    layers = [run.layer(number) for number in range(run.n_layers)]
    # One more neighbour than asked for tells whether the last place was tied.
    strip_of = StripMaker(options.ks[-1] + 1, options, run.placement, run.blocks)

    def block(at: np.ndarray, rows: Rows) -> None:
        found = [strip_of(number, layer, rows, number) for number, layer in enumerate(layers)]
        strips, scores, columns = zip(*found, strict=True)
        if run.neighbours is not None:
            for number, each in enumerate(columns):
                run.neighbours[number, at] = np.asarray(each)[: len(at), : options.ks[-1]]
        wanted = ranker.joined(columns)
        ranks = [ranker.ranks(strip, layer, wanted) for strip, layer in zip(strips, layers, strict=True)]
        blocks = [(np.asarray(each.doubled)[: len(at)], np.asarray(each.tied)[: len(at)]) for each in ranks]
        host_scores = [np.asarray(each)[: len(at)] for each in scores]
        if options.ties == "expected":
            blocks = expected_contributions(blocks, host_scores, _scores_on_demand(strips, layers), options.ks)
        if run.kernels is not None:
            run.kernels.add(strips, layers, rows.samples, len(at), run.blocks.queries[at])
        # Nothing is added before the last step that can run out of memory: such a block is done again.
        run.sums.count_tied_neighbours(host_scores, options.ks)
        for target, (doubled, tied) in enumerate(blocks):
            run.sums.add(target, doubled, tied, at)
        if run.in_halves is not None:
            _within_halves(run.in_halves, strips, layers, at)

    run.blocks.for_each(block, run.blocks.every_row, "ranking", layers_done=run.n_layers)


def on_host(strip: jax.Array, layer: Layer, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The valid rows of a block's strip and the half norms, as the host sees them."""
    return np.asarray(strip)[: len(at)], np.asarray(layer.half_norms)


def _scores_on_demand(strips: Sequence[jax.Array], layers: Sequence[Layer]) -> list[Callable[[int], np.ndarray]]:
    """Of every layer, the scores of a row; worked out only where there is a tie to settle."""
    return [
        lambda row, strip=strip, layer=layer: np.asarray(layer.half_norms) - np.asarray(strip)[row]
        for strip, layer in zip(strips, layers, strict=True)
    ]


def _within_halves(in_halves: HalfRun, strips: Sequence[jax.Array], layers: Sequence[Layer], at: np.ndarray) -> None:
    """Neighbours within halves by every layer, and their ranks in every layer, from the strips of the whole."""
    both = [on_host(strip, layer, at) for strip, layer in zip(strips, layers, strict=True)]
    near = [in_halves.near(number, *each, at) for number, each in enumerate(both)]
    wanted = in_halves.wanted(np.stack(near, axis=1))
    for target, each in enumerate(both):
        in_halves.rank(target, *each, at, wanted)
