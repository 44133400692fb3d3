"""Several devices and several processes: equal results and really sharded columns.

On CPU the devices are simulated in fresh processes: they share the same cores, so their seconds say nothing about
speed and are marked so. On an accelerator the devices are real and so are the seconds.

The results must be equal: in float64 everywhere, in float32 on CPU. On an accelerator the last bits of a product may
depend on its shape, and two scores that tie but for rounding change places with the number of devices: there the
largest difference is told.
"""

import argparse
import os
import socket
from typing import Any, get_args

import jax
from jaxsim_kernels import Precision
from jaxsim_kernels.plan import Passes

from benchmarks import records
from benchmarks.arguments import Write, add_run_options, add_shape_options, numbers, shape_of
from benchmarks.device_worker import compare_with_one_device
from benchmarks.workers import Worker
from benchmarks.workloads import Shape, uniform

DEFAULT = uniform(2000, 64, 3, (1, 4), name="devices")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_shape_options(parser)
    add_run_options(parser, runs=1)
    parser.add_argument("--devices", type=numbers, default=(1, 2, 4, 8), metavar="N[,N...]", help="default 1,2,4,8")
    parser.add_argument(
        "--processes",
        type=numbers,
        default=(2, 4),
        metavar="N[,N...]",
        help="simulated hosts (default 2,4; 1 for none)",
    )
    parser.add_argument("--plan", choices=get_args(Passes), help="force one pass or two")
    parser.add_argument("--precision", choices=get_args(Precision), help="default: float64, then highest")


def run(options: argparse.Namespace, write: Write) -> int:
    """One record per number of devices and of processes. Exit code 1 if results differ where they must not."""
    shape = shape_of(options) or DEFAULT
    failed = False
    for precision in (options.precision,) if options.precision else ("float64", "highest"):
        request = {
            "n_samples": shape.n_samples,
            "widths": shape.widths,
            "k": shape.ks,
            "passes": options.plan,
            "precision": precision,
            "seed": options.seed,
            "runs": options.runs,
        }
        lines = [_on_devices(shape, count, request) for count in options.devices]
        if jax.default_backend() == "cpu":
            most = max(options.devices)
            lines += [_on_processes(shape, count, most, request) for count in options.processes if count > 1]
        for line in lines:
            write(line)
        failed |= any(line["reached"] is False for line in lines)
    return int(failed)


def _on_devices(shape: Shape, count: int, request: dict[str, Any]) -> dict[str, Any]:
    request = {**request, "n_devices": count, "n_processes": 1, "process": 0, "port": 0}
    if jax.default_backend() == "cpu":
        with Worker(["-m", "benchmarks.device_worker"], settings=_simulated(count)) as worker:
            seen = [worker.ask(request)]
    elif count > jax.device_count():
        reason = f"{jax.device_count()} devices of kind {jax.devices()[0].device_kind} here"
        return records.record("devices", _key(shape, count, 1, request), absent=reason)
    else:
        seen = [compare_with_one_device(request)]
    return _line(shape, count, 1, request, seen)


def _on_processes(shape: Shape, count: int, n_devices: int, request: dict[str, Any]) -> dict[str, Any]:
    local = max(1, n_devices // count)
    request = {**request, "n_devices": local * count, "n_processes": count, "port": _free_port()}
    started = [Worker(["-m", "benchmarks.device_worker"], settings=_simulated(local)) for _ in range(count)]
    try:
        for process, worker in enumerate(started):
            worker.send({**request, "process": process})
        seen = [worker.receive() for worker in started]
    finally:
        for worker in started:
            worker.stop()
    return _line(shape, local * count, count, request, seen)


def _line(
    shape: Shape, n_devices: int, n_processes: int, request: dict[str, Any], seen: list[dict[str, Any]]
) -> dict[str, Any]:
    columns = seen[0]["n_padded"] // n_devices
    strips = [s for answer in seen for s in answer["strip_shards"]]
    features = [s for answer in seen for s in answer["feature_shards"]]
    sharded = (
        len(strips) == n_devices and all(s[1] == columns for s in strips) and all(s[0] == columns for s in features)
    )
    equal = all(answer["equal"] for answer in seen)
    simulated, precision = seen[0]["platform"] == "cpu", request["precision"]
    exact = precision == "float64" or (simulated and precision == "highest")
    return records.record(
        "devices",
        _key(shape, n_devices, n_processes, request),
        found={
            "equal": equal,
            "largest_difference": max(answer["largest_difference"] for answer in seen),
            "sharded": sharded,
            "columns_per_device": columns,
            "note": "simulated devices share the cores: no claim of speed" if simulated else "real devices",
        },
        feature_shards=features,
        strip_shards=strips,
        simulated=simulated,
        speed_claim=not simulated,
        # Under another name where they are no claim, so that no table shows them by accident.
        **{"seconds_without_meaning" if simulated else "timings": seen[0]["timings"]},
        reach="equal results, columns sharded" if exact else "columns sharded",
        reached=sharded and (equal or not exact),
    )


def _key(shape: Shape, n_devices: int, n_processes: int, request: dict[str, Any]) -> dict[str, Any]:
    return {
        **shape.describe(),
        "devices": n_devices,
        "processes": n_processes,
        "passes": request["passes"],
        "precision": request["precision"],
    }


def _simulated(count: int) -> dict[str, str]:
    flags = os.environ.get("XLA_FLAGS", "")
    return {"XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={count}".strip(), "JAX_PLATFORMS": "cpu"}


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
