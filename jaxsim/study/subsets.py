"""The same measurement on disjoint subsets of the samples: what every interval of a study rests on.

The subsets share no sample, so whatever is worked out from one is independent of what is worked out from another, and
a t interval over them holds with all that new samples would change. Delta depends on N: these are values at the size
of a subset.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from math import isqrt
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from jaxsim.metrics import imbalance_matrix
from jaxsim.metrics.preprocessing import SelectedRows
from jaxsim.study.inference.intervals import disjoint_subsets
from jaxsim.study.settings import Progress, Settings

DEFAULT_SUBSETS = 10
LEAST_SAMPLES = 50
"""Without a number asked for, subsets smaller than this are not measured: their Delta says little about N."""


def draw_subsets(n_samples: int, settings: Settings) -> Int[np.ndarray, "n_subsets size"] | None:
    """Disjoint subsets of the samples, as large as fits a tenth of the work of the whole measurement.

    Args:
        n_samples: Number of samples N.
        settings: `n_splits` says how many: None for ten where each holds enough samples, 0 for none.

    Returns:
        Sorted sample indices, or None.

    Raises:
        ValueError: If a number was asked for and the subsets would hold fewer than k + 2 samples.

    Example:
        >>> draw_subsets(1000, Settings()).shape
        (10, 100)
        >>> draw_subsets(1000, Settings(n_queries=250)).shape
        (10, 50)
    """
    wanted, k = settings.n_splits, max(settings.k)
    n_subsets = DEFAULT_SUBSETS if wanted is None else wanted
    if n_subsets == 0:
        return None
    size = isqrt(n_samples * (settings.n_queries or n_samples)) // n_subsets
    if wanted is None and size < max(LEAST_SAMPLES, k + 2):
        return None
    return disjoint_subsets(n_samples, n_subsets, k, settings.seed, most=max(size, k + 2))


def measure_subsets(
    layers: Mapping[str, Any],
    subsets: Int[np.ndarray, "n_subsets size"],
    settings: Settings,
    progress: Progress | None = None,
    *,
    shuffled: Mapping[str, str] | None = None,
) -> Float[np.ndarray, "n_subsets n_k layers layers"]:
    """The imbalance between all layers on every subset.

    Args:
        layers: Name -> representation `[n_samples, n_features]`.
        subsets: From `draw_subsets`.
        settings: k, metric, ties, precision and seed are used.
        progress: Called as `progress(done, total, what)`.
        shuffled: Layer -> whose it is, to pair the samples of different owners at random: every owner's are put in an
            order of their own. Between layers of one owner nothing changes by that.

    Returns:
        float64.
    """
    what = "intervals" if shuffled is None else "shuffled pairs"
    owners = list(dict.fromkeys(shuffled.values())) if shuffled else []
    found = []
    for done, rows in enumerate(subsets):
        if progress is not None:
            progress(done, len(subsets), what)
        generator = np.random.default_rng([settings.seed, done])
        orders = {owner: generator.permutation(rows) for owner in owners}
        with warnings.catch_warnings():
            # What is worth a warning was said of all samples together.
            warnings.simplefilter("ignore", UserWarning)
            matrix = imbalance_matrix(
                {name: SelectedRows(x, orders[shuffled[name]] if shuffled else rows) for name, x in layers.items()},
                k=settings.k,
                metric=settings.metric,
                ties=settings.ties,
                precision=settings.precision,
                devices=settings.devices,
            )
        found.append(np.asarray(matrix.values, np.float64))
    if progress is not None:
        progress(len(subsets), len(subsets), what)
    return np.stack(found)


def label_subsets(
    values: Float[np.ndarray, "n_subsets n_k layers layers"],
    shuffled: Float[np.ndarray, "n_subsets n_k layers layers"],
    label: Callable[[np.ndarray], xr.Dataset],
    *,
    size: int,
    seed: int,
) -> xr.Dataset:
    """Puts labels on what `measure_subsets` returns.

    Args:
        values: From `measure_subsets`.
        shuffled: From it too, with the samples of different models paired at random.
        label: Labels the values of one subset.
        size: Number of samples in a subset.
        seed: Of the division into subsets.

    Returns:
        The labelled datasets along the dim `subset`, the shuffled variables with `shuffled_` before their names, with
        `n_samples` (of a subset) and `seed` as attributes.
    """
    both: list[xr.Dataset] = []
    for own, other in zip(values, shuffled, strict=True):
        both.append(label(own).assign({f"shuffled_{name}": values for name, values in label(other).data_vars.items()}))
    labelled = xr.concat(both, "subset", combine_attrs="drop", data_vars="all")
    labelled.attrs = {"n_subsets": len(values), "n_samples": size, "seed": seed}
    return labelled
