"""Similarity batch by batch: sums over samples that measures of feature space are made of.

A training loop never holds all samples at once. What linear CKA, HSIC, RV, Procrustes, canonical correlations,
regression and GULP need of them are sums over samples, which add up over batches and devices:

    state = accumulators.empty((64, 128))
    for batch in batches:
        state = accumulators.update(state, model(batch), reference(batch))
    value = accumulators.compute(state, "cka")

All four functions are pure and work inside `jax.jit`, `jax.vmap` and `jax.shard_map`; states of different devices or
workers are added by `merge`, or by `merge_across` inside a map. For models of torch hand over NumPy arrays,
`update(state, x.detach().cpu().numpy(), y.detach().cpu().numpy())`, as with a metric of torchmetrics.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Float

from jaxsim.arguments import check_count

from .calibration.closed_form import KernelProduct, product_of
from .declaration import Measure
from .factors import pair_values
from .kernel_measures.centred import normalised
from .kernel_measures.hsic import HSIC, HSIC_BIASED
from .registry import find_measures
from .statistics import FactorPairs, Factors, Statistics


@dataclass(frozen=True)
class FeatureSums:
    """Sums over samples of several layers, of features x about a fixed point each and of their squared norms p.

    Attributes:
        count: Number of samples.
        about: The fixed point of every layer `[n_features]`.
        features: `sum x`, of every layer `[n_features]`.
        products: `sum x_a x_b^T` for layers a <= b, `[n_features_a, n_features_b]`, in the order of `pairs`.
        norms: `sum p`, `[n_layers]`.
        norm_products: `sum p_a p_b`, `[n_layers, n_layers]`.
        norm_features: `sum p_a x_b`, for each layer b `[n_layers, n_features_b]`.
    """

    count: jax.Array
    about: tuple[jax.Array, ...]
    features: tuple[jax.Array, ...]
    products: tuple[jax.Array, ...]
    norms: jax.Array
    norm_products: jax.Array
    norm_features: tuple[jax.Array, ...]

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.features)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Which layers each of `products` is of."""
        return [(a, b) for a in range(self.n_layers) for b in range(a, self.n_layers)]


jax.tree_util.register_dataclass(
    FeatureSums,
    data_fields=["count", "about", "features", "products", "norms", "norm_products", "norm_features"],
    meta_fields=[],
)


def empty(widths: Sequence[int], about: Sequence[Any] | None = None, dtype: Any = jnp.float32) -> FeatureSums:
    """Sums of no samples.

    Args:
        widths: Number of features of every layer.
        about: A point of every layer near its mean, such as that of a first batch; 0 by default. Sums about a point far
            from the mean, compared with the spread, lose digits. States that are merged need the same.
        dtype: Of the sums; float64 where x64 is enabled.

    Returns:
        The state.

    Raises:
        ValueError: For widths below 1, or points of other widths.

    Example:
        >>> empty((3, 2)).products[1].shape
        (3, 2)
    """
    sizes = [check_count("widths", width, 1) for width in widths]
    if not sizes:
        raise ValueError("expected the widths of at least one layer, got none.")
    if about is not None and [np.shape(point) for point in about] != [(size,) for size in sizes]:
        raise ValueError(
            f"expected a point for each layer of widths {tuple(sizes)}, got shapes "
            f"{[np.shape(each) for each in about]}; take the mean of a batch."
        )
    points = [jnp.zeros(size, dtype) for size in sizes] if about is None else [jnp.asarray(p, dtype) for p in about]
    n = len(sizes)
    return FeatureSums(
        jnp.zeros((), dtype),
        tuple(points),
        tuple(jnp.zeros(size, dtype) for size in sizes),
        tuple(jnp.zeros((sizes[a], sizes[b]), dtype) for a in range(n) for b in range(a, n)),
        jnp.zeros(n, dtype),
        jnp.zeros((n, n), dtype),
        tuple(jnp.zeros((n, size), dtype) for size in sizes),
    )


