"""The plan before the work and the summary after it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.filesize import decimal

from jaxsim.cli.terminal import new_table

if TYPE_CHECKING:
    from pathlib import Path

    from jaxsim.study import Plan, Study


def print_plan(console: Console, plan: Plan, out: Path) -> None:
    """Prints what a comparison will do.

    Args:
        console: Where to.
        plan: The plan.
        out: Where results go.
    """
    table = new_table(console, "Plan", "model", "<family", "steps", "features per step", "<source")
    for model in plan.models:
        low, high = min(model.widths), max(model.widths)
        widths = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        table.add_row(model.name, model.family, str(len(model.widths)), widths, model.source)
    console.print(table)
    settings = plan.settings
    queries = "all of them" if plan.n_queries == plan.n_samples else f"{plan.n_queries:,}"
    ks = ", ".join(map(str, settings.k))
    lines = [
        f"samples      {plan.n_samples:,}, queries: {queries} (seed {settings.seed})",
        f"measure      information imbalance, k = {ks}, {settings.metric}, pooling {settings.pool}",
        f"layers       {plan.n_layers:,}, so {plan.n_cells:,} ordered pairs",
        f"distances    {plan.distance_evaluations:,}",
        f"features     about {decimal(plan.feature_bytes)} on disk",
        f"memory       about {decimal(plan.memory_bytes)} to measure, {plan.passes}",
        f"output       {out}",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    console.print()


def print_summary(console: Console, study: Study) -> None:
    """Prints what a comparison found, for the first k.

    Args:
        console: Where to.
        study: The finished study.
    """
    smooth, between = study.smoothness.isel(k=0), study.between.isel(k=0)
    attrs = study.results.attrs
    k, floor = int(study.results["k"][0]), float(study.results["floor"][0])
    console.print()
    title = f"Smoothness (N = {int(attrs['n_samples']):,}, k = {k}, floor {floor:.4f})"
    table = new_table(
        console,
        title,
        "model",
        "steps",
        "mean change",
        "largest change",
        "<between",
        "roughness",
        "fixed step",
    )
    for name in smooth["model_name"].values:
        own = smooth.isel(change=np.flatnonzero(smooth["model"].values == name))
        row = smooth.sel(model_name=name)
        where = "-"
        if own.sizes["change"]:
            largest = own.isel(change=int(own["mean"].argmax()))
            where = f"{largest['step_from'].item()} -> {largest['step_to'].item()}"
        mean = f"{row['mean_change'].item():.4f} ± {row['mean_change_se'].item():.4f}"
        peak, rough = f"{row['max_change'].item():.4f}", f"{row['roughness'].item():.4f}"
        fixed = f"{float(row['fixed_step'].mean()):.4f}"
        table.add_row(str(name), str(own.sizes["change"] + 1), mean, peak, where, rough, fixed)
    console.print(table)
    if between.sizes["pair"]:
        console.print()
        table = new_table(
            console,
            "Between models",
            "pair",
            "peak distance",
            "at depth",
            "<steps there",
            "depth correlation",
            "offset",
        )
        for pair in between["pair"].values:
            row = between.sel(pair=pair)
            there = row.sel(t=row["peak_t"].item())
            a, b = row["model_a"].item(), row["model_b"].item()
            aligned = {
                name: between[f"alignment_{name}"].sel(direction=f"{a} -> {b}").item()
                for name in ("spearman", "spearman_p", "offset", "offset_null")
            }
            table.add_row(
                str(pair),
                f"{row['peak_distance'].item():.4f} ± {there['distance_se'].item():.4f}",
                f"{row['peak_t'].item():.2f}",
                f"{there['nearest_a'].item()} | {there['nearest_b'].item()}",
                f"{aligned['spearman']:.2f} (p = {aligned['spearman_p']:.3f})",
                f"{aligned['offset']:.2f} (chance {aligned['offset_null']:.2f})",
            )
        console.print(table)
    console.print()
    damaged = json.loads(attrs.get("damaged", "[]"))
    if damaged:
        listed = ", ".join(damaged[:3]) + (", ..." if len(damaged) > 3 else "")
        console.print(f"left out     {len(damaged)} damaged images: {listed}", markup=False, soft_wrap=True)
    if study.reused:
        console.print(f"reused       {', '.join(study.reused)}", markup=False, soft_wrap=True)
