"""Measures side by side: do they rank the pairs of steps alike, and where do they disagree most?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, combinations_with_replacement

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from jaxsim.metrics.half_samples import half_sample_error

MOST_CELLS = 5
"""Cells that are named for each two measures."""


def measures_side_by_side(
    dissimilarities: Mapping[str, xr.DataArray], halves: Mapping[str, xr.DataArray] | None = None
) -> xr.Dataset:
    """Compares measures by how they order the pairs of steps, of all models.

    Args:
        dissimilarities: Name of the measure -> dissimilarity on (`k`, `source`, `target`), at least two, of the same
            steps; a similarity comes turned round.
        halves: The same within the halves of every split, with `split` and `side` in front; None without.

    Returns:
        Dataset with `rank_correlation` on (`k`, `measure_a`, `measure_b`), Spearman's over all ordered pairs of
        different steps that both measures have a value for, and its `sampling_error` where there are halves; `rank` on
        (`k`, `measure`, `cell`) of these pairs of steps, from 0 (the most alike of all) to 1; and on (`k`,
        `disagreement`) the cells that two measures place most differently: `source_step`, `target_step`, `rank_a` and
        `rank_b`, with `first` and `second` measure on `disagreement`; where both measures are symmetric, a cell stands
        for both directions.

    Raises:
        ValueError: For fewer than two measures, or measures of different steps.

    Example:
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel("m", name, depth) for name, depth in (("a", 0.0), ("b", 0.5), ("c", 1.0))]
        >>> values = np.array([[0.0, 0.2, 0.6], [0.3, 0.0, 0.4], [0.7, 0.5, 0.0]])
        >>> first = label_imbalance(values, labels).imbalance
        >>> found = measures_side_by_side({"delta": first, "squared": first**2})
        >>> found.rank_correlation.sel(measure_a="delta", measure_b="squared").item()
        1.0
    """
    names = list(dissimilarities)
    if len(names) < 2:
        raise ValueError(f"expected at least two measures to set side by side, got {names}")
    first = dissimilarities[names[0]]
    for name in names[1:]:
        if not np.array_equal(dissimilarities[name]["source"].values, first["source"].values):
            raise ValueError(f"expected measures of the same steps, got others for {name!r} than for {names[0]!r}")
    arrays = [np.asarray(dissimilarities[name].transpose("k", "source", "target").values) for name in names]
    apart = ~np.eye(first.sizes["source"], dtype=bool)
    labels = first["source"].values.astype(str)
    n_k = first.sizes["k"]
    values = np.stack([_correlations([array[place] for array in arrays], apart) for place in range(n_k)])
    found = {"rank_correlation": (("k", "measure_a", "measure_b"), values)}
    if halves is not None:
        found["sampling_error"] = (("k", "measure_a", "measure_b"), _error(halves, names, apart, n_k))
    found["rank"] = (
        ("k", "measure", "cell"),
        np.stack([[_ranks(a[place], apart) for a in arrays] for place in range(n_k)]),
    )
    sources, targets = np.nonzero(apart)
    cells = [
        _disagreements([array[place] for array in arrays], apart, list(combinations(range(len(names)), 2)))
        for place in range(n_k)
    ]
    pairs = [pair for pair in combinations(names, 2) for _ in range(MOST_CELLS)]
    at, ranks = np.stack([each[0] for each in cells]), np.stack([each[1] for each in cells])
    steps = np.append(labels, "")
    found |= {
        "source_step": (("k", "disagreement"), steps[at[..., 0]].astype(object)),
        "target_step": (("k", "disagreement"), steps[at[..., 1]].astype(object)),
        "rank_a": (("k", "disagreement"), ranks[..., 0]),
        "rank_b": (("k", "disagreement"), ranks[..., 1]),
    }
    return xr.Dataset(
        found,
        coords={
            "k": first["k"].values,
            "measure": np.array(names, dtype=object),
            "cell_source": ("cell", labels[sources].astype(object)),
            "cell_target": ("cell", labels[targets].astype(object)),
            "measure_a": np.array(names, dtype=object),
            "measure_b": np.array(names, dtype=object),
            "first": ("disagreement", np.array([a for a, _ in pairs], dtype=object)),
            "second": ("disagreement", np.array([b for _, b in pairs], dtype=object)),
        },
    )


def findings_side_by_side(findings: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """The same findings by several measures.

    Args:
        findings: Name of the measure -> findings, see `measure_findings`.

    Returns:
        Dataset with `effect`, `effect_low`, `effect_high` and `effect_p` (corrected) on (`k`, `measure`, `finding`), of
        the findings that all measures have, in the order of the first, with `kind`, `a`, `b` and `space` on `finding`.

    Example:
        >>> from jaxsim.study.constructed import constructed_findings
        >>> found = constructed_findings()
        >>> findings_side_by_side({"delta": found, "cka": found}).effect.dims
        ('k', 'measure', 'finding')
    """
    first, *others = findings.values()
    shared = [name for name in first["finding"].values if all(name in each["finding"].values for each in others)]
    of_all = [each.sel(finding=shared) for each in findings.values()]
    names = {"effect": "value", "effect_low": "low", "effect_high": "high", "effect_p": "p_corrected"}
    variables = {
        name: (
            ("k", "measure", "finding"),
            np.stack([each[own].transpose("k", "finding").values for each in of_all], axis=1),
        )
        for name, own in names.items()
    }
    labels = {name: ("finding", of_all[0][name].values) for name in ("kind", "a", "b", "space")}
    coords = {"k": first["k"].values, "measure": np.array(list(findings), dtype=object), "finding": shared, **labels}
    return xr.Dataset(variables, coords=coords)


def _ranks(array: Float[np.ndarray, "steps steps"], apart: Bool[np.ndarray, "steps steps"]) -> np.ndarray:
    """Places of the cells among all, from 0 to 1; NaN stays."""
    values = array[apart]
    ranks, known = np.full(len(values), np.nan), np.isfinite(values)
    ranks[known] = (rankdata(values[known]) - 1) / max(1, np.count_nonzero(known) - 1)
    return ranks


def _correlations(
    arrays: list[Float[np.ndarray, "steps steps"]], apart: Bool[np.ndarray, "steps steps"]
) -> Float[np.ndarray, "measures measures"]:
    """Spearman's correlation of every two measures over the cells that both have."""
    found = np.full((len(arrays), len(arrays)), np.nan)
    for a, b in combinations_with_replacement(range(len(arrays)), 2):
        both = apart & np.isfinite(arrays[a]) & np.isfinite(arrays[b])
        if np.count_nonzero(both) < 2:
            continue
        ranks = [rankdata(arrays[each][both]) for each in (a, b)]
        if min(np.ptp(each) for each in ranks) > 0:
            found[a, b] = found[b, a] = 1.0 if a == b else np.corrcoef(*ranks)[0, 1]
    return found


