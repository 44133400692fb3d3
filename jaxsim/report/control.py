"""The same study of random weights: its values beside those of the trained models, with or without intervals."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from jaxsim.report.alignment import alignments
from jaxsim.report.charts import numbers
from jaxsim.report.effects import KINDS, axis_of
from jaxsim.report.optional import DESCRIPTION_VARIABLES, checked_information, checked_labels
from jaxsim.report.schema import (
    at_k,
    checked_between,
    checked_dataset,
    checked_results,
    checked_smoothness,
    model_names,
)

#: Samples from which on there are half-samples: 16 groups of 4.
HALVES_FROM = 64
MIDDLE = (0.25, 0.75)


@dataclass(frozen=True)
class Control:
    """The datasets of the same study with random weights.

    Attributes:
        results: As for the trained models.
        smoothness: As for the trained models.
        between: As for the trained models; None with a single model.
        information: What the steps know of other spaces; None where not measured.
        labels: Label overlap; None without labels.
        descriptions: Measures of every step by itself; None where none were asked for.
    """

    results: xr.Dataset
    smoothness: xr.Dataset
    between: xr.Dataset | None = None
    information: xr.Dataset | None = None
    labels: xr.Dataset | None = None
    descriptions: xr.Dataset | None = None


def checked_control(control: Control | None, results: xr.Dataset) -> Control | None:
    """The control with every dataset checked as those of the study are.

    Args:
        control: The datasets of random weights, or None without them.
        results: Checked results of the study.

    Raises:
        ValueError: A dataset lacks what the page shows, or is of other models.
    """
    if control is None:
        return None
    own = checked_results(control.results)
    if set(model_names(own)) != set(model_names(results)):
        raise ValueError(
            f"Expected a control of the same models ({', '.join(model_names(results))}), but it has "
            f"{', '.join(model_names(own))}. Measure both in one study."
        )
    return Control(
        own,
        checked_smoothness(control.smoothness),
        checked_between(control.between),
        checked_information(control.information),
        checked_labels(control.labels),
        checked_dataset(control.descriptions, "descriptions", DESCRIPTION_VARIABLES),
    )


def describe_missing_intervals(n_samples: int) -> str:
    """Why a study has no intervals, and what would give some.

    Example:
        >>> describe_missing_intervals(40).partition(": ")[2]
        'half-samples are measured from 64 samples on unless n_splits (--splits) asks for them; this study has 40.'
    """
    if n_samples < HALVES_FROM:
        return (
            f"There are no intervals and no tests: half-samples are measured from {HALVES_FROM} samples on unless "
            f"n_splits (--splits) asks for them; this study has {n_samples:,}."
        )
    return "There are no intervals and no tests: no half-samples were measured in this study."


def control_rows(study: Control, control: Control, symbol: str, k: int) -> list[list[str | float | int | None]]:
    """The effects of a study beside those of random weights, for a study without findings.

    Args:
        study: The datasets of the trained models.
        control: Those of random weights.
        symbol: Of the measure.
        k: Number of neighbours.

    Returns:
        What an effect is, of whom, its value, and its value with random weights.

    Example:
        >>> from jaxsim.study.constructed import constructed_study
        >>> study = Control(*constructed_study())
        >>> [row[1] for row in control_rows(study, study, "Δ", 1)[:3]]
        ['vit', 'resnet', 'vit, resnet']
    """
    own, other = _effects(study, symbol, k), _effects(control, symbol, k)
    return [[what, who, *numbers([value, other.get((what, who), np.nan)])] for (what, who), value in own.items()]


def _effects(study: Control, symbol: str, k: int) -> dict[tuple[str, str], float]:
    """What the tables and sentences of findings are about, as far as single values go."""
    found: dict[tuple[str, str], float] = {}
    smooth = at_k(study.smoothness, k)
    for name, values in zip(map(str, smooth["model_name"].values), smooth["fixed_step"].values, strict=True):
        found[KINDS["smoothness"].title, name] = _mean(values)
    if study.between is not None:
        between = at_k(study.between, k)
        middle = between["distance"].sel(t=slice(*MIDDLE)).values
        pairs = zip(map(str, between["model_a"].values), map(str, between["model_b"].values), strict=True)
        for (a, b), values in zip(pairs, middle, strict=True):
            found[f"Half way, {axis_of('middle_distance', symbol)}", f"{a}, {b}"] = _mean(values)
        for row in alignments(study.between, study.results, k=k):
            found["Offset in depth of best-matching steps", f"{row.source} → {row.target}"] = row.offset
    if study.information is not None:
        change = f"{symbol}(step → {{}}), last step minus first"
        found |= _changes(at_k(study.information, k), "forward", "space", change)
    if study.labels is not None:
        found |= _changes(at_k(study.labels, k), "overlap", "label", "Overlap with {}, last step minus first")
    return found


def _changes(chosen: xr.Dataset, variable: str, dim: str, words: str) -> dict[tuple[str, str], float]:
    """Last step minus first, of the steps that tell images apart, for every model and space."""
    found = {}
    owners = chosen["model"].values.astype(str)
    for space in chosen[dim].values.astype(str).tolist():
        values = chosen[variable].sel({dim: space}).values
        for name in dict.fromkeys(owners.tolist()):
            own = values[(owners == name) & np.isfinite(values)]
            found[words.format(space), name] = float(own[-1] - own[0]) if len(own) > 1 else np.nan
    return found


def _mean(values: np.ndarray) -> float:
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else np.nan
