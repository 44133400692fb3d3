"""The same layers through other software, in turns with jaxsim, with the difference of the values.

A peer that cannot be run is reported as absent, with the reason.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from jaxsim_kernels import Options, Placement, all_pairs
from jaxsim_kernels.padding import padded_samples
from jaxsim_kernels.prepare import prepare_layer
from jaxsim_kernels.programs import strip_program

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, add_shape_options, shape_of, words
from benchmarks.peer_environments import Absent, PeerEnvironment
from benchmarks.peer_programs.sklearn_numpy import imbalance_by_argsort
from benchmarks.peer_programs.torch_sort import torch_imbalance
from benchmarks.workers import Worker, WorkerError
from benchmarks.workloads import BY_NAME, Shape, synthetic_layers

DADAPY = PeerEnvironment("dadapy", ("dadapy==0.3.4",))
FAISS = PeerEnvironment("faiss", ("faiss-cpu==1.15.1",))
DADAPY_REACH = 200
OURS = "all_pairs"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_shape_options(parser)
    add_run_options(parser)
    parser.add_argument("--peers", type=words(*PEERS), default=tuple(PEERS), metavar="NAME[,NAME...]", help="which")
    parser.add_argument("--no-install", action="store_true", help="use only environments that are there already")


def run(options: argparse.Namespace, write: Write) -> None:
    """One record per peer."""
    shape = shape_of(options) or BY_NAME["pairs-2k"]
    if len(shape.ks) > 1 or shape.n_layers < 2:
        raise ValueError(f"peers compares at least two layers at one k, got {shape.n_layers} layers and k={shape.ks}.")
    layers = synthetic_layers(shape, options.seed)
    for name in options.peers:
        try:
            fields = PEERS[name](shape, layers, options.runs, not options.no_install)
        except (Absent, ImportError, WorkerError) as reason:
            fields = {"absent": str(reason)}
        write(records.record("peers", {**shape.describe(), "peer": name}, **fields))


def against_dadapy(shape: Shape, layers: list[np.ndarray], runs: int, install: bool) -> dict[str, Any]:
    """DADApy's call for one pair, times the number of pairs, and what it takes when neighbours are kept by the user."""
    k, n_pairs = shape.ks[0], shape.n_layers * (shape.n_layers - 1) // 2
    with peer_worker(DADAPY, "dadapy_worker", layers, install) as (worker, versions):
        pairs = cycle([(a, b) for b in range(1, shape.n_layers) for a in (b - 1, 0)])
        values: dict[tuple[int, int], float] = {}

        def pair() -> None:
            a, b = next(pairs)
            seen = worker.ask({"do": "pair", "a": a, "b": b, "k": k})
            values[a, b], values[b, a] = seen["forward"], seen["backward"]

        def kept_ranks() -> None:
            worker.ask({"do": "ranks", "a": 0, "b": 1, "k": k})

        sides: dict[str, Callable[[], Any]] = {
            "dadapy pair": pair,
            OURS: partial(all_pairs, layers, None, Options(ks=shape.ks)),
            "dadapy neighbours": partial(worker.ask, {"do": "neighbours", "layer": 0}),
        }
        worker.ask({"do": "neighbours", "layer": 1})
        timings = measure.interleaved({**sides, "dadapy kept ranks": kept_ranks}, runs)
    ours = all_pairs(layers, options=Options(ks=shape.ks)).values[0]
    quotient = measure.ratio(timings[OURS], timings["dadapy pair"]).scaled(1 / n_pairs)
    kept = shape.n_layers * timings["dadapy neighbours"].median + n_pairs * timings["dadapy kept ranks"].median
    times = 1 / quotient.of_medians
    is_goal = shape == BY_NAME["pairs-2k"]
    return {
        "timings": _json(timings),
        "ratios": {OURS: quotient.as_json()},
        "found": {
            "times_faster": times,
            "dadapy_all_pairs_seconds": timings["dadapy pair"].median * n_pairs,
            "pairs": n_pairs,
            "times_faster_than_kept_neighbours": kept / timings[OURS].median,
            "largest_difference": max(abs(value - ours[a, b]) for (a, b), value in values.items()),
            "compared_values": len(values),
        },
        "versions": {name: versions.get(name) for name in ("dadapy", "jax", "numpy", "scikit-learn")},
        "reach": f"{DADAPY_REACH} times" if is_goal else None,
        "reached": times >= DADAPY_REACH if is_goal else None,
    }


def against_sklearn(shape: Shape, layers: list[np.ndarray], runs: int, install: bool) -> dict[str, Any]:
    """scikit-learn's neighbours and NumPy's argsort, every layer sorted once."""
    import sklearn

    side = partial(imbalance_by_argsort, layers, shape.ks[0])
    return _all_pairs_in_turns(
        shape, layers, side, runs, {"scikit-learn": sklearn.__version__, "numpy": np.__version__}
    )


