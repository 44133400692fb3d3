"""How often the tests of findings reject at 5 % where nothing is there to find.

A null is two models of four steps each and one space. All steps are one latent space and noise of their own, of both
models alike; the space is a part of the latent one. So no pair of steps is nearer than another, no model smoother, no
step knows more of the space: every kind of effect is 0.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from benchmarks import records
from benchmarks.arguments import Write, positive

N_STEPS = 4
LEVEL = 0.05


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    parser.add_argument("--samples", type=positive, default=300, metavar="N", help="samples of a null (default 300)")
    parser.add_argument("--nulls", type=positive, default=1000, metavar="S", help="how many (default 1000)")
    parser.add_argument("--k", type=positive, default=1, metavar="K", help="number of neighbours (default 1)")
    parser.add_argument("--splits", type=positive, default=8, metavar="P", help="splits into halves (default 8)")
    parser.add_argument("--seed", type=int, default=0, help="of the nulls (default 0)")
    parser.add_argument("--out", type=Path, help="file of JSON lines (default benchmarks/results/nulls.jsonl)")


def run(options: argparse.Namespace, write: Write) -> None:
    """One record."""
    rng = np.random.default_rng(options.seed)
    found = [null_p_values(rng, options.samples, options.k, options.splits) for _ in range(options.nulls)]
    key = {"n_samples": options.samples, "nulls": options.nulls, "k": options.k, "n_splits": options.splits}
    write(records.record("nulls", key | {"seed": options.seed}, level=LEVEL, rates=rejections(found)))


def null_p_values(rng: np.random.Generator, n_samples: int, k: int = 1, n_splits: int = 8) -> xr.DataArray:
    """The p-values of all findings in one null.

    Args:
        rng: Draws the null.
        n_samples: Number of samples N.
        k: Number of neighbours.
        n_splits: Splits into halves.

    Returns:
        On `finding`, with `kind`.
    """
    from jaxsim.metrics import imbalance_matrix
    from jaxsim.study import StepLabel, label_imbalance
    from jaxsim.study.derived.findings import Measured, measure_findings

    labels = [StepLabel(model, f"s{i}", i / (N_STEPS - 1)) for model in "ab" for i in range(N_STEPS)]
    latent = rng.normal(size=(n_samples, 4))
    layers = {label.label: latent + 0.7 * rng.normal(size=latent.shape) for label in labels}
    layers["space"] = latent[:, :1]
    matrix = imbalance_matrix(layers, k=(k,), n_splits=n_splits, seed=int(rng.integers(1 << 30)))
    if matrix.halves is None:
        raise RuntimeError("expected halves, got none")
    n = len(labels)
    results = label_imbalance(matrix.values[:, :n, :n], labels, k=(k,), n_samples=n_samples)
    of_steps = {"space": ["space"], "model": ("step", [label.model for label in labels])}
    information = xr.Dataset({"forward": (("k", "step", "space"), matrix.values[:, :n, n:])}, coords=of_steps)
    halves = xr.Dataset(
        {
            "imbalance": (("split", "side", "k", "source", "target"), matrix.halves[..., :n, :n]),
            "forward": (("split", "side", "k", "step", "space"), matrix.halves[..., :n, n:]),
        },
        coords={**results.drop_vars("floor").coords, **of_steps},
        attrs={"n_splits": n_splits, "n_samples": n_samples},
    )
    return measure_findings(Measured(results, halves, information)).p_value.isel(k=0)


def rejections(found: list[xr.DataArray]) -> dict[str, dict[str, Any]]:
    """Share of p-values below the level, for every kind that is tested.

    Example:
        >>> p = xr.DataArray([0.01, 0.5], dims="finding", coords={"kind": ("finding", ["alignment"] * 2)})
        >>> rejections([p])["alignment"]["rate"]
        0.5
    """
    values = np.stack([each.values for each in found])
    kinds = found[0]["kind"].values.astype(str)
    rates = {}
    for kind in dict.fromkeys(kinds.tolist()):
        p = values[:, kinds == kind]
        if np.isfinite(p).all():
            rates[kind] = {"tests": p.size, "nulls": len(p), "rate": float((p < LEVEL).mean())}
    return rates
