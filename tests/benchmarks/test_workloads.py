"""Every study shape, small, gives the values that an argsort gives."""

import numpy as np
import pytest
from jaxsim_kernels import Options, all_pairs

from benchmarks.peer_programs.sklearn_numpy import imbalance_by_argsort
from benchmarks.workloads import FLOOR_GOALS, WORKLOADS, synthetic_layers, uniform


@pytest.mark.parametrize(
    "shape",
    [w if place < 2 else pytest.param(w, marks=pytest.mark.slow) for place, w in enumerate(WORKLOADS)],
    ids=lambda s: s.name,
)
def test_values_at_toy_size(shape):
    toy = shape.toy()
    assert toy.n_layers == shape.n_layers
    layers = synthetic_layers(toy)
    found = all_pairs(layers, options=Options(ks=toy.ks))
    # The kernels work in float64 at this size; the peer takes the dtype it is given.
    exact = [x.astype(np.float64) for x in layers]
    for place, k in enumerate(toy.ks):
        np.testing.assert_allclose(found.values[place], imbalance_by_argsort(exact, k), rtol=0, atol=1e-12)


def test_names_tell_shapes_apart():
    assert len({shape.name for shape in WORKLOADS}) == len(WORKLOADS)
    assert all(goal.shape in WORKLOADS for goal in FLOOR_GOALS)


def test_layers_are_reproducible_and_resemble_their_neighbours():
    shape = uniform(50, 8, 3)
    first, again = synthetic_layers(shape, 1), synthetic_layers(shape, 1)
    for x, y in zip(first, again, strict=True):
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, y)
    values = imbalance_by_argsort(first)
    assert values[0, 1] < values[0, 2] < 1
