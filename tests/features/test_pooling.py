import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsim.features import check_pool, pool_state, pooled_width
from jaxsim.models import Map, Tokens, Vector


def state_of(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


TOKENS = Tokens(("cls", "register", "register"), (3, 4))


def test_cls_is_found_by_its_role():
    state = state_of(2, 15, 5)
    np.testing.assert_array_equal(pool_state(state, TOKENS, "cls"), state[:, 0])
    late = Tokens(("register", "cls"), (3, 4))
    np.testing.assert_array_equal(pool_state(state[:, :14], late, "cls"), state[:, 1])


def test_mean_leaves_out_the_prefix():
    state = state_of(2, 15, 5)
    np.testing.assert_allclose(pool_state(state, TOKENS, "mean"), state[:, 3:].mean(1), atol=1e-6)
    state[:, :3] = 1e9
    assert np.abs(pool_state(state, TOKENS, "mean")).max() < 10


def test_mean_of_a_map():
    state = state_of(2, 3, 4, 5)
    np.testing.assert_allclose(pool_state(state, Map((3, 4)), "mean"), state.mean((1, 2)), atol=1e-6)


def test_flatten_is_the_whole_state():
    state = state_of(2, 15, 5)
    np.testing.assert_array_equal(pool_state(state, TOKENS, "flatten"), state.reshape(2, 75))


def adaptive_mean(feature_map, cells):
    """The definition, cell by cell, in float64."""
    _, height, width, _ = feature_map.shape
    rows = []
    for p in range(cells):
        for q in range(cells):
            top, bottom = int(np.floor(p * height / cells)), int(np.ceil((p + 1) * height / cells))
            left, right = int(np.floor(q * width / cells)), int(np.ceil((q + 1) * width / cells))
            rows.append(feature_map[:, top:bottom, left:right].astype(np.float64).mean((1, 2)))
    return np.concatenate(rows, axis=1)


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 6))
def test_spatial_is_adaptive_average_pooling(height, width, cells):
    state = state_of(2, height, width, 3)
    pooled = pool_state(state, Map((height, width)), f"spatial:{cells}")
    np.testing.assert_allclose(pooled, adaptive_mean(state, cells), atol=1e-6)
    assert pooled.shape[1] == pooled_width(Map((height, width)), 3, f"spatial:{cells}")


def test_spatial_is_torchs_adaptive_average_pooling():
    torch = pytest.importorskip("torch")
    state = state_of(2, 7, 5, 3)
    theirs = torch.nn.AdaptiveAvgPool2d(3)(torch.tensor(state).permute(0, 3, 1, 2))
    ours = pool_state(state, Map((7, 5)), "spatial:3")
    np.testing.assert_allclose(ours, theirs.permute(0, 2, 3, 1).reshape(2, -1).numpy(), atol=1e-6)


def test_spatial_of_tokens_uses_the_patches():
    state = state_of(2, 15, 5)
    expected = adaptive_mean(state[:, 3:].reshape(2, 3, 4, 5), 2)
    np.testing.assert_allclose(pool_state(state, TOKENS, "spatial:2"), expected, atol=1e-6)


@pytest.mark.parametrize("pool", ["cls", "mean", "flatten", "spatial:3"])
def test_vectors_pass(pool):
    state = state_of(2, 5)
    np.testing.assert_array_equal(pool_state(state, Vector(), pool), state)
    assert pooled_width(Vector(), 5, pool) == 5


@pytest.mark.parametrize("pool", ["cls", "mean", "flatten", "spatial:2"])
@pytest.mark.parametrize("layout", [TOKENS, Map((3, 4))])
def test_width_is_known_before(layout, pool):
    if pool == "cls" and isinstance(layout, Map):
        return
    state = jnp.zeros((2, 15, 5) if layout == TOKENS else (2, 3, 4, 5))
    pooled = jax.eval_shape(lambda x: pool_state(x, layout, pool), state)
    assert pooled.shape == (2, pooled_width(layout, 5, pool))


def test_bfloat16_states_are_averaged_in_float32():
    state = jnp.full((1, 64, 64, 1), 1.0, jnp.bfloat16).at[0, 0, 0, 0].set(2.0)
    pooled = jax.jit(lambda x: pool_state(x, Map((64, 64)), "mean"))(state)
    assert pooled.dtype == jnp.float32
    np.testing.assert_allclose(pooled, 1 + 1 / 4096, rtol=1e-6)


@pytest.mark.parametrize("pool", ["max", "spatial", "spatial:0", "spatial:x", "spatial:-1", "spatial:2.5", "", "CLS"])
def test_unknown_pools(pool):
    for layout in (TOKENS, Vector()):
        with pytest.raises(ValueError, match=r"unknown pool.*cls, mean, flatten or spatial:P"):
            check_pool(layout, pool)


@pytest.mark.parametrize("layout", [Tokens((), (3, 4)), Tokens(("register",), (3, 4)), Map((3, 4))])
def test_cls_without_a_cls_token(layout):
    with pytest.raises(ValueError, match=r"needs a CLS token.*use mean, flatten or spatial:P"):
        check_pool(layout, "cls")


def test_cls_among_tokens_of_unknown_roles():
    with pytest.raises(ValueError, match=r'roles of token0, token1 are unknown.*capture.*prefix=\("cls",\)'):
        check_pool(Tokens(("token0", "token1"), (3, 4)), "cls")


@pytest.mark.parametrize(
    ("layout", "shape"),
    [(TOKENS, (2, 14, 5)), (Map((3, 4)), (2, 4, 3, 5)), (Map((3, 4)), (2, 12, 5)), (Vector(), (2, 1, 5))],
)
def test_a_state_that_does_not_fit_its_layout(layout, shape):
    with pytest.raises(ValueError, match=r"expected a state \[B"):
        pool_state(np.zeros(shape, np.float32), layout, "mean")
