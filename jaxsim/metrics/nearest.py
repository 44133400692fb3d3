"""The nearest neighbours of one representation, a block of query rows at a time."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxsim_kernels import Metric, Options, Placement, Precision, Workload, plan_for
from jaxsim_kernels.prepare import prepare_layer
from jaxsim_kernels.programs import strip_program
from jaxsim_kernels.scores import arithmetic
from jaxtyping import Float, Int

Scores = Float[np.ndarray, "n_rows k_plus_one"]
Columns = Int[np.ndarray, "n_rows k_plus_one"]
Visit = Callable[[np.ndarray, Columns, Scores, Callable[[int], np.ndarray]], None]


def visit_neighbours(
    x: Any,
    k: int,
    queries: Int[np.ndarray, " n_queries"],
    visit: Visit,
    *,
    metric: Metric = "euclidean",
    precision: Precision = "highest",
) -> None:
    """Finds the k + 1 nearest samples of every query row; the last one tells whether the k-th place is tied.

    Args:
        x: `[n_samples, n_features]`, checked; distances `[n_samples, n_samples]` with `metric="precomputed"`.
        k: Number of neighbours, at most n_samples - 2.
        queries: Sample indices of the rows.
        visit: Called for every block as `visit(places, columns, scores, row_scores)`: places of its rows among the
            queries; the nearest samples and their scores, ordered by (score, index); and a function from a row of the
            block to its scores with all samples, infinite with itself. Scores order like distances.
        metric: See `imbalance_matrix`.
        precision: See `imbalance_matrix`.

    Example:
        >>> found = []
        >>> x = np.array([[0.0], [1.0], [3.0], [7.0]])
        >>> visit_neighbours(x, 1, np.arange(4), lambda at, columns, *_: found.extend(columns[:, 0].tolist()))
        >>> found
        [1, 0, 1, 2]
    """
    # Whoever visits looks at whole strips: every process has them on a device of its own.
    n, placement = x.shape[0], Placement()
    options = Options(ks=(k,), metric=metric, precision=precision, passes="one-pass")
    plan = plan_for(Workload(n, len(queries), (x.shape[1],), k), options, placement)
    dtype = arithmetic(precision, n, placement.platform)
    with jax.enable_x64(dtype == np.float64):
        layer = prepare_layer(x, metric, plan.n_padded, placement.place, dtype)
        program = strip_program(placement, k + 1, precision, metric == "precomputed")
        norms = np.asarray(layer.half_norms)
        for start in range(0, len(queries), plan.rows):
            here = queries[start : start + plan.rows]
            samples = np.zeros(plan.rows, np.int32)
            samples[: len(here)] = here
            strip, scores, columns = program(layer.features, layer.half_norms, placement.replicate(samples))

            def row_scores(row: int, strip: jax.Array = strip) -> np.ndarray:
                return (norms - np.asarray(strip[row]))[:n]

            at = np.arange(start, start + len(here))
            visit(at, np.asarray(columns)[: len(here)], np.asarray(scores)[: len(here)], row_scores)
