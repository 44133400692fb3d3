"""Products by parts, by rounding on the CPU: as near to float64 as float32 is, the same ranks, exact ties."""

import jax.numpy as jnp
import numpy as np
import pytest
from jaxsim_kernels.accelerator.parts import gram_of_parts, parts, side_by_side
from jaxsim_kernels.scores import gram


def product(queries, samples, n_products):
    left = side_by_side(jnp.asarray(queries), n_products, True)
    return np.asarray(gram_of_parts(left, side_by_side(jnp.asarray(samples), n_products, False)))


def in_float32(x):
    return np.asarray(gram(jnp.asarray(x), jnp.asarray(x)))


def ranks(gram_matrix, x):
    """Ranks of all samples around each, with norms in float64, so that only the product differs."""
    scores = (x.astype(np.float64) ** 2).sum(1) / 2 - gram_matrix.astype(np.float64)
    np.fill_diagonal(scores, -np.inf)
    return scores.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")


def delta(source, target):
    n = len(source)
    nearest = source == 1
    return 2 / n * target[nearest].mean()


@pytest.fixture(scope="module")
def layers():
    """A layer with a common offset and decaying variances, centred, and a noisy image of it."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 96)) * np.logspace(0, -3, 96) + 3
    y = np.tanh(x @ rng.standard_normal((96, 64)) / 9) + 0.1 * rng.standard_normal((600, 64))
    return [(each - each.mean(0)).astype(np.float32) for each in (x, y)]


def test_parts_add_up_to_the_last_bit():
    rng = np.random.default_rng(1)
    x = (rng.uniform(1, 10, 5000) * rng.choice([-1, 1], 5000) * 10.0 ** rng.integers(-30, 36, 5000)).astype(np.float32)
    x[:3] = 0, np.float32(1) + np.finfo(np.float32).eps, -np.float32(2**120)
    large, middle, small = (np.asarray(part.astype(jnp.float32)) for part in parts(jnp.asarray(x)))
    np.testing.assert_array_equal((small + middle) + large, x)
    assert (np.abs(middle) <= np.abs(large) * 2.0**-8).all()


@pytest.mark.parametrize("n_products", [6, 9])
def test_products_are_as_near_to_float64_as_those_of_float32(layers, n_products):
    for x in layers:
        exact = x.astype(np.float64) @ x.T.astype(np.float64)
        scale = np.sqrt(np.outer(np.diag(exact), np.diag(exact)))
        worst_of_parts, worst = (
            (np.abs(found - exact) / scale).max() for found in (product(x, x, n_products), in_float32(x))
        )
        assert worst_of_parts < max(3 * worst, 2.0**-21)


@pytest.mark.parametrize("n_products", [6, 9])
def test_ranks_and_delta_stay(layers, n_products):
    exact = [ranks(x.astype(np.float64) @ x.T.astype(np.float64), x) for x in layers]
    by_parts = [ranks(product(x, x, n_products), x) for x in layers]
    by_float32 = [ranks(in_float32(x), x) for x in layers]
    changed, changed_in_float32 = (
        sum(int((a != b).sum()) for a, b in zip(found, exact, strict=True)) for found in (by_parts, by_float32)
    )
    # Of 720,000 ranks; float32 itself moves some, where two distances agree in their first seven digits.
    assert changed <= 3 * changed_in_float32 + 20
    assert abs(delta(*by_parts) - delta(*exact)) < 1e-6
    assert abs(delta(*by_parts[::-1]) - delta(*exact[::-1])) < 1e-6


def test_six_products_do_what_three_do_not(layers):
    """The test above can fail: without the small parts ranks move."""
    x = layers[0]
    large, middle, _ = (np.asarray(part.astype(jnp.float32)) for part in parts(jnp.asarray(x)))
    rough = large @ large.T + large @ middle.T + middle @ large.T
    exact = ranks(x.astype(np.float64) @ x.T.astype(np.float64), x)
    assert (ranks(rough, x) != exact).sum() > 10 * (ranks(product(x, x, 6), x) != exact).sum()


@pytest.mark.parametrize("n_products", [6, 9])
def test_equal_rows_tie_exactly(layers, n_products):
    x = layers[0].copy()
    x[[7, 300, 599]] = x[3]
    found = product(x[:64], x, n_products)
    for other in (7, 300, 599):
        np.testing.assert_array_equal(found[:, other], found[:, 3])


def test_another_number_of_products_is_refused():
    with pytest.raises(ValueError, match=r"one of \[6, 9\], got 3"):
        side_by_side(jnp.ones((1, 2)), 3, True)