def update(state: FeatureSums, *layers: Any, mask: Any = None) -> FeatureSums:
    """Sums with one more batch.

    Args:
        state: From `empty` or another update.
        *layers: The batch by every layer, `[n_samples, n_features]`, in the order of the widths.
        mask: Which samples count `[n_samples]`, where a batch is padded; all by default.

    Returns:
        The new state.

    Raises:
        ValueError: For another number of layers, other widths, or batches of different sizes.

    Example:
        >>> state = update(empty((1,)), np.array([[1.0], [3.0]]))
        >>> float(state.features[0][0]), float(state.products[0][0, 0])
        (4.0, 10.0)
    """
    shapes = [np.shape(x) for x in layers]
    wanted = [point.shape[0] for point in state.about]
    if [shape[1:] for shape in shapes] != [(width,) for width in wanted] or len({shape[0] for shape in shapes}) != 1:
        raise ValueError(
            f"expected a batch [n_samples, n_features] of the same samples for each layer of widths {tuple(wanted)}, "
            f"got shapes {shapes}."
        )
    if mask is not None and np.shape(mask) != shapes[0][:1]:
        raise ValueError(f"expected a mask for each of the {shapes[0][0]} samples, got shape {np.shape(mask)}.")
    dtype = state.norms.dtype
    counts = jnp.ones(shapes[0][0], dtype) if mask is None else jnp.asarray(mask, dtype)
    arrays = [jnp.asarray(x, dtype) - point for x, point in zip(layers, state.about, strict=True)]
    # What is masked may be anything, NaN too.
    moved = [jnp.where(counts[:, None] > 0, x, 0) for x in arrays]
    norms = jnp.stack([(x * x).sum(1) for x in moved])
    return replace(
        state,
        count=state.count + counts.sum(),
        features=tuple(a + x.sum(0) for a, x in zip(state.features, moved, strict=True)),
        products=tuple(
            own + _dot(moved[a].T, moved[b]) for own, (a, b) in zip(state.products, state.pairs, strict=True)
        ),
        norms=state.norms + norms.sum(1),
        norm_products=state.norm_products + _dot(norms, norms.T),
        norm_features=tuple(a + _dot(norms, x) for a, x in zip(state.norm_features, moved, strict=True)),
    )


def merge(first: FeatureSums, second: FeatureSums) -> FeatureSums:
    """Sums of the samples of two states, about the same points.

    Example:
        >>> state = update(empty((1,)), np.array([[1.0], [3.0]]))
        >>> float(merge(state, state).count)
        4.0
    """
    return replace(jax.tree.map(jnp.add, first, second), about=first.about)


def merge_across(state: FeatureSums, axis_name: str) -> FeatureSums:
    """Sums of the samples of all devices along an axis, inside `jax.shard_map` or `jax.vmap`.

    Example:
        >>> x = np.arange(6.0).reshape(3, 2, 1)
        >>> summed = jax.vmap(lambda batch: merge_across(update(empty((1,)), batch), "i"), axis_name="i")(x)
        >>> summed.count.tolist()
        [6.0, 6.0, 6.0]
    """
    return replace(jax.tree.map(lambda each: lax.psum(each, axis_name), state), about=state.about)


def compute(state: FeatureSums, measure: Any) -> Any:
    """A measure of all samples that were added.

    Args:
        state: Sums.
        measure: A name or a `Measure` that feature space is enough for: `cka`, `cka_biased`, `cka_angular`, `rv`,
            `hsic`, `hsic_biased`, and measures of factors such as `procrustes`, `mean_cca`, `linear_regression`.

    Returns:
        `[n_layers, n_layers]`, in float64 outside of transformations. What divides by small singular values
        (canonical correlations, regression) has half of the digits of `jaxsim.measure`, which never squares them.

    Raises:
        ValueError: For a measure that is not made of such sums, or fewer samples than it needs.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 3))
        >>> state = empty((3, 2))
        >>> for batch in np.split(x, 4):
        ...     state = update(state, batch, batch[:, :2])
        >>> from jaxsim.metrics import cka
        >>> bool(abs(compute(state, "cka")[0, 1] - cka(x, x[:, :2])) < 1e-5)
        True
    """
    (chosen,) = find_measures(measure, Measure)
    form = _product_of(chosen)
    factored = all(isinstance(need, FactorPairs) and need.centred for need in chosen.needs)
    if form is None and not factored:
        raise ValueError(
            f"expected a measure of sums over features, such as cka, rv, procrustes or mean_cca, got {chosen.name!r}; "
            "jaxsim.measure takes it, of all samples at once."
        )
    if isinstance(state.count, Tracer):
        return _computed(state, chosen, form)
    if float(state.count) < chosen.least_samples:
        raise ValueError(
            f"expected at least {chosen.least_samples} samples for {chosen.name!r}, got {int(state.count)}; add more "
            "batches first."
        )
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda each: jnp.asarray(np.asarray(each), jnp.float64), state)
        return np.asarray(_computed(wide, chosen, form))


