"""How smoothly a model changes its representation from one processing step to the next.

Definitions. Steps s_0 .. s_{L-1} at relative depths t_l = l / (L - 1). The step change is Delta(s_l ->
s_{l+1}), Delta(s_{l+1} -> s_l) and their mean. Because a model with more steps looks smoother for that reason
alone, what is said across models is the fixed-step profile: s(t) against s(t + h) with one h for all models.
Steps that are the same for all images are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from jaxsim.study.derived.depths import SLACK, depth_grid
from jaxsim.study.derived.labels import ModelSteps, matching_error, read_labels


def smoothness_profile(
    imbalance: xr.DataArray,
    standard_error: xr.DataArray | None = None,
    *,
    h: float | None = None,
    grid: Sequence[float] | Float[np.ndarray, " points"] | None = None,
) -> xr.Dataset:
    """Step changes of every model, their summaries, and the fixed-step profile on a common grid.

    The error of a mean of two directions, and of a mean over steps, is the mean of their errors: an upper
    bound whatever their correlation, which is not zero since all come from the same samples.

    A step is *marked* where its grid of patches or its number of channels differs from the one before, as at
    a stage of a convolutional network; summaries are given with and without marked steps. Layers without
    known grid and channels cannot be marked.

    s(t) is the step nearest to relative depth t, of two equally near ones the earlier. Where a model's first or last
    steps are constant, or were not selected, the profile begins and ends with those that are there, for all models.

    Args:
        imbalance: Labelled information imbalance with dims (`k`,) `source`, `target`, as in
            `Study.imbalance`.
        standard_error: Its standard errors, labelled alike; without them all errors are NaN.
        h: The fixed step in relative depth, in (0, 1]. The default is the widest spacing of any model,
            1 / (L - 1) of the coarsest; smaller ones are refused, since a step would be compared with
            itself.
        grid: Relative depths t in [0, 1 - h]; by default 51 evenly spaced ones over the depths that all models have
            steps for, [0, 1 - h] where none is left out.

    Returns:
        Dataset with
        `forward`, `backward`, `mean` and `*_se` on (`k`, `change`), one change per consecutive pair of steps,
        with coordinates `model`, `step_from`, `step_to`, `depth_from`, `depth_to`, `depth`, `marked`;
        `mean_change`, `max_change`, `roughness` (standard deviation over steps) and the same with `_unmarked`
        on (`k`, `model_name`);
        `fixed_step`, `fixed_step_se` on (`k`, `model_name`, `t`) and `fixed_step_span` on (`model_name`,
        `t`), the difference in depth of the two steps really compared. Attributes `h` and `h_from` say which
        h and why. What a model has no steps for is NaN.

    Raises:
        ValueError: If the labels do not fit, or `h` or `grid` is out of range.

    Example:
        >>> import numpy as np
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel("m", name, depth) for name, depth in (("a", 0.0), ("b", 0.5), ("c", 1.0))]
        >>> values = np.array([[0.1, 0.2, 0.6], [0.4, 0.1, 0.2], [0.6, 0.2, 0.1]])
        >>> profile = smoothness_profile(label_imbalance(values, labels).imbalance)
        >>> [round(value, 3) for value in profile["mean"].sel(k=1).values.tolist()]
        [0.3, 0.2]
        >>> profile.attrs["h"]
        0.5
    """
    imbalance, models = read_labels(imbalance)
    values = np.asarray(imbalance.values, np.float64)
    errors = matching_error(imbalance, standard_error)
    step, origin = _fixed_step(models, h)
    ts = _checked_grid(grid, step, models)

    marked = np.concatenate([_marks(model) for model in models])
    first = np.concatenate([model.positions[:-1] for model in models])
    second = np.concatenate([model.positions[1:] for model in models])
    owner = np.concatenate([np.full(len(model.positions[1:]), i) for i, model in enumerate(models)])
    forward, backward = values[:, first, second], values[:, second, first]
    forward_se, backward_se = errors[:, first, second], errors[:, second, first]
    mean = (forward + backward) / 2

    def steps_at(positions: np.ndarray, coord: str) -> np.ndarray:
        return imbalance[coord].values[positions]

    depth_from, depth_to = (np.asarray(steps_at(p, "source_depth"), np.float64) for p in (first, second))
    dataset = xr.Dataset(
        {
            "forward": (("k", "change"), forward),
            "backward": (("k", "change"), backward),
            "mean": (("k", "change"), mean),
            "forward_se": (("k", "change"), forward_se),
            "backward_se": (("k", "change"), backward_se),
            "mean_se": (("k", "change"), (forward_se + backward_se) / 2),
        },
        coords={
            "k": imbalance["k"].values,
            "model": ("change", np.array([models[i].name for i in owner], dtype=object)),
            "step_from": ("change", np.array(steps_at(first, "source_step"), dtype=object)),
            "step_to": ("change", np.array(steps_at(second, "source_step"), dtype=object)),
            "depth_from": ("change", depth_from),
            "depth_to": ("change", depth_to),
            "depth": ("change", (depth_from + depth_to) / 2),
            "marked": ("change", marked),
            "model_name": ("model_name", np.array([model.name for model in models], dtype=object)),
            "t": ("t", ts),
        },
        attrs={
            "h": step,
            "h_from": origin,
            "nearest_step": "nearest in relative depth; of two equally near the earlier",
        },
    )
    mean_se = dataset["mean_se"].values
    for suffix, keep in (("", np.ones_like(marked)), ("_unmarked", ~marked)):
        summary = [_summary(mean[:, keep & (owner == i)]) for i in range(len(models))]
        for j, name in enumerate(("mean_change", "max_change", "roughness")):
            dataset[name + suffix] = (("k", "model_name"), np.stack([each[j] for each in summary], axis=1))
        spread = [_summary(mean_se[:, keep & (owner == i)])[0] for i in range(len(models))]
        dataset["mean_change_se" + suffix] = (("k", "model_name"), np.stack(spread, axis=1))

    here, there = (np.stack([_nearest_steps(model, ts + ahead) for model in models]) for ahead in (0.0, step))
    depths = np.asarray(imbalance["source_depth"].values, np.float64)
    dims = ("k", "model_name", "t")
    dataset["fixed_step"] = (dims, (values[:, here, there] + values[:, there, here]) / 2)
    dataset["fixed_step_se"] = (dims, (errors[:, here, there] + errors[:, there, here]) / 2)
    dataset["fixed_step_span"] = (("model_name", "t"), depths[there] - depths[here])
    # Where there is no second step to compare with, a step's own floor would look like perfect smoothness.
    there_are = xr.DataArray(np.stack([_covered(model, ts, step) for model in models]), dims=("model_name", "t"))
    for name in ("fixed_step", "fixed_step_se", "fixed_step_span"):
        dataset[name] = dataset[name].where(there_are).transpose(*dataset[name].dims)
    dataset["fixed_step"].attrs["h"] = step
    return dataset


def _marks(model: ModelSteps) -> Bool[np.ndarray, " changes"]:
    """Whether grid or channels change, per consecutive pair of steps."""
    pairs = range(len(model.positions) - 1)
    return np.array(
        [model.grids[i] != model.grids[i + 1] or model.channels[i] != model.channels[i + 1] for i in pairs],
        dtype=bool,
    )


def _summary(changes: Float[np.ndarray, "k changes"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, maximum and standard deviation over steps, NaN without any."""
    if changes.shape[1] == 0:
        nothing = np.full(changes.shape[0], np.nan)
        return nothing, nothing, nothing
    return changes.mean(axis=1), changes.max(axis=1), changes.std(axis=1)


