"""Sums of kernels between all layers where neither neighbours nor ranks are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import jax
import numpy as np

from .agreement import agree_on_call
from .feature_stream import fits, linear_sums
from .feature_sums import in_feature_space
from .halves import Halves
from .kernel_pass import Progress, stream_kernels
from .kernel_run import KernelRun
from .kernel_sums import KernelMoments
from .layer_source import LayerSource
from .options import Options
from .padding import COLUMN_MULTIPLE, padded_samples
from .placement import Placement
from .prepare import Layer, Metric, taken_layer
from .processes import explained_failures
from .scores import arithmetic


@dataclass(frozen=True)
class KernelSums:
    """Sums of kernels over pairs of samples.

    Attributes:
        whole: One for each kernel.
        halves: The same within both halves of every split, `[n_splits][2][n_kernels]`.
    """

    whole: tuple[KernelMoments, ...]
    halves: tuple[tuple[tuple[KernelMoments, ...], ...], ...] = ()


def kernel_sums(
    layers: Sequence[Any],
    options: Options,
    placement: Placement | None = None,
    progress: Progress | None = None,
    *,
    sides: np.ndarray | None = None,
) -> KernelSums:
    """Sums over all pairs of samples of `options.kernels` of all layers.

    Args:
        layers: Representations `[n_samples, n_features]`, finite, with `shape`, `dtype` and row slices.
        options: Kernels, metric and precision.
        placement: Devices.
        progress: Called as `progress(done, total, what)`.
        sides: Splits of the samples into two halves `[n_splits, n_samples]` of bool, within which sums are wanted, too.

    Returns:
        The sums.

    Raises:
        LostProcessError: If another process of the computation ended or hung.

    Example:
        >>> from jaxsim_kernels.kernel_sums import Kernel
        >>> x = np.arange(4.0)[:, None]
        >>> found = kernel_sums([x], Options(kernels=(Kernel("distance"),))).whole[0]
        >>> float(found.products[0, 0] * found.units[0] ** 2)
        40.0
    """
    placement = placement or Placement()
    n_samples = layers[0].shape[0]
    dtype = arithmetic(options.precision, n_samples, placement.platform)
    names = {kernel.name for kernel in options.kernels}
    widths = [x.shape[1] for x in layers]
    if names == {"linear"} and sides is None and placement.on_one_cpu and fits(widths):
        metrics: list[Metric] = [options.metric_of(number) for number in range(len(layers))]
        exact = "precomputed" not in metrics and options.precision in ("highest", "float64")
        if exact and not options.float64_layers and in_feature_space(n_samples, widths, 1, False):
            found = linear_sums(layers, metrics, dtype, progress)
            if found is not None:
                return KernelSums((found,) * len(options.kernels))
    agree_on_call(
        "kernel_sums",
        dict(enumerate(layers)),
        placement,
        **{field.name: getattr(options, field.name) for field in fields(options)},
        sides=sides,
    )
    with explained_failures(placement.n_processes), jax.enable_x64(dtype == np.float64 or bool(options.float64_layers)):
        return _from_layers(layers, options, placement, progress, sides, dtype)


def _from_layers(
    layers: Sequence[Any],
    options: Options,
    placement: Placement,
    progress: Progress | None,
    sides: np.ndarray | None,
    dtype: np.dtype,
) -> KernelSums:
    n_samples = layers[0].shape[0]
    n_padded = padded_samples(n_samples, COLUMN_MULTIPLE * placement.n_shards)
    given = tuple(options.metric_of(number) == "precomputed" for number in range(len(layers)))

    numbers = range(len(layers))
    with LayerSource(layers, options, n_padded, dtype, placement, numbers) as source:
        kept = [source.layer(number) for number in numbers]
    halves = None if sides is None else Halves(np.asarray(sides, bool))
    shared = halves if placement.on_one_cpu else None
    whole = _run(kept, options, given, placement, n_samples, shared, progress)
    if halves is None or shared is not None:
        return KernelSums(whole.whole(), whole.in_halves())
    found = []
    for split in halves.sides:
        of_split = []
        for side in (False, True):
            members = np.flatnonzero(split == side)
            padded = padded_samples(len(members), COLUMN_MULTIPLE * placement.n_shards)
            own = [
                taken_layer(layer, members, padded, placement, each) for layer, each in zip(kept, given, strict=True)
            ]
            of_split.append(_run(own, options, given, placement, len(members), None, progress).whole())
        found.append(tuple(of_split))
    return KernelSums(whole.whole(), tuple(found))


def _run(
    layers: list[Layer],
    options: Options,
    given: tuple[bool, ...],
    placement: Placement,
    n_samples: int,
    halves: Halves | None,
    progress: Progress | None,
) -> KernelRun:
    run = KernelRun(options.kernels, layers, given, placement, n_samples, halves)
    if run.needs_strips:
        stream_kernels(run, lambda n: layers[n], n_samples, given, placement, options.precision, progress)
    run.complete(lambda n: layers[n], progress)
    return run
