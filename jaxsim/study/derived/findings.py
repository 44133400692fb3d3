"""What a study says about its models, each statement with an interval, a test and its controls.

The value of a finding is the effect of all samples (`effects`). The interval around it and the test are about the same
N: they rest on balanced half-samples (`jaxsim.metrics.half_samples`), whose halves give each effect once more.
There are two controls, measured the same way: the same effect between the same architectures with random weights, on
the same images, and, where an effect rests on which images of one model belong to which of another (all but the
smoothness), the same effect with the images paired at random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float
from scipy.stats import t as student

from jaxsim.metrics.calibration.correction import corrected_p_values
from jaxsim.metrics.half_samples import degrees_of_freedom, half_sample_error, half_sample_quantile
from jaxsim.study.derived.effects import OF_LABELS, OF_MATCHES, PAIRED, TESTED, Effect, Effects, effects, label_of
from jaxsim.study.derived.labels import read_labels
from jaxsim.study.derived.sample_parts import apart, as_many_k, halves_alike
from jaxsim.study.derived.smoothness import smoothness_profile

NOTES: dict[str, str] = {}
"""Kinds whose interval does not hold the truth as often as it says, and what is said in its place."""


@dataclass(frozen=True)
class Measured:
    """What findings are worked out from.

    Attributes:
        results: `imbalance` of all samples.
        halves: The same within both halves of every split, as `measure` returns it.
        information: What the steps know of other spaces, of all samples; None without spaces.
        shuffled: Like `results` and `information` together, with images paired at random; None without.
        label_overlap: How many neighbours share a label, of all samples; None without labels.
    """

    results: xr.Dataset
    halves: xr.Dataset
    information: xr.Dataset | None = None
    shuffled: xr.Dataset | None = None
    label_overlap: xr.Dataset | None = None


@dataclass(frozen=True)
class _Sampled:
    """Effects of all samples and within the halves.

    Attributes:
        value: `[n_k, n_findings]`.
        halves: `[n_splits, 2, n_k, n_findings]`.
        kinds: Of the findings `[n_findings]`.
    """

    value: Float[np.ndarray, "n_k n_findings"]
    halves: Float[np.ndarray, "n_splits 2 n_k n_findings"]
    kinds: np.ndarray

    def minus(self, other: _Sampled) -> _Sampled:
        return _Sampled(self.value - other.value, self.halves - other.halves, self.kinds)

    def error(self) -> Float[np.ndarray, "n_k n_findings"]:
        """At N; of matches as in a half, whose variance is twice as large."""
        return half_sample_error(self.halves[:, 0], self.halves[:, 1]) * np.where(
            np.isin(self.kinds, OF_MATCHES), np.sqrt(2), 1.0
        )


def measure_findings(measured: Measured, control: Measured | None = None, *, level: float = 0.95) -> xr.Dataset:
    """Every effect with its interval, its p-value and its controls.

    Args:
        measured: The study's measurements.
        control: The same of the same architectures with random weights, on the same samples and splits.
        level: Of the intervals.

    Returns:
        Dataset on (`k`, `finding`) with `value`, `standard_error`, `low`, `high`, `p_value` (two-sided, of no effect;
        NaN where 0 is not what nothing gives; of an order of m steps at least 1 / m!, the share of shuffled orders that
        are as good) and `p_corrected` (Holm, within a kind); `control`, `control_low`,
        `control_high`; `beyond`, `beyond_low`, `beyond_high`, the value minus the control, paired by halves;
        `shuffled`, `shuffled_low`, `shuffled_high`, with images paired at random; `by_size` on (`k`, `finding`,
        `size`), the effect at N/4 and N/2 (means over quarters and halves of the samples) and at N; `sign_changes`,
        whether it is of the other sign at a smaller size, by more than a standard error. Coordinates `kind`, `a`, `b`,
        `space`, `note` on `finding`. Attributes: `n_splits`, `n_groups`, `n_samples`, `seed`, `level`,
        `degrees_of_freedom`, `h`.

    Raises:
        ValueError: If the control was measured on other samples, splits or models.
    """
    halves = measured.halves
    n_splits = int(halves.attrs["n_splits"])
    h = float(smoothness_profile(measured.results["imbalance"]).attrs["h"])
    whole = effects(measured.results["imbalance"], measured.information, measured.label_overlap, h=h)
    names = list(whole)
    kinds = np.array([name.kind for name in names])
    own = _Sampled(_stacked(whole, names), _in_parts(halves, "", h, names), kinds)
    variables: dict[str, Any] = {"value": own.value, "standard_error": own.error()}
    reach = half_sample_quantile(level, n_splits)
    variables |= _interval(own, reach)
    variables |= _p_values(own, n_splits, _least_p(measured.results["imbalance"], names))
    nothing = _Sampled(np.full(own.value.shape, np.nan), np.full(own.halves.shape, np.nan), kinds)
    random = nothing
    if control is not None:
        if control.halves.attrs != halves.attrs:
            raise ValueError(
                f"expected the control on the same samples and splits ({halves.attrs}), got {control.halves.attrs}; "
                "measure both with the same samples, seed and n_splits"
            )
        of_control = effects(control.results["imbalance"], control.information, control.label_overlap, h=h)
        random = _Sampled(_stacked(of_control, names), _in_parts(control.halves, "", h, names), kinds)
    for prefix, sampled in (("control", random), ("beyond", own.minus(random))):
        variables |= {prefix: sampled.value, **_interval(sampled, reach, f"{prefix}_")}
    chance = nothing
    if measured.shuffled is not None:
        at_random = effects(measured.shuffled["imbalance"], _known(measured.shuffled), h=h)
        at_random |= {name: np.full(len(halves["k"]), np.nan) for name in names if name.kind in OF_LABELS}
        chance = _Sampled(_stacked(at_random, names), _in_parts(halves, "shuffled_", h, names), kinds)
        of_pairs = np.isin(kinds, PAIRED)
        chance.value[:, ~of_pairs] = np.nan
        chance.halves[..., ~of_pairs] = np.nan
    variables |= {"shuffled": chance.value, **_interval(chance, reach, "shuffled_")}
    sizes, by_size = _by_size(measured, own, names, h)
    return xr.Dataset(
        {
            **{name: (("k", "finding"), values) for name, values in variables.items()},
            "by_size": (("k", "finding", "size"), by_size),
            "sign_changes": (("k", "finding"), _sign_changes(by_size, own.error()) & np.isin(kinds, TESTED)),
        },
        coords={
            "k": halves["k"].values,
            "size": sizes,
            "finding": np.array([label_of(name) for name in names], dtype=object),
            **{
                field: ("finding", np.array([getattr(name, field) for name in names], dtype=object))
                for field in ("kind", "a", "b", "space")
            },
            "note": ("finding", np.array([NOTES.get(kind, "") for kind in kinds], dtype=object)),
        },
        attrs={**halves.attrs, "level": level, "degrees_of_freedom": degrees_of_freedom(n_splits), "h": h},
    )


def _stacked(found: Effects, names: list[Effect]) -> Float[np.ndarray, "n_k n_findings"]:
    missing = next((name for name in names if name not in found), None)
    if missing is not None:
        raise ValueError(
            f"expected every measurement to have the {label_of(missing)}, but one lacks it; measure the control and "
            "the halves with the same models and spaces"
        )
    return np.stack([found[name] for name in names], axis=1).astype(np.float64)


def _in_parts(
    parts: xr.Dataset, prefix: str, h: float, names: list[Effect]
) -> Float[np.ndarray, "*parts n_k n_findings"]:
    """The effects within parts of the samples, all at once; NaN of labels where parts do not have them."""
    if prefix != "quarter_":
        parts = halves_alike(parts, prefix)
    imbalance = parts[f"{prefix}imbalance"]
    known = {
        name: as_many_k(parts[f"{prefix}{name}"]).to_dataset(name=name)
        for name in ("forward", "overlap")
        if f"{prefix}{name}" in parts
    }
    found = effects(as_many_k(imbalance), known.get("forward"), known.get("overlap"), h=h)
    if prefix == "shuffled_":
        # Labels belong to images: there is no such thing as a label of shuffled ones.
        blank = np.full(as_many_k(imbalance).sizes["k"], np.nan)
        found |= {each: blank for each in names if each.kind in OF_LABELS}
    return apart(_stacked(found, names), imbalance)


def _known(dataset: xr.Dataset, prefix: str = "") -> xr.Dataset | None:
    """What the steps know of spaces in one measurement, None without spaces."""
    name = f"{prefix}forward"
    return dataset[[name]].rename({name: "forward"}) if name in dataset else None


def _interval(sampled: _Sampled, reach: float, prefix: str = "") -> dict[str, np.ndarray]:
    half = reach * sampled.error()
    return {f"{prefix}low": sampled.value - half, f"{prefix}high": sampled.value + half}


def _least_p(imbalance: xr.DataArray, names: list[Effect]) -> np.ndarray:
    """Of the order of m steps of the shorter model 1 / m!: so many shuffled orders are right by chance; else 0."""
    _, models = read_labels(imbalance)
    steps = {model.name: len(model.depths) for model in models}
    return np.array(
        [1 / math.factorial(min(steps[name.a], steps[name.b])) if name.kind in OF_MATCHES else 0.0 for name in names]
    )


def _p_values(sampled: _Sampled, n_splits: int, least: np.ndarray) -> dict[str, np.ndarray]:
    """Two-sided, of an effect of 0; 1 where value and error are 0; corrected within a kind."""
    value, error, kinds = sampled.value, sampled.error(), sampled.kinds
    with np.errstate(all="ignore"):
        p = 2 * student.sf(np.abs(value) / error, degrees_of_freedom(n_splits))
    p = np.maximum(np.where((value == 0) & (error == 0), 1.0, p), least)
    p[:, ~np.isin(kinds, TESTED)] = np.nan
    corrected = np.full(p.shape, np.nan)
    for kind in TESTED:
        for place in range(len(p)):
            corrected[place, kinds == kind] = corrected_p_values(p[place, kinds == kind])
    return {"p_value": p, "p_corrected": corrected}


def _by_size(
    measured: Measured, own: _Sampled, names: list[Effect], h: float
) -> tuple[np.ndarray, Float[np.ndarray, "n_k n_findings n_sizes"]]:
    """Sizes in increasing order, and the mean effect at each."""
    n = int(measured.halves.attrs["n_samples"])
    sizes, values = [n // 2, n], [own.halves.mean(axis=(0, 1)), own.value]
    if "quarter_imbalance" in measured.halves:
        sizes.insert(0, n // 4)
        values.insert(0, _in_parts(measured.halves, "quarter_", h, names).mean(axis=0))
    return np.array(sizes), np.stack(values, axis=-1)


def _sign_changes(
    by_size: Float[np.ndarray, "n_k n_findings n_sizes"], error: Float[np.ndarray, "n_k n_findings"]
) -> Bool[np.ndarray, "n_k n_findings"]:
    """Whether an effect is of the other sign with fewer samples, and there by more than a standard error."""
    fewer, sign = by_size[..., :-1], np.sign(by_size[..., -1:])
    return np.any((np.sign(fewer) * sign < 0) & (np.abs(fewer) > error[..., None]), axis=-1)
