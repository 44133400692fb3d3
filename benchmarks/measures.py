"""What further measures cost beside the information imbalance, and debiased CKA alone, over products of features."""

import argparse
from functools import partial
from typing import Any

import numpy as np

from benchmarks import measure, records
from benchmarks.arguments import Write, add_run_options, positive
from benchmarks.gram_pass import gram_pass
from benchmarks.memory_worker import reset_peak, status
from benchmarks.workloads import Shape, synthetic_layers

TOGETHER = ("information_imbalance", "cka", "rsa", "mutual_knn")
TOGETHER_REACH, ALONE_REACH = 2.0, 1.3
FLOOR, ALONE = "gram_pass", "imbalance"
ALONE_MEASURE = ("information_imbalance",)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    add_run_options(parser)
    parser.add_argument("--samples", type=positive, default=4096, help="samples of measures together (default 4096)")
    parser.add_argument("--many", type=positive, default=50_000, help="samples of CKA alone (default 50000)")
    parser.add_argument("--layers", type=positive, default=24, help="number of layers (default 24)")
    parser.add_argument("--features", type=positive, default=384, help="features of each layer (default 384)")
    parser.add_argument("--k", type=positive, default=10, help="number of neighbours (default 10)")


def run(options: argparse.Namespace, write: Write) -> None:
    """Four measures together, then debiased CKA alone and against a plain torch program."""
    widths = (options.features,) * options.layers
    write(measure_together(_shape(options.samples, widths, (1, options.k)), options.runs, options.seed))
    write(against_torch(_shape(options.samples, widths, (1,)), options.runs, options.seed))
    write(measure_alone(_shape(options.many, widths, (1,)), options.seed))


def _shape(n_samples: int, widths: tuple[int, ...], ks: tuple[int, ...]) -> Shape:
    return Shape(f"{n_samples}x{len(widths)}", n_samples, widths, ks, "a study of a few models")


def measure_together(shape: Shape, runs: int = measure.RUNS, seed: int = 0) -> dict[str, Any]:
    """Time Delta, debiased CKA, RSA and mutual k-NN in one call, over the Gram products of all layers.

    Args:
        shape: What to measure; the last k is that of mutual k-NN, and all measures take all k.
        runs: Timed runs of each side.
        seed: Of the layers.

    Returns:
        The record, with ratios to `gram_pass`.
    """
    import jaxsim

    layers = synthetic_layers(shape, seed)
    floor, height = gram_pass(layers)
    timings = measure.interleaved(
        {
            FLOOR: floor,
            ALONE: partial(jaxsim.measure, layers, ALONE_MEASURE, k=shape.ks[:1]),
            "together": partial(jaxsim.measure, layers, TOGETHER, k=shape.ks[:1]),
            "together_all_k": partial(jaxsim.measure, layers, TOGETHER, k=shape.ks),
            "together_with_halves": partial(jaxsim.measure, layers, TOGETHER, k=shape.ks[:1], n_splits=8),
        },
        runs,
    )
    ratios = {name: measure.ratio(timings[name], timings[FLOOR]).as_json() for name in timings if name != FLOOR}
    return records.record(
        "measures",
        {**shape.describe(), "measures": list(TOGETHER)},
        timings={name: timing.as_json() for name, timing in timings.items()},
        ratios=ratios,
        strip_height=height,
        reach=TOGETHER_REACH,
        reached=ratios["together"]["of_medians"] <= TOGETHER_REACH,
    )


def measure_alone(shape: Shape, seed: int = 0) -> dict[str, Any]:
    """Time debiased CKA of many samples over one symmetric product of all features with themselves.

    Args:
        shape: What to measure.
        seed: Of the layers.

    Returns:
        The record, with the memory that it took beyond the features.
    """
    import jaxsim

    layers = synthetic_layers(shape, seed)
    # Programs are compiled and workers started by a few samples.
    jaxsim.measure([x[:2000] for x in layers], "cka")
    before, reset = status("VmRSS"), reset_peak()
    timings = measure.interleaved({"cka": partial(jaxsim.measure, layers, "cka")}, 1)
    over = status("VmHWM") - before
    beside = np.concatenate(layers, axis=1)
    timings |= measure.interleaved({FLOOR: lambda: beside.T @ beside}, 1)
    ratio = measure.ratio(timings["cka"], timings[FLOOR])
    return records.record(
        "measures",
        {**shape.describe(), "measures": ["cka"]},
        timings={name: timing.as_json() for name, timing in timings.items()},
        ratios={"cka": ratio.as_json()},
        bytes_over_features=over if reset else None,
        reach=ALONE_REACH,
        reached=ratio.of_medians <= ALONE_REACH,
    )


def against_torch(shape: Shape, runs: int = measure.RUNS, seed: int = 0) -> dict[str, Any]:
    """Time debiased CKA of all pairs against a plain torch program of the same formula, values compared.

    Args:
        shape: What to measure.
        runs: Timed runs of each side.
        seed: Of the layers.

    Returns:
        The record; without torch it says so.
    """
    import jaxsim

    layers = synthetic_layers(shape, seed)
    ours = partial(jaxsim.measure, layers, "cka")
    try:
        import torch
    except ImportError:
        return records.record("measures", {**shape.describe(), "measures": ["cka"], "peer": "torch"}, absent="no torch")
    tensors = [torch.from_numpy(x) for x in layers]
    timings = measure.interleaved({"jaxsim": ours, "torch": partial(torch_cka, tensors)}, runs)
    difference = float(np.abs(ours().cka.values - torch_cka(tensors)).max())
    return records.record(
        "measures",
        {**shape.describe(), "measures": ["cka"], "peer": f"torch {torch.__version__}"},
        timings={name: timing.as_json() for name, timing in timings.items()},
        ratios={"torch": measure.ratio(timings["torch"], timings["jaxsim"]).as_json()},
        largest_difference=difference,
    )


def torch_cka(layers: list[Any]) -> np.ndarray:
    """Debiased CKA of all pairs as one writes it in torch: a kernel of every layer at a time, Song et al. eq. 5."""
    import torch

    n = layers[0].shape[0]
    kernels = []
    for x in layers:
        x = x - x.mean(0)
        kernel = x @ x.T
        kernel.fill_diagonal_(0)
        kernels.append(kernel)
    sums = torch.stack([kernel.sum(1) for kernel in kernels]).double()
    found = np.empty((len(layers), len(layers)))
    for a, first in enumerate(kernels):
        for b in range(a + 1):
            product = float((first * kernels[b]).sum(dtype=torch.float64))
            totals = float(sums[a].sum() * sums[b].sum()) / ((n - 1) * (n - 2))
            found[a, b] = found[b, a] = product + totals - 2 / (n - 2) * float(sums[a] @ sums[b])
    own = np.sqrt(np.diag(found))
    return found / own / own[:, None]
