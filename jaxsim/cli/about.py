"""What can be loaded, and what it runs on."""

from __future__ import annotations

import os

from rich.filesize import decimal

from jaxsim.cli.compilation_cache import VARIABLE, compilation_cache_folder
from jaxsim.cli.terminal import new_table, open_console


def print_models() -> None:
    """Prints the families of models and the ways to name one."""
    from jaxsim.cli.app import DEMO_MODELS
    from jaxsim.models.family import families

    console = open_console()
    table = new_table(console, "Families", "family", "<models", "<model_type in config.json")
    for family in families():
        table.add_row(family.name, family.title, ", ".join(family.model_types))
    console.print(table)
    console.print()
    lines = [
        "A model is given as",
        "  a directory    config.json and safetensors, as save_pretrained writes them",
        "  a hub id       such as facebook/dinov2-small; fetched once, then offline",
        f"  embedded       {', '.join(DEMO_MODELS)}",
        "  features       a folder of features from an earlier run",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def print_info() -> None:
    """Prints versions, devices and the compilation cache."""
    import jax

    from jaxsim.study import package_versions

    console = open_console()
    table = new_table(console, "Versions", "package", "<version")
    for name, version in package_versions().items():
        table.add_row(name, version)
    console.print(table)
    console.print()
    table = new_table(
        console,
        f"Devices (platform {jax.default_backend()}, {os.cpu_count()} CPU cores)",
        "device",
        "<kind",
        "memory",
    )
    for device in jax.local_devices():
        stats = device.memory_stats() or {}
        limit = stats.get("bytes_limit")
        table.add_row(str(device), device.device_kind, decimal(limit) if limit else "-")
    console.print(table)
    console.print()
    folder = compilation_cache_folder()
    console.print(
        f"compilation cache: {folder or 'off'} (set {VARIABLE} to another folder, or to off)",
        markup=False,
        soft_wrap=True,
    )
