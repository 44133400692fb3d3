"""Weights and sets of features that predict another space: oracle values, gradients, known answers, bad calls."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.metrics import (
    differentiable_imbalance,
    feature_weights,
    imbalance_gain,
    information_imbalance,
    select_features,
    weight_path,
)
from jaxsim.metrics.selection import fitting

from ...conftest import make_recipe

ORACLES = json.loads((Path(__file__).parents[1] / "oracles" / "differentiable_imbalance.json").read_text())["entries"]

MANY = """
import sys
from pathlib import Path
import numpy as np
from jaxsim.metrics import feature_weights

x = np.random.default_rng(0).standard_normal((10_000, 1_000), np.float32)
true = np.zeros(1_000)
true[:3] = [1, 0.3, 0.1]
found = feature_weights(x, (x * true)[:, :3], **(dict(n_epochs=1, batch_size=10_000) if sys.argv[1] == "all" else {}))
print(np.abs(found.weights - true).max())
status = Path("/proc/self/status").read_text().splitlines()
print(next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(each, id=f"{each['recipe']}-{each['seed']}", marks=pytest.mark.slow if place % 2 else ())
        for place, each in enumerate(ORACLES)
    ],
)
def test_values_of_its_authors_program(entry):
    x, y = make_recipe(*(entry[key] for key in ("recipe", "seed", "N", "Dx", "Dy")))
    for key, value in entry["values"].items():
        _, kind, k, width, factor = key.split("_")
        weights = np.ones(x.shape[1]) if kind == "ones" else 0.5 + np.arange(x.shape[1]) / x.shape[1]
        found = differentiable_imbalance(x, y, weights, k=int(k[1:]), width=width, factor=float(factor[1:]))
        assert found == pytest.approx(value, rel=1e-10), key


def spaces(n=60, seed=0):
    x = np.random.default_rng(seed).standard_normal((n, 4))
    return x, x[:, :2] * [2.0, 1.0]


class TestValue:
    @pytest.mark.parametrize("width", ["point", "global"])
    @pytest.mark.parametrize("periods", [None, [4.0, 0, np.inf, 3.0]])
    def test_traced_weights_give_the_same(self, width, periods):
        x, y = spaces()
        w = jnp.array([1.0, 0.5, 0.2, 0.7])

        def value(w):
            return differentiable_imbalance(x, y, w, k=3, width=width, factor=0.3, periods=periods)

        assert float(jax.jit(value)(w)) == pytest.approx(float(value(np.asarray(w, np.float64))), rel=1e-5)

    @pytest.mark.parametrize("periods", [None, [4.0, 0, 0, 3.0]])
    @pytest.mark.parametrize("width", ["point", "global"])
    def test_the_gradient_is_that_of_the_value(self, width, periods):
        """Widths follow the weights: held still, they would say that larger weights of all are better."""
        x, y = spaces()
        w = np.array([1.0, 0.5, 0.2, 0.7])

        def value(w):
            return differentiable_imbalance(x, y, w, k=2, width=width, factor=0.4, periods=periods)

        with jax.enable_x64(True):
            slope = np.asarray(jax.grad(value)(jnp.asarray(w)))
        for place in range(4):
            step = np.eye(4)[place] * 1e-6
            assert slope[place] == pytest.approx((value(w + step) - value(w - step)) / 2e-6, rel=1e-4, abs=1e-7)
        assert slope @ w == pytest.approx(0, abs=1e-9)

    def test_the_scale_of_all_weights_is_nothing(self):
        x, y = spaces()
        w = np.array([1.0, 0.5, 0.2, 0.7])
        assert differentiable_imbalance(x, y, 100 * w) == pytest.approx(differentiable_imbalance(x, y, w), rel=1e-12)

    def test_a_small_factor_takes_the_nearest_alone(self):
        x, y = spaces()
        hard = information_imbalance(x, y).forward
        assert differentiable_imbalance(x, y, factor=1e-6) == pytest.approx(hard, rel=1e-9)

    def test_periods_go_the_short_way_round(self):
        rng = np.random.default_rng(0)
        angle = rng.uniform(0, 2 * np.pi, 80)
        circle = np.column_stack([np.cos(angle), np.sin(angle)])
        turned = (angle[:, None] + 3.0) % (2 * np.pi)
        around = differentiable_imbalance(turned, circle, periods=[2 * np.pi], factor=20.0)
        assert around == pytest.approx(
            differentiable_imbalance(angle[:, None], circle, periods=[2 * np.pi], factor=20.0), rel=1e-9
        )
        assert abs(around - differentiable_imbalance(turned, circle, factor=20.0)) > 1e-4

    def test_copies_share(self):
        x = np.repeat(np.arange(5.0), 4)[:, None]
        assert 0 < differentiable_imbalance(x, x + np.linspace(0, 0.1, 20)[:, None]) < 0.5