def against_torch(shape: Shape, layers: list[np.ndarray], runs: int, install: bool) -> dict[str, Any]:
    """`torch.cdist` and `argsort`, layers on the device already."""
    import torch

    side, device = torch_imbalance(layers, shape.ks[0])
    found = _all_pairs_in_turns(shape, layers, side, runs, {"torch": torch.__version__})
    return {**found, "torch_device": device, "torch_threads": torch.get_num_threads()}


def against_faiss(shape: Shape, layers: list[np.ndarray], runs: int, install: bool) -> dict[str, Any]:
    """FAISS's exact search against the kernels' neighbours, of one layer."""
    k, x = shape.ks[0], layers[0]
    with (
        peer_worker(FAISS, "faiss_worker", layers[:1], install) as (worker, versions),
        tempfile.TemporaryDirectory() as folder,
    ):
        request = {"do": "neighbours", "layer": 0, "k": k, "save": None}
        sides = {"faiss": partial(worker.ask, request), "neighbours": partial(nearest_samples, x, k)}
        timings = measure.interleaved(sides, runs)
        path = str(Path(folder) / "found.npy")
        worker.ask({**request, "save": path})
        theirs = np.load(path)
    own = np.arange(len(x))[:, None]
    without_self = np.array([row[row != i][:k] for i, row in enumerate(theirs)])
    ours = nearest_samples(x, k)
    if (ours == own).any():
        raise RuntimeError("the kernels counted a sample among its own neighbours")
    quotient = measure.ratio(timings["neighbours"], timings["faiss"])
    return {
        "timings": _json(timings),
        "ratios": {"neighbours": quotient.as_json()},
        "found": {
            "times_faster": 1 / quotient.of_medians,
            "different_neighbours": float((ours != without_self).mean()),
        },
        "versions": {"faiss-cpu": versions.get("faiss-cpu")},
    }


PEERS = {
    "dadapy": against_dadapy,
    "sklearn": against_sklearn,
    "torch": against_torch,
    "faiss": against_faiss,
}
"""Peer -> what is measured. Each takes shape, layers, runs and whether an environment may be made."""


def nearest_samples(x: np.ndarray, k: int, rows: int = 512) -> np.ndarray:
    """The kernels' k nearest samples of every sample, strip by strip.

    Args:
        x: `[n_samples, n_features]` float32.
        k: Number of neighbours.
        rows: Of a strip.

    Returns:
        `[n_samples, k]` int32.

    Example:
        >>> nearest_samples(np.array([[0.0], [1.0], [3.0]], np.float32), 1)[:, 0].tolist()
        [1, 0, 1]
    """
    layer, n = prepare_layer(x, "euclidean", padded_samples(len(x))), len(x)
    strip_of = strip_program(Placement(), k, "highest")
    found = np.empty((n, k), np.int32)
    for start in range(0, n, rows):
        block = np.minimum(np.arange(start, start + rows, dtype=np.int32), n - 1)
        valid = min(rows, n - start)
        found[start : start + valid] = np.asarray(strip_of(layer.features, layer.half_norms, block)[2])[:valid]
    return found


def _all_pairs_in_turns(
    shape: Shape, layers: list[np.ndarray], side: Callable[[], np.ndarray], runs: int, versions: dict[str, str]
) -> dict[str, Any]:
    timings = measure.interleaved({"peer": side, OURS: partial(all_pairs, layers, None, Options(ks=shape.ks))}, runs)
    quotient = measure.ratio(timings[OURS], timings["peer"])
    difference = np.abs(side() - all_pairs(layers, options=Options(ks=shape.ks)).values[0]).max()
    return {
        "timings": _json(timings),
        "ratios": {OURS: quotient.as_json()},
        "found": {"times_faster": 1 / quotient.of_medians, "largest_difference": float(difference)},
        "versions": versions,
    }


@contextmanager
def peer_worker(
    environment: PeerEnvironment, program: str, layers: list[np.ndarray], install: bool
) -> Iterator[tuple[Worker, dict[str, str]]]:
    """A program of `peer_programs` in its environment, with the layers loaded, and the versions there.

    Raises:
        Absent: If the environment is not there and may not or cannot be made.
    """
    versions = environment.provide(install)
    with tempfile.TemporaryDirectory() as folder:
        for index, x in enumerate(layers):
            np.save(Path(folder) / f"{index:04d}.npy", x)
        with Worker(["-m", f"benchmarks.peer_programs.{program}"], str(environment.python)) as worker:
            worker.ask({"do": "load", "folder": folder})
            yield worker, versions


def _json(timings: dict[str, measure.Timing]) -> dict[str, Any]:
    return {name: timing.as_json() for name, timing in timings.items()}
