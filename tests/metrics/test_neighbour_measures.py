"""Measures of neighbours: what they declare, on the host and traced, and as functions of two arrays."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxsim.metrics import neighbour_measures
from jaxsim.metrics.declaration import Case
from jaxsim.metrics.layer_measures.hubness import HUBNESS, hubness
from jaxsim.metrics.neighbour_measures import MEASURES
from jaxsim.metrics.statistics import NeighbourLists, Neighbours, SimilaritiesAtNeighbours, Statistics

from .dense_neighbours import neighbours, statistics

N, KS = 70, (10, 1, 4)
BY_NAME = {measure.name: measure for measure in MEASURES}
COSINE = ("cknna", "cknna_paper", "cknna_biased", "second_order_cosine")
FOLLOWED = ("cycle_knn", "cknna", "cknna_paper", "cknna_biased")
OF_CHANCE = ("mutual_knn", "knn_jaccard", "rank_similarity", "joint_rank_jaccard")
every_measure = pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.name)
# Each has its program to compile; the others are made of the same parts.
traced = pytest.mark.parametrize(
    "measure",
    [pytest.param(each, marks=() if each.name in ("mutual_knn", "cknna") else pytest.mark.slow) for each in MEASURES],
    ids=lambda each: each.name,
)
with_hubness = pytest.mark.parametrize("measure", [*MEASURES, HUBNESS], ids=lambda each: each.name)


@pytest.fixture(scope="module")
def layers():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(N, 6))
    return [x, x[:, :4] @ draw.normal(size=(4, 5)) + 0.3 * draw.normal(size=(N, 5)), draw.normal(size=(N, 3)) + 1]


@pytest.fixture(scope="module")
def found(layers):
    return statistics(layers, KS, "cosine")


def on_device(found):
    """The same statistics as JAX arrays."""

    def moved(each):
        fields = {name: value if value is None else jnp.asarray(value) for name, value in vars(each).items()}
        return type(each)(**fields)

    return replace(found, found={need: moved(each) for need, each in found.found.items()})


@with_hubness
def test_one_formula_for_numpy_and_for_jax(measure, found):
    on_host, traced = measure.formula(found), measure.formula(on_device(found))
    assert isinstance(on_host, np.ndarray)
    assert on_host.dtype == np.float64
    assert isinstance(traced, jax.Array)
    np.testing.assert_allclose(traced, on_host, rtol=1e-5, atol=1e-6)


@with_hubness
def test_several_k_in_any_order_are_each_by_itself(measure, layers, found):
    together = measure.formula(found)
    assert together.shape == (3,) + (3,) * (together.ndim - 1)
    for place, k in enumerate(KS):
        alone = measure.formula(statistics(layers, (k,), "cosine"))
        np.testing.assert_allclose(together[place], alone[0], rtol=1e-12)


@every_measure
def test_declared_bounds_and_symmetry_hold(measure, found):
    values = measure.formula(found)
    for place, k in enumerate(KS):
        case = Case(N, k, (6, 5))
        of_pairs = values[place]
        assert measure.lowest is None or (of_pairs >= measure.lowest(case) - 1e-12).all()
        assert measure.highest is None or (of_pairs <= measure.highest(case) + 1e-12).all()
        if measure.equal is not None:
            np.testing.assert_allclose(np.diagonal(of_pairs), measure.equal(case), rtol=1e-12)
    symmetric = np.allclose(values, values.swapaxes(1, 2), rtol=1e-12)
    assert symmetric == measure.symmetric


def test_the_lowest_values_are_reached_where_lists_must_overlap():
    # Of 10 others, the 7 first and the 7 last: they cannot but share 4.
    lists = np.stack([np.arange(7), np.arange(3, 10)])[:, None]
    case, given = Case(11, 7), {Neighbours(): NeighbourLists(lists, np.array([10]))}
    for name in ("mutual_knn", "knn_jaccard"):
        value = BY_NAME[name].formula(Statistics(11, (7,), (1, 1), given))[0, 0, 1]
        assert value == pytest.approx(BY_NAME[name].lowest(case), rel=1e-12)
        assert value == pytest.approx({"mutual_knn": 4 / 7, "knn_jaccard": 4 / 10}[name], rel=1e-12)


@pytest.mark.parametrize("name", OF_CHANCE)
@pytest.mark.parametrize(("n", "k"), [(30, 8), (12, 7), (40, 1)])
def test_chance_levels_are_those_of_neighbours_drawn_at_random(name, n, k):
    measure, n_rows, n_parts = BY_NAME[name], 2000, 20
    draw = np.random.default_rng(1)
    lists = np.argsort(draw.random((n_parts, 2, n_rows, n - 1)), axis=-1)[..., :k]
    means = [
        measure.formula(Statistics(n, (k,), (1, 1), {Neighbours(): NeighbourLists(each, np.arange(n_rows))}))[0, 0, 1]
        for each in lists
    ]
    error = np.std(means, ddof=1) / np.sqrt(n_parts)
    assert abs(np.mean(means) - measure.independent(Case(n, k))) < 4 * error
    assert error < 0.005


def test_independent_layers_are_at_chance():
    draw = np.random.default_rng(2)
    built = statistics([draw.normal(size=(600, 5)), draw.normal(size=(600, 8))], (10,), "euclidean")
    for name in OF_CHANCE:
        expected = BY_NAME[name].independent(Case(600, 10))
        assert BY_NAME[name].formula(built)[0, 0, 1] == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("name", [*OF_CHANCE, "lcs_knn", "second_order_cosine"])
def test_query_rows_are_averaged_over(name, layers, found):
    first, second = np.arange(0, 20), np.arange(20, N)
    parts = [BY_NAME[name].formula(statistics(layers, KS, "cosine", rows)) for rows in (first, second)]
    together = (20 * parts[0] + (N - 20) * parts[1]) / N
    np.testing.assert_allclose(together, BY_NAME[name].formula(found), rtol=1e-12)


@pytest.mark.parametrize("measure", [*(BY_NAME[name] for name in FOLLOWED), HUBNESS], ids=lambda each: each.name)
def test_all_rows_are_needed_where_neighbours_are_followed(measure, layers):
    some = statistics(layers, (3,), "cosine", rows=np.arange(20))
    with pytest.raises(ValueError, match=rf"'{measure.name}' follows neighbours .* all 70 samples, got 20 query rows"):
        measure.formula(some)


def test_the_value_is_nan_where_kernels_are_constant():
    # Of four equal rows nothing is left once they are centred.
    lists = NeighbourLists(np.array([[[1], [2], [0], [0]]] * 2), np.arange(4))
    same = SimilaritiesAtNeighbours(np.ones((2, 4, 1)), None, np.ones((2, 4)))
    needs = {need: lists if isinstance(need, Neighbours) else same for need in BY_NAME["cknna_paper"].needs}
    assert np.isnan(BY_NAME["cknna_paper"].formula(Statistics(4, (1,), (1, 1), needs))).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_hubness_is_the_skewness_of_in_degrees(layers, metric):
    for x in layers:
        for k in KS:
            expected = scipy.stats.skew(np.bincount(neighbours(x, metric, k).ravel(), minlength=N))
            value = HUBNESS.formula(statistics([x], (k,), metric))[0, 0]
            assert value == pytest.approx(expected, rel=1e-12)
            assert HUBNESS.lowest(Case(N, k)) <= value <= HUBNESS.highest(Case(N, k))


def test_hubness_of_a_star_is_the_largest_and_of_a_ring_is_none():
    star = np.zeros((9, 1), int)
    star[0] = 1
    # The centre's own neighbour is the only other one; with a centre without any it would be the bound itself.
    found = HUBNESS.formula(Statistics(9, (1,), (1,), {Neighbours(): NeighbourLists(star[None], np.arange(9))}))
    assert 0.9 * HUBNESS.highest(Case(9)) < found[0, 0] < HUBNESS.highest(Case(9))
    ring = (np.arange(9)[:, None] + 1) % 9
    found = HUBNESS.formula(Statistics(9, (1,), (1,), {Neighbours(): NeighbourLists(ring[None], np.arange(9))}))
    assert found[0, 0] == 0


@every_measure
def test_functions_of_two_arrays(measure, layers, found):
    function, (x, y, _) = getattr(neighbour_measures, measure.name), layers
    options = {} if measure.name in COSINE else {"metric": "cosine"}
    expected = measure.formula(found)[:, 0, 1]
    value = function(x, y, k=KS, **options)
    assert value.dtype == np.float64
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    assert float(function(x, y, k=4, **options)) == pytest.approx(expected[2], rel=1e-6)
    np.testing.assert_allclose(function(y, x, k=KS, **options), measure.formula(found)[:, 1, 0], rtol=1e-6)


@traced
def test_functions_of_two_arrays_under_jit_and_vmap(measure, layers):
    function, (x, y, z) = getattr(neighbour_measures, measure.name), layers
    z = np.concatenate([z, z[:, :2] ** 2], axis=1)
    expected = [function(x, other, k=(4, 2)) for other in (y, z)]
    together = jax.jit(jax.vmap(lambda a, b: function(a, b, k=(4, 2)), in_axes=(None, 0)))(x, np.stack([y, z]))
    np.testing.assert_allclose(together, expected, rtol=2e-5, atol=2e-6)


def test_hubness_of_an_array(layers):
    x = layers[0]
    expected = HUBNESS.formula(statistics([x], (4, 10), "euclidean"))[:, 0]
    np.testing.assert_allclose(hubness(x, k=(4, 10)), expected, rtol=1e-12)
    np.testing.assert_allclose(jax.jit(lambda x: hubness(x, k=(4, 10)))(x), expected, rtol=1e-5)


def test_neighbourhood_overlap_is_another_name():
    assert neighbour_measures.neighbourhood_overlap is neighbour_measures.mutual_knn


def test_bad_k_and_rows_of_zeros_are_refused(layers):
    x, y, _ = layers
    with pytest.raises(ValueError, match="of at least 1"):
        neighbour_measures.mutual_knn(x, y, k=0)
    with pytest.raises(ValueError, match="use a smaller k or more samples"):
        neighbour_measures.mutual_knn(x, y, k=69)
    with pytest.raises(ValueError, match="not defined for a zero row"):
        neighbour_measures.cknna(np.where(np.arange(N)[:, None] == 3, 0, x), y, k=3)
