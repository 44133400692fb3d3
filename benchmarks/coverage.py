"""How often the interval of a finding holds the truth at its N, how wide it is, and how right its standard error.

A large set of rendered images goes through the shipped models once and is dealt into fresh sets. The truth of a finding
at N is the mean of its value over the sets; its true spread is the standard deviation over them.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr
from scipy.stats import t as student

from benchmarks import records
from benchmarks.arguments import Write, numbers, positive

MODELS = ("cnn_classifier_0", "vit_classifier_0", "cnn_selfsup_0", "vit_selfsup_0")
TRIED = (5, 7, 8, 9, 12)
"""Degrees of freedom whose coverage is told, beside those in use."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    parser.add_argument("--samples", type=positive, default=500, metavar="N", help="images in a set (default 500)")
    parser.add_argument("--sets", type=positive, default=40, metavar="S", help="fresh sets (default 40)")
    parser.add_argument("--k", type=numbers, default=(1,), metavar="K[,K...]", help="numbers of neighbours (default 1)")
    parser.add_argument("--splits", type=positive, default=8, metavar="P", help="splits into halves (default 8)")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS, help="shipped models (default four)")
    parser.add_argument("--images", type=positive, default=2, metavar="SEED", help="seed of the images (default 2)")
    parser.add_argument("--features", type=Path, metavar="FOLDER", help="keep the features here, and use what is there")
    parser.add_argument("--out", type=Path, help="file of JSON lines (default benchmarks/results/coverage.jsonl)")


def run(options: argparse.Namespace, write: Write) -> None:
    """One record for every number of neighbours."""
    found = xr.concat(list(measured_sets(options)), "set", join="exact", combine_attrs="override")
    for k in options.k:
        write(
            records.record(
                "coverage",
                {
                    "n_samples": options.samples,
                    "sets": options.sets,
                    "k": k,
                    "n_splits": options.splits,
                    "models": list(options.models),
                    "images": f"rendered, seed {options.images}",
                },
                **coverage_of(found.sel(k=k)),
            )
        )


def measured_sets(options: argparse.Namespace) -> Iterator[xr.Dataset]:
    """The findings of every set."""
    from jaxsim import load_model, rendered
    from jaxsim.features import StepModel, extract
    from jaxsim.study.derived.findings import Measured, measure_findings
    from jaxsim.study.run.measurement import measure
    from jaxsim.study.run.settings import checked_settings
    from jaxsim.study.run.spaces import open_spaces
    from jaxsim.study.run.statistics import open_statistics

    images = rendered(options.samples * options.sets, options.images)
    folder = options.features
    features = {
        name: extract(
            cast("StepModel", load_model(f"embedded:{name}")),
            images,
            pool="mean",
            out=None if folder is None else folder / f"{name}-{len(images)}",
            batch_size=64,
        )
        for name in options.models
    }
    settings = checked_settings(k=options.k, n_splits=options.splits, statistics=True)
    statistics = open_statistics(settings, images=images, ids=images.ids, out=folder)
    for place in range(options.sets):
        ids = images.ids[place * options.samples : (place + 1) * options.samples]
        spaces = open_spaces(None, statistics=statistics, ids=ids, source_ids=ids)
        found = measure(features, ids, settings, images={}, spaces=spaces)
        if found.halves is None:
            raise ValueError(f"expected sets large enough for half-samples, got {options.samples} images")
        yield measure_findings(Measured(found.results, found.halves, found.information, found.shuffled))[
            ["value", "standard_error", "low", "high", "p_value"]
        ]


def coverage_of(found: xr.Dataset) -> dict[str, Any]:
    """Coverage, widths and ratios of standard errors, over all findings and for every kind.

    Args:
        found: `value`, `standard_error`, `low`, `high` on (`set`, `finding`), with `kind`.

    Returns:
        JSON-able. `ratio` is the estimated over the true standard deviation (root mean square over the sets), `width`
        the mean width over that of the true 95 % range, 2 x 1.96 true standard deviations; median, smallest and largest
        over the findings that differ between sets at all.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> values = rng.normal(size=(50, 1))
        >>> found = xr.Dataset(
        ...     {"value": (("set", "finding"), values), "standard_error": (("set", "finding"), np.ones((50, 1)))},
        ...     coords={"kind": ("finding", ["smoothness"])}, attrs={"degrees_of_freedom": 9, "n_splits": 8},
        ... )
        >>> found = found.assign(low=found.value - 2, high=found.value + 2)
        >>> coverage_of(found)["kinds"]["smoothness"]["coverage"] > 0.9
        True
    """
    value, error = found["value"].values, found["standard_error"].values
    truth, spread = value.mean(axis=0), value.std(axis=0, ddof=1)
    moves = spread > 0
    inside = (found["low"].values <= truth) & (truth <= found["high"].values)
    with np.errstate(divide="ignore", invalid="ignore"):
        width = (found["high"].values - found["low"].values).mean(axis=0) / (2 * 1.96 * spread)
        ratio = np.sqrt((error**2).mean(axis=0)) / spread

    def extremes(values: np.ndarray) -> list[float]:
        return [float(values.min()), float(values.max())]

    kinds = found["kind"].values.astype(str)

    def told(chosen: np.ndarray) -> dict[str, Any]:
        return {
            "findings": int(chosen.sum()),
            "coverage": float(inside[:, chosen].mean()),
            "coverage_range": extremes(inside[:, chosen].mean(axis=0)),
            "ratio": [float(np.median(ratio[chosen & moves])), *extremes(ratio[chosen & moves])],
            "width": [float(np.median(width[chosen & moves])), *extremes(width[chosen & moves])],
            "same_in_all_sets": int((chosen & ~moves).sum()),
            "by_degrees": {
                str(degrees): float(
                    (np.abs(value - truth)[:, chosen] <= student.ppf(0.975, degrees) * error[:, chosen]).mean()
                )
                for degrees in TRIED
            },
        }

    return {
        "degrees_of_freedom": int(found.attrs["degrees_of_freedom"]),
        "all": told(np.ones(len(kinds), bool)),
        "kinds": {kind: told(kinds == kind) for kind in dict.fromkeys(kinds.tolist())},
    }
