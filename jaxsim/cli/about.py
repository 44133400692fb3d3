"""What can be loaded, and what it runs on."""

from __future__ import annotations

import os

from rich.filesize import decimal

from jaxsim.cli.compilation_cache import VARIABLE, compilation_cache_folder
from jaxsim.cli.terminal import open_console, print_lines, print_table


def print_models() -> None:
    """Prints the families of models, as `jaxsim.models.supported` has them, and the ways to name one."""
    from jaxsim.models.embedded import embedded_names
    from jaxsim.models.supported import COLUMNS, supported

    console = open_console()
    columns = [f"<{name}" for name in COLUMNS]
    print_table(console, "Families", columns, [family.cells for family in supported()])
    lines = [
        "A model is given as",
        "  a directory    config.json and safetensors, as save_pretrained or timm writes them",
        "  a hub id       such as facebook/dinov2-small; fetched once, then offline",
        "  a checkpoint   of vision_transformer or big_vision (.npz), of Scenic (msgpack, orbax)",
        f"  embedded       {', '.join(f'embedded:{name}' for name in embedded_names())}",
        "  features       a folder of features from an earlier run",
        "Any other Linen, NNX or torch model: jaxsim.capture(model, image_size=...) in Python.",
        "Parity: largest error over all states, max |difference| / max(1, max |original|), random weights.",
    ]
    print_lines(console, lines)


def print_measures() -> None:
    """Prints what every measure declares, as `jaxsim.metrics.table` has it."""
    from jaxsim.metrics.table import EXAMPLE, LAYER_COLUMNS, PAIR_COLUMNS, layer_rows, pair_rows

    console = open_console()
    both = {
        "Measures of two layers": (PAIR_COLUMNS, pair_rows()),
        "Measures of one layer": (LAYER_COLUMNS, layer_rows()),
    }
    for title, (columns, rows) in both.items():
        # The source is the last column and as wide as all others.
        short = [row[:-1] for row in rows]
        print_table(console, title, [f"<{name}" for name in columns[:-1]], short, whole_names=True)
    sources = [(row[0], row[-1]) for _, rows in both.values() for row in rows]
    print_table(console, "Sources", ("measure", "<source"), sources, whole_names=True)
    print_lines(
        console,
        [
            f"Numbers are those of N = {EXAMPLE.n_samples:,}, k = {EXAMPLE.k} and {EXAMPLE.widths[0]} features.",
            "jaxsim compare --measures NAME,NAME --describe NAME; in Python jaxsim.measure and jaxsim.describe.",
        ],
    )


def print_info() -> None:
    """Prints versions, devices and the compilation cache."""
    import jax

    from jaxsim.study import package_versions

    console = open_console()
    print_table(console, "Versions", ("package", "<version"), package_versions().items())
    rows = []
    for device in jax.local_devices():
        limit = (device.memory_stats() or {}).get("bytes_limit")
        rows.append((str(device), device.device_kind, decimal(limit) if limit else "-"))
    title = f"Devices (platform {jax.default_backend()}, {os.cpu_count()} CPU cores)"
    print_table(console, title, ("device", "<kind", "memory"), rows)
    folder = compilation_cache_folder() or "off"
    print_lines(console, [f"compilation cache: {folder} (set {VARIABLE} to another folder, or to off)"])
