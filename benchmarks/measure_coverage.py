"""How often the half-sample interval of a measure's cells holds the truth at its N, on fresh sets of rendered images.

The same as `coverage`, of single cells instead of findings: every pair of steps of a few models, and every step by
itself. The truth of a cell at N is its mean over the sets.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import xarray as xr

from benchmarks import records
from benchmarks.arguments import Write, positive
from benchmarks.coverage import coverage_of

MODELS = ("cnn_classifier_0", "vit_classifier_0")
MEASURES = (
    *("information_imbalance", "cka", "cka_biased", "cka_rbf", "distance_correlation", "rsa", "rsa_cosine_pearson"),
    *("mutual_knn", "knn_jaccard", "cknna", "rank_similarity", "second_order_cosine"),
)
DESCRIPTIONS = ("intrinsic_dimension", "mle_dimension", "participation_ratio", "effective_rank", "hubness")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    parser.add_argument("--samples", type=positive, default=500, metavar="N", help="images in a set (default 500)")
    parser.add_argument("--sets", type=positive, default=40, metavar="S", help="fresh sets (default 40)")
    parser.add_argument("--k", type=positive, default=10, help="number of neighbours (default 10)")
    parser.add_argument("--splits", type=positive, default=8, metavar="P", help="splits into halves (default 8)")
    parser.add_argument("--images", type=positive, default=2, metavar="SEED", help="seed of the images (default 2)")
    parser.add_argument("--features", type=Path, metavar="FOLDER", help="keep the features here, and use what is there")
    parser.add_argument(
        "--out", type=Path, help="file of JSON lines (default benchmarks/results/measure_coverage.jsonl)"
    )


def run(options: argparse.Namespace, write: Write) -> None:
    """One record, with every measure as a kind."""
    found = xr.concat(list(measured_sets(options)), "set", join="exact", combine_attrs="override")
    key = {
        "n_samples": options.samples,
        "sets": options.sets,
        "k": options.k,
        "n_splits": options.splits,
        "models": list(MODELS),
        "images": f"rendered, seed {options.images}",
    }
    write(records.record("measure_coverage", key, **coverage_of(found)))


def measured_sets(options: argparse.Namespace) -> Iterator[xr.Dataset]:
    """The cells of every set, as `coverage_of` takes findings."""
    import jaxsim
    from jaxsim import load_model, rendered
    from jaxsim.features import StepModel, extract
    from jaxsim.metrics import is_constant
    from jaxsim.metrics.half_samples import degrees_of_freedom, half_sample_quantile

    images, folder = rendered(options.samples * options.sets, options.images), options.features
    layers = {}
    for name in MODELS:
        features = extract(
            cast("StepModel", load_model(f"embedded:{name}")),
            images,
            pool="mean",
            out=None if folder is None else folder / f"{name}-{len(images)}",
            batch_size=64,
        )
        layers |= {f"{name}/{step.name}": np.asarray(features[step.name]) for step in features.steps}
    layers = {name: x for name, x in layers.items() if not is_constant(x)}
    reach = half_sample_quantile(0.95, options.splits)
    for place in range(options.sets):
        rows = slice(place * options.samples, (place + 1) * options.samples)
        own = {name: x[rows] for name, x in layers.items()}
        asked: dict[str, Any] = {"k": options.k, "n_splits": options.splits}
        values, errors, kinds = [], [], []
        for found in (jaxsim.measure(own, MEASURES, **asked), jaxsim.describe(own, DESCRIPTIONS, **asked)):
            for kind in (*MEASURES, *DESCRIPTIONS):
                if kind not in found:
                    continue
                of_pairs = "source" in found[kind].dims
                # Of equal layers there is nothing to estimate.
                chosen = ~np.eye(len(own), dtype=bool) if of_pairs else np.ones(len(own), bool)
                cells = found[kind].values.reshape(-1, *chosen.shape)[0][chosen]
                values.append(cells)
                errors.append(found[f"{kind}_sampling_error"].values.reshape(-1, *chosen.shape)[0][chosen])
                kinds += [kind] * len(cells)
        value, error = np.concatenate(values), np.concatenate(errors)
        yield xr.Dataset(
            {
                "value": ("finding", value),
                "standard_error": ("finding", error),
                "low": ("finding", value - reach * error),
                "high": ("finding", value + reach * error),
            },
            coords={"kind": ("finding", np.array(kinds, dtype=object))},
            attrs={"degrees_of_freedom": degrees_of_freedom(options.splits), "n_splits": options.splits},
        )