def _fixed_step(models: Sequence[ModelSteps], h: float | None) -> tuple[float, str]:
    """The fixed step and the words that say where it comes from."""
    spacing = {m.name: float(np.max(np.diff(m.depths))) for m in models if len(m.depths) > 1}
    if not spacing:
        return (1.0 if h is None else float(h)), "no model has two steps"
    coarsest = max(spacing, key=lambda name: spacing[name])
    widest = spacing[coarsest]
    if h is None:
        return widest, f"spacing of the coarsest model, {coarsest}"
    if not widest - SLACK <= h <= 1:
        raise ValueError(
            f"expected h between {widest:.4g} (the spacing of the coarsest model, {coarsest}) and 1, "
            f"got {h!r}; a smaller h would compare a step with itself"
        )
    return float(h), "given"


def _nearest_steps(model: ModelSteps, ts: Float[np.ndarray, " points"]) -> Int[np.ndarray, " points"]:
    """Rows of the steps nearest to each depth; row 0, to be masked, of a model without steps."""
    if not len(model.positions):
        return np.zeros(len(ts), np.int64)
    return np.array([model.positions[model.nearest(t)] for t in ts], np.int64)


def _covered(model: ModelSteps, ts: Float[np.ndarray, " points"], h: float) -> Bool[np.ndarray, " points"]:
    """Where the model has steps for t and t + h."""
    if len(model.positions) < 2:
        return np.zeros(len(ts), bool)
    return (ts >= model.depths[0] - SLACK) & (ts + h <= model.depths[-1] + SLACK)


def _checked_grid(
    grid: Sequence[float] | Float[np.ndarray, " points"] | None, h: float, models: Sequence[ModelSteps]
) -> np.ndarray:
    """The relative depths of the fixed-step profile."""
    if grid is None:
        several = [model for model in models if len(model.positions) > 1]
        first = max((float(model.depths[0]) for model in several), default=0.0)
        last = min((float(model.depths[-1]) for model in several), default=1.0)
        return first + depth_grid(last - first - h)
    ts = np.asarray(grid, np.float64)
    if ts.ndim != 1 or ts.size == 0 or not np.all((ts >= 0) & (ts <= 1 - h + SLACK)):
        raise ValueError(f"expected a grid of relative depths within [0, 1 - h] = [0, {1 - h:.4g}], got {grid!r}")
    return ts
