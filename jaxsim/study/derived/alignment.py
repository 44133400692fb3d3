"""Do the steps of two models match at similar relative depths, and could that be chance?"""

from __future__ import annotations

import zlib
from itertools import permutations

import numpy as np
import xarray as xr
from jaxtyping import Float
from scipy.stats import rankdata

from jaxsim.study.derived.between import between_models


def depth_alignment(
    imbalance: xr.DataArray,
    *,
    n_permutations: int = 1000,
    seed: int = 0,
) -> xr.Dataset:
    """Depth alignment of every ordered pair of models, against a null of shuffled matches.

    Every step of A is paired with its best-matching step of B (`between_models`). Over these pairs:
    Spearman's correlation of the two relative depths, and the mean absolute offset between them. The null
    keeps both sets of depths and shuffles which belongs to which. A p-value is (1 + how many permutations
    reach the observed value) / (1 + n_permutations), one-sided: correlation as high, offset as low.

    Shuffling treats a model's steps as exchangeable. Neighbouring steps resemble each other, so for
    statements about a class of models these p-values are lower bounds; the unit of replication is then the
    pair of models.

    Args:
        imbalance: Labelled information imbalance with dims (`k`,) `source`, `target`, as in
            `Study.imbalance`.
        n_permutations: Number of shuffles, at least 1.
        seed: Seed of the shuffles; recorded in the attributes.

    Returns:
        Dataset on (`k`, `direction`), one direction "A -> B" per ordered pair, with coordinates
        `direction_from`, `direction_to` and variables `alignment_spearman`, `alignment_spearman_p`,
        `alignment_offset`, `alignment_offset_p`, `alignment_offset_null` (mean under the null). The
        correlation and its p are NaN where it is not defined: fewer than 3 steps, or all steps matched to
        one. All is NaN where one of the two models has no step but such that are the same for all images.

    Raises:
        ValueError: If the labels do not fit or `n_permutations` is below 1.

    Example:
        >>> import numpy as np
        >>> from jaxsim.study import StepLabel, label_imbalance
        >>> labels = [StepLabel(m, f"s{i}", i / 5) for m in "AB" for i in range(6)]
        >>> depth = np.array([label.depth for label in labels])
        >>> results = label_imbalance(np.abs(depth[:, None] - depth[None]), labels)
        >>> aligned = depth_alignment(results.imbalance, n_permutations=99).sel(k=1, direction="A -> B")
        >>> aligned.alignment_spearman.item(), aligned.alignment_offset.item()
        (1.0, 0.0)
    """
    if n_permutations < 1:
        raise ValueError(f"expected at least one permutation, got n_permutations={n_permutations}")
    matches = between_models(imbalance)
    owners_from = [str(name) for name in matches["match_model_from"].values]
    owners_to = [str(name) for name in matches["match_model_to"].values]
    directions = list(permutations(dict.fromkeys(str(name) for name in imbalance["source_model"].values), 2))
    ks = matches["k"].values
    names = ("spearman", "spearman_p", "offset", "offset_p", "offset_null")
    table = np.full((len(names), len(ks), len(directions)), np.nan)
    for j, direction in enumerate(directions):
        rows = np.array([pair == direction for pair in zip(owners_from, owners_to, strict=True)])
        depths = np.asarray(matches["match_depth"].values[rows], np.float64)
        if not rows.any() or np.isnan(matches["best_depth"].values[:, rows]).any():
            continue
        for i in range(len(ks)):
            # One stream per k and pair of names: a value does not depend on which other models the study has.
            key = zlib.crc32(" -> ".join(direction).encode())
            rng = np.random.default_rng(np.random.SeedSequence([seed, int(ks[i]), key]))
            table[:, i, j] = _against_shuffles(depths, matches["best_depth"].values[i, rows], n_permutations, rng)
    return xr.Dataset(
        {f"alignment_{name}": (("k", "direction"), table[n]) for n, name in enumerate(names)},
        coords={
            "k": ks,
            "direction": ("direction", np.array([f"{a} -> {b}" for a, b in directions], dtype=object)),
            "direction_from": ("direction", np.array([a for a, _ in directions], dtype=object)),
            "direction_to": ("direction", np.array([b for _, b in directions], dtype=object)),
        },
        attrs={"alignment_permutations": n_permutations, "alignment_seed": seed},
    )


def _against_shuffles(
    own: Float[np.ndarray, " steps"],
    matched: Float[np.ndarray, " steps"],
    n_permutations: int,
    rng: np.random.Generator,
) -> tuple[float, float, float, float, float]:
    """Spearman correlation, its p, mean absolute offset, its p, and the mean offset of the null."""
    order = np.argsort(rng.random((n_permutations, own.size)), axis=1)
    # Sums of the same terms in another order differ in the last bits; such values count as reached.
    slack = 1e-9
    offset = float(np.abs(own - matched).mean())
    offsets = np.abs(own - matched[order]).mean(axis=1)
    offset_p = (1 + int((offsets <= offset + slack).sum())) / (1 + n_permutations)

    a, b = (ranks - ranks.mean() for ranks in (rankdata(own), rankdata(matched)))
    scale = float(np.sqrt((a @ a) * (b @ b)))
    if own.size < 3 or scale == 0:
        return np.nan, np.nan, offset, offset_p, float(offsets.mean())
    spearman = float(np.clip(a @ b / scale, -1, 1))
    spearmans = b[order] @ a / scale
    spearman_p = (1 + int((spearmans >= spearman - slack).sum())) / (1 + n_permutations)
    return spearman, spearman_p, offset, offset_p, float(offsets.mean())
