"""Result lines as Markdown tables, one per subcommand."""

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.wording import n_bytes, plain, seconds

Line = dict[str, Any]
Column = tuple[str, Callable[[Line], str]]


def _key(name: str) -> Callable[[Line], str]:
    return lambda line: plain(line["key"][name]) if line["key"].get(name) is not None else ""


def _found(name: str) -> Callable[[Line], str]:
    return lambda line: plain(line["found"][name]) if line.get("found", {}).get(name) is not None else ""


def _time(side: str) -> Callable[[Line], str]:
    return lambda line: seconds(line["timings"][side]["median"]) if side in line.get("timings", {}) else ""


def _ratio(side: str) -> Callable[[Line], str]:
    def cell(line: Line) -> str:
        if side not in line.get("ratios", {}):
            return ""
        r = line["ratios"][side]
        return f"{r['of_medians']:.2f} ({r['q25']:.2f} to {r['q75']:.2f})"

    return cell


def _by_kind(kinds: dict[str, Any], name: str) -> str:
    """One number a kind; of several the first, which is the median."""
    values = {kind: each[name][0] if isinstance(each[name], list) else each[name] for kind, each in kinds.items()}
    return ", ".join(f"{kind.replace('_', ' ')} {plain(value)}" for kind, value in values.items())


def _size(name: str) -> Callable[[Line], str]:
    return lambda line: n_bytes(line["bytes"][name]) if line["bytes"].get(name) is not None else ""


def _goal(line: Line) -> str:
    if line.get("reach") is None:
        return ""
    return f"{line['reach']}: {'reached' if line['reached'] else '**not reached**'}"


def _passes(line: Line) -> str:
    plan = line.get("plan")
    if isinstance(plan, dict):
        return f"{plan['passes']}, {plan['rows']} rows, {plan['ranking']}"
    return str(plan or "")


def _absent(line: Line) -> str:
    return line.get("absent", "")


