import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsim.features import check_pool, pool_state, pooled_width, token_places
from jaxsim.features.pools import parse_pools
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


@pytest.mark.parametrize(
    "pool", ["median", "max:2", "spatial", "spatial:0", "spatial:x", "spatial:-1", "spatial:2.5", "", "CLS"]
)
def test_unknown_pools(pool):
    for layout in (TOKENS, Vector()):
        with pytest.raises(ValueError, match="unknown pool"):
            check_pool(layout, pool)


@pytest.mark.parametrize("layout", [Tokens((), (3, 4)), Tokens(("register",), (3, 4)), Map((3, 4))])
def test_cls_without_a_cls_token(layout):
    with pytest.raises(ValueError, match=r"needs a CLS token.*use mean, max, flatten or spatial:P"):
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


def test_max_of_patches_and_maps():
    state = state_of(2, 15, 5)
    np.testing.assert_array_equal(pool_state(state, TOKENS, "max"), state[:, 3:].max(1))
    state = state_of(2, 3, 4, 5)
    np.testing.assert_array_equal(pool_state(state, Map((3, 4)), "max"), state.max((1, 2)))


def test_last_positions():
    state = state_of(2, 15, 5)
    np.testing.assert_array_equal(pool_state(state, TOKENS, "last:1"), state[:, -1])
    np.testing.assert_array_equal(pool_state(state, TOKENS, "last:3"), state[:, -3:].reshape(2, 15))
    np.testing.assert_array_equal(pool_state(state, TOKENS, "last:99"), state.reshape(2, 75))
    state = state_of(2, 3, 4, 5)
    np.testing.assert_array_equal(pool_state(state, Map((3, 4)), "last:2"), state[:, 2, 2:].reshape(2, 10))


def test_a_projection_keeps_distances():
    state = state_of(60, 20, 20, 8)
    flat = state.reshape(60, -1)
    pooled = np.asarray(jax.jit(lambda x: pool_state(x, Map((20, 20)), "project:512"))(state))
    assert pooled.shape == (60, 512)

    def squared(x):
        return ((x[:, None] - x[None]) ** 2).sum(-1)[np.triu_indices(60, 1)]

    ratio = squared(pooled) / squared(flat)
    # Of a projection to D features: mean 1, standard deviation sqrt(2 / D) = 0.0625.
    assert abs(ratio.mean() - 1) < 0.02
    assert 0.03 < ratio.std() < 0.09
    np.testing.assert_array_equal(pooled[:7], pool_state(state[:7], Map((20, 20)), "project:512"))


def test_a_projection_of_few_features_is_the_state():
    state = state_of(2, 3, 4, 5)
    np.testing.assert_array_equal(pool_state(state, Map((3, 4)), "project:60"), state.reshape(2, 60))
    assert pooled_width(Map((3, 4)), 5, "project:100") == 60


def test_tokens_are_taken_at_places():
    state = state_of(2, 3, 4, 5)
    places = np.array([[[0.0, 0.0], [0.99, 0.99]], [[0.34, 0.5], [0.5, 0.26]]], np.float32)
    found = pool_state(state, Map((3, 4)), "tokens:2", places)
    np.testing.assert_array_equal(found, [state[0, 0, 0], state[0, 2, 3], state[1, 1, 2], state[1, 1, 1]])
    tokens = np.concatenate([state_of(2, 3, 5), state.reshape(2, 12, 5)], axis=1)
    np.testing.assert_array_equal(pool_state(tokens, TOKENS, "tokens:2", places), found)
    np.testing.assert_array_equal(
        pool_state(state_of(2, 5), Vector(), "tokens:3", np.zeros((2, 3, 2))), np.repeat(state_of(2, 5), 3, 0)
    )
    with pytest.raises(ValueError, match=r"expected places \[2, 2, 2\] for tokens:2, got None"):
        pool_state(state, Map((3, 4)), "tokens:2")


def test_places_belong_to_the_image():
    places = token_places(["a", "b", "c"], 64)
    np.testing.assert_array_equal(places[[2, 0]], token_places(["c", "a"], 64))
    assert (places >= 0).all()
    assert (places < 1).all()
    assert abs(places.mean() - 0.5) < 0.05
    assert len(np.unique(places)) > 350


def test_several_pools_are_named():
    assert [str(each) for each in parse_pools("cls,mean, spatial:2")] == ["cls", "mean", "spatial:2"]
    for text, said in (
        ("mean,mean", "every pool once"),
        ("mean,tokens:4", "stands alone"),
        ("mean,,cls", "unknown pool"),
    ):
        with pytest.raises(ValueError, match=said):
            parse_pools(text)
    with pytest.raises(ValueError, match="expected one pool, got 'cls,mean'"):
        pool_state(state_of(2, 15, 5), TOKENS, "cls,mean")
