"""Statistics of one layer in float64 NumPy from whole matrices: an oracle that shares no code with what it tests."""

import numpy as np

from jaxsim.metrics.statistics import NeighbourDistances, Spectra, Statistics


def sorted_distances(x):
    """Distances of every sample to all others, nearest first, by differences."""
    x = np.asarray(x, np.float64)
    found = np.array([np.sqrt(((row - x) ** 2).sum(1)) for row in x])
    np.fill_diagonal(found, -1)
    return np.sort(found, axis=1)[:, 1:]


def shares(x, centred=True):
    x = np.asarray(x, np.float64)
    values = np.linalg.svd(x - x.mean(0) if centred else x, compute_uv=False) ** 2
    return values / values.sum()


def layer_value(distances):
    """In the place of `pair.layer_value`: the formula on distances that are given."""

    def of_distances(measure, x, *, k=1, **options):
        ks = k if isinstance(k, tuple) else (k,)
        found = {need: distances[None] for need in measure.needs if isinstance(need, NeighbourDistances)}
        values = measure.formula(Statistics(len(x), ks, (x.shape[1],), found))[..., 0]
        return values[0] if measure.uses_k and not isinstance(k, tuple) else values

    return of_distances


def of_spectrum(measure, values, n_samples=1000):
    return measure.formula(Statistics(n_samples, (1,), (len(values),), {Spectra(): (values,)}))[0]