class TestWeights:
    def test_known_weights_are_recovered(self):
        x = np.random.default_rng(0).standard_normal((300, 8))
        true = np.array([1.0, 0.3, 0.1, 0, 0, 0, 0, 0])
        found = feature_weights(x, (x * true)[:, :3])
        np.testing.assert_allclose(found.weights, true, atol=0.01)
        assert found.imbalance < 0.1 * found.start
        assert found.history[-1] < found.history[0]
        assert found.imbalance == pytest.approx(differentiable_imbalance(x, (x * true)[:, :3], found.weights), rel=1e-9)

    def test_many_features_are_no_obstacle(self):
        # With most of them gone the value is a hundredth of what it was; its slopes must still be followed.
        x = np.random.default_rng(0).standard_normal((1000, 200))
        true = np.zeros(200)
        true[:3] = [1, 0.3, 0.1]
        found = feature_weights(x, (x * true)[:, :3], n_epochs=20)
        np.testing.assert_allclose(found.weights, true, atol=0.02)

    @pytest.mark.parametrize(
        "factor", [0.03, pytest.param(0.3, marks=pytest.mark.slow), pytest.param(1.0, marks=pytest.mark.slow)]
    )
    def test_the_share_decides_little(self, factor):
        x = np.random.default_rng(0).standard_normal((200, 6))
        found = feature_weights(x, x[:, :2] * [1.0, 0.4], factor=factor)
        np.testing.assert_allclose(found.weights, [1, 0.4, 0, 0, 0, 0], atol=0.04)

    def test_rows_in_batches_and_features_of_other_scales(self):
        x = np.random.default_rng(1).standard_normal((256, 5))
        y = x[:, :2] * [1.0, 0.5]
        scaled = x * [1e4, 1e-3, 1, 1, 1] + [1e6, 0, 0, 0, 0]
        found = feature_weights(scaled, y, n_epochs=40, batch_size=64)
        effective = found.weights * [1e4, 1e-3, 1, 1, 1]
        effective /= effective.max()
        np.testing.assert_allclose(effective, [1, 0.5, 0, 0, 0], atol=0.06)

    @pytest.mark.parametrize("width", ["point", pytest.param("global", marks=pytest.mark.slow)])
    def test_blocks_of_rows_change_nothing(self, width, monkeypatch):
        x = np.random.default_rng(3).standard_normal((70, 4))
        whole = feature_weights(x, x[:, :2], width=width, n_epochs=3, batch_size=70)
        # The last block is not full.
        monkeypatch.setattr(fitting, "rows_at_once", lambda n: 32)
        blocks = feature_weights(x, x[:, :2], width=width, n_epochs=3, batch_size=70)
        np.testing.assert_allclose(blocks.weights, whole.weights, rtol=1e-4)
        np.testing.assert_allclose(blocks.history, whole.history, rtol=1e-5)

    @pytest.mark.slow
    @pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
    @pytest.mark.parametrize("rows", ["some", "all"])
    def test_ten_thousand_samples_of_a_thousand_features(self, rows):
        """Known weights by the defaults, and 4 GB, libraries and all, in a process of its own: no N x N x D tensor."""
        seen = subprocess.run([sys.executable, "-c", MANY, rows], capture_output=True, text=True, check=True)
        error, most = seen.stdout.split()
        assert int(most) < 4e9
        assert float(error) < 0.01 or rows == "all"

    def test_a_path_of_penalties_drops_features(self):
        rng = np.random.default_rng(2)
        x = rng.standard_normal((120, 3))
        # Three features, each three times with noise: one of each does nearly as well.
        many = np.concatenate([x + 0.1 * rng.standard_normal(x.shape) for _ in range(3)], axis=1)
        path = weight_path(many, x, (0.0, 0.1), n_epochs=70)
        assert int(path.n_features[-1]) < int(path.n_features[0])
        assert float(path.imbalance[-1]) < 0.5
        assert path.weights.shape == (2, 9)

    def test_no_array_of_all_pairs_and_features(self):
        n, d = 64, 300
        x = np.random.default_rng(0).standard_normal((n, d))
        jaxpr = jax.make_jaxpr(jax.grad(lambda w: differentiable_imbalance(x, x[:, :2], w)))(jnp.ones(d))
        periodic = jax.make_jaxpr(
            jax.grad(lambda w: differentiable_imbalance(x, x[:, :2], w, periods=np.full(d, 4.0)))
        )(jnp.ones(d))
        for program in (jaxpr, periodic):
            assert max(np.prod(size) for size in shapes(program.jaxpr)) <= max(n * n, n * d)


