"""The public pair function: oracle values, transformations, input kinds, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim import information_imbalance
from jaxsim.metrics import DegenerateLayerWarning, TieWarning


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 8))
    return x, x[:, :3] + 0.2 * rng.standard_normal((300, 3))


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 3))])
def test_oracle_values(imbalance_oracle, recipe, part):
    for entry in imbalance_oracle[part::4]:
        if entry["recipe"] in ("R7", "R8"):
            continue
        x, y = recipe(*(entry[key] for key in ("recipe", "seed", "N", "Dx", "Dy")))
        found = information_imbalance(x, y, k=(1, 3, 10))
        for place, k in enumerate((1, 3, 10)):
            assert found.forward[place] == pytest.approx(entry["values"][f"ii_k{k}_X_to_Y"], abs=1e-9)
            assert found.backward[place] == pytest.approx(entry["values"][f"ii_k{k}_Y_to_X"], abs=1e-9)


def test_pure_under_jit_and_vmap(pair):
    x, y = (jnp.asarray(v, jnp.float32) for v in pair)
    eager = information_imbalance(x, y, k=(1, 5))
    jitted = jax.jit(information_imbalance, static_argnames=("k", "metric"))(x, y, k=(1, 5))
    assert jax.tree.structure(eager) == jax.tree.structure(jitted)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-9), jitted, eager)
    batched = jax.vmap(lambda a, b: information_imbalance(a, b, k=1))(jnp.stack([x, 2 * x]), jnp.stack([y, y]))
    np.testing.assert_allclose(batched.forward, eager.forward[0], rtol=1e-6)
    assert batched.n == 300
    assert jitted.k == (1, 5)


@pytest.mark.slow
def test_traced_totals_do_not_overflow():
    x = jnp.asarray(np.random.default_rng(0).standard_normal((2000, 2)), jnp.float32)
    y = jnp.asarray(np.random.default_rng(1).standard_normal((2000, 2)), jnp.float32)
    found = jax.jit(lambda a, b: information_imbalance(a, b, k=1200))(x, y)
    exact = information_imbalance(x, y, k=1200)
    assert float(found.forward) == pytest.approx(exact.forward, rel=1e-6)
    assert float(found.forward_standard_error) == pytest.approx(exact.forward_standard_error, rel=1e-4)


@pytest.mark.slow
def test_x64_is_used_where_it_is_enabled(recipe):
    x, y = recipe("R2", 24, 200, 300, 256)
    with jax.enable_x64(True):
        found = jax.jit(information_imbalance)(jnp.asarray(x), jnp.asarray(y))
        assert found.forward.dtype == jnp.float64
    assert float(found.forward) == information_imbalance(x, y).forward


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int32", "uint8", "int8", "bool"])
def test_dtypes_agree_with_their_float64_values(pair, dtype):
    x, y = pair
    if dtype in ("int32", "uint8", "int8"):
        x = np.round(x * 20 + (100 if dtype == "uint8" else 0)).clip(0 if dtype == "uint8" else -100, 120)
    x = x > 0 if dtype == "bool" else x.astype(jnp.dtype(dtype))
    expected = information_imbalance(x.astype(np.float64), y, k=3, ties="expected")
    assert information_imbalance(x, y, k=3, ties="expected").forward == expected.forward


def test_torch_tensors_and_lists(pair):
    torch = pytest.importorskip("torch")
    x, y = pair
    expected = information_imbalance(x.astype(np.float32), y).forward
    assert information_imbalance(torch.tensor(x, dtype=torch.float32, requires_grad=True), y).forward == expected
    assert information_imbalance(torch.tensor(x.T.copy()).T, y).forward == information_imbalance(x, y).forward
    half = torch.tensor(x, dtype=torch.bfloat16)
    assert information_imbalance(half, y).forward == information_imbalance(half.float().numpy(), y).forward
    assert information_imbalance(x.tolist(), y).forward == information_imbalance(x, y).forward


def test_inputs_are_not_changed(pair):
    x, y = (v.copy() for v in pair)
    information_imbalance(x, y, metric="correlation")
    np.testing.assert_array_equal(x, pair[0])


def test_metrics_order_like_their_distances(pair):
    from scipy.spatial.distance import cdist

    x, y = pair
    for metric in ("cosine", "correlation"):
        distances = [cdist(v, v, metric) for v in (x, y)]
        for d in distances:
            np.fill_diagonal(d, np.inf)
        nearest = distances[0].argmin(1)
        ranks = 1 + (distances[1] < distances[1][np.arange(300), nearest][:, None]).sum(1)
        assert information_imbalance(x, y, metric=metric).forward == pytest.approx(2 / 300 * ranks.mean(), abs=1e-12)


def test_several_k_keep_their_order(pair):
    both = information_imbalance(*pair, k=(7, 2))
    assert both.forward[0] == information_imbalance(*pair, k=7).forward
    assert both.forward[1] == information_imbalance(*pair, k=2).forward
    np.testing.assert_array_equal(both.floor, [8 / 300, 3 / 300])


def test_expected_ties_do_not_depend_on_row_order():
    rng = np.random.default_rng(0)
    x, y = (rng.integers(0, 3, (120, 2)).astype(float) for _ in range(2))
    order = rng.permutation(120)
    here = information_imbalance(x, y, k=4, ties="expected")
    there = information_imbalance(x[order], y[order], k=4, ties="expected")
    assert here.forward == pytest.approx(there.forward, abs=1e-14)
    assert here.tied_neighbours_x == there.tied_neighbours_x > 0.5


def test_duplicated_samples_are_neighbours_of_each_other():
    x = np.random.default_rng(0).standard_normal((40, 3))
    y = np.random.default_rng(1).standard_normal((40, 3))
    twice = [np.concatenate([v, v]) for v in (x, y)]
    assert information_imbalance(*twice).forward == 2 / 80


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"y": np.ones((299, 3))}, "'x' has 300, 'y' has 299"),
            ({"x": np.ones(300)}, r"\[n_samples, n_features\], got \(300,\)"),
            ({"x": np.ones((300, 2, 2))}, r"got \(300, 2, 2\)"),
            ({"k": 0}, "at least 1, got 0"),
            ({"k": -2}, "at least 1"),
            ({"k": 1.5}, "integer"),
            ({"k": True}, "integer"),
            ({"k": ()}, "at least one k"),
            ({"k": (2, 2)}, "each once"),
            ({"k": 299}, "at least 301 samples, got 300"),
            ({"metric": "manhattan"}, "one of .*got 'manhattan'"),
            ({"ties": "random"}, "'index' or 'expected'"),
            ({"precision": "low"}, "precision must be one of"),
            ({"x": np.ones((300, 2), complex)}, "real numbers, got dtype complex"),
            ({"x": np.array([["a"] * 2] * 300)}, "real numbers"),
            ({"x": np.empty((300, 0))}, "empty"),
        ],
    )
    def test_says_what_was_expected(self, pair, change, message):
        arguments = {"x": pair[0], "y": pair[1], **change}
        with pytest.raises(ValueError, match=message):
            information_imbalance(arguments.pop("x"), arguments.pop("y"), **arguments)

    @pytest.mark.parametrize(("value", "what"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
    def test_not_finite(self, pair, value, what):
        y = pair[1].copy()
        y[[17, 200], 2] = value
        with pytest.raises(ValueError, match=f"'y' holds {what}.*first in sample 17"):
            information_imbalance(pair[0], y)

    def test_large_finite_values_are_fine(self, pair):
        x = pair[0] * 1e306
        assert information_imbalance(x, pair[1]).forward == information_imbalance(pair[0], pair[1]).forward

    def test_no_variance_warns(self, pair):
        with pytest.warns(DegenerateLayerWarning, match="'y' has no variance"), pytest.warns(TieWarning):
            information_imbalance(pair[0], np.full((300, 2), 3.3))

    def test_zero_row_under_cosine(self, pair):
        x = pair[0].copy()
        x[5] = 0
        with pytest.raises(ValueError, match="zero row: layer 'x', sample 5"):
            information_imbalance(x, pair[1], metric="cosine")

    def test_expected_ties_inside_jit(self, pair):
        with pytest.raises(ValueError, match="traced"):
            jax.jit(lambda x, y: information_imbalance(x, y, ties="expected"))(*pair)