_SHAPE: tuple[Column, ...] = (
    ("N", _key("n_samples")),
    ("D", _key("n_features")),
    ("L", _key("n_layers")),
    ("k", _key("k")),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "floor": (
        ("workload", _key("workload")),
        *_SHAPE,
        ("plan", _passes),
        ("precision", _key("precision")),
        ("Gram pass", _time("gram")),
        ("kernels", _time("all_pairs")),
        ("kernels over Gram", _ratio("all_pairs")),
        ("`imbalance_matrix` over Gram", _ratio("imbalance_matrix")),
        ("compiling", lambda line: seconds(line["timings"]["all_pairs"]["compile_seconds"])),
        ("goal", _goal),
    ),
    "scaling": (
        ("sweep", _key("sweep")),
        *_SHAPE,
        ("sizes", lambda line: plain(line["sizes"])),
        ("exponent", lambda line: f"{line['fit']['exponent']:.2f}"),
        ("95 % interval", lambda line: " to ".join(f"{v:.2f}" for v in line["fit"]["interval"] or ())),
        ("goal", _goal),
    ),
    "devices": (
        ("devices", _key("devices")),
        ("processes", _key("processes")),
        *_SHAPE,
        ("equal to one device", _found("equal")),
        ("largest difference", _found("largest_difference")),
        ("columns per device", _found("columns_per_device")),
        ("devices are", lambda line: "" if "absent" in line else "simulated" if line["simulated"] else "real"),
        ("goal", _goal),
        ("absent because", _absent),
    ),
    "memory": (
        ("workload", _key("workload")),
        *_SHAPE,
        ("plan", lambda line: line["found"]["plan"]),
        ("features", _size("features")),
        ("peak", _size("peak")),
        ("peak over features", _size("over_features")),
        ("peak over state before", _size("over_start")),
        ("device peak", _size("device_peak")),
        ("seconds", lambda line: seconds(line["seconds"])),
        ("goal", _goal),
    ),
    "precision": (
        *_SHAPE,
        ("data", _key("data")),
        ("precision", _key("precision")),
        ("changed rows", _found("changed_rows")),
        ("mean change of rank", _found("mean_rank_change")),
        ("largest", _found("largest_rank_change")),
        ("largest error of Delta", _found("largest_error")),
        ("`verify` says", lambda line: plain(line["verify"]["largest_deviation"]) if "verify" in line else ""),
        ("time over highest", _ratio("all_pairs")),
    ),
    "coverage": (
        ("N", _key("n_samples")),
        ("sets", _key("sets")),
        ("k", _key("k")),
        ("splits", _key("n_splits")),
        ("coverage of 95 % intervals", lambda line: plain(line["all"]["coverage"])),
        ("by kind", lambda line: _by_kind(line["kinds"], "coverage")),
        ("estimated over true spread", lambda line: _by_kind(line["kinds"], "ratio")),
        ("width over true range", lambda line: _by_kind(line["kinds"], "width")),
    ),
    "measure_coverage": (
        ("N", _key("n_samples")),
        ("sets", _key("sets")),
        ("k", _key("k")),
        ("splits", _key("n_splits")),
        ("coverage of 95 % intervals", lambda line: plain(line["all"]["coverage"])),
        ("by kind", lambda line: _by_kind(line["kinds"], "coverage")),
        ("estimated over true spread", lambda line: _by_kind(line["kinds"], "ratio")),
        ("width over true range", lambda line: _by_kind(line["kinds"], "width")),
    ),
    "measures": (
        *_SHAPE,
        ("measures", _key("measures")),
        ("peer", _key("peer")),
        ("Delta alone", _ratio("imbalance")),
        ("together, first k", _ratio("together")),
        ("together", _ratio("together_all_k")),
        ("kernels of Delta", _ratio("kernels_imbalance")),
        ("kernels together", _ratio("kernels_all_k")),
        ("Delta with halves", _ratio("imbalance_with_halves")),
        ("together with halves", _ratio("together_with_halves")),
        ("kernels with halves", _ratio("kernels_with_halves")),
        ("CKA over products of features", _ratio("cka")),
        ("peak over features", lambda line: n_bytes(line["bytes"]["over_features"]) if "bytes" in line else ""),
        ("peer over jaxsim", _ratio("peer")),
        ("difference of values", lambda line: plain(line.get("largest_difference", ""))),
        ("goal", _goal),
        ("absent because", _absent),
    ),
    "factors": (
        *_SHAPE,
        ("measures", _key("measures")),
        ("against", _key("peer")),
        ("jaxsim", _time("jaxsim")),
        ("all pairs by SciPy over jaxsim", _ratio("scipy_all_pairs")),
        ("calibrated over not", _ratio("calibrated")),
        ("p in Monte Carlo errors", _found("in_monte_carlo_errors")),
        ("difference of values", lambda line: plain(line.get("largest_difference", ""))),
        ("goal", _goal),
    ),
    "measure_peers": (
        ("peer", _key("peer")),
        *_SHAPE[:3],
        ("measure", _key("measures")),
        ("jaxsim", _time("jaxsim")),
        ("peer over jaxsim", _ratio("peer")),
        ("difference of values", lambda line: plain(line.get("largest_difference", ""))),
        ("p in Monte Carlo errors", lambda line: plain(line.get("p_in_monte_carlo_errors", ""))),
        ("definition", lambda line: line.get("definition", "")),
        ("versions", lambda line: ", ".join(f"{n} {v}" for n, v in line.get("versions", {}).items())),
        ("absent because", _absent),
    ),
    "judging": (
        ("measure", _key("measure")),
        ("N", _key("n_samples")),
        ("k", _key("k")),
        ("layers in order", _found("layers")),
        ("one recipe (AUPRC)", _found("recipe")),
        ("noise in order", _found("noise")),
        ("crops in order", _found("crops")),
        ("shuffled pairs in order", _found("pairing")),
        ("mean", lambda line: plain(sum(line["found"].values()) / len(line["found"])) if line.get("found") else ""),
        ("absent because", _absent),
    ),
    "nulls": (
        ("N", _key("n_samples")),
        ("nulls", _key("nulls")),
        ("k", _key("k")),
        ("rejected at 5 %", lambda line: _by_kind(line["rates"], "rate")),
    ),
    "intervals": (
        *_SHAPE,
        ("passes", _key("passes")),
        ("splits", _key("n_splits")),
        ("without", _time("without")),
        ("with", _time("with")),
        ("with over without", _ratio("with")),
        ("goal", _goal),
    ),
    "crossover": (
        ("N", _key("n_samples")),
        ("rows", _key("n_rows")),
        ("counting against", _key("against")),
        ("thresholds", lambda line: plain(line["thresholds"])),
        ("counting over sorting", lambda line: ", ".join(f"{v:.2f}" for v in line["count_over_sort"])),
        ("sorting wins from", _found("sort_wins_from")),
        ("planner sorts from", _found("planner_sorts_from")),
    ),
    "reliability": (
        ("disturbance", _key("disturbance")),
        ("cases", _key("cases")),
        ("what they came to", lambda line: ", ".join(f"{plain(n)}: {outcome}" for outcome, n in line["found"].items())),
        ("goal", _goal),
    ),
    "peers": (
        ("peer", _key("peer")),
        *_SHAPE,
        ("peer takes", lambda line: _peer_time(line)),
        ("jaxsim takes", lambda line: _time("all_pairs")(line) or _time("neighbours")(line)),
        ("times faster", _found("times_faster")),
        ("difference of values", lambda line: _found("largest_difference")(line) or _neighbours(line)),
        ("versions", lambda line: ", ".join(f"{n} {v}" for n, v in line.get("versions", {}).items() if v)),
        ("goal", _goal),
        ("absent because", _absent),
    ),
    "extraction": (
        ("model", _key("model")),
        ("JPEGs", _key("images")),
        ("batch", _key("batch")),
        ("jaxsim images/s", _found("jaxsim images/s")),
        ("torch images/s", _found("torch images/s")),
        ("over torch", _found("jaxsim over torch")),
        ("ms to decode", _found("decode ms")),
        ("ms to preprocess", _found("preprocess ms")),
        ("one by one", _found("preprocess one by one ms")),
        ("ms on the device", _found("device ms")),
        ("peak memory", lambda line: " / ".join(n_bytes(peak) for peak in line["peak_bytes"].values())),
        ("goal", _goal),
    ),
    "models": (
        ("model", _key("model")),
        ("batch", _key("batch")),
        ("dtype", _key("dtype")),
        *(
            (f"{title} images/s", _found(f"{side} images/s"))
            for side, title in (("jaxsim", "jaxsim"), ("eager", "torch eager"), ("compile", "torch.compile"))
        ),
        ("over eager", _found("jaxsim over eager")),
        ("over compile", _found("jaxsim over compile")),
        ("last step differs by", _found("difference")),
        ("first call", lambda line: " / ".join(seconds(t["first_call"]) for t in line["timings"].values())),
        ("peak memory", lambda line: " / ".join(n_bytes(peak) for peak in line["peak_bytes"].values())),
        ("goal", _goal),
        ("absent because", _absent),
    ),
    "compiled": (
        ("program", _key("workload")),
        ("kernels", _key("kernels")),
        ("devices", _key("devices")),
        ("N", _key("n_samples")),
        ("D", _key("n_features")),
        ("rows", _key("n_rows")),
        ("L", _key("n_layers")),
        ("moved", _found("moved")),
        ("over least", _found("bytes over least")),
        ("of device memory", _found("of device memory")),
        ("temporaries", _found("temporaries")),
        ("over a strip", _found("temporaries over strip")),
        ("estimate", _found("estimate")),
        ("over the product", _found("estimate over product")),
        ("compiling", lambda line: seconds(line["compiler"]["compile_seconds"]) if "compiler" in line else ""),
        ("goal", _goal),
        ("absent because", _absent),
    ),
    "gpu": (
        *_SHAPE,
        ("rows", _key("n_queries")),
        ("what", lambda line: _gpu_row(line)),
        ("precision", _key("precision")),
        ("jnp.dot TFLOP/s", _found("dot_tflop_per_s")),
        ("compared with", lambda line: next(filter(None, (_time(side)(line) for side in _COMPARED)), "")),
        ("ours", lambda line: next(filter(None, (_time(side)(line) for side in _OURS)), "")),
        ("preparing", _time("prepare")),
        ("share of dot rate", _found("share_of_dot_rate")),
        ("with all rows", _found("share_with_all_rows")),
        ("times faster", _found("times_faster")),
        ("same integers", _found("equal")),
        ("TFLOP/s", _found("tflop_per_s")),
        ("changed ranks", _found("changed_ranks")),
        ("largest error", lambda line: _found("largest_error")(line) or _found("largest_difference")(line)),
        ("images/s", _found("jaxsim images/s")),
        ("torch images/s", _found("torch images/s")),
        ("extrapolated, all rows", _found("all_rows")),
        ("50,000 rows", _found("50,000_rows")),
        ("absent because", _absent),
    ),
}
"""Subcommand -> title and cell of every column."""


