"""A constructed study: the three datasets that a real one has, for examples, tests and trying out figures.

No model and no image is behind the imbalances. Every model is a path through a made-up space; two steps are the more
similar the closer they lie, and a step tells less about another the less it has kept. Whatever follows from the
imbalances is derived as in any study.
"""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from jaxsim.study.derived.between import between_models
from jaxsim.study.derived.smoothness import smoothness_profile

Study = tuple[xr.Dataset, xr.Dataset, xr.Dataset]


def constructed_study(
    n_steps: Mapping[str, int] | None = None,
    *,
    families: Mapping[str, str] | None = None,
    k: tuple[int, ...] = (1,),
    n_samples: int = 400,
    h: float | None = None,
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
        h: Step in relative depth of the fixed-step profile. Default: that of any study, the widest spacing of a model.
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
    channels = np.concatenate([_channels(own, family_of[m]) for m, own in zip(n_steps, steps, strict=True)])

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
        for what, array in (
            ("model", model),
            ("step", name),
            ("kind", kind),
            ("depth", depth),
            ("constant", empty),
            ("channels", channels),
        )
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
    smoothness = smoothness_profile(results["imbalance"], results["standard_error"], h=h)
    between = between_models(results["imbalance"], results["standard_error"])
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


def _channels(steps: list[str], family: str) -> list[int]:
    """Width of every step: that of a CNN doubles where a stage begins."""
    return (64 * 2 ** np.cumsum([family == "resnet" and _opens_stage(step) for step in steps])).tolist()


def _path(count: int, family: str, generator: np.random.Generator) -> np.ndarray:
    """Places of the steps in the made-up space, `[count, 3]`."""
    abrupt = [family == "resnet" and _opens_stage(step) for step in _steps("", count, family)[1:]]
    pace = np.where(abrupt, 4.0, 1.0) * generator.uniform(0.7, 1.3, count - 1)
    along = np.concatenate([[0.0], np.cumsum(pace)]) / pace.sum()
    bend = generator.uniform(0.2, 0.9) * (1 if generator.uniform() < 0.5 else -1)
    bow = bend * np.clip(np.sin(np.pi * along), 0, None) ** 1.5
    apart = generator.uniform(-0.2, 0.2) + 0.25 * np.sign(generator.normal()) * along
    return np.stack([along * 1.1, bow, apart], axis=-1)
