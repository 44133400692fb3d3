"""Other software on the same device: a sort-based torch computation of all pairs, and CKA of two peers."""

import importlib.util
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jaxsim_kernels import Options, all_pairs

from benchmarks import measure, records
from benchmarks.accelerator.pairs import layers_of
from benchmarks.accelerator.session import Absence
from benchmarks.measures import PYTORCH_CKA
from benchmarks.peer_environments import Absent, PeerEnvironment
from benchmarks.peer_programs.torch_cka import torch_cka
from benchmarks.peer_programs.torch_sort import torch_imbalance
from benchmarks.peers import peer_worker
from benchmarks.workloads import Shape


def measure_torch(
    shape: Shape, n_queries: int, *, seed: int = 0, runs: int = measure.RUNS, within: float | None = None
) -> dict[str, Any]:
    """All pairs by sorting with torch, in turns with the kernels; torch's layers are on the device already.

    Args:
        shape: Of the layers.
        n_queries: Leading rows that are worked out.
        seed: Of the layers.
        runs: Timed runs of each side.
        within: See `measure.interleaved`.

    Returns:
        Fields of the record.

    Raises:
        Absence: If torch is not installed.
    """
    layers = layers_of(shape, seed)
    try:
        side, device = torch_imbalance(layers, shape.ks[-1], n_queries)
    except ImportError as reason:
        raise Absence(str(reason)) from reason
    queries = None if n_queries == shape.n_samples else np.arange(n_queries)
    ours = partial(all_pairs, layers, queries, Options(ks=shape.ks))
    timings = measure.interleaved({"peer": side, "all_pairs": ours}, runs, within=within)
    quotient = measure.ratio(timings["all_pairs"], timings["peer"])
    return {
        "timings": {name: t.as_json() for name, t in timings.items()},
        "ratios": {"all_pairs": quotient.as_json()},
        "found": {
            "times_faster": 1 / quotient.of_medians,
            "largest_difference": float(np.abs(side() - ours().values[-1]).max()),
        },
        "torch_device": device,
        "versions": {"torch": records.package_version("torch")},
    }


def measure_cka(
    shape: Shape, peer: str, *, seed: int = 0, runs: int = measure.RUNS, within: float | None = None
) -> dict[str, Any]:
    """Debiased CKA of all pairs, in turns with a peer.

    Args:
        shape: Of the layers.
        peer: `torch` (written plainly) or `pytorch-cka`, each on torch's GPU where it has one.
        seed: Of the layers.
        runs: Timed runs of each side.
        within: See `measure.interleaved`.

    Returns:
        Fields of the record.

    Raises:
        Absence: If the peer, or what jaxsim's measures need, is not installed.
    """
    layers = layers_of(shape, seed)
    try:
        from jaxsim import measure as measures
    except ImportError as reason:
        raise Absence(f"jaxsim's measures cannot be imported: {reason}") from reason
    ours = partial(measures, layers, "cka")
    with _PEERS[peer](layers) as (side, values, told):
        timings = measure.interleaved({"peer": side, "jaxsim": ours}, runs, within=within)
        theirs = values()
    quotient = measure.ratio(timings["jaxsim"], timings["peer"])
    return {
        "timings": {name: t.as_json() for name, t in timings.items()},
        "ratios": {"jaxsim": quotient.as_json()},
        "found": {
            "times_faster": 1 / quotient.of_medians,
            "largest_difference": float(np.abs(ours().cka.values - theirs).max()),
        },
        **told,
    }


@contextmanager
def _plain_torch(layers: list[np.ndarray]) -> Any:
    try:
        import torch
    except ImportError as reason:
        raise Absence(str(reason)) from reason
    device = "cuda" if torch.cuda.is_available() else "cpu"
    placed = [torch.from_numpy(x).to(device) for x in layers]

    def side() -> np.ndarray:
        with torch.inference_mode():
            return torch_cka(placed)

    yield side, side, {"torch_device": device, "versions": {"torch": torch.__version__}}


@contextmanager
def _pytorch_cka(layers: list[np.ndarray]) -> Any:
    """In a process of its own: by this interpreter where it has the package, else by an environment that was made."""
    here = importlib.util.find_spec("cka") is not None
    environment = _ThisEnvironment() if here else PYTORCH_CKA
    try:
        with (
            peer_worker(environment, "pytorch_cka_worker", layers, False) as (worker, versions),
            tempfile.TemporaryDirectory() as folder,
        ):
            path = str(Path(folder) / "found.npy")

            def values() -> np.ndarray:
                worker.ask({"do": "cka", "save": path})
                return np.load(path)

            side = partial(worker.ask, {"do": "cka", "save": None})
            told = {name: versions.get(name) for name in ("pytorch_cka", "torch")}
            yield side, values, {"torch_device": side()["device"], "versions": told}
    except Absent as reason:
        raise Absence(str(reason)) from reason


class _ThisEnvironment(PeerEnvironment):
    """The packages beside this interpreter."""

    def __init__(self) -> None:
        super().__init__("pytorch-cka", ())

    @property
    def python(self) -> Path:
        """This interpreter."""
        return Path(sys.executable)

    def provide(self, install: bool = True) -> dict[str, str]:
        """Versions of what is here."""
        return {"pytorch_cka": version("pytorch-cka"), "torch": version("torch")}


_PEERS = {"torch": _plain_torch, "pytorch-cka": _pytorch_cka}
CKA_PEERS = tuple(_PEERS)
