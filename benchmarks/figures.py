"""Figures of result lines: growth, ratio over the floor, counting against sorting, peers, share of the dot rate."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]

_MARKS = ("o", "s", "^", "D", "v", "P", "X")
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Okabe and Ito: told apart by the colour-blind; the marks also in grey."""


def draw(command: str, lines: Sequence[Line], folder: Path) -> list[Path]:
    """Draw what a subcommand's lines show, as PNG and SVG.

    Args:
        command: The subcommand.
        lines: Its lines.
        folder: Made if need be.

    Returns:
        The PNG files; none where there is nothing to draw.
    """
    # Not pyplot: no window system, no state that outlives the call.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = [line for line in lines if not line.get("absent")]
    drawing = _DRAWINGS.get(command)
    if drawing is None or not lines:
        return []
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    if not drawing(axes, lines):
        return []
    axes.spines[["top", "right"]].set_visible(False)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{command}.png", folder / f"{command}.svg"]
    for path in paths:
        figure.savefig(path, dpi=150)
    return paths[:1]


def _scaling(axes: Any, lines: Sequence[Line]) -> bool:
    for i, line in enumerate(lines):
        sizes = line["sizes"]
        medians = [line["timings"][str(size)]["median"] for size in sizes]
        # Relative to the smallest size, so that sweeps of different quantities share the axes.
        exponent = line["fit"]["exponent"]
        axes.loglog(
            [s / sizes[0] for s in sizes],
            [m / medians[0] for m in medians],
            marker=_MARKS[i % 7],
            color=_COLOURS[i % 7],
            label=f"{line['key']['sweep']} from {sizes[0]}: exponent {exponent:.2f}",
        )
    axes.set(xlabel="size over the smallest", ylabel="time over the smallest", title="Growth of all-pairs imbalance")
    axes.legend(frameon=False)
    return True


def _floor(axes: Any, lines: Sequence[Line]) -> bool:
    names = [_shape_name(line) for line in lines]
    for side, offset, colour in (("all_pairs", -0.2, _COLOURS[0]), ("imbalance_matrix", 0.2, _COLOURS[5])):
        present = [(i, line["ratios"][side]) for i, line in enumerate(lines) if side in line["ratios"]]
        values = [r["of_medians"] for _, r in present]
        spread = [
            [max(0, r["of_medians"] - r["q25"]) for _, r in present],
            [max(0, r["q75"] - r["of_medians"]) for _, r in present],
        ]
        axes.barh([i + offset for i, _ in present], values, 0.36, xerr=spread, color=colour, label=side)
    for i, line in enumerate(lines):
        if line.get("reach") is not None:
            label = "goal" if i == 0 else None
            axes.plot([line["reach"]] * 2, [i - 0.42, i + 0.42], color="black", linewidth=2, label=label)
    axes.axvline(1, color="grey", linestyle=":", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="time over a jnp.dot Gram pass of the same shape", title="Over the floor")
    axes.legend(frameon=False)
    return True


def _crossover(axes: Any, lines: Sequence[Line]) -> bool:
    for i, line in enumerate(lines):
        axes.loglog(
            line["thresholds"],
            line["count_over_sort"],
            marker=_MARKS[i % 7],
            color=_COLOURS[i % 7],
            label=f"N = {line['key']['n_samples']}",
        )
    planned = next((v for line in lines if (v := line["found"]["planner_sorts_from"])), None)
    if planned:
        axes.axvline(planned, color="grey", linestyle="--", linewidth=1, label="the planner sorts from here")
    axes.axhline(1, color="black", linewidth=1)
    axes.set(xlabel="thresholds per row", ylabel="time of counting over sorting", title="Counting against sorting")
    axes.legend(frameon=False)
    return True


def _peers(axes: Any, lines: Sequence[Line]) -> bool:
    names = [f"{line['key']['peer']}, N={line['key']['n_samples']}, L={line['key']['n_layers']}" for line in lines]
    axes.barh(range(len(lines)), [line["found"]["times_faster"] for line in lines], color=_COLOURS[0])
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="times faster than the peer", title="Against other software")
    return True


def _gpu(axes: Any, lines: Sequence[Line]) -> bool:
    measured = [line for line in lines if "dot_tflop_per_s" in line.get("found", {})]
    for i, precision in enumerate(dict.fromkeys(line["key"]["precision"] for line in measured)):
        rows = [line for line in measured if line["key"]["precision"] == precision]
        axes.semilogx(
            [line["key"]["n_samples"] for line in rows],
            [line["found"]["share_with_all_rows"] for line in rows],
            marker=_MARKS[i % 7],
            color=_COLOURS[i % 7],
            label=precision,
        )
    axes.axhline(1, color="grey", linestyle=":", linewidth=1)
    axes.set(
        xlabel="samples", ylabel="share of the jnp.dot rate", title="Share of the dot rate, all rows", ylim=(0, None)
    )
    if measured:
        axes.legend(frameon=False, title="precision")
    return bool(measured)


def _shape_name(line: Line) -> str:
    key = line["key"]
    ks = ",".join(map(str, key["k"]))
    passes = f", {key['passes']}" if key.get("passes") else ""
    return f"{key['workload']}: N={key['n_samples']}, L={key['n_layers']}, k={ks}{passes}"


_DRAWINGS: dict[str, Callable[[Any, Sequence[Line]], bool]] = {
    "floor": _floor,
    "scaling": _scaling,
    "crossover": _crossover,
    "peers": _peers,
    "gpu": _gpu,
}