def table(command: str, lines: Sequence[Line]) -> str:
    """Markdown table of the lines of one subcommand; columns that are empty in all lines are left out.

    Example:
        >>> line = {"key": {"n_samples": 4096, "n_rows": 8}, "thresholds": [8], "count_over_sort": [0.5]}
        >>> print(table("crossover", [line]))
        | N | rows | thresholds | counting over sorting |
        | --- | --- | --- | --- |
        | 4096 | 8 | 8 | 0.50 |
    """
    cells = [[(title, _cell(of, line)) for title, of in COLUMNS[command]] for line in lines]
    shown = [i for i in range(len(COLUMNS[command])) if any(row[i][1] for row in cells)]
    titles = [COLUMNS[command][i][0] for i in shown]
    rows = [titles, ["---"] * len(titles), *([row[i][1] for i in shown] for row in cells)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(of: Callable[[Line], str], line: Line) -> str:
    return of(line).replace("|", "\\|")


def _peer_time(line: Line) -> str:
    if line["key"]["peer"] == "dadapy" and "found" in line:
        return f"{seconds(line['found']['dadapy_all_pairs_seconds'])} ({line['found']['pairs']} pairs)"
    return _time("peer")(line) or _time("faiss")(line)


def _neighbours(line: Line) -> str:
    found = _found("different_neighbours")(line)
    return found and f"{found} of the neighbours"


_COMPARED, _OURS = ("gram", "peer", "xla", "highest", "torch"), ("all_pairs", "pallas", "this", "jaxsim")


def _gpu_row(line: Line) -> str:
    key = line["key"]
    if key.get("extrapolated"):
        return "extrapolated"
    if "peer" in key:
        return f"{key.get('measure', 'all pairs')} against {key['peer']}"
    if "kernel" in key:
        return f"{key['n']} {key['kernel']}, Pallas against XLA"
    if "product" in key:
        return f"product: {key['product']}"
    if "model" in key:
        return f"{key['model']}, batches of {key['batch']}, {key['dtype']}"
    if "part" in key:
        return key["part"]
    return ", ".join(["all pairs", *(key[form] for form in ("kernels", "passes") if form in key)])
