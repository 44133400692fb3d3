"""What further measures cost beside the information imbalance, and debiased CKA alone, over products of features."""

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxsim_kernels import Kernel, Options, all_pairs

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, positive
from benchmarks.gram_pass import gram_pass
from benchmarks.peer_environments import Absent, PeerEnvironment
from benchmarks.peer_programs.torch_cka import torch_cka
from benchmarks.peers import peer_worker
from benchmarks.workers import Worker, WorkerError
from benchmarks.workloads import Shape, synthetic_layers

TOGETHER = ("information_imbalance", "cka", "rsa", "mutual_knn")
TOGETHER_REACH, ALONE_REACH, MEMORY_REACH = 2.0, 1.3, 10**9
FLOOR = "gram_pass"
GOAL = "together_all_k"
"""The side that is held against the goal: mutual k-NN at the k that papers use, Delta at 1."""

ALONE_MEASURE = ("information_imbalance",)
KERNELS = (Kernel("linear"), Kernel("distance"))
N_SPLITS = 8
PYTORCH_CKA = PeerEnvironment("pytorch-cka", ("torch==2.13.0", "pytorch-cka==1.1.0"))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_run_options(parser)
    parser.add_argument("--samples", type=positive, default=4096, help="samples of measures together (default 4096)")
    parser.add_argument("--many", type=positive, default=50_000, help="samples of CKA alone (default 50000)")
    parser.add_argument("--layers", type=positive, default=24, help="number of layers (default 24)")
    parser.add_argument("--features", type=positive, default=384, help="features of each layer (default 384)")
    parser.add_argument("--k", type=positive, default=10, help="number of neighbours beside 1 (default 10)")
    parser.add_argument("--no-install", action="store_true", help="use only environments that are there already")


def run(options: argparse.Namespace, write: Write) -> None:
    """Four measures together, then debiased CKA against peers and alone."""
    widths = (options.features,) * options.layers
    few = _shape(options.samples, widths, (1,))
    write(measure_together(_shape(options.samples, widths, (1, options.k)), options.runs, options.seed))
    write(against_torch(few, options.runs, options.seed))
    write(against_pytorch_cka(few, options.runs, options.seed, not options.no_install))
    write(measure_alone(_shape(options.many, widths, (1,)), options.runs, options.seed))


def _shape(n_samples: int, widths: tuple[int, ...], ks: tuple[int, ...]) -> Shape:
    return Shape(f"{n_samples}x{len(widths)}", n_samples, widths, ks, "a study of a few models")


def measure_together(shape: Shape, runs: int = measure.RUNS, seed: int = 0) -> dict[str, Any]:
    """Time Delta, debiased CKA, RSA and mutual k-NN in one call, over the Gram products of all layers.

    Args:
        shape: What to measure, with two k. `together` takes the first, `together_all_k` both.
        runs: Timed runs of each side.
        seed: Of the layers and halves.

    Returns:
        The record, with ratios to `gram_pass`, of the public function and (`kernels_...`) of the kernels alone.
    """
    import jaxsim
    from jaxsim.metrics import balanced_halves

    layers = synthetic_layers(shape, seed)
    floor, height = gram_pass(layers)
    halves = balanced_halves(shape.n_samples, N_SPLITS, seed=seed)
    first, both = shape.ks[:1], shape.ks
    kernels = partial(all_pairs, layers, None)
    four = Options(ks=both, kernels=KERNELS, keep_neighbours=True)
    timings = measure.interleaved(
        {
            FLOOR: floor,
            "imbalance": partial(jaxsim.measure, layers, ALONE_MEASURE, k=first),
            "together": partial(jaxsim.measure, layers, TOGETHER, k=first),
            GOAL: partial(jaxsim.measure, layers, TOGETHER, k=both),
            "kernels_imbalance": partial(kernels, Options(ks=first)),
            "kernels_all_k": partial(kernels, four),
            "imbalance_with_halves": partial(jaxsim.measure, layers, ALONE_MEASURE, k=first, n_splits=N_SPLITS),
            "together_with_halves": partial(jaxsim.measure, layers, TOGETHER, k=both, n_splits=N_SPLITS),
            "kernels_with_halves": partial(kernels, four, sides=halves),
        },
        runs,
    )
    ratios = {name: measure.ratio(timings[name], timings[FLOOR]).as_json() for name in timings if name != FLOOR}
    return records.record(
        "measures",
        {**shape.describe(), "measures": list(TOGETHER), "goal_side": GOAL},
        timings=_json(timings),
        ratios=ratios,
        strip_height=height,
        n_splits=N_SPLITS,
        reach=TOGETHER_REACH,
        reached=ratios[GOAL]["of_medians"] <= TOGETHER_REACH,
    )


