"""A constructed study: the three datasets that a real one has, for examples, tests and trying out figures.

No model and no image is behind the numbers. Every model is a path through a made-up space; two steps are the more
similar the closer they lie, and a step tells less about another the less it has kept. What only some studies have is
in `constructed_further`.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import xarray as xr

Study = tuple[xr.Dataset, xr.Dataset, xr.Dataset]


def constructed_study(
    n_steps: Mapping[str, int] | None = None,
    *,
    families: Mapping[str, str] | None = None,
    k: tuple[int, ...] = (1,),
    n_samples: int = 400,
    h: float = 0.25,
    seed: int = 0,
    constant: Sequence[str] = (),
    flags: Mapping[str, str] | None = None,
    sampling: bool = False,
    pool: str = "mean",
) -> Study:
    """Results, smoothness and between-model datasets of made-up models.

    Args:
        n_steps: Model name -> number of steps (at least 2). Default: a transformer of 6 and a CNN of 5 steps.
        families: Model name -> family; models left out alternate between `vit` and `resnet`. Models of the family
            `resnet` change abruptly at every fourth step, and those changes are marked.
        k: Numbers of neighbours, one slice of the results each.
        n_samples: Number of samples the study would have had; also the number of queries.
        h: Step in relative depth of the fixed-step profile.
        seed: Of the noise and of the paths.
        constant: Labels ("model/step") of steps that are the same for every image: NaN in the results, left out of
            the other two.
        flags: Label of a step -> text of the warning that is about it.
        sampling: Whether there are sampling errors beside the query-row errors, made up as twice as large.
        pool: Name of the pooling that the study records.

    Returns:
        `(results, smoothness, between)`.

    Example:
        >>> results, smoothness, between = constructed_study()
        >>> dict(results["imbalance"].sizes)
        {'k': 1, 'source': 11, 'target': 11}
        >>> between["pair"].values.tolist()
        ['vit | resnet']
    """
    n_steps = dict(n_steps or {"vit": 6, "resnet": 5})
    family_of = {name: ("vit", "resnet")[place % 2] for place, name in enumerate(n_steps)} | dict(families or {})
    generator = np.random.default_rng(seed)
    steps = [_steps(name, count, family_of[name]) for name, count in n_steps.items()]
    paths = np.concatenate([_path(count, family_of[m], generator) for m, count in n_steps.items()])
    model = np.concatenate([np.repeat(name, count) for name, count in n_steps.items()])
    name = np.concatenate(steps)
    depth = np.concatenate([np.linspace(0, 1, count) for count in n_steps.values()])
    kind = np.where(depth == 0, "embeddings", "block")
    label = np.array([f"{m}/{s}" for m, s in zip(model, name, strict=True)])

    floor = (np.array(k) + 1) / n_samples
    gap = np.sqrt(((paths[:, None] - paths[None]) ** 2).sum(-1))
    lost = np.clip(depth[:, None] - depth[None], 0, None)
    noise = generator.normal(0, 0.006, gap.shape)
    values = np.stack([1 - np.exp(-1.15 * gap - 0.35 * lost) + noise + 0.02 * np.log(each) for each in k])
    values = np.clip(values, floor[:, None, None], 1.04)
    error = 0.577 * np.sqrt(values) / np.sqrt(n_samples)
    same = np.eye(len(label), dtype=bool)
    values[:, same], error[:, same] = floor[:, None], 0.0
    empty = np.isin(label, list(constant))
    values[:, empty], values[:, :, empty], error[:, empty], error[:, :, empty] = (np.nan,) * 4
    flagged = np.array([(flags or {}).get(each, "") for each in label.tolist()], dtype=object)

    axes = {
        f"{side}_{what}": (side, array)
        for side in ("source", "target")
        for what, array in (("model", model), ("step", name), ("kind", kind), ("depth", depth), ("constant", empty))
    }
    axes["source_flag"] = ("source", flagged)
    results = xr.Dataset(
        {
            "imbalance": (("k", "source", "target"), values),
            "standard_error": (("k", "source", "target"), error),
            **({"sampling_error": (("k", "source", "target"), 2 * error)} if sampling else {}),
        },
        coords={"k": list(k), "floor": ("k", floor), "source": label, "target": label, **axes},
        attrs={
            "n_samples": n_samples,
            "n_queries": n_samples,
            "metric": "euclidean",
            "pool": pool,
            "ties": "index",
            "seed": seed,
            "images": json.dumps({"kind": "constructed", "samples": n_samples}),
            "models": json.dumps(
                [
                    {
                        "name": m,
                        "source": f"constructed:{m}",
                        "family": family_of[m],
                        "n_steps": count,
                        "weights_hash": f"{place:02x}" * 32,
                    }
                    for place, (m, count) in enumerate(n_steps.items())
                ]
            ),
            "versions": json.dumps({"numpy": np.__version__, "xarray": xr.__version__}),
            "created": "2026-01-01T00:00:00+00:00",
            "jaxsim_version": "0.1.0",
            "warnings": json.dumps([]),
            "damaged": json.dumps([]),
        },
    )
    known = results.isel(source=~empty, target=~empty)
    smoothness, between = _smoothness(known, family_of, h), _between(known)
    if sampling:
        for dataset, names in ((smoothness, ("mean", "fixed_step")), (between, ("distance",))):
            for each in names:
                dataset[f"{each}_sampling_error"] = 2 * dataset[f"{each}_se"]
    return results, smoothness, between


def _steps(model: str, count: int, family: str) -> list[str]:
    if count < 2:
        raise ValueError(f"Expected at least 2 steps for every model, but {model!r} has {count}.")
    if family == "resnet":
        return ["stem"] + [f"stage{step // 4}.block{step % 4}" for step in range(count - 1)]
    return ["embeddings"] + [f"block{step:02d}" for step in range(count - 1)]


def _opens_stage(step: str) -> bool:
    """Whether the resolution changes on the way to a step of a CNN."""
    return step.endswith(".block0") and step != "stage0.block0"


def _path(count: int, family: str, generator: np.random.Generator) -> np.ndarray:
    """Places of the steps in the made-up space, `[count, 3]`."""
    abrupt = [family == "resnet" and _opens_stage(step) for step in _steps("", count, family)[1:]]
    pace = np.where(abrupt, 4.0, 1.0) * generator.uniform(0.7, 1.3, count - 1)
    along = np.concatenate([[0.0], np.cumsum(pace)]) / pace.sum()
    bend = generator.uniform(0.2, 0.9) * (1 if generator.uniform() < 0.5 else -1)
    bow = bend * np.clip(np.sin(np.pi * along), 0, None) ** 1.5
    apart = generator.uniform(-0.2, 0.2) + 0.25 * np.sign(generator.normal()) * along
    return np.stack([along * 1.1, bow, apart], axis=-1)


def _smoothness(results: xr.Dataset, families: Mapping[str, str], h: float) -> xr.Dataset:
    value, error = results["imbalance"].values, results["standard_error"].values
    model, depth = results["source_model"].values, results["source_depth"].values
    starts = np.flatnonzero(model[1:] == model[:-1])
    goals = zip(model[starts].tolist(), results["source_step"].values[starts + 1].tolist(), strict=True)
    marked = np.array([families[m] == "resnet" and _opens_stage(goal) for m, goal in goals], dtype=bool)
    forward, backward = value[:, starts, starts + 1], value[:, starts + 1, starts]
    forward_se, backward_se = error[:, starts, starts + 1], error[:, starts + 1, starts]
    mean, mean_se = (forward + backward) / 2, np.hypot(forward_se, backward_se) / 2
    name, names = results["source_step"].values, list(families)
    t = np.linspace(0, 1, 21)
    fixed, fixed_se = (np.full((len(value), len(names), len(t)), np.nan) for _ in range(2))
    summaries: dict[str, list[np.ndarray]] = {}
    for place, one in enumerate(names):
        own = model[starts] == one
        for suffix, chosen in (("", own), ("_unmarked", own & ~marked)):
            part = mean[:, chosen]
            summaries.setdefault(f"mean_change{suffix}", []).append(part.mean(-1))
            summaries.setdefault(f"max_change{suffix}", []).append(part.max(-1))
            summaries.setdefault(f"roughness{suffix}", []).append(part.std(-1))
        steps = np.flatnonzero(model == one)
        for at, start in enumerate(t):
            if start + h <= 1 + 1e-9:
                a, b = (steps[np.abs(depth[steps] - where).argmin()] for where in (start, start + h))
                fixed[:, place, at] = (value[:, a, b] + value[:, b, a]) / 2
                fixed_se[:, place, at] = np.hypot(error[:, a, b], error[:, b, a]) / 2
    changes = {
        "forward": forward,
        "backward": backward,
        "mean": mean,
        "forward_se": forward_se,
        "backward_se": backward_se,
        "mean_se": mean_se,
    }
    return xr.Dataset(
        {
            **{key: (("k", "change"), array) for key, array in changes.items()},
            **{key: (("k", "model_name"), np.stack(rows, axis=-1)) for key, rows in summaries.items()},
            "fixed_step": (("k", "model_name", "t"), fixed, {"h": h}),
            "fixed_step_se": (("k", "model_name", "t"), fixed_se),
        },
        coords={
            "k": results["k"].values,
            "model": ("change", model[starts]),
            "step_from": ("change", name[starts]),
            "step_to": ("change", name[starts + 1]),
            "depth_from": ("change", depth[starts]),
            "depth_to": ("change", depth[starts + 1]),
            "depth": ("change", (depth[starts] + depth[starts + 1]) / 2),
            "marked": ("change", marked),
            "model_name": names,
            "t": t,
        },
    )


def _between(results: xr.Dataset) -> xr.Dataset:
    value, error = results["imbalance"].values, results["standard_error"].values
    both, both_se = (value + value.swapaxes(1, 2)) / 2, np.hypot(error, error.swapaxes(1, 2)) / 2
    model, depth = results["source_model"].values, results["source_depth"].values
    name, label = results["source_step"].values, results["source"].values
    names = list(dict.fromkeys(model.tolist()))
    pairs = list(combinations(names, 2))
    t = np.linspace(0, 1, 21)
    nearest = {
        m: np.array([np.flatnonzero(model == m)[np.abs(depth[model == m] - at).argmin()] for at in t]) for m in names
    }
    shape = (len(value), len(pairs), len(t))
    distance, distance_se = np.empty(shape), np.empty(shape)
    for place, (a, b) in enumerate(pairs):
        distance[:, place] = both[:, nearest[a], nearest[b]]
        distance_se[:, place] = both_se[:, nearest[a], nearest[b]]
    matches = [(step, other) for step in range(len(model)) for other in names if other != model[step]]
    best = np.empty((len(value), len(matches)), dtype=int)
    for place, (step, other) in enumerate(matches):
        candidates = np.flatnonzero(model == other)
        best[:, place] = candidates[both[:, step, candidates].argmin(-1)]
    sources = np.array([step for step, _ in matches], dtype=int)
    empty = np.empty((0, len(t)), dtype=str)
    return xr.Dataset(
        {
            "distance": (("k", "pair", "t"), distance),
            "distance_se": (("k", "pair", "t"), distance_se),
            "nearest_a": (("pair", "t"), np.stack([name[nearest[a]] for a, _ in pairs]) if pairs else empty),
            "nearest_b": (("pair", "t"), np.stack([name[nearest[b]] for _, b in pairs]) if pairs else empty),
            "peak_t": (("k", "pair"), t[distance.argmax(-1)] if pairs else np.empty(shape[:2])),
            "best_step": (("k", "match"), name[best]),
            "best_depth": (("k", "match"), depth[best]),
            "best_value": (("k", "match"), np.take_along_axis(both[:, sources], best[..., None], -1)[..., 0]),
        },
        coords={
            "k": results["k"].values,
            "pair": [f"{a} | {b}" for a, b in pairs],
            "model_a": ("pair", np.array([a for a, _ in pairs], dtype=str)),
            "model_b": ("pair", np.array([b for _, b in pairs], dtype=str)),
            "t": t,
            "match_source": ("match", label[sources]),
            "match_model_from": ("match", model[sources]),
            "match_model_to": ("match", np.array([other for _, other in matches], dtype=str)),
            "match_depth": ("match", depth[sources]),
        },
    )
