"""What can be loaded and measured, and what it runs on."""

from __future__ import annotations

import json
import os
from typing import Any

import typer
from rich.filesize import decimal

from jaxsim.cli.compilation_cache import VARIABLE, compilation_cache_folder
from jaxsim.cli.terminal import open_console, print_lines, print_table
from jaxsim.wording import counted


def print_models(*, as_json: bool = False) -> None:
    """Prints the families of models, as `jaxsim.models.supported` has them, and the ways to name one."""
    from jaxsim.models.embedded import embedded_names
    from jaxsim.models.supported import COLUMNS, supported

    rows = [family.cells for family in supported()]
    embedded = [f"embedded:{name}" for name in embedded_names()]
    if as_json:
        _echo({"families": _objects(COLUMNS, rows), "embedded": embedded})
        return
    console = open_console()
    print_table(console, "Families", [f"<{name}" for name in COLUMNS], rows)
    lines = [
        "A model is given as",
        "  a directory    config.json and safetensors, as save_pretrained or timm writes them",
        "  a hub id       such as facebook/dinov2-small; fetched once, then offline",
        "  a checkpoint   of vision_transformer or big_vision (.npz), of Scenic (msgpack, orbax)",
        f"  embedded       {', '.join(embedded)}",
        "  features       a folder of features from an earlier run, or any program's, as open_features takes them",
        "and under a name of yours as NAME=MODEL.",
        "Any other Linen, NNX or torch model: jaxsim.capture(model, image_size=...) in Python.",
        "Parity: largest error over all states, max |difference| / max(1, max |original|), random weights.",
    ]
    print_lines(console, lines)


def print_measures(*, as_json: bool = False) -> None:
    """Prints what every measure declares, as `jaxsim.metrics.table` has it."""
    from jaxsim.metrics.table import EXAMPLE, LAYER_COLUMNS, PAIR_COLUMNS, layer_rows, pair_rows

    both = {
        "Measures of two layers": (PAIR_COLUMNS, pair_rows()),
        "Measures of one layer": (LAYER_COLUMNS, layer_rows()),
    }
    if as_json:
        _echo({title: _objects(*table) for title, table in both.items()})
        return
    console = open_console()
    for title, (columns, rows) in both.items():
        # The source is the last column and as wide as all others.
        print_table(console, title, [f"<{name}" for name in columns[:-1]], [row[:-1] for row in rows])
    sources = [(row[0], row[-1]) for _, rows in both.values() for row in rows]
    print_table(console, "Sources", ("measure", "<source"), sources)
    print_lines(
        console,
        [
            f"Numbers are those of N = {EXAMPLE.n_samples:,}, k = {EXAMPLE.k} and {EXAMPLE.widths[0]} features.",
            "jaxsim compare --measures NAME,NAME --describe NAME; in Python jaxsim.measure and jaxsim.describe.",
        ],
    )


def print_info(*, as_json: bool = False) -> None:
    """Prints versions, devices and the compilation cache."""
    import jax

    from jaxsim.study import package_versions

    devices = []
    for device in jax.local_devices():
        limit = (device.memory_stats() or {}).get("bytes_limit")
        devices.append((str(device), device.device_kind, limit))
    folder = compilation_cache_folder() or "off"
    if as_json:
        found = {"versions": package_versions(), "platform": jax.default_backend(), "cpu_cores": os.cpu_count()}
        found["devices"] = _objects(("device", "kind", "memory_bytes"), devices)
        _echo(found | {"compilation_cache": str(folder)})
        return
    console = open_console()
    print_table(console, "Versions", ("package", "<version"), package_versions().items())
    title = f"Devices (platform {jax.default_backend()}, {counted(os.cpu_count() or 1, 'CPU core')})"
    rows = [(name, kind, decimal(limit) if limit else "-") for name, kind, limit in devices]
    print_table(console, title, ("device", "<kind", "memory"), rows)
    print_lines(console, [f"compilation cache: {folder} (set {VARIABLE} to another folder, or to off)"])


def _objects(columns: Any, rows: Any) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _echo(found: Any) -> None:
    typer.echo(json.dumps(found, indent=1))