def _product_of(measure: Measure) -> KernelProduct | None:
    if measure in (HSIC, HSIC_BIASED):
        (need,) = measure.needs
        return KernelProduct(need, measure is HSIC)  # pyright: ignore[reportArgumentType]
    form = product_of(measure)
    return form if form is not None and form.kernel.kernel == "linear" else None


def _computed(state: FeatureSums, measure: Measure, form: KernelProduct | None) -> jax.Array:
    n = state.count
    covariances = {
        (a, b): products - jnp.outer(state.features[a], state.features[b]) / n
        for (a, b), products in zip(state.pairs, state.products, strict=True)
    }
    if form is None:
        return _of_factors(state, covariances, measure)
    size = range(state.n_layers)
    full = jnp.stack([jnp.stack([(covariances[min(a, b), max(a, b)] ** 2).sum() for b in size]) for a in size])
    products = _debiased(state, full) if form.debiased else full
    if measure is HSIC:
        return products / (n * (n - 3))
    if measure is HSIC_BIASED:
        return products / (n - 1) ** 2
    found = normalised(products, full)
    # Rounding may lead above 1.
    return found if form.itself else jnp.arccos(jnp.clip(found, -1, 1))


def _debiased(state: FeatureSums, full: jax.Array) -> jax.Array:
    """Products of U-centred kernels, from those of centred ones and the squared norms about the mean."""
    n = state.count
    means = [each / n for each in state.features]
    lengths = jnp.stack([(mean * mean).sum() for mean in means])
    # |x - m|^2 = p - 2 x m + m^2, multiplied out and added up over samples.
    shifted = jnp.stack([norms @ mean for norms, mean in zip(state.norm_features, means, strict=True)], axis=1)
    size = range(state.n_layers)
    crossed = jnp.stack([jnp.stack([_crossed(state, means, a, b) for b in size]) for a in size])
    squares = (
        state.norm_products
        - 2 * (shifted + shifted.T)
        + 4 * crossed
        + state.norms[:, None] * lengths
        + lengths[:, None] * state.norms
        - 4 * n * lengths[:, None] * lengths
        + n * lengths[:, None] * lengths
    )
    totals = state.norms - n * lengths
    apart = squares - totals[:, None] * totals / n
    pairs = full - squares
    return pairs - totals[:, None] * totals / (n * (n - 1)) - 2 / (n - 2) * apart


def _crossed(state: FeatureSums, means: Sequence[jax.Array], a: int, b: int) -> jax.Array:
    products = state.products[state.pairs.index((min(a, b), max(a, b)))]
    return means[min(a, b)] @ products @ means[max(a, b)]


def _of_factors(
    state: FeatureSums, covariances: dict[tuple[int, int], Float[jax.Array, "a b"]], measure: Measure
) -> jax.Array:
    """From the factors that the covariances give: `U_a^T U_b = S_a^-1 V_a^T C_ab V_b S_b^-1`."""
    factors, whitened = [], []
    for place, point in enumerate(state.about):
        values, vectors = jnp.linalg.eigh(covariances[place, place])
        values, vectors = values[::-1], vectors[:, ::-1]
        kept = values > jnp.finfo(values.dtype).eps * max(point.shape) * values[0]
        singular = jnp.sqrt(jnp.where(kept, values, 0))
        factors.append(Factors(vectors, singular, vectors.T, kept.sum()))
        whitened.append(vectors * jnp.where(kept, 1 / jnp.where(kept, singular, 1), 0))
    found = pair_values(
        factors,
        [need for need in measure.needs if isinstance(need, FactorPairs)],
        products=lambda a, b: whitened[a].T @ covariances[a, b] @ whitened[b],
    )
    widths = tuple(point.shape[0] for point in state.about)
    # The number of samples is not known to a transformation; no formula of factors asks for it.
    return measure.formula(Statistics(0, (1,), widths, found))


def _dot(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.dot(x, y, precision=lax.Precision.HIGHEST)
