"""Measures of factors of all pairs against SciPy a pair at a time, and what calibrating CKA costs beside it."""

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy import linalg

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, positive
from benchmarks.workloads import Shape, synthetic_layers

MEASURES = ("procrustes", "mean_cca", "linear_regression")
PEER_REACH, CALIBRATION_REACH = 5.0, 1.3


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_run_options(parser)
    parser.add_argument("--samples", type=positive, default=4096, help="samples (default 4096)")
    parser.add_argument("--layers", type=positive, default=24, help="number of layers (default 24)")
    parser.add_argument("--features", type=positive, default=384, help="features of each layer (default 384)")
    parser.add_argument("--pairs", type=positive, default=3, help="pairs that SciPy is timed on (default 3)")
    parser.add_argument("--permutations", type=positive, default=1000, help="that p-values are held against")
    parser.add_argument("--permuted", type=positive, default=512, help="samples of that comparison (default 512)")


def run(options: argparse.Namespace, write: Write) -> None:
    """Each measure against SciPy, all together, then calibration."""
    shape = _shape(options.samples, options.layers, options.features)
    for names in (*((name,) for name in MEASURES), MEASURES):
        write(against_scipy(shape, names, options.runs, options.seed, options.pairs))
    write(calibration(shape, options.runs, options.seed))
    small = _shape(options.permuted, min(options.layers, 6), min(options.features, 64))
    write(against_permutations(small, options.permutations, options.seed))


def _shape(n_samples: int, n_layers: int, n_features: int) -> Shape:
    return Shape(f"{n_samples}x{n_layers}", n_samples, (n_features,) * n_layers, (1,), "a study of a few models")


def against_scipy(
    shape: Shape, names: Sequence[str], runs: int = measure.RUNS, seed: int = 0, n_pairs: int = 3
) -> dict[str, Any]:
    """Time measures of all pairs of layers against SciPy's decompositions of a few pairs, times the number of pairs.

    Args:
        shape: What to measure.
        names: Measures.
        runs: Timed runs of each side.
        seed: Of the layers.
        n_pairs: Pairs that SciPy is timed on.

    Returns:
        The record, with the largest difference of the values on these pairs.
    """
    import jaxsim

    layers = synthetic_layers(shape, seed)
    n_pairs = min(n_pairs, shape.n_layers - 1)
    in_all = shape.n_layers * (shape.n_layers + 1) // 2
    ours = partial(jaxsim.measure, layers, tuple(names))

    def theirs() -> np.ndarray:
        return np.array([[PEERS[name](layers[0], layers[b + 1]) for b in range(n_pairs)] for name in names])

    timings = measure.interleaved({"jaxsim": ours, "scipy": theirs}, runs)
    found, expected = ours(), theirs()
    difference = max(
        float(np.abs(found[name].values[0, 1 : n_pairs + 1] - row).max())
        for name, row in zip(names, expected, strict=True)
    )
    ratio = measure.ratio(timings["scipy"], timings["jaxsim"]).as_json()
    scaled = {key: value * in_all / n_pairs for key, value in ratio.items() if isinstance(value, float)}
    return records.record(
        "factors",
        {**shape.describe(), "measures": list(names), "peer": "scipy"},
        timings={name: timing.as_json() for name, timing in timings.items()},
        ratios={"scipy_all_pairs": {**ratio, **scaled}},
        pairs={"timed": n_pairs, "all": in_all},
        largest_difference=difference,
        reach=PEER_REACH,
        reached=scaled["of_medians"] >= PEER_REACH,
    )


def calibration(shape: Shape, runs: int = measure.RUNS, seed: int = 0) -> dict[str, Any]:
    """Time debiased CKA of all pairs with calibrated scores and p-values over the same without.

    Args:
        shape: What to measure.
        runs: Timed runs of each side.
        seed: Of the layers.

    Returns:
        The record.
    """
    import jaxsim

    layers = synthetic_layers(shape, seed)
    timings = measure.interleaved(
        {
            "cka": partial(jaxsim.measure, layers, "cka"),
            "calibrated": partial(jaxsim.calibrate, layers, measures="cka", over_layers=False),
        },
        runs,
    )
    ratio = measure.ratio(timings["calibrated"], timings["cka"])
    return records.record(
        "factors",
        {**shape.describe(), "measures": ["cka"], "peer": "uncalibrated"},
        timings={name: timing.as_json() for name, timing in timings.items()},
        ratios={"calibrated": ratio.as_json()},
        reach=CALIBRATION_REACH,
        reached=ratio.of_medians <= CALIBRATION_REACH,
    )


def against_permutations(shape: Shape, n_permutations: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Compare p-values from exact moments with those of shuffled pairings.

    Args:
        shape: What to measure: half of the layers against the other, mostly independent of each other.
        n_permutations: Shuffled pairings.
        seed: Of the layers and shuffles.

    Returns:
        The record, with the largest difference in units of the Monte Carlo error of a share of that many.
    """
    import jaxsim

    rng = np.random.default_rng(seed)
    layers = [rng.standard_normal((shape.n_samples, width)) for width in shape.widths]
    layers[-1] = layers[-1] + 0.2 * layers[0]
    half = max(1, len(layers) // 2)
    sources, targets = layers[:half], layers[half:] or layers
    exact = jaxsim.calibrate(sources, targets, "cka", over_layers=False)
    drawn = jaxsim.calibrate(
        sources, targets, "cka", null="permutations", n_permutations=n_permutations, over_layers=False, seed=seed
    )
    p, q = exact.cka_p.values, drawn.cka_p.values
    errors = np.abs(p - q) / np.sqrt(np.maximum(p * (1 - p), 1 / n_permutations) / n_permutations)
    return records.record(
        "factors",
        {**shape.describe(), "measures": ["cka"], "peer": f"{n_permutations} permutations"},
        found={"largest_difference_of_p": float(np.abs(p - q).max()), "in_monte_carlo_errors": float(errors.max())},
        reach=4.0,
        reached=bool(errors.max() <= 4.0),
    )


def _centred(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    return x - x.mean(0)


def _procrustes(x: np.ndarray, y: np.ndarray) -> float:
    x, y = _centred(x), _centred(y)
    x, y = x / np.linalg.norm(x), y / np.linalg.norm(y)
    return float(np.sqrt(max(2 - 2 * linalg.orthogonal_procrustes(x, y)[1], 0)))


def _mean_cca(x: np.ndarray, y: np.ndarray) -> float:
    first, second = (np.linalg.qr(_centred(each))[0] for each in (x, y))
    return float(np.mean(linalg.svdvals(first.T @ second)))


def _regression(x: np.ndarray, y: np.ndarray) -> float:
    x, y = _centred(x), _centred(y)
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return float(1 - (left**2).sum() / (y**2).sum())


PEERS = {"procrustes": _procrustes, "mean_cca": _mean_cca, "linear_regression": _regression}
"""One pair by SciPy, as one writes it."""
