"""States of live Linen modules."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.models import Tokens, capture


class Block(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        y = nn.Dense(x.shape[-1], name="mlp")(nn.LayerNorm(name="ln")(x))
        return x + nn.Dropout(0.5, deterministic=not train)(y)


class LinenViT(nn.Module):
    """Like Scenic's: patch embedding, encoder with numbered blocks, a flag for training."""

    depth: int = 2
    shared: bool = False

    @nn.compact
    def __call__(self, images, *, train, debug=False):
        x = nn.Conv(8, (4, 4), strides=(4, 4), name="embedding")(images)
        x = x.reshape(x.shape[0], -1, 8)
        cls = self.param("cls", nn.initializers.normal(), (1, 1, 8))
        x = jnp.concatenate([jnp.tile(cls, (x.shape[0], 1, 1)), x], axis=1)
        block = Block(name="block")
        for i in range(self.depth):
            x = (block if self.shared else Block(name=f"encoderblock_{i}"))(x, train)
        x = nn.LayerNorm(name="encoder_norm")(x)
        return nn.Dense(3, name="head")(x[:, 0])


def linen(module, **options):
    variables = module.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), train=False)
    return capture(module, variables=variables, image_size=8, call={"train": False}, **options)


def test_linen_states_are_in_order_of_execution(pictures) -> None:
    model = linen(LinenViT(depth=11))
    blocks = [f"encoderblock_{i}" for i in range(11)]
    assert [s.name for s in model.steps] == ["embedding", *blocks, "encoder_norm"]
    assert model.steps[1].layout == Tokens(("token0",), (2, 2))
    images = model.preprocess(pictures)
    states = model(images)
    assert list(states) == [s.name for s in model.steps]
    by_hand = jax.jit(lambda params: model.module.apply(params, images, train=False, capture_intermediates=True))
    _, taken = by_hand(model.params)
    for name, state in states.items():
        np.testing.assert_allclose(state, taken["intermediates"][name]["__call__"][0], atol=1e-6)
    shared = linen(LinenViT(depth=3, shared=True))
    assert [s.name for s in shared.steps] == ["embedding", "block", "block#1", "block#2", "encoder_norm"]
    assert linen(LinenViT(), include="**").steps[-1].name == "output"


def test_linen_bound_modules_and_missing_variables() -> None:
    model = linen(LinenViT())
    bound = capture(model.module.bind(model.params), image_size=8, call={"train": False})
    assert bound.weights_hash == model.weights_hash
    with pytest.raises(ValueError, match="pass variables="):
        capture(LinenViT(), image_size=8)
    with pytest.raises(ValueError, match="'params' collection"):
        capture(LinenViT(), variables=model.params["params"], image_size=8)
    with pytest.raises(ValueError, match=r"TypeError.*train.*arguments of its call"):
        capture(LinenViT(), variables=model.params, image_size=8)


class Scanned(nn.Module):
    remat: bool = False

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.Conv(8, (4, 4), strides=(4, 4), name="stem")(x)

        class Body(nn.Module):
            @nn.compact
            def __call__(self, x, _):
                return x + nn.Dense(8)(x), None

        body = nn.remat(Body) if self.remat else Body
        x, _ = nn.scan(body, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)(name="blocks")(x, None)
        return nn.LayerNorm(name="norm")(x)


@pytest.mark.slow
def test_linen_scan_is_unrolled_and_remat_refused_by_name(pictures) -> None:
    model = linen(Scanned())
    assert [s.name for s in model.steps] == ["stem", "blocks", "blocks#1", "blocks#2", "norm"]
    images = model.preprocess(pictures)
    states, weights = model(images), model.params["params"]["blocks"]["Dense_0"]
    state = states["stem"]
    for i, name in enumerate(["blocks", "blocks#1", "blocks#2"]):
        state = state + state @ weights["kernel"][i] + weights["bias"][i]
        np.testing.assert_allclose(states[name], state, atol=1e-5)
    np.testing.assert_allclose(
        linen(Scanned(), include="output")(images)["output"], model.module.apply(model.params, images), atol=1e-5
    )
    with pytest.raises(ValueError, match="'blocks' is called inside a JAX transformation"):
        linen(Scanned(remat=True))
    assert [s.name for s in linen(Scanned(remat=True), exclude="blocks").steps] == ["stem", "norm"]


class Compiled(nn.Module):
    """A scan over what runs compiled alone, as kernels of other languages do."""

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.Conv(8, (4, 4), strides=(4, 4), name="stem")(x)

        class Body(nn.Module):
            @nn.compact
            def __call__(self, x, _):
                if jax.config.jax_disable_jit:
                    raise NotImplementedError("this kernel must be compiled")
                return nn.Dense(8)(x), None

        scanned = nn.scan(Body, variable_axes={"params": 0}, split_rngs={"params": True}, length=2)
        return scanned(name="blocks")(x, None)[0]


def test_why_calls_in_a_scan_give_no_steps_is_said() -> None:
    reason = r"4 module calls \(.*blocks.*\) are inside a jit or scan.*fails: NotImplementedError: this kernel must be"
    with pytest.warns(UserWarning, match=reason):
        model = linen(Compiled(), include=["stem", "output"])
    assert [step.name for step in model.steps] == ["stem", "output"]


@pytest.mark.slow
def test_weights_hash_follows_the_weights_of_linen() -> None:
    flax_model = linen(LinenViT())
    changed = jax.tree.map(lambda x: x, flax_model.params)
    changed["params"]["head"]["bias"] = changed["params"]["head"]["bias"].at[0].add(1)
    other = capture(flax_model.module, variables=changed, image_size=8, call={"train": False})
    assert other.weights_hash != flax_model.weights_hash
