"""What the compilers for TPU and GPU say of the kernels, on a machine that has neither.

Nothing runs. For every program: bytes moved over the bytes that must move, memory beside arguments and results over a
strip, and on TPU the compiler's estimate over that of the product alone. The compiler takes the chip's own memory for
memory, too, and knows what a product reads again; bytes of the device's memory alone, as the program's text has them,
stand beside. The estimate is about memory: it leaves out that a float32 product takes six passes on a TPU, and all
comparisons. `python -m benchmarks compare OLD NEW` flags what got worse.
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from jaxsim_kernels.accelerator.choice import Kernels

from benchmarks import records
from benchmarks.arguments import Write, numbers, positive, words
from benchmarks.compiled_programs import WITHOUT_KERNELS, WORKLOADS, Sizes
from benchmarks.compiled_targets import DEVICES, TARGETS, Target, worker_settings
from benchmarks.peer_environments import Absent
from benchmarks.wording import n_bytes, seconds
from benchmarks.workers import Worker, WorkerError

GIB = 2**30
REACH = {
    "neighbours of k=1": {"bytes": 1.1 * GIB, "temporaries": GIB / 16, "estimate": 1.6e-3},
    "counts of k=1": {"bytes": 0.35 * GIB},
    "counts of k=1,3,10,30": {"bytes": 0.35 * GIB},
}
"""What one v5e is to reach at the default sizes: a strip is 256 MiB."""

H100_REACH = {"counts of k=1,3,10,30": {"temporaries": GIB / 16}}
_DEFAULT = Sizes(65_536, 384, 1024, 24)
_NAMES = {"bytes": "moved", "temporaries": "temporaries", "estimate": "estimate"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    listed = "NAME[,NAME...]"
    both = get_args(Kernels)
    parser.add_argument("--out", type=Path, metavar="FILE", help="default benchmarks/results/compiled.jsonl")
    parser.add_argument("--targets", type=words(*TARGETS), default=tuple(TARGETS), metavar=listed, help="which")
    parser.add_argument("--devices", type=numbers, default=DEVICES, metavar="N[,N...]", help="up to 4 (default 1,4)")
    parser.add_argument("--workloads", action="append", choices=list(WORKLOADS), help="may be repeated (default all)")
    parser.add_argument("--kernels", type=words(*both), default=both, metavar=listed, help="xla, pallas (default both)")
    parser.add_argument("--samples", type=positive, default=_DEFAULT.n_samples, metavar="N", help="default 65536")
    parser.add_argument("--features", type=positive, default=_DEFAULT.n_features, metavar="D", help="default 384")
    parser.add_argument("--rows", type=positive, default=_DEFAULT.n_rows, metavar="R", help="of a block (default 1024)")
    parser.add_argument("--layers", type=positive, default=_DEFAULT.n_layers, metavar="L", help="default 24")
    parser.add_argument("--install", action="store_true", help="make environments with the compilers, 2 GB each, once")


def run(options: argparse.Namespace, write: Write) -> None:
    """A line for every target, number of devices, kind of kernels and workload."""
    if max(options.devices) > 4:
        raise ValueError(f"expected at most 4 devices of each target, got {max(options.devices)}.")
    if options.samples % (512 * max(options.devices)):
        raise ValueError(
            f"expected a number of samples that is padded already (a multiple of 512 on each device), got "
            f"{options.samples} for {max(options.devices)} devices."
        )
    sizes = Sizes(options.samples, options.features, options.rows, options.layers)
    workloads = options.workloads or list(WORKLOADS)
    for name in options.targets:
        for kernels in options.kernels:
            for line in compiled_for(TARGETS[name], kernels, options.devices, workloads, sizes, options.install):
                write(line)


def compiled_for(
    target: Target, kernels: str, devices: tuple[int, ...], workloads: list[str], sizes: Sizes, install: bool = False
) -> Iterator[dict[str, Any]]:
    """Compile programs for one target, in a process of its own.

    Args:
        target: Accelerator.
        kernels: `xla` or `pallas`; products have one form, which counts as XLA's.
        devices: Numbers of devices.
        workloads: Names of programs.
        sizes: Of a block.
        install: Make an environment with the compiler if need be.

    Yields:
        The records; `absent` where there is no compiler or it fails.
    """
    wanted = [each for each in workloads if kernels == "xla" or each not in WITHOUT_KERNELS]
    try:
        python = target.interpreter(install)
    except Absent as reason:
        yield _record(target, {"kernels": kernels}, sizes, absent=str(reason))
        return
    for n_devices in devices:
        with Worker(["-m", "benchmarks.compiled_worker"], python, worker_settings(target, kernels)) as worker:
            for workload in wanted:
                key = {"workload": workload, "devices": n_devices, "kernels": kernels}
                request = {"target": target.name, "sizes": asdict(sizes), **key}
                try:
                    yield line_of(target, key, sizes, worker.ask(request))
                except WorkerError as error:
                    yield _record(target, key, sizes, absent=f"the compiler failed: {error}")
                    break


def line_of(target: Target, key: dict[str, Any], sizes: Sizes, found: dict[str, Any]) -> dict[str, Any]:
    """The record of one program.

    Args:
        target: Accelerator.
        key: Workload, number of devices and kernels.
        sizes: Of the block.
        found: A worker's answer.

    Returns:
        The record, with ratios that `compare` reads in `compiled`.
    """
    ratios = {
        "bytes over least": found["bytes"] / found["least_bytes"],
        "temporaries over strip": found["temporaries"] / found["strip_bytes"],
    }
    if found["estimate"] is not None:
        ratios["estimate over product"] = found["estimate"] / found["product_estimate"]
    goals = {}
    if key["devices"] == 1 and sizes == _DEFAULT:
        goals = {"v5e": REACH, "h100": H100_REACH}.get(target.name, {}).get(key["workload"], {})
    shown = {
        "moved": n_bytes(found["bytes"]),
        "of device memory": n_bytes(found["device_memory_bytes"]),
        "temporaries": n_bytes(found["temporaries"]),
    }
    if found["estimate"] is not None:
        shown["estimate"] = seconds(found["estimate"])
    return _record(
        target,
        key,
        sizes,
        compiled={name: round(value, 3) for name, value in ratios.items()},
        found=shown | {name: round(value, 2) for name, value in ratios.items()},
        compiler=found,
        reach=", ".join(f"{_NAMES[name]} {_shown(name, most)}" for name, most in goals.items()) or None,
        reached=all(found[name] <= most for name, most in goals.items()) if goals else None,
    )


def _shown(name: str, value: float) -> str:
    return seconds(value) if name == "estimate" else n_bytes(value)


def _record(target: Target, key: dict[str, Any], sizes: Sizes, **fields: Any) -> dict[str, Any]:
    line = records.record("compiled", {"target": target.name, **key, **asdict(sizes)}, **fields)
    device = {"platform": target.platform, "kind": f"{target.kind}, compiled for", "count": key.get("devices")}
    return {**line, "environment": {**line["environment"], "device": device}}
