"""Measures of two sets of layers against what they are by chance: calibrated scores and p-values."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr
from jaxsim_kernels import Metric, Progress, check_metric

from jaxsim.arguments import check_choice, check_count, check_flag

from ..declaration import Case, Measure
from ..inputs import as_layers
from ..measure import declared
from ..measure_checks import check_measures
from ..registry import find_measures
from ..request import Request, check_request
from .closed_form import KernelProduct, product_of
from .correction import METHODS, corrected_p_values
from .from_moments import from_moments
from .from_shuffles import from_shuffles
from .null import Calibrated
from .shuffled_pairing import draw_shuffles

NullKind = Literal["moments", "permutations"]

LEAST_FOR_MOMENTS = 6
"""Samples that a third moment over pairings is defined for."""


#: What each variable of a measure is, by the end of its name.
_WHAT = {
    "": "of the samples as they are paired",
    "_null_mean": "mean over shuffled pairings",
    "_threshold": "1 - level quantile over shuffled pairings",
    "_calibrated": "share of the way from the threshold to the value of equal layers",
    "_p": "share of shuffled pairings that are at least as alike",
    "_p_corrected": "p-value corrected over all pairs of layers",
}
_UNDEFINED = (
    "NaN where moments over pairings do not give it: the mean of the best over layers, and all of the null of the mean "
    "over layers of a measure that is no product of kernels; null='permutations' gives both"
)


def calibrate(
    sources: Any,
    targets: Any = None,
    measures: Any = ("cka",),
    *,
    k: Any = 1,
    metric: str = "euclidean",
    null: str | None = None,
    n_permutations: int = 1000,
    level: float = 0.05,
    correction: str = "holm",
    over_layers: bool = True,
    seed: int = 0,
    precision: str = "highest",
    budget: int | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Measures between two sets of layers, and how they compare with shuffled pairings of the samples.

    A measure of two layers that have nothing to do with each other is not 0 in general: it depends on the numbers of
    samples and features, and a maximum over many pairs of layers is larger still. Pairing the samples of the targets at
    random with those of the sources shows what chance gives. The threshold is the 1 - level quantile of that null, and
    the calibrated score `(value - threshold) / (value of equal layers - threshold)`, from 0 (chance) to 1.

    Two kinds of null. `permutations` pairs samples at random many times and works for every measure: neighbours,
    kernels and singular vectors are made once and gathered from. `moments` is exact for CKA, RV and distance
    correlation and permutes nothing: mean, variance and skewness over all N! pairings follow from each layer's kernel
    alone, and the tail is that of the Pearson type III distribution that has them.

    Args:
        sources: Mapping name -> `[n_samples, n_features]`, or a sequence, such as the layers of one model.
        targets: The layers of another model; None for the sources.
        measures: Names or `Measure` objects.
        k: Number of neighbours, or several as a tuple, for measures that use them.
        metric: `euclidean`, `cosine` or `correlation`, for measures that do not name their own.
        null: `moments` or `permutations`; None for `moments` where a measure has it.
        n_permutations: Number of shuffled pairings, for `permutations`.
        level: Of the threshold, such as 0.05.
        correction: Of the p-values over all pairs of layers: `holm` or `benjamini-hochberg`.
        over_layers: Whether the largest and the mean value over all pairs of layers are calibrated as such, too.
        seed: Of the shuffles.
        precision: `float64`, `highest`, `high` or `fast`.
        budget: Bytes that statistics may take.
        progress: Called as `progress(done, total, what)`.

    Returns:
        For each measure, with dimensions `source` and `target` (and `k` in front where it uses k): `<name>`,
        `<name>_null_mean`, `<name>_threshold`, `<name>_calibrated`, `<name>_p` and `<name>_p_corrected`. With
        `over_layers`, the same over `over` = `best`, `mean` as `<name>_over_layers`, ... The best is the one most
        alike. By permutations its null is that of the best itself; `moments` bounds it from above by the sum over all
        pairs of layers (Bonferroni's inequality), has no mean of that null, and nothing for the mean over layers where
        a measure is no product of kernels but a function of it: these are NaN. The attribute `what` of a variable says
        what it is, and `undefined` why there is NaN.

    Raises:
        ValueError: For measures without a value that equal layers have, `null="moments"` for a measure that has
            none, and as `measure`.

    Source:
        Revisiting the Platonic representation hypothesis: an Aristotelian view, arXiv 2602.14486, 2026; moments:
        Kazi-Aoual et al., Computational Statistics & Data Analysis 1995, Josse, Pages & Husson, CSDA 2008.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(100, 50))
        >>> found = calibrate({"x": x}, {"half": x[:, :25], "other": rng.normal(size=(100, 50))}, "cka_biased")
        >>> found.cka_biased.round(2).values.tolist(), found.cka_biased_calibrated.round(2).values.tolist()
        ([[0.77, 0.3]], [[0.68, 0.0]])
        >>> bool(found.cka_biased_p_corrected.sel(target="half").item() < 1e-9)
        True
    """
    chosen, checked = find_measures(measures, Measure), check_metric(metric)
    kind = None if null is None else check_choice("null", null, get_args(NullKind))
    if isinstance(level, bool) or not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f"expected level between 0 and 1, such as 0.05, got {level!r}.")
    check_choice("correction", correction, METHODS)
    over_layers = check_flag("over_layers", over_layers)
    n_permutations = check_count("n_permutations", n_permutations, 1)
    first = as_layers(sources)
    second = first if targets is None else as_layers(targets)
    options: dict[str, Any] = {"k": k, "seed": seed, "precision": precision, "budget": budget, "progress": progress}
    forms = {each.name: _form_of(each, kind) for each in chosen}

    def request_of(own: Metric, both: bool = True) -> Request:
        # Of one set of layers, whose order no shuffle of the targets alone keeps, moments need each layer once.
        return check_request(_side_by_side(first, second) if both else first, metric=own, **options)

    request = request_of(checked)
    check_measures(chosen, request)
    for each in chosen:
        _best_value(each, Case(request.n_samples, request.ks[0]))
        if forms[each.name] is not None and request.n_samples < LEAST_FOR_MOMENTS:
            raise ValueError(
                f"expected at least {LEAST_FOR_MOMENTS} samples for moments over pairings, got {request.n_samples}; "
                "use more samples, or null='permutations'."
            )
    by_moments = {each: form for each in chosen if (form := forms[each.name]) is not None}
    by_shuffles = [each for each in chosen if each not in by_moments]
    found: dict[str, Calibrated] = {}
    if by_moments:
        found.update(from_moments(by_moments, request_of, checked, len(first), targets is None, level, over_layers))
    if by_shuffles:
        shuffles = draw_shuffles(request.n_samples, np.arange(request.n_samples), n_permutations, request.seed)
        found.update(from_shuffles(by_shuffles, request_of, checked, len(first), shuffles, level, over_layers))
    variables: dict[str, Any] = {}
    for each in chosen:
        variables.update(_variables(each, found[each.name], request, (list(first), list(second)), correction))
    return xr.Dataset(
        variables,
        coords={"source": list(first), "target": list(second), "k": list(request.ks), "over": ["best", "mean"]},
        attrs={
            "n_samples": request.n_samples,
            "metric": request.metric,
            "level": level,
            "correction": correction,
            "seed": request.seed,
            "null_by_moments": ", ".join(each.name for each in by_moments),
            "null_by_permutations": ", ".join(each.name for each in by_shuffles),
            "n_permutations": n_permutations if by_shuffles else 0,
        },
    )


