"""How far apart two models are along their depth, and which of their steps are closest to each other.

Definitions. The distance of two models at relative depth t is the mean of both directions between the steps
nearest to t in each; the most different processing step is where it peaks. The best match of a step is the
closest step of the other model by the same mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from jaxsim.study.derived.depths import SLACK, depth_grid
from jaxsim.study.derived.labels import ModelSteps, matching_error, read_labels


def between_models(
    imbalance: xr.DataArray,
    standard_error: xr.DataArray | None = None,
    *,
    grid: Sequence[float] | Float[np.ndarray, " points"] | None = None,
) -> xr.Dataset:
    """Distance of every pair of models against relative depth, and every step's best matches.

    Of two steps equally near to t, of two equally good matches and of two equal peaks the earlier is taken.
    The error of a mean of two directions is the mean of their errors, an upper bound whatever their
    correlation. Steps that are the same for all images are left out; of a model that has no others there are NaN, and
    "" in place of names of steps.

    Args:
        imbalance: Labelled information imbalance with dims (`k`,) `source`, `target`, as in
            `Study.imbalance`.
        standard_error: Its standard errors, labelled alike; without them all errors are NaN.
        grid: Relative depths t in [0, 1]; 51 evenly spaced ones by default.

    Returns:
        Dataset with
        `distance`, `distance_se` on (`k`, `pair`, `t`), NaN where one of the models has no step that far out,
        `nearest_a`, `nearest_b` on (`pair`, `t`), `peak_t`, `peak_distance` on (`k`, `pair`), with coordinates
        `model_a`, `model_b` on `pair`;
        `best_step`, `best_depth`, `best_value`, `best_value_se` on (`k`, `match`), one match per step and
        other model, with coordinates `match_source` ("model/step"), `match_model_from`, `match_model_to`,
        `match_depth`. With a single model both dims have length 0.

    Raises:
        ValueError: If the labels do not fit or the grid leaves [0, 1].

    Example:
        >>> import numpy as np
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel(m, s, d) for m in "AB" for s, d in (("first", 0.0), ("last", 1.0))]
        >>> values = np.full((4, 4), 0.8)
        >>> values[0, 2] = values[2, 0] = 0.2
        >>> between = between_models(label_imbalance(values, labels).imbalance, grid=[0.0, 1.0])
        >>> between.distance.sel(k=1, pair="A | B").values.tolist(), between.peak_t.item()
        ([0.2, 0.8], 1.0)
        >>> between.best_step.sel(k=1, match=between.match_source == "A/last").item()
        'first'
    """
    imbalance, models = read_labels(imbalance)
    values = np.asarray(imbalance.values, np.float64)
    values = (values + values.transpose(0, 2, 1)) / 2
    errors = matching_error(imbalance, standard_error)
    errors = (errors + errors.transpose(0, 2, 1)) / 2
    ts = depth_grid(1.0) if grid is None else np.asarray(grid, np.float64)
    if ts.ndim != 1 or ts.size == 0 or not np.all((ts >= 0) & (ts <= 1)):
        raise ValueError(f"expected a grid of relative depths within [0, 1], got {grid!r}")
    n_k = values.shape[0]

    pairs = list(combinations(models, 2))
    # A row of nothing, at the end, stands for the step of a model that has none.
    nothing = values.shape[1]
    values, errors = (np.pad(each, ((0, 0), (0, 1), (0, 1)), constant_values=np.nan) for each in (values, errors))
    rows_a, rows_b = (
        _positions([_nearest_rows(pair[side], ts, nothing) for pair in pairs], ts.size) for side in (0, 1)
    )
    distance = values[:, rows_a, rows_b]
    for place, pair in enumerate(pairs):
        # Beyond a model's first and last step that say something, the nearest would be compared once more.
        distance[:, place, ~np.logical_and(*(covers(model, ts) for model in pair))] = np.nan
    peak = np.where(np.isnan(distance), -np.inf, distance).argmax(axis=2)
    known = ~np.isnan(distance).all(axis=2)
    steps = np.array([*(str(name) for name in imbalance["source_step"].values), ""], dtype=object)
    depths = np.append(np.asarray(imbalance["source_depth"].values, np.float64), np.nan)

    ordered = list(permutations(models, 2))
    sources = np.concatenate([a.positions for a, _ in ordered]) if ordered else np.zeros(0, np.int64)
    best = np.zeros((n_k, sources.size), np.int64)
    done = 0
    for a, b in ordered:
        block = values[np.ix_(np.arange(n_k), a.positions, b.positions)]
        found = b.positions[block.argmin(axis=2)] if len(b.positions) else nothing
        best[:, done : done + len(a.positions)] = found
        done += len(a.positions)
    each_k = np.arange(n_k)[:, None]
    return xr.Dataset(
        {
            "distance": (("k", "pair", "t"), distance),
            "distance_se": (("k", "pair", "t"), errors[:, rows_a, rows_b]),
            "nearest_a": (("pair", "t"), steps[rows_a]),
            "nearest_b": (("pair", "t"), steps[rows_b]),
            "peak_t": (("k", "pair"), np.where(known, ts[peak], np.nan)),
            "peak_distance": (("k", "pair"), np.take_along_axis(distance, peak[..., None], axis=2)[..., 0]),
            "best_step": (("k", "match"), steps[best]),
            "best_depth": (("k", "match"), depths[best]),
            "best_value": (("k", "match"), values[each_k, sources[None], best]),
            "best_value_se": (("k", "match"), errors[each_k, sources[None], best]),
        },
        coords={
            "k": imbalance["k"].values,
            "t": ("t", ts),
            "pair": ("pair", np.array([f"{a.name} | {b.name}" for a, b in pairs], dtype=object)),
            "model_a": ("pair", np.array([a.name for a, _ in pairs], dtype=object)),
            "model_b": ("pair", np.array([b.name for _, b in pairs], dtype=object)),
            "match_source": (
                "match",
                np.array([str(imbalance["source"].values[i]) for i in sources], dtype=object),
            ),
            "match_model_from": (
                "match",
                np.array([a.name for a, _ in ordered for _ in a.positions], dtype=object),
            ),
            "match_model_to": (
                "match",
                np.array([b.name for a, b in ordered for _ in a.positions], dtype=object),
            ),
            "match_depth": ("match", depths[sources]),
        },
        attrs={"nearest_step": "nearest in relative depth; of two equally near the earlier"},
    )


def covers(model: ModelSteps, ts: Float[np.ndarray, " points"]) -> Bool[np.ndarray, " points"]:
    """Which depths lie between a model's first and last step."""
    if not len(model.positions):
        return np.zeros(len(ts), bool)
    return (ts >= model.depths[0] - SLACK) & (ts <= model.depths[-1] + SLACK)


def _nearest_rows(model: ModelSteps, ts: Float[np.ndarray, " points"], nothing: int) -> list[int]:
    """Rows of the model's steps nearest to each depth."""
    return [int(model.positions[model.nearest(t)]) if len(model.positions) else nothing for t in ts]


def _positions(rows: list[list[int]], n_points: int) -> np.ndarray:
    """Rows as int `[n_pairs, n_points]`, also when there are none."""
    return np.array(rows, dtype=np.int64).reshape(len(rows), n_points)
