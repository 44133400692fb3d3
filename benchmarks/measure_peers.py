"""One row a measure against a package that has it, in turns in one run, values compared.

A peer that cannot be run is reported as absent, with the reason.
"""

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, positive, words
from benchmarks.peer_environments import Absent, PeerEnvironment
from benchmarks.peers import peer_worker
from benchmarks.workers import WorkerError
from benchmarks.workloads import Shape, synthetic_layers

RSATOOLBOX = PeerEnvironment("rsatoolbox", ("rsatoolbox==0.3.2",))
SKDIM = PeerEnvironment("scikit-dimension", ("scikit-dimension==0.5.0",))
CALIBRATED = PeerEnvironment("calibrated-similarity", ("torch==2.13.0", "calibrated-similarity==0.1.1", "numpy==2.4.6"))
OURS = "jaxsim"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_run_options(parser)
    parser.add_argument("--samples", type=positive, default=2000, help="samples (default 2000)")
    parser.add_argument("--layers", type=positive, default=8, help="number of layers (default 8)")
    parser.add_argument("--features", type=positive, default=384, help="features of each layer (default 384)")
    parser.add_argument("--pairs", type=positive, default=2, help="pairs that shuffling peers are timed on (default 2)")
    parser.add_argument("--permutations", type=positive, default=200, help="of shuffling peers (default 200)")
    parser.add_argument("--peers", type=words(*PEERS), default=tuple(PEERS), metavar="NAME[,NAME...]", help="which")
    parser.add_argument("--no-install", action="store_true", help="use only environments that are there already")


def run(options: argparse.Namespace, write: Write) -> None:
    """One record a peer."""
    if options.layers < 2:
        raise ValueError(f"measure_peers compares at least two layers, got {options.layers}.")
    widths = (options.features,) * options.layers
    shape = Shape(f"{options.samples}x{options.layers}", options.samples, widths, (1,), "")
    layers = synthetic_layers(shape, options.seed)
    for name in options.peers:
        try:
            fields = PEERS[name](layers, options)
        except (Absent, WorkerError) as reason:
            fields = {"measures": [], "absent": str(reason)}
        measures = fields.pop("measures")
        write(records.record("measure_peers", {**shape.describe(), "measures": measures, "peer": name}, **fields))


def against_rsatoolbox(layers: list[np.ndarray], options: argparse.Namespace) -> dict[str, Any]:
    """Pearson correlations of squared distances of all pairs of layers."""
    import jaxsim

    name = "rsa_squared_euclidean_pearson"
    ours = partial(jaxsim.measure, layers, name)
    found, values = _in_turns(RSATOOLBOX, "rsatoolbox_worker", layers, options, ours, {})
    return {
        **found,
        "measures": [name],
        "largest_difference": float(np.abs(ours()[name].values - values).max()),
        "definition": "the same; its euclidean is the squared distance over the number of features",
    }


def against_skdim(layers: list[np.ndarray], options: argparse.Namespace) -> dict[str, Any]:
    """Intrinsic dimension of every layer from the ratios of the distances to two neighbours."""
    import jaxsim

    def ours() -> np.ndarray:
        return np.array([float(jaxsim.twonn(x)) for x in layers])

    found, values = _in_turns(SKDIM, "skdim_worker", layers, options, ours, {})
    return {
        **found,
        "measures": ["twonn"],
        "largest_difference": float(np.abs(ours() / values - 1).max()),
        "definition": "the same; the difference is a share of the dimension",
    }


def against_calibrated_similarity(layers: list[np.ndarray], options: argparse.Namespace) -> dict[str, Any]:
    """CKA against its null: all pairs by exact moments, and as many as are timed by shuffling, times all pairs."""
    import jaxsim

    n_pairs, drawn = min(options.pairs, len(layers) - 1), options.permutations
    in_all = len(layers) * (len(layers) - 1) // 2
    ours = partial(jaxsim.calibrate, layers, measures="cka_biased", over_layers=False)
    asked = {"pairs": n_pairs, "permutations": drawn}
    found, values = _in_turns(
        CALIBRATED, "calibrated_similarity_worker", layers, options, ours, asked, in_all / n_pairs
    )
    exact = ours().isel(source=0, target=slice(1, 1 + n_pairs))
    p, of_peer = exact.cka_biased_p.values, values[:, 1]
    # The peer counts the true pairing among those it draws.
    expected = (1 + drawn * p) / (1 + drawn)
    errors = np.abs(of_peer - expected) / np.sqrt(np.maximum(p * (1 - p), 1 / drawn) / drawn)
    return {
        **found,
        "measures": ["cka_biased, calibrated"],
        "pairs": {"timed": n_pairs, "all": in_all},
        "permutations": drawn,
        "largest_difference": float(np.abs(exact.cka_biased_calibrated.values - values[:, 0]).max()),
        "p_in_monte_carlo_errors": float(errors.max()),
        "definition": f"the null is drawn {drawn} times a pair, where jaxsim's is exact in three moments",
    }


def without_netrep(layers: list[np.ndarray], options: argparse.Namespace) -> dict[str, Any]:
    """Of no use here but to say so: its measures are timed against SciPy by `factors`."""
    raise Absent("netrep is on no package index, only in its authors' repository; `factors` takes SciPy in its place")


PEERS: dict[str, Callable[[list[np.ndarray], argparse.Namespace], dict[str, Any]]] = {
    "rsatoolbox": against_rsatoolbox,
    "scikit-dimension": against_skdim,
    "calibrated-similarity": against_calibrated_similarity,
    "netrep": without_netrep,
}
"""Peer -> what is measured."""


def _in_turns(
    environment: PeerEnvironment,
    program: str,
    layers: list[np.ndarray],
    options: argparse.Namespace,
    ours: Callable[[], Any],
    asked: dict[str, Any],
    times: float = 1.0,
) -> tuple[dict[str, Any], np.ndarray]:
    """Timings of both sides, and the peer's values; `times` is what the peer's work is a share of."""
    with (
        peer_worker(environment, program, layers, not options.no_install) as (worker, versions),
        tempfile.TemporaryDirectory() as folder,
    ):
        side = partial(worker.ask, {"do": "all", "save": None, **asked})
        timings = measure.interleaved({OURS: ours, "peer": side}, options.runs)
        path = str(Path(folder) / "found.npy")
        worker.ask({"do": "all", "save": path, **asked})
        values = np.load(path)
    ratio = measure.ratio(timings["peer"], timings[OURS]).scaled(times)
    return {
        "timings": {name: timing.as_json() for name, timing in timings.items()},
        "ratios": {"peer": ratio.as_json()},
        "versions": {name: versions[name] for name in (environment.name, "torch", "numpy") if name in versions},
    }, values