def shapes(jaxpr):
    for equation in jaxpr.eqns:
        for variable in equation.outvars:
            yield variable.aval.shape
        for value in equation.params.values():
            if hasattr(value, "jaxpr"):
                yield from shapes(value.jaxpr)
            elif hasattr(value, "eqns"):
                yield from shapes(value)


class TestGreedy:
    @pytest.mark.parametrize("direction", ["forward", "backward"])
    @pytest.mark.parametrize("k", [1, 4])
    def test_every_set_has_its_imbalance(self, direction, k):
        x = np.random.default_rng(0).standard_normal((90, 5))
        y = x[:, [4, 2]] * [1.0, 0.6]
        found = select_features(x, y, 2, direction=direction, k=k)
        for names, value in zip(found.features, found.imbalances, strict=True):
            assert value == pytest.approx(information_imbalance(x[:, list(names)], y, k=k).forward, rel=1e-6)
        assert set(found.features[-1]) == {2, 4}
        assert len(found.features) == (2 if direction == "forward" else 4)

    def test_forward_takes_the_best_each_time_and_a_beam_is_no_worse(self):
        x = np.random.default_rng(3).standard_normal((80, 6))
        y = np.column_stack([x[:, 0] + x[:, 1], x[:, 2] * x[:, 3]])
        greedy = select_features(x, y, 2)
        single = [information_imbalance(x[:, [place]], y).forward for place in range(6)]
        assert greedy.features[0] == (int(np.argmin(single)),)
        wide = select_features(x, y, 2, beam=6)
        pairs = [information_imbalance(x[:, list(pair)], y).forward for pair in itertools.combinations(range(6), 2)]
        assert wide.imbalances[-1] == pytest.approx(min(pairs), rel=1e-9)
        assert wide.imbalances[-1] <= greedy.imbalances[-1]

    def test_query_rows(self):
        x = np.random.default_rng(4).standard_normal((200, 4))
        found = select_features(x, x[:, [1]], 1, n_queries=60)
        assert found.features == ((1,),)


