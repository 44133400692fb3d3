"""The plan before the work, and all findings after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.filesize import decimal

from jaxsim.cli.terminal import print_lines, print_table
from jaxsim.study.derived.effects import ends_of
from jaxsim.study.derived.labels import constant_steps_of
from jaxsim.wording import counted, decimals_for, number, p_value, signed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    import xarray as xr

    from jaxsim.study import Plan, Settings, Study


def print_plan(console: Console, plan: Plan, out: Path, *, untrained: bool = False) -> None:
    """Prints what a comparison will do.

    Args:
        console: Where to.
        plan: The plan.
        out: Where results go.
        untrained: Whether all of it is done for random weights, too.
    """
    rows = []
    for model in plan.models:
        low, high = min(model.widths), max(model.widths)
        widths = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        rows.append((model.name, model.family, str(len(model.widths)), widths, model.source))
    print_table(console, "Plan", ("model", "<family", "steps", "features per step", "<source"), rows)
    settings = plan.settings
    queries = "all of them" if plan.n_queries == plan.n_samples else f"{plan.n_queries:,}"
    ks = ", ".join(map(str, settings.k))
    intervals = (
        f"from {counted(plan.n_splits, 'balanced split')} into halves; with samples shuffled, too: "
        f"{counted(plan.interval_distances, 'further distance')}"
    )
    # Of features alone nobody knows what they are features of.
    samples = "images" if plan.images_to_run or settings.statistics else "samples"
    extracted = f"about {decimal(plan.feature_bytes)} on disk" if plan.feature_bytes else "as given, none to extract"
    lines = (
        f"{samples:<12} {plan.n_samples:,}, queries: {queries} (seed {settings.seed})",
        f"measure      information imbalance, k = {ks}, {settings.metric}, pooling {_pooling(settings)}",
        f"layers       {plan.n_layers:,}, so {counted(plan.n_cells, 'ordered pair')}",
        f"distances    {plan.distance_evaluations:,}",
        f"features     {extracted}",
        f"memory       about {decimal(plan.memory_bytes)} to measure, {plan.passes}",
        *([f"beside it    {_listed(settings.measures)}"] if settings.measures else []),
        *([f"each step    {_listed(settings.describe)}"] if settings.describe else []),
        *([f"steps        {_chosen(settings)}"] if settings.steps or settings.drop_steps else []),
        *(["statistics   of the images, beside the steps"] if settings.statistics else []),
        *([f"intervals    {intervals}"] if plan.n_splits else []),
        *(["control      all of it again with random weights"] if untrained else []),
        f"output       {out}",
        "",
    )
    print_lines(console, lines)


def _pooling(settings: Settings) -> str:
    if isinstance(settings.pool, str):
        return settings.pool
    return ", ".join(f"{pool} ({'others' if name == '*' else name})" for name, pool in settings.pool.items())


def _listed(measures: Sequence[Any]) -> str:
    return ", ".join(each.title for each in measures)


def _chosen(settings: Settings) -> str:
    """Which steps were asked for, in words."""
    kept, dropped = settings.steps or (), settings.drop_steps or ()
    return " ".join(
        [", ".join(kept) if kept else "all", *([f"without {', '.join(dropped)}"] if dropped else [])],
    )


def print_findings(console: Console, study: Study) -> None:
    """Prints all that a comparison found, in tables, for the first k.

    Args:
        console: Where to.
        study: The finished study.
    """
    attrs = study.results.attrs
    k, floor = int(study.results["k"][0]), float(study.results["floor"][0])
    errors = "sampling error" if study.halves is not None else "query-row error"
    both = ", every change the mean of both directions"
    title = f"Smoothness (N = {int(attrs['n_samples']):,}, k = {k}, floor {number(floor)}, ± {errors}{both})"
    columns = ("model", "steps", "mean change", "largest change", "<between", "roughness", "fixed step")
    print_table(console, title, columns, _smoothness_rows(study.smoothness.isel(k=0), study.results))
    if study.between.sizes["pair"]:
        columns = ("pair", "peak distance", "near depth", "<steps nearest to it", "depth correlation", "offset")
        print_table(
            console,
            "Between models, every distance the mean of both directions",
            columns,
            _pair_rows(study.between.isel(k=0)),
        )
    if study.information is not None:
        known = study.information.isel(k=0)
        spaces = [str(name) for name in known["space"].values]
        columns = ("model", "<step", *spaces)
        print_table(console, "What steps know of other spaces (Δ step → space)", columns, _end_rows(known["forward"]))
    if study.label_overlap is not None:
        shared = study.label_overlap.isel(k=0)
        columns = ("model", "<step", *[str(name) for name in shared["label"].values])
        title = f"Neighbours that share a label (k = {k})"
        print_table(console, title, columns, [*_end_rows(shared["overlap"]), _chance_row(shared)])
    if study.measures is not None:
        beside = study.measures.isel(k=0)
        title = f"Other measures: do they rank the pairs of steps as {beside['title'].values[0]} does (k = {k})?"
        print_table(console, title, ("<measure", "rank correlation"), _measure_rows(beside))
    if study.descriptions is not None:
        described = study.descriptions.isel(k=0)
        names = [str(name) for name in described.data_vars if not str(name).endswith("_sampling_error")]
        titles = [str(described[name].attrs["long_name"]) for name in names]
        values = described[names].to_dataarray().transpose("step", "variable")
        print_table(console, f"Every step by itself (k = {k})", ("model", "<step", *titles), _end_rows(values))
    if study.findings is not None:
        found = study.findings.isel(k=0)
        splits = counted(found.n_splits, "split")
        title = f"Findings (N = {found.n_samples:,}, 95 % intervals from {splits} into halves)"
        columns = (
            "<finding",
            "effect",
            "interval",
            *(("untrained", "interval") if study.untrained else ()),
            "shuffled",
            "corrected p",
        )
        print_table(console, title, columns, _finding_rows(found, control=study.untrained is not None))


def _number(value: float) -> str:
    return "-" if np.isnan(value) else number(value)


def _error_of(name: str, dataset: xr.Dataset) -> str:
    """The variable with the error of a value: of other images where that was measured, else of other query rows."""
    return f"{name}_sampling_error" if f"{name}_sampling_error" in dataset else f"{name}_se"


def _smoothness_rows(smooth: xr.Dataset, results: xr.Dataset) -> Iterator[tuple[str, ...]]:
    for name in smooth["model_name"].values:
        own = smooth.isel(change=np.flatnonzero(smooth["model"].values == name))
        row = smooth.sel(model_name=name)
        where = "-"
        if own.sizes["change"]:
            largest = own.isel(change=int(np.argmax(own["mean"].values)))
            where = f"{largest['step_from'].item()} | {largest['step_to'].item()}"
        every = results["source_model"].values == name
        constant = int(np.count_nonzero(every & constant_steps_of(results, "source")))
        steps = f"{np.count_nonzero(every)}" + (f" ({constant} constant)" if constant else "")
        change = row["mean_change"].item()
        yield (
            str(name),
            steps,
            "-" if np.isnan(change) else f"{number(change)} ± {number(row[_error_of('mean_change', smooth)].item())}",
            _number(row["max_change"].item()),
            where,
            _number(row["roughness"].item()),
            _number(float(row["fixed_step"].mean())),
        )


def _finding_rows(found: xr.Dataset, *, control: bool) -> Iterator[tuple[str, ...]]:
    for name in found["finding"].values:
        row = found.sel(finding=name)
        cells = []
        for prefix in ("", "control_") if control else ("",):
            middle = row["control" if prefix else "value"].item()
            low, high = (row[f"{prefix}{end}"].item() for end in ("low", "high"))
            middle, low, high = (signed(each, decimals_for(high - low), plain=True) for each in (middle, low, high))
            cells += [middle, f"{low} to {high}"]
        p = row["p_corrected"].item()
        cells += [signed(row["shuffled"].item(), plain=True), "-" if np.isnan(p) else p_value(p).removeprefix("= ")]
        yield (str(name), *cells)


def _measure_rows(beside: xr.Dataset) -> Iterator[tuple[str, ...]]:
    for at, title in list(enumerate(beside["title"].values))[1:]:
        value = float(beside["rank_correlation"].values[0, at])
        error = float(beside["sampling_error"].values[0, at]) if "sampling_error" in beside else np.nan
        cell = number(value) + ("" if np.isnan(error) else f" ± {number(error)}")
        yield (str(title), cell)


def _end_rows(values: xr.DataArray) -> Iterator[tuple[str, ...]]:
    """The first and the last step of every model that are not the same for all images."""
    owners = values["model"].values.astype(str)
    for name in dict.fromkeys(owners.tolist()):
        for at in dict.fromkeys(ends_of(values, name)):
            cells = (_number(value) for value in values.values[at])
            yield (name, str(values["step_name"].values[at]), *cells)


def _chance_row(shared: xr.Dataset) -> tuple[str, ...]:
    """What random neighbours share."""
    return ("by chance", "", *map(_number, shared["chance"].values))


def _pair_rows(between: xr.Dataset) -> Iterator[tuple[str, ...]]:
    for pair in between["pair"].values:
        row = between.sel(pair=pair)
        if np.isnan(row["peak_t"].item()):
            yield (str(pair), *["-"] * 5)
            continue
        there = row.sel(t=row["peak_t"].item())
        direction = f"{row['model_a'].item()} -> {row['model_b'].item()}"
        spearman, p, offset, chance = (
            between[f"alignment_{name}"].sel(direction=direction).item()
            for name in ("spearman", "spearman_p", "offset", "offset_null")
        )
        yield (
            str(pair),
            f"{number(row['peak_distance'].item())} ± {number(there[_error_of('distance', between)].item())}",
            f"{row['peak_t'].item():.2f}",
            f"{there['nearest_a'].item()} | {there['nearest_b'].item()}",
            # With all steps matched to one there is no correlation to speak of.
            "undefined" if np.isnan(spearman) else f"{spearman:.2f} (p {p_value(p)})",
            f"{offset:.2f} (chance {chance:.2f})",
        )
