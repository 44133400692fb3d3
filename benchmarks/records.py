"""Results as JSON lines: every line says what was run, on what, with which versions, from which commit."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jax

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
COMMIT_VARIABLE = "JAXSIM_BENCHMARK_COMMIT"
"""Names the commit where the sources stand without their git folder, as on a machine they were copied to."""

_VERSIONS = ("jax", "jaxlib", "numpy", "scipy")
_SETTINGS = ("XLA_FLAGS", "JAX_PLATFORMS", "OMP_NUM_THREADS", "XLA_PYTHON_CLIENT_MEM_FRACTION", "NPROC")


def record(command: str, key: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """One result line.

    Args:
        command: The subcommand that measured.
        key: What tells this measurement from others of the command: shape, precision, plan, side.
        **fields: What was measured.

    Returns:
        The line as a JSON-able dict, with the environment.

    Example:
        >>> sorted(record("floor", {"n_samples": 10}, seconds=1.0))
        ['command', 'date', 'environment', 'key', 'seconds']
    """
    return {
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "key": key,
        **fields,
        "environment": {**environment(), "load_average": _load()},
    }


@cache
def environment() -> dict[str, Any]:
    """Commit, versions, devices, processor and flags of this process.

    Example:
        >>> sorted(environment())
        ['commit', 'cpu', 'device', 'dirty', 'settings', 'versions']
    """
    commit, dirty = source_state()
    device = jax.devices()[0]
    return {
        "commit": commit,
        "dirty": dirty,
        "versions": {"python": platform.python_version()} | {name: package_version(name) for name in _VERSIONS},
        "device": {"platform": device.platform, "kind": device.device_kind, "count": jax.device_count()},
        "cpu": {"model": cpu_model(), "cores": usable_cores()},
        "settings": {name: os.environ[name] for name in _SETTINGS if name in os.environ}
        | {"compilation_cache": bool(jax.config.values["jax_compilation_cache_dir"])},
    }


def source_state() -> tuple[str, bool | None]:
    """Commit of the sources and whether files differ from it; results themselves do not count.

    Returns:
        ("unknown", None) where neither git nor the variable `JAXSIM_BENCHMARK_COMMIT` tells.
    """
    named = os.environ.get(COMMIT_VARIABLE)
    if named:
        return named, None
    try:
        commit = _git("rev-parse", "HEAD").strip()
        changes = _git("status", "--porcelain", "--", "jaxsim", "kernels", "benchmarks", ":!benchmarks/results")
    except (OSError, subprocess.CalledProcessError):
        return "unknown", None
    return commit, bool(changes.strip())


def package_version(name: str) -> str | None:
    """Version of an installed distribution, None if it is not there."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def cpu_model() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def append(path: Path, line: dict[str, Any]) -> None:
    """Add one line to a result file, made if need be, in a single write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, allow_nan=False) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """All lines of a result file.

    Raises:
        ValueError: If the file is not there or a line is not a record; names file and line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"expected a result file (JSON lines), cannot read {path}: {error.strerror}.") from error
    found = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}, line {number}: not JSON ({error}); remove or repair the line.") from error
        if not isinstance(line, dict) or not {"command", "key", "environment"} <= set(line):
            raise ValueError(f"{path}, line {number}: expected a record with command, key and environment.")
        found.append(line)
    return found


def repair(path: Path) -> int:
    """Cut off what a killed process left of a last line.

    Args:
        path: Result file; it need not be there.

    Returns:
        Bytes that were cut off: 0 where the file is whole.
    """
    if not path.exists():
        return 0
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        with path.open("r+b") as file:
            file.truncate(end)
    return len(content) - end


def identity(line: dict[str, Any]) -> tuple[str, str, str]:
    """What two lines must share to be the same measurement: command, key and device (on CPU its model).

    Example:
        >>> identity({"command": "floor", "key": {"k": [1]}, "environment": {"device": {"kind": "cpu"}}})
        ('floor', '{"k": [1]}', 'cpu')
    """
    kind = line["environment"]["device"]["kind"]
    if kind == "cpu":
        kind = line["environment"].get("cpu", {}).get("model", kind)
    return line["command"], json.dumps(line["key"], sort_keys=True), kind


def latest(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last line of every measurement, in order of first appearance."""
    kept: dict[tuple[str, str, str], dict[str, Any]] = {}
    for line in lines:
        kept[identity(line)] = line
    return list(kept.values())


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _load() -> list[float] | None:
    return [round(v, 2) for v in os.getloadavg()] if hasattr(os, "getloadavg") else None
