"""Intrinsic dimension from ratios of distances to neighbours.

Samples at distance 0 of each other have no ratio; their rows are left out.
"""

from typing import Any

from ..declaration import LayerMeasure, constant
from ..statistics import NeighbourDistances, Statistics

KEPT = 0.9
"""Share of the ratios that the linear fit takes, the smallest ones."""

_INVARIANCES = frozenset({"sample permutation", "rotation", "translation", "scale"})
_TWO = NeighbourDistances(least_k=2)
_OF_K = NeighbourDistances()
_TWICE_K = NeighbourDistances(times=2)
_HALVINGS = 100
_LOWEST, _HIGHEST = 1e-6, 1e6


def _log_ratios(distances: Any, near: int, far: int) -> tuple[Any, Any]:
    """`ln(r_far / r_near)` of every row, and which rows have one; numbers of neighbours from 1."""
    xp = distances.__array_namespace__()
    first, second = distances[..., near - 1], distances[..., far - 1]
    known = first > 0
    return xp.log(xp.where(known, second, 1.0) / xp.where(known, first, 1.0)), known


def _linear(statistics: Statistics) -> Any:
    """Slope through the origin of `-ln(1 - F)` over the smallest `KEPT` of the ratios."""
    ratios, known = _log_ratios(statistics[_TWO], 1, 2)
    xp = ratios.__array_namespace__()
    ordered = xp.sort(xp.where(known, ratios, xp.inf), axis=-1)
    n = known.sum(-1)[:, None]
    place = xp.arange(ratios.shape[-1])[None]
    kept = place < xp.floor(KEPT * n)
    share = xp.where(kept, (place + 1) / n, 0.0)
    x, y = xp.where(kept, ordered, 0.0), -xp.log(1 - share)
    return (x * y).sum(-1) / (x * x).sum(-1)


def _likelihood(statistics: Statistics) -> Any:
    ratios, known = _log_ratios(statistics[_TWO], 1, 2)
    return (known.sum(-1) - 1) / (ratios * known).sum(-1)


def _of_rows(statistics: Statistics, k: int) -> tuple[Any, Any]:
    """Mean of `ln(r_k / r_j)` over j < k of every row, and which rows have one."""
    distances = statistics[_OF_K]
    xp = distances.__array_namespace__()
    # A row whose nearest neighbours are copies says nothing of the dimension.
    known = distances[..., 0] > 0
    safe = xp.where(known[..., None], distances[..., :k], 1.0)
    mean = xp.log(safe[..., k - 1 : k] / safe[..., : k - 1]).sum(-1) / (k - 1)
    return mean, known & (mean > 0)


def _mean_of_rows(statistics: Statistics) -> Any:
    found = []
    for k in statistics.ks:
        mean, known = _of_rows(statistics, k)
        xp = mean.__array_namespace__()
        found.append(xp.where(known, 1 / xp.where(known, mean, 1.0), 0.0).sum(-1) / known.sum(-1))
    return xp.stack(found)


def _inverse_of_mean(statistics: Statistics) -> Any:
    found = []
    for k in statistics.ks:
        mean, known = _of_rows(statistics, k)
        found.append(known.sum(-1) / (mean * known).sum(-1))
    return mean.__array_namespace__().stack(found)


def gride_of(ratios: Any, kept: Any, n_near: int) -> Any:
    """Dimension with the largest likelihood, of ratios of the distances to the `n_near`-th and twice as far neighbours.

    Args:
        ratios: Their logarithms `[..., n_rows]`.
        kept: Which rows count, same shape.
        n_near: Number of the nearer neighbour, from 1.

    Returns:
        `[...]`.

    Source:
        Denti et al., Scientific Reports 2022, eq. 13, with N - 1 for N as in DADApy and scikit-dimension.
    """
    xp = ratios.__array_namespace__()
    n, total = kept.sum(-1), (ratios * kept).sum(-1)

    def score(dimension: Any) -> Any:
        # ln(mu) / (1 - mu^-d); copies at one distance have ratio 1, where it tends to 1 / d.
        moved = dimension[..., None] * ratios
        part = xp.where(moved > 0, ratios / -xp.expm1(-xp.where(moved > 0, moved, 1.0)), 1 / dimension[..., None])
        return (n - 1) / dimension + (n_near - 1) * (part * kept).sum(-1) - (2 * n_near - 1) * total

    low, high = xp.zeros_like(total) + _LOWEST, xp.zeros_like(total) + _HIGHEST
    for _ in range(_HALVINGS):
        middle = xp.sqrt(low * high)
        above = score(middle) > 0
        low, high = xp.where(above, middle, low), xp.where(above, high, middle)
    return xp.sqrt(low * high)


def kept_ratios(ratios: Any, known: Any) -> Any:
    """Which ratios the estimate takes: not those beyond the median plus 20 times the way to the 95th percentile."""
    xp = ratios.__array_namespace__()
    mu = xp.where(known, xp.exp(ratios), xp.nan)
    middle, high = xp.nanquantile(mu, 0.5, axis=-1), xp.nanquantile(mu, 0.95, axis=-1)
    return known & (xp.exp(ratios) < (middle + 20 * (high - middle))[..., None])


def _gride(statistics: Statistics) -> Any:
    distances = statistics[_TWICE_K]
    found = []
    for k in statistics.ks:
        ratios, known = _log_ratios(distances, k, 2 * k)
        found.append(gride_of(ratios, kept_ratios(ratios, known), k))
    return distances.__array_namespace__().stack(found)


INTRINSIC_DIMENSION = LayerMeasure(
    name="intrinsic_dimension",
    title="intrinsic dimension (TwoNN)",
    source="Facco et al., Scientific Reports 2017",
    unit="dimensions",
    uses_k=False,
    lowest=constant(0.0),
    highest=None,
    invariances=_INVARIANCES,
    needs=frozenset({_TWO}),
    formula=_linear,
    least_samples=5,
)

TWONN_LIKELIHOOD = LayerMeasure(
    name="twonn_likelihood",
    title="intrinsic dimension (TwoNN, likelihood)",
    source="Facco et al., Scientific Reports 2017",
    unit="dimensions",
    uses_k=False,
    lowest=constant(0.0),
    highest=None,
    invariances=_INVARIANCES,
    needs=frozenset({_TWO}),
    formula=_likelihood,
    least_samples=5,
)

MLE_DIMENSION = LayerMeasure(
    name="mle_dimension",
    title="intrinsic dimension (MLE)",
    source="Levina & Bickel, NeurIPS 2004",
    unit="dimensions",
    uses_k=True,
    lowest=constant(0.0),
    highest=None,
    invariances=_INVARIANCES,
    needs=frozenset({_OF_K}),
    formula=_mean_of_rows,
    least_k=2,
)

MLE_DIMENSION_MACKAY = LayerMeasure(
    name="mle_dimension_mackay",
    title="intrinsic dimension (MLE, inverses averaged)",
    source="MacKay & Ghahramani 2005, on Levina & Bickel, NeurIPS 2004",
    unit="dimensions",
    uses_k=True,
    lowest=constant(0.0),
    highest=None,
    invariances=_INVARIANCES,
    needs=frozenset({_OF_K}),
    formula=_inverse_of_mean,
    least_k=2,
)

GRIDE = LayerMeasure(
    name="gride",
    title="intrinsic dimension (Gride, neighbours k and 2k)",
    source="Denti et al., Scientific Reports 2022",
    unit="dimensions",
    uses_k=True,
    lowest=constant(0.0),
    highest=None,
    invariances=_INVARIANCES,
    needs=frozenset({_TWICE_K}),
    formula=_gride,
)