def _error(
    halves: Mapping[str, xr.DataArray], names: list[str], apart: Bool[np.ndarray, "steps steps"], n_k: int
) -> Float[np.ndarray, "n_k measures measures"]:
    arrays = [halves[name].transpose("split", "side", "k", "source", "target").values for name in names]
    n_splits = arrays[0].shape[0]
    found = np.stack(
        [
            [[_correlations([array[split, side, k] for array in arrays], apart) for k in range(n_k)] for side in (0, 1)]
            for split in range(n_splits)
        ]
    )
    return half_sample_error(found[:, 0], found[:, 1])


def _disagreements(
    arrays: list[Float[np.ndarray, "steps steps"]],
    apart: Bool[np.ndarray, "steps steps"],
    pairs: list[tuple[int, int]],
) -> tuple[np.ndarray, np.ndarray]:
    """Places of the cells that two measures rank most differently, and both ranks; -1 and NaN where there are fewer."""
    at = np.full((len(pairs) * MOST_CELLS, 2), -1)
    ranks = np.full((len(pairs) * MOST_CELLS, 2), np.nan)
    for place, (a, b) in enumerate(pairs):
        both = apart & np.isfinite(arrays[a]) & np.isfinite(arrays[b])
        if all(np.array_equal(arrays[each], arrays[each].T, equal_nan=True) for each in (a, b)):
            both = np.triu(both)
        cells = np.argwhere(both)
        if len(cells) < 2:
            continue
        of_both = np.stack([(rankdata(arrays[each][both]) - 1) / (len(cells) - 1) for each in (a, b)], axis=1)
        largest = np.argsort(-np.abs(of_both[:, 0] - of_both[:, 1]), kind="stable")[:MOST_CELLS]
        rows = slice(place * MOST_CELLS, place * MOST_CELLS + len(largest))
        at[rows], ranks[rows] = cells[largest], of_both[largest]
    return at, ranks
