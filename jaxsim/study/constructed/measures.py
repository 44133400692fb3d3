"""Made-up measures side by side, and measures of every step, as a study has them: for figures, examples and tests."""

from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr


def constructed_measures(*, n_steps: int = 5, seed: int = 0) -> xr.Dataset:
    """Three made-up measures of the steps of two models side by side.

    Args:
        n_steps: Steps of each model.
        seed: Of the noise.

    Returns:
        As a study sets measures side by side.

    Example:
        >>> constructed_measures().sizes["measure"]
        3
    """
    generator = np.random.default_rng(seed)
    names, titles = (
        ("information_imbalance", "cka", "mutual_knn"),
        ("information imbalance", "debiased CKA", "mutual kNN"),
    )
    labels = np.array([f"{model}/block{step}" for model in "ab" for step in range(n_steps)], dtype=object)
    source, target = np.nonzero(~np.eye(len(labels), dtype=bool))
    base = np.abs(source - target) + generator.normal(0, 0.3, len(source))
    noisy = np.stack([base, base + generator.normal(0, 1.0, len(base)), base + generator.normal(0, 3.0, len(base))])
    ranks = noisy.argsort(1).argsort(1) / (len(base) - 1)
    pairs = list(combinations(range(len(names)), 2))
    worst = [int(np.abs(ranks[a] - ranks[b]).argmax()) for a, b in pairs]
    steps = {"source_step": labels[source[worst]], "target_step": labels[target[worst]]}
    kinds = np.array(["alignment", "smoothness_difference"] * 2)
    # The last measure turns one of the effects round, and leaves one open.
    effects = np.array([[0.20, 0.11, 0.14, -0.09], [0.10, 0.12, 0.21, -0.05], [0.15, -0.10, 0.01, -0.05]])[None]
    return xr.Dataset(
        {
            "effect": (("k", "measure", "finding"), effects),
            "effect_low": (("k", "measure", "finding"), effects - 0.03),
            "effect_high": (("k", "measure", "finding"), effects + 0.03),
            "effect_p": (("k", "measure", "finding"), np.full(effects.shape, 0.01)),
            "rank_correlation": (("k", "measure_a", "measure_b"), np.asarray(np.corrcoef(ranks))[None]),
            "rank": (("k", "measure", "cell"), ranks[None]),
            **{name: (("k", "disagreement"), values[None]) for name, values in steps.items()},
            "rank_a": (
                ("k", "disagreement"),
                np.array([[ranks[a, w] for (a, _), w in zip(pairs, worst, strict=True)]]),
            ),
            "rank_b": (
                ("k", "disagreement"),
                np.array([[ranks[b, w] for (_, b), w in zip(pairs, worst, strict=True)]]),
            ),
        },
        coords={
            "k": [1],
            "finding": [f"{kind}: {place}" for place, kind in enumerate(kinds)],
            "kind": ("finding", kinds),
            "a": ("finding", np.array(list("aabb"))),
            "b": ("finding", np.array(list("bbaa"))),
            "space": ("finding", np.array([""] * 4)),
            "measure": list(names),
            "title": ("measure", np.array(titles, dtype=object)),
            "measure_a": list(names),
            "measure_b": list(names),
            "cell_source": ("cell", labels[source]),
            "cell_target": ("cell", labels[target]),
            "first": ("disagreement", np.array([names[a] for a, _ in pairs], dtype=object)),
            "second": ("disagreement", np.array([names[b] for _, b in pairs], dtype=object)),
        },
    )


def constructed_descriptions(results: xr.Dataset, *, seed: int = 0) -> xr.Dataset:
    """Two made-up measures of every step of a constructed study.

    Args:
        results: From `constructed_study`.
        seed: Of the noise.

    Returns:
        As a study describes its steps.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> constructed_descriptions(constructed_study()[0]).sizes["step"] == constructed_study()[0].sizes["source"]
        True
    """
    generator = np.random.default_rng(seed)
    depth, empty = results["source_depth"].values, results["source_constant"].values
    variables: dict[str, Any] = {}
    for name, title, unit, top in (
        ("intrinsic_dimension", "intrinsic dimension (TwoNN)", "dimensions", 20.0),
        ("matrix_entropy", "matrix entropy", "nats", 3.0),
    ):
        curve = np.where(empty, np.nan, top * (0.3 + 4 * depth * (1 - depth)))
        values = curve[None] * (1 + generator.normal(0, 0.01, (results.sizes["k"], len(depth))))
        variables[name] = (("k", "step"), values, {"long_name": title, "units": unit})
        variables[f"{name}_sampling_error"] = (("k", "step"), 0.03 * values)
    coords: dict[str, Any] = {"k": results["k"].values, "step": results["source"].values}
    for name, of in (("model", "model"), ("step_name", "step"), ("depth", "depth")):
        coords[name] = ("step", results[f"source_{of}"].values)
    return xr.Dataset(variables, coords=coords)