def _side_by_side(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Both sets under names that tell them apart."""
    return {f"source {name}": x for name, x in first.items()} | {f"target {name}": x for name, x in second.items()}


def _form_of(measure: Measure, kind: str | None) -> KernelProduct | None:
    form = product_of(measure)
    if kind == "moments" and form is None:
        raise ValueError(
            f"expected a product of centred kernels such as cka, rv or distance_correlation for null='moments', got "
            f"{measure.name!r}; leave null out or take null='permutations'."
        )
    return None if kind == "permutations" else form


def _best_value(measure: Measure, case: Case) -> float:
    bound = measure.equal or (measure.highest if measure.orientation == "similarity" else measure.lowest)
    if bound is None:
        raise ValueError(
            f"expected a measure with a value that equal layers have, which a calibrated score is a share of, got "
            f"{measure.name!r}; take a normalised one, such as cka for hsic."
        )
    return bound(case)


def _variables(
    measure: Measure, found: Calibrated, request: Request, names: tuple[list[str], list[str]], correction: str
) -> dict[str, Any]:
    """What is shown of a measure; similarities get their signs back."""
    sign = 1 if measure.orientation == "similarity" else -1
    widths, n_targets = [x.shape[1] for x in request.arrays], len(names[1])
    sources, targets = widths[: len(names[0])], widths[-n_targets:]
    ks = request.ks if measure.uses_k else request.ks[:1]
    best = sign * np.array(
        [[[_best_value(measure, Case(request.n_samples, k, (a, b))) for b in targets] for a in sources] for k in ks]
    )
    corrected = np.stack([corrected_p_values(each, correction) for each in found.pairs.p_value])
    parts = {
        "": sign * found.pairs.value,
        "_null_mean": sign * found.pairs.null_mean,
        "_threshold": sign * found.pairs.threshold,
        "_calibrated": found.pairs.score(best),
        "_p": found.pairs.p_value,
        "_p_corrected": corrected,
    }
    pair, more = ("source", "target"), {}
    if found.over is not None:
        # The most alike that any pair of layers can be.
        most = best.max((1, 2), keepdims=True)[..., 0]
        more = {
            "_over_layers": sign * found.over.value,
            "_over_layers_null_mean": sign * found.over.null_mean,
            "_over_layers_threshold": sign * found.over.threshold,
            "_over_layers_calibrated": found.over.score(most),
            "_over_layers_p": found.over.p_value,
        }

    def variable(end: str, values: np.ndarray, dims: tuple[str, ...]) -> tuple[Any, ...]:
        attributes = declared(measure) | {"what": _WHAT[end.removeprefix("_over_layers")]}
        if np.isnan(values).any() and not np.isnan(found.pairs.value).any():
            attributes["undefined"] = _UNDEFINED
        return (("k", *dims), values, attributes) if measure.uses_k else (dims, values[0], attributes)

    return {
        measure.name + end: variable(end, values, dims)
        for group, dims in ((parts, pair), (more, ("over",)))
        for end, values in group.items()
    }