def measure_alone(shape: Shape, runs: int = measure.RUNS, seed: int = 0) -> dict[str, Any]:
    """Time debiased CKA of many samples over one symmetric product of all features with themselves.

    Args:
        shape: What to measure.
        runs: Timed runs of each side.
        seed: Of the layers.

    Returns:
        The record, with the memory of a fresh process beyond the features: its libraries included (`over_features`),
        which the goal is about, and what the call itself took (`over_start`).
    """
    import jaxsim

    layers = synthetic_layers(shape, seed)
    beside = np.concatenate(layers, axis=1)
    timings = measure.interleaved(
        {"cka": partial(jaxsim.measure, layers, "cka"), FLOOR: partial(np.matmul, beside.T, beside)}, runs
    )
    del layers, beside
    with Worker(["-m", "benchmarks.measures_worker"]) as worker:
        seen = worker.ask({"n_samples": shape.n_samples, "widths": shape.widths, "seed": seed, "measures": ["cka"]})
    over = seen["peak"] - shape.feature_bytes
    ratio = measure.ratio(timings["cka"], timings[FLOOR])
    return records.record(
        "measures",
        {**shape.describe(), "measures": ["cka"]},
        timings=_json(timings),
        ratios={"cka": ratio.as_json()},
        bytes={"features": shape.feature_bytes, "over_features": over, "over_start": seen["peak"] - seen["before"]},
        peak_was_reset=seen["peak_was_reset"],
        reach=f"{ALONE_REACH}, under 1 GB over the features",
        reached=ratio.of_medians <= ALONE_REACH and over <= MEMORY_REACH,
    )


def against_torch(shape: Shape, runs: int = measure.RUNS, seed: int = 0) -> dict[str, Any]:
    """Time debiased CKA of all pairs against a plain torch program of the same formula, values compared.

    Args:
        shape: What to measure.
        runs: Timed runs of each side.
        seed: Of the layers.

    Returns:
        The record; without torch it says so.
    """
    try:
        import torch
    except ImportError:
        return _absent(shape, "torch", "torch is not installed")
    layers = synthetic_layers(shape, seed)
    tensors = [torch.from_numpy(x) for x in layers]
    side = partial(torch_cka, tensors)
    return _in_turns(shape, layers, "torch", side, side, runs, {"torch": torch.__version__})


def against_pytorch_cka(shape: Shape, runs: int = measure.RUNS, seed: int = 0, install: bool = True) -> dict[str, Any]:
    """Time debiased CKA of all pairs against `cka_from_features` of pytorch-cka, values compared.

    Args:
        shape: What to measure.
        runs: Timed runs of each side.
        seed: Of the layers.
        install: Whether its environment may be made.

    Returns:
        The record; where it cannot be run it says why.
    """
    layers = synthetic_layers(shape, seed)
    try:
        with (
            peer_worker(PYTORCH_CKA, "pytorch_cka_worker", layers, install) as (worker, versions),
            tempfile.TemporaryDirectory() as folder,
        ):
            path = str(Path(folder) / "found.npy")

            def values() -> np.ndarray:
                worker.ask({"do": "cka", "save": path})
                return np.load(path)

            side = partial(worker.ask, {"do": "cka", "save": None})
            told = {name: versions[name] for name in ("pytorch_cka", "torch")}
            return _in_turns(shape, layers, "pytorch-cka", side, values, runs, told)
    except (Absent, WorkerError) as reason:
        return _absent(shape, "pytorch-cka", str(reason))


def _in_turns(
    shape: Shape,
    layers: list[np.ndarray],
    peer: str,
    side: Callable[[], Any],
    values: Callable[[], np.ndarray],
    runs: int,
    versions: dict[str, str],
) -> dict[str, Any]:
    import jaxsim

    ours = partial(jaxsim.measure, layers, "cka")
    timings = measure.interleaved({"jaxsim": ours, "peer": side}, runs)
    # Both work in float32; what is true is told by features in float64.
    true = jaxsim.measure(layers, "cka", precision="float64").cka.values
    found, theirs = ours().cka.values, values()
    return records.record(
        "measures",
        _peer_key(shape, peer),
        timings=_json(timings),
        ratios={"peer": measure.ratio(timings["peer"], timings["jaxsim"]).as_json()},
        largest_difference=float(np.abs(found - theirs).max()),
        from_float64={"jaxsim": float(np.abs(found - true).max()), "peer": float(np.abs(theirs - true).max())},
        versions=versions,
    )


def _absent(shape: Shape, peer: str, reason: str) -> dict[str, Any]:
    return records.record("measures", _peer_key(shape, peer), absent=reason)


def _peer_key(shape: Shape, peer: str) -> dict[str, Any]:
    return {**shape.describe(), "measures": ["cka"], "peer": peer}


def _json(timings: dict[str, measure.Timing]) -> dict[str, Any]:
    return {name: timing.as_json() for name, timing in timings.items()}
