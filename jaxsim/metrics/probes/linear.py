"""What can be read off layers by a linear map: labels, factors, or any other space."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from jaxsim.arguments import check_count

from ..factors import check_factors, factors_of, fit_together
from ..half_samples import check_groups
from ..inputs import as_layers, as_representation, check_same_samples, check_values
from ..labels import label_codes
from ..statistics import Factors
from ..threads import of_each
from .ridge import chosen_predictions, held_out
from .scores import Score, check_confidence, share_score

PENALTIES = tuple(10.0**power for power in range(-6, 4))
"""In units of the mean squared singular value of the features."""


@dataclass(frozen=True)
class _Target:
    """What is predicted.

    Attributes:
        values: `[n_samples, n_outputs]`: of labels one output a class, 1 for the sample's own.
        codes: Class of every sample; None where a space is predicted.
        chance: Score of what knows nothing: the largest class, or 0.
    """

    values: Float[np.ndarray, "n t"]
    codes: Int[np.ndarray, " n"] | None
    chance: float

    def errors(self, predictions: np.ndarray) -> np.ndarray:
        """Of every sample, 1 for a wrong label or the squared error, `[..., n]`."""
        if self.codes is not None:
            return (predictions.argmax(-1) != self.codes).astype(np.float64)
        return ((predictions - self.values) ** 2).sum(-1)

    def spreads(self) -> np.ndarray:
        """What errors are a share of."""
        if self.codes is not None:
            return np.ones(len(self.codes))
        return ((self.values - self.values.mean(0)) ** 2).sum(1)


def linear_probe(
    layers: Any,
    target: Any,
    *,
    baseline: Any = None,
    penalties: Sequence[float] = PENALTIES,
    n_folds: int | None = 10,
    groups: Any = None,
    confidence: float = 0.95,
    seed: int = 0,
    budget: int | None = None,
) -> xr.Dataset:
    """How well a target is predicted from every layer by cross-validated ridge regression.

    Every layer is decomposed once; predictions of held-out samples for every fold and penalty follow from that in
    closed form, with no further fit. The penalty of a fold is the one that is best for the others.

    Args:
        layers: Mapping name -> `[n_samples, n_features]`, or a sequence.
        target: Labels, one string or integer for each sample: the share of held-out samples whose largest output is
            their own class's. Or a space, numbers `[n_samples]` or `[n_samples, n_outputs]`: R2 of held-out samples, of
            all outputs together. Integers in one dimension are labels; give `target[:, None]` to predict numbers.
        baseline: A representation such as pixels, `[n_samples, n_features]`: for each layer it is projected at random
            to that layer's number of features and probed the same way. It says what that many features alone give.
        penalties: Grid, in units of the mean squared singular value of the features.
        n_folds: Number of folds, drawn at random; None leaves out every sample (or group) by itself.
        groups: Group of every sample, integers or text: samples of one group are in one fold.
        confidence: Of the intervals, from the spread of errors over samples or groups.
        seed: Of folds and projections.
        budget: Bytes that decompositions may take.

    Returns:
        `score`, `low`, `high` and `penalty` (best over all folds) along `layer`; with a baseline `baseline`,
        `baseline_low` and `baseline_high`. Attributes: `kind` (`accuracy` or `R2`) and `chance`.

    Raises:
        ValueError: For targets of another number of samples, NaN, labels without classes, a grid that is not positive,
            too many folds, a layer that does not vary, or factors that do not fit the memory.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(200, 4))
        >>> found = linear_probe({"all": x, "last": x[:, 3:]}, x[:, :2] @ [[1.0], [2.0]])
        >>> found.score.round(3).values.tolist()[0], bool(found.score[1] < 0.1)
        (1.0, True)
        >>> classes = np.where(x[:, 0] > 0, "up", "down")
        >>> bool(linear_probe({"all": x}, classes).score[0] > 0.9)
        True
    """
    named = as_layers(layers)
    n = check_same_samples(named)
    wanted = _target(target, n)
    grid = _checked_grid(penalties)
    confidence = check_confidence(confidence)
    numbers = None if groups is None else check_groups(groups, n)
    folds = _folds(n, n_folds, numbers, check_count("seed", seed, 0))
    reference = None
    if baseline is not None:
        reference = as_representation(baseline, "baseline")
        check_same_samples({**named, "baseline": reference})
    widths = [x.shape[1] for x in named.values()]
    check_factors(n, [max(widths)], budget)
    for name, x in named.items():
        check_values({name: x}, "euclidean")
    if reference is not None:
        check_values({"baseline": reference}, "euclidean")

    def probed(place: int) -> list[float]:
        name, x = list(named.items())[place]
        score, penalty = _probed(factors_of(x), name, wanted, folds, grid, numbers, confidence)
        if reference is None:
            return [*score, penalty]
        projected = _projected(reference, x.shape[1], np.random.default_rng([seed, 5, place]))
        return [
            *score,
            penalty,
            *_probed(factors_of(projected), "baseline", wanted, folds, grid, numbers, confidence)[0],
        ]

    found = np.array(of_each(probed, range(len(named)), fit_together(n, widths, budget)))
    columns = ("score", "low", "high", "penalty", "baseline", "baseline_low", "baseline_high")
    return xr.Dataset(
        {name: ("layer", values) for name, values in zip(columns, found.T, strict=False)},
        coords={"layer": list(named), "n_features": ("layer", widths)},
        attrs={
            "kind": "R2" if wanted.codes is None else "accuracy",
            "chance": wanted.chance,
            "n_samples": n,
            "n_folds": len(np.unique(folds)),
            "confidence": confidence,
            "seed": seed,
        },
    )


def _probed(
    factors: Factors,
    name: str,
    target: _Target,
    folds: np.ndarray,
    grid: tuple[float, ...],
    groups: np.ndarray | None,
    confidence: float,
) -> tuple[Score, float]:
    if factors.rank == 0:
        raise ValueError(f"expected layers that vary, but all samples of {name!r} are the same; leave it out.")
    predictions = held_out(factors, target.values, folds, grid)
    # The penalty is chosen by squared errors, which are finer than right and wrong.
    squared = ((predictions - target.values) ** 2).sum(2)
    found, best = chosen_predictions(predictions, squared, folds)
    return share_score(target.errors(found), target.spreads(), groups, confidence), grid[best]


def _target(target: Any, n: int) -> _Target:
    given = np.asarray(target)
    if given.ndim == 1 and given.dtype.kind not in "fc":
        codes, classes = label_codes(target, name="target", n_samples=n)
        shares = np.bincount(codes) / n
        return _Target(np.eye(len(classes))[codes], codes, float(shares.max()))
    values = as_representation(given[:, None] if given.ndim == 1 else target, "target")
    if values.shape[0] != n:
        raise ValueError(f"expected a target for each of the {n} samples, got {values.shape[0]}.")
    if (np.asarray(values[:]) == np.asarray(values[:1])).all():
        raise ValueError("expected a target that varies, but all samples have the same.")
    check_values({"target": values}, "euclidean")
    values = np.asarray(values[:], np.float64)
    return _Target(values, None, 0.0)


def _checked_grid(penalties: Any) -> tuple[float, ...]:
    try:
        grid = tuple(float(each) for each in penalties)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected penalties as several positive numbers, got {penalties!r}.") from error
    if not grid or not all(0 < each < np.inf for each in grid):
        raise ValueError(f"expected penalties as several positive numbers, got {penalties!r}.")
    return grid


def _folds(n: int, n_folds: int | None, groups: np.ndarray | None, seed: int) -> Int[np.ndarray, " n"]:
    own = np.arange(n) if groups is None else groups
    n_units = int(own.max()) + 1
    if n_folds is None:
        return own
    n_folds = check_count("n_folds", n_folds, 2, "; None leaves out every sample by itself")
    if n_folds > n_units:
        raise ValueError(
            f"expected at most {n_units} folds, one for each {'sample' if groups is None else 'group'}, got {n_folds}; "
            "use fewer, or None."
        )
    dealt = np.empty(n_units, np.int64)
    dealt[np.random.default_rng([seed, 4]).permutation(n_units)] = np.arange(n_units) % n_folds
    return dealt[own]


def _projected(x: Any, n_features: int, generator: np.random.Generator) -> Float[np.ndarray, "n d"]:
    features = np.asarray(x[:], np.float64)
    return features @ (generator.standard_normal((features.shape[1], n_features)) / np.sqrt(features.shape[1]))
