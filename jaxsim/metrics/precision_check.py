"""Whether float arithmetic keeps the neighbours and ranks of the layers at hand, and what is done where it does not.

The rule: a few rows of every layer tell what rounding is expected to change (see `rounding`). Where more than
`LOST` of the nearest neighbours, or of the pairs of samples that a row orders, would change, the layer is worked out in
float64 under `precision="highest"`. Everywhere else a `PrecisionWarning` says what is lost and what to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxsim_kernels import Metric, Placement, Precision, explained_failures
from jaxsim_kernels.scores import arithmetic

from jaxsim.warn import warn

from .rounding import RoundingLoss, rounding_loss

LOST = 5e-4
"""Fraction of neighbours or of ordered pairs that rounding may change. Where f of the neighbours change, Delta is off
by about 0.6 sqrt(f / N): at 1,024 samples by 4e-4."""

LOST_BY_CHOICE = {"high": 1e-2, "fast": 0.5}
"""The same where a lower precision was asked for: the loss that it is known for is no news."""

_BITS = {("high", "gpu"): 22, ("high", "other"): 16, ("fast", "gpu"): 11, ("fast", "other"): 8}


class PrecisionWarning(UserWarning):
    """Rounding changes neighbours or ranks, and nothing was done about it."""


@dataclass(frozen=True)
class Settled:
    """What the check of precision came to.

    Attributes:
        float64_layers: Numbers of the layers that need float64 where the others do not.
        notes: What a user should know.
    """

    float64_layers: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def settle_precision(
    layers: Mapping[str, Any],
    metrics: Mapping[str, Metric],
    k: int,
    precision: Precision,
    placement: Placement,
    seed: int = 0,
) -> Settled:
    """Look at a few rows of every layer, decide which layers need float64, and warn where that does not help.

    Args:
        layers: Name -> `[n_samples, n_features]`, finite.
        metrics: Of the distances of each.
        k: Smallest number of neighbours.
        precision: As asked for.
        placement: Devices; their processes have agreed on the call.
        seed: Of the rows.

    Returns:
        The layers to be worked out in float64, and notes.

    Raises:
        LostProcessError: If another process of the computation ended or hung.

    Warns:
        PrecisionWarning: Names the layers, what is lost and the cure.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(1100, 3)).astype(np.float32)
        >>> x[500:] += 1e4
        >>> settle_precision({"x": x}, {"x": "euclidean"}, 1, "highest", Placement()).float64_layers
        (0,)
    """
    platform = placement.platform
    n = next(iter(layers.values())).shape[0]
    wide = arithmetic(precision, n, platform) == np.float64
    bits = _BITS.get((precision, "gpu" if platform == "gpu" else "other"), 24)
    losses = [rounding_loss(x, metrics[name], k, bits=bits, float64=wide, seed=seed) for name, x in layers.items()]
    allowed = LOST_BY_CHOICE.get(precision, LOST)
    lossy = _agreed(np.array([loss.largest > allowed for loss in losses]), placement)
    if not lossy.any():
        return Settled()
    names = [name for name, lost in zip(layers, lossy, strict=True) if lost]
    found = [loss for loss, lost in zip(losses, lossy, strict=True) if lost]
    if wide:
        _warn(names, found, "float64", cure_of_float64([metrics[name] for name in names]))
        return Settled()
    if precision != "highest" or platform == "tpu":
        cure = (
            "run on CPU or GPU with precision='float64' (--precision float64)"
            if platform == "tpu"
            else "precision='highest' (--precision highest) works such layers out in float64"
        )
        _warn(names, found, "float32" if precision == "highest" else f"precision={precision!r}", cure)
        return Settled()
    hopeless = {
        name: loss
        for name in names
        if (loss := rounding_loss(layers[name], metrics[name], k, float64=True, seed=seed)).largest > LOST
    }
    if hopeless:
        _warn(list(hopeless), list(hopeless.values()), "float64", cure_of_float64([metrics[name] for name in hopeless]))
    note = (
        f"worked out in float64, since float32 would change {_percent(found)} of the nearest neighbours or ranks: "
        f"{_listed(names)}"
    )
    return Settled(tuple(int(number) for number in np.flatnonzero(lossy)), (note,))


def _agreed(lossy: np.ndarray, placement: Placement) -> np.ndarray:
    """What the first process found: all must run the same programs."""
    if placement.n_processes == 1:
        return lossy
    from jax.experimental import multihost_utils

    with explained_failures(placement.n_processes):
        return np.asarray(multihost_utils.broadcast_one_to_all(lossy))


def _warn(names: list[str], found: list[RoundingLoss], arithmetic_used: str, cure: str) -> None:
    warn(
        f"{_listed(names)}: rounding in {arithmetic_used} is expected to change {_percent(found)} of the nearest "
        f"neighbours or ranks, so that values of {'this layer' if len(names) == 1 else 'these layers'} are not exact; "
        f"{cure}.",
        PrecisionWarning,
    )


def cure_of_float64(metrics: Sequence[Metric]) -> str:
    """What to do where float64 is not enough.

    Example:
        >>> "precomputed" in cure_of_float64(["euclidean"])
        True
    """
    if all(metric == "precomputed" for metric in metrics):
        return "give the distances on a scale on which those that matter differ by more than one part in 10^15"
    return (
        "give distances that were worked out by differences, such as scipy.spatial.distance.cdist(x, x), with "
        "metric='precomputed', or measure clusters that lie this far apart one by one"
    )


def _percent(found: list[RoundingLoss]) -> str:
    largest = max(loss.largest for loss in found)
    return "nearly all" if largest > 0.9 else f"up to {largest:.1%}" if len(found) > 1 else f"about {largest:.1%}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:6])
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"layer{'s' if len(names) > 1 else ''} {shown}{more}"
