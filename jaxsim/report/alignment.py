"""What the between-model figures say about each pair: peaks with their uncertainty, and how depths align."""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from jaxsim.report.errors import error_word, errors_of
from jaxsim.report.schema import at_k
from jaxsim.report.sentences import listed
from jaxsim.report.steps import constant_mask

LEVEL = 0.05


@dataclass(frozen=True)
class Peak:
    """Where two models are most and least different at equal relative depth."""

    model_a: str
    model_b: str
    t: float
    distance: float
    error: float
    step_a: str
    step_b: str
    lowest_t: float
    lowest: float
    spans: tuple[tuple[float, float], ...]  # stretches of depth within two errors of the peak
    flat: bool  # not even the lowest point is farther from the peak than that
    word: str = "query-row error"  # which error that is


@dataclass(frozen=True)
class Alignment:
    """How far in relative depth the closest steps of another model lie."""

    source: str
    target: str
    offset: float  # mean absolute difference of relative depth
    spread: float  # the same if every step of the target were as likely a match
    within_tenth: int
    n_steps: int
    spearman: float = math.nan  # of the two depths; undefined when the study did not measure it
    offset_p: float = math.nan  # how often shuffled matches lie as near


def peaks(between: xr.Dataset, *, k: int | None = None) -> list[Peak]:
    """The most different processing step of every unordered pair of models.

    Args:
        between: Between-model dataset of a study.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        One entry per pair with a defined curve, in the order of the dataset.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> [(peak.model_a, peak.model_b) for peak in peaks(constructed_study()[2])]
        [('vit', 'resnet')]
    """
    chosen = at_k(between, k)
    t, errors, word = chosen["t"].values, errors_of(chosen, "distance"), error_word(chosen, "distance")
    found = []
    for place in range(chosen.sizes["pair"]):
        distance, error = chosen["distance"].values[place], errors[place]
        if not np.isfinite(distance).any():
            continue
        peak_t = float(chosen["peak_t"].values[place])
        top = int(np.abs(t - peak_t).argmin()) if math.isfinite(peak_t) else int(np.nanargmax(distance))
        bottom = int(np.nanargmin(distance))
        near = distance[top] - distance <= 2 * np.hypot(error, error[top])
        found.append(
            Peak(
                model_a=str(chosen["model_a"].values[place]),
                model_b=str(chosen["model_b"].values[place]),
                t=float(t[top]),
                distance=float(distance[top]),
                error=float(error[top]),
                step_a=str(chosen["nearest_a"].values[place, top]),
                step_b=str(chosen["nearest_b"].values[place, top]),
                lowest_t=float(t[bottom]),
                lowest=float(distance[bottom]),
                spans=tuple((float(t[first]), float(t[last])) for first, last in _runs(near)),
                flat=bool(near[bottom]),
                word=word,
            )
        )
    return found


def alignments(between: xr.Dataset, results: xr.Dataset, *, k: int | None = None) -> list[Alignment]:
    """How near in relative depth the best matches are, for every ordered pair of models.

    Args:
        between: Between-model dataset of a study.
        results: Its results; the relative depths of all steps are read from it.
        k: Number of neighbours, one of the study's. Default: its first.

    Returns:
        One entry per ordered pair, in the order of the dataset.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> results, _, between = constructed_study()
        >>> [(row.source, row.target, row.n_steps) for row in alignments(between, results)]
        [('vit', 'resnet', 6), ('resnet', 'vit', 5)]
    """
    chosen = at_k(between, k)
    if not chosen.sizes.get("match", 0):
        return []
    origin, goal = chosen["match_model_from"].values.astype(str), chosen["match_model_to"].values.astype(str)
    models, depths = results["source_model"].values.astype(str), results["source_depth"].values
    tests = _shuffle_tests(chosen)
    found = []
    for source, target in dict.fromkeys(zip(origin.tolist(), goal.tolist(), strict=True)):
        rows = (origin == source) & (goal == target)
        # A step that is the same for all images matches nothing and is matched by nothing.
        rows &= np.isfinite(chosen["best_depth"].values.astype(float))
        if not rows.any():
            continue
        own, best = chosen["match_depth"].values[rows], chosen["best_depth"].values[rows]
        offsets = np.abs(own - best)
        anywhere = np.abs(own[:, None] - depths[(models == target) & ~constant_mask(results)][None])
        found.append(
            Alignment(
                source=source,
                target=target,
                offset=float(offsets.mean()),
                spread=float(anywhere.mean()),
                within_tenth=int((offsets <= 0.1 + 1e-9).sum()),
                n_steps=int(rows.sum()),
                spearman=tests.get((source, target), (math.nan, math.nan))[0],
                offset_p=tests.get((source, target), (math.nan, math.nan))[1],
            )
        )
    return found


def _shuffle_tests(chosen: xr.Dataset) -> dict[tuple[str, str], tuple[float, float]]:
    """Spearman's correlation and the offset's p by ordered pair, where the study has them."""
    if "alignment_spearman" not in chosen or "alignment_offset_p" not in chosen:
        return {}
    origin, goal = chosen["direction_from"].values.astype(str), chosen["direction_to"].values.astype(str)
    measured = zip(chosen["alignment_spearman"].values, chosen["alignment_offset_p"].values, strict=True)
    pairs = zip(origin.tolist(), goal.tolist(), strict=True)
    return {pair: (float(spearman), float(p)) for pair, (spearman, p) in zip(pairs, measured, strict=True)}


def in_stretches(spans: tuple[tuple[float, float], ...]) -> str:
    """Stretches of depth in words, at most three of them; a dash where no error is known that would bound them.

    Example:
        >>> in_stretches(((0.1, 0.2), (0.5, 0.5)))
        '0.10 to 0.20 and 0.50'
    """
    if not spans:
        return "–"
    words = [f"{first:.2f} to {last:.2f}" if first < last else f"{first:.2f}" for first, last in spans]
    if len(words) <= 3:
        return listed(words)
    return f"{len(words)} separate stretches between {spans[0][0]:.2f} and {spans[-1][1]:.2f}"


def _runs(near: np.ndarray) -> list[tuple[int, int]]:
    """First and last place of every run of True."""
    edges = np.diff(np.concatenate([[False], near, [False]]).astype(int))
    firsts, lasts = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]
