"""Measures in the form that the ReSi benchmark calls them in.

ReSi judges measures by tests: whether they tell models apart that were trained in different ways, follow the order of
layers, and so on. A measure of jaxsim takes part in it as any of its own, in an environment that has both:

    import repsim.measures
    from jaxsim.metrics import resi_measures

    for measure in resi_measures(("cka", "mutual_knn", "procrustes")):
        repsim.measures.ALL_MEASURES[measure.name] = measure
"""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float

from jaxsim.arguments import check_choice

from .declaration import Measure
from .measure import measure as measured
from .registry import find_measures

Shape = Literal["nd", "ntd", "nchw"]

_MOST_SAMPLES = 5000
"""Of images with positions: ReSi takes every so many-th beyond it."""

_METRICS = ("procrustes", "size_and_shape", "angular_shape", "angular_shape_whitened", "gulp", "cka_angular")
"""Measures that obey the triangle inequality."""


@dataclass(frozen=True)
class ReSiMeasure:
    """What ReSi's `RepresentationalSimilarityMeasure` offers, with the attributes that its experiments read.

    Attributes:
        name: As results show it, `jaxsim_<name>`.
        measure: Of jaxsim.
        k: Number of neighbours, for measures that use it.
        larger_is_more_similar: Whether it is a similarity.
        is_symmetric: Whether swapping both changes nothing.
        is_metric: Whether it is known to be a metric.
        invariant_to_affine: Whether invertible affine maps change nothing.
        invariant_to_invertible_linear: Whether invertible linear maps do.
        invariant_to_ortho: Whether rotations and reflections do.
        invariant_to_permutation: Whether the order of features does.
        invariant_to_isotropic_scaling: Whether the scale does.
        invariant_to_translation: Whether an offset does.
    """

    name: str
    measure: Measure
    k: int
    larger_is_more_similar: bool
    is_symmetric: bool
    is_metric: bool
    invariant_to_affine: bool
    invariant_to_invertible_linear: bool
    invariant_to_ortho: bool
    invariant_to_permutation: bool
    invariant_to_isotropic_scaling: bool
    invariant_to_translation: bool
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, R: Any, Rp: Any, shape: str = "nd") -> float:
        """The measure from R to Rp.

        Args:
            R: A representation; NumPy, or a tensor of torch.
            Rp: The other, of the same samples.
            shape: `nd` as they are; `ntd` takes every token for a sample, `nchw` every position, brought to the smaller
                of both grids by averages; beyond 5,000 samples only every so many-th.

        Returns:
            The value.

        Raises:
            ValueError: For another shape, or as `measure`.
        """
        first, second = _flat(_array(R, shape), _array(Rp, shape), shape)
        found = measured({"R": first, "Rp": second}, (self.measure,), k=self.k, **self.options)
        return float(found[self.measure.name].values.reshape(2, 2)[0, 1])


def resi_measures(measures: Any = ("cka", "mutual_knn", "procrustes"), *, k: int = 10) -> tuple[Any, ...]:
    """Measures in ReSi's form.

    Args:
        measures: Names, as `jaxsim metrics` lists them, or `Measure` objects.
        k: Number of neighbours, for measures that use it; 10 is ReSi's.

    Returns:
        A `ReSiMeasure` for each.

    Raises:
        ValueError: For an unknown measure.

    Example:
        >>> (cka,) = resi_measures("cka")
        >>> x = np.random.default_rng(0).normal(size=(40, 3))
        >>> cka.name, cka.larger_is_more_similar, round(cka(x, 2 * x + 1, "nd"), 9)
        ('jaxsim_cka', True, 1.0)
    """
    found = []
    for each in find_measures(measures, Measure):
        kept = each.invariances
        linear = "invertible linear map" in kept
        found.append(
            ReSiMeasure(
                name=f"jaxsim_{each.name}",
                measure=each,
                k=k,
                larger_is_more_similar=each.orientation == "similarity",
                is_symmetric=each.symmetric,
                is_metric=each.name in _METRICS,
                invariant_to_affine=linear and "translation" in kept,
                invariant_to_invertible_linear=linear,
                invariant_to_ortho="rotation" in kept,
                # Of both sides by the same or another order: rows are compared by distances, products or matches alone.
                invariant_to_permutation=True,
                invariant_to_isotropic_scaling="scale" in kept,
                invariant_to_translation="translation" in kept,
            )
        )
    return tuple(found)


def _array(x: Any, shape: str) -> np.ndarray:
    wanted = {"nd": 2, "ntd": 3, "nchw": 4}[check_choice("shape", shape, get_args(Shape))]
    found = x if isinstance(x, np.ndarray) else np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
    if found.ndim != wanted:
        raise ValueError(f"expected an array of {wanted} dimensions for shape={shape!r}, got {found.ndim}.")
    return found


def _flat(first: np.ndarray, second: np.ndarray, shape: str) -> tuple[np.ndarray, np.ndarray]:
    """Both as `[n_samples, n_features]`."""
    if shape == "nd":
        return first, second
    if shape == "ntd":
        return first.reshape(-1, first.shape[2]), second.reshape(-1, second.shape[2])
    size = min(first.shape[2], second.shape[2]), min(first.shape[3], second.shape[3])
    flat = [_averaged(x, size).transpose(0, 2, 3, 1).reshape(-1, x.shape[1]) for x in (first, second)]
    step = max(1, len(flat[0]) // _MOST_SAMPLES) if len(flat[0]) > _MOST_SAMPLES else 1
    return flat[0][::step], flat[1][::step]


def _averaged(x: np.ndarray, size: tuple[int, int]) -> Float[np.ndarray, "n c h w"]:
    """Means over cells of a coarser grid, which overlap where it does not divide the finer one."""
    for axis, cells in zip((2, 3), size, strict=True):
        length = x.shape[axis]
        if length == cells:
            continue
        bounds = [(i * length // cells, -(-(i + 1) * length // cells)) for i in range(cells)]
        parts = [np.take(x, range(low, high), axis).mean(axis, keepdims=True) for low, high in bounds]
        x = np.concatenate(parts, axis)
    return x
