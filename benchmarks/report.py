"""Result files in, a Markdown page with tables and figures out."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import records
from benchmarks.arguments import Write
from benchmarks.command_line import SUBCOMMANDS
from benchmarks.figures import draw
from benchmarks.tables import COLUMNS, table

_BUSY = 1.5
"""Load per core above which a line counts as measured on a busy machine."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    parser.add_argument("files", type=Path, nargs="*", help="result files (default: all in benchmarks/results)")
    parser.add_argument("--folder", type=Path, default=records.RESULTS, help="where report.md and figures/ go")


def run(options: argparse.Namespace, write: Write) -> None:
    """Write the page and say where it is."""
    files = options.files or sorted(records.RESULTS.glob("*.jsonl"))
    if not files:
        raise ValueError(f"no result files in {records.RESULTS}: run a subcommand first, or name files.")
    lines = records.latest([line for path in files for line in records.read(path)])
    print(write_page(lines, options.folder))


def write_page(lines: Sequence[dict[str, Any]], folder: Path) -> Path:
    """The page of result lines.

    Args:
        lines: Each measurement once.
        folder: Gets `report.md` and `figures/`.

    Returns:
        Path of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = ["# Benchmarks", provenance(lines)]
    for command in COLUMNS:
        mine = [line for line in lines if line["command"] == command]
        if not mine:
            continue
        summary = SUBCOMMANDS[command]
        parts += [f"## {command}", f"{summary[0].upper()}{summary[1:]}. `python -m benchmarks {command}`"]
        for device in dict.fromkeys(_device(line) for line in mine):
            rows = [line for line in mine if _device(line) == device]
            parts += [f"On {device}:", table(command, rows)]
            remarks = caveats(rows)
            parts += [remarks] if remarks else []
        drawn = draw(command, mine, folder / "figures")
        parts += [f"![{command}](figures/{path.name})" for path in drawn]
    page = folder / "report.md"
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def provenance(lines: Sequence[dict[str, Any]]) -> str:
    """Dates, commits, versions of the lines, in two sentences."""
    environments = [line["environment"] for line in lines]
    commits = sorted({e["commit"][:12] + (" with changes" if e["dirty"] else "") for e in environments})
    versions = sorted({", ".join(f"{name} {v}" for name, v in e["versions"].items() if v) for e in environments})
    dates = sorted(line["date"][:10] for line in lines)
    span = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    return (
        f"Measured {span} at {'; '.join(commits)} with {'; '.join(versions)}. "
        "Ratios compare sides that took turns in one process; the range in brackets is the interquartile range of the "
        "ratios of neighbouring runs. Compiling is not in the times."
    )


def caveats(lines: Sequence[dict[str, Any]]) -> str:
    """What a reader should know before trusting the rows: few runs, a busy machine, simulated devices."""
    remarks = []
    timings = [t for line in lines for t in line.get("timings", {}).values()]
    if any(not t["enough_runs"] for t in timings):
        remarks.append(
            f"{sum(not t['enough_runs'] for t in timings)} of {len(timings)} times are of fewer than 5 runs."
        )
    busy = [line for line in lines if _load_per_core(line) > _BUSY]
    if busy:
        remarks.append(
            f"{len(busy)} of {len(lines)} rows were measured on a busy machine (load over {_BUSY} per core)."
        )
    if any(line.get("simulated") for line in lines):
        remarks.append("Simulated devices share the cores: these rows show equal results and shapes, not speed.")
    return " ".join(remarks)


def _load_per_core(line: dict[str, Any]) -> float:
    load = line["environment"].get("load_average")
    return load[0] / line["environment"]["cpu"]["cores"] if load else 0.0


def _device(line: dict[str, Any]) -> str:
    device, cpu = line["environment"]["device"], line["environment"]["cpu"]
    if device["platform"] == "cpu":
        return f"{cpu['model']}, {cpu['cores']} cores"
    return f"{device['count']} x {device['kind']}"