class TestGain:
    @staticmethod
    def series(n=400):
        rng = np.random.default_rng(5)
        z, x, y = np.zeros(n), np.zeros(n), np.zeros(n)
        for t in range(n - 1):
            z[t + 1] = 0.5 * z[t] + rng.standard_normal()
            x[t + 1] = 0.4 * x[t] + 0.9 * z[t] + 0.3 * rng.standard_normal()
            y[t + 1] = 0.5 * y[t] + 0.9 * np.tanh(x[t]) + 0.2 * rng.standard_normal()
        return x, y, z

    def test_the_direction_of_coupling(self):
        x, y, _ = self.series()
        forward, backward = imbalance_gain(x, y, k=5), imbalance_gain(y, x, k=5)
        assert float(forward.gain) > 0.1
        assert float(backward.gain) < 0.05
        assert float(forward.best_scale) > 0
        assert float(forward.imbalance.sel(scale=0.0)) == float(forward.imbalance.max())

    def test_what_a_condition_explains_is_no_gain(self):
        rng = np.random.default_rng(6)
        z = rng.standard_normal(400)
        x = z + 0.1 * rng.standard_normal(400)
        y = np.concatenate([[0.0], z[:-1]]) + 0.1 * rng.standard_normal(400)
        assert float(imbalance_gain(x, y, k=5).gain) > 0.4
        assert float(imbalance_gain(x, y, k=5, condition=z).gain) < 0.1

    def test_the_value_without_a_cause_is_the_imbalance_of_the_effect(self):
        x, y, _ = self.series(100)
        found = imbalance_gain(x, y, k=3)
        expected = information_imbalance(y[:-1, None], y[1:, None], k=3).forward
        assert float(found.imbalance[0]) == pytest.approx(expected, rel=1e-9)

    def test_near_times_are_left_out(self):
        x = np.cumsum(np.random.default_rng(0).standard_normal(200))
        near, apart = imbalance_gain(x, x), imbalance_gain(x, x, exclude=20)
        assert float(near.imbalance[0]) != float(apart.imbalance[0])


X = np.random.default_rng(0).standard_normal((30, 3))
BAD = [
    (differentiable_imbalance, {"weights": np.ones(4)}, "a weight for each of the 3 features"),
    (differentiable_imbalance, {"k": 29}, "k"),
    (differentiable_imbalance, {"factor": 0.0}, "factor to be a positive number"),
    (differentiable_imbalance, {"width": "row"}, "width"),
    (differentiable_imbalance, {"periods": [1.0]}, "a period for each of the 3 features"),
    (differentiable_imbalance, {"periods": [1.0, -1.0, 0]}, "a period for each"),
    (feature_weights, {"weights": [-1.0, 1, 1]}, "weights that are not negative"),
    (feature_weights, {"weights": [0.0, 0, 0]}, "some above 0"),
    (feature_weights, {"penalty": -1.0}, "penalty of at least 0"),
    (feature_weights, {"n_epochs": 0}, "n_epochs"),
    (feature_weights, {"batch_size": 31}, "batch_size"),
    (feature_weights, {"learning_rate": 0.0}, "learning_rate above 0"),
    (weight_path, {"penalties": (0.1, 0.1)}, "penalties that increase"),
    (weight_path, {"penalties": ()}, "penalties that increase"),
    (select_features, {"n_features": 4}, "n_features"),
    (select_features, {"n_features": 1, "direction": "up"}, "direction"),
    (select_features, {"n_features": 1, "beam": 0}, "beam"),
    (select_features, {"n_features": 1, "n_queries": 1}, "n_queries"),
    (imbalance_gain, {"scales": (0.1, 1.0)}, "begin with 0 and increase"),
    (imbalance_gain, {"lag": 0}, "lag"),
    (imbalance_gain, {"exclude": 20}, "times for k=1"),
    (imbalance_gain, {"condition": np.ones((30, 1))}, "'condition' is the same at all times"),
]


@pytest.mark.parametrize(("function", "options", "said"), BAD, ids=lambda each: str(getattr(each, "__name__", each)))
@pytest.mark.filterwarnings("ignore:layer 'condition' has no variance")
def test_bad_calls(function, options, said):
    with pytest.raises(ValueError, match=said):
        function(X, X[:, :2], **options)
