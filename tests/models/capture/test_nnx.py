"""States of live NNX modules."""

import jax
import numpy as np
import pytest
from flax import nnx

from jaxsim.models import Map, capture


class NNXBlock(nnx.Module):
    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        self.linear = nnx.Linear(width, width, rngs=rngs)
        self.norm = nnx.BatchNorm(width, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return x + self.dropout(nnx.gelu(self.linear(self.norm(x))))


class NNXNet(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stem = nnx.Conv(3, 6, (2, 2), strides=2, rngs=rngs)
        self.blocks = nnx.List([NNXBlock(6, rngs), NNXBlock(6, rngs)])
        self.final_norm = nnx.LayerNorm(6, rngs=rngs)
        self.head = nnx.Linear(6, 4, rngs=rngs)

    def __call__(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.final_norm(x).mean((1, 2)))


def test_nnx_states_are_those_of_a_run_by_hand(pictures) -> None:
    net = NNXNet(nnx.Rngs(0))
    classes = [type(module) for _, module in nnx.iter_modules(net)]
    model = capture(net, image_size=(8, 12))
    assert [(s.name, s.kind) for s in model.steps] == [
        ("stem", "stem"),
        ("blocks.0", "block"),
        ("blocks.1", "block"),
        ("final_norm", "norm"),
    ]
    assert model.steps[0].layout == Map((4, 6))
    images = model.preprocess(pictures)
    states = model(images)
    evaluated = nnx.view(net, deterministic=True, use_running_average=True)
    x = nnx.jit(evaluated.stem)(images)
    np.testing.assert_allclose(states["stem"], x, atol=1e-6)
    for i, block in enumerate(evaluated.blocks):
        x = nnx.jit(block)(x)
        np.testing.assert_allclose(states[f"blocks.{i}"], x, atol=1e-5)
    np.testing.assert_allclose(states["final_norm"], evaluated.final_norm(x), atol=1e-5)
    assert [type(module) for _, module in nnx.iter_modules(net)] == classes
    assert net.blocks[0].dropout.deterministic is False
    gradient_of = jax.grad(lambda params: model.apply(params, images)["blocks.1"].sum(), allow_int=True)
    gradient = jax.jit(gradient_of)(model.params)
    assert np.abs(gradient["stem"]["kernel"][...]).sum() > 0


def test_nnx_transformations_inside_the_model(pictures) -> None:
    class Loop(nnx.Module):
        def __init__(self, rngs: nnx.Rngs) -> None:
            self.stem = nnx.Conv(3, 4, (4, 4), strides=4, rngs=rngs)

            @nnx.split_rngs(splits=3)
            @nnx.vmap
            def make(rngs):
                return NNXBlock(4, rngs)

            self.blocks = make(rngs)
            self.last = nnx.Linear(4, 4, rngs=rngs)

        def __call__(self, x):
            loop = nnx.scan(lambda block, x: block(x), in_axes=(0, nnx.Carry), out_axes=nnx.Carry)
            x = loop(self.blocks, self.stem(x))
            return nnx.remat(lambda last, x: last(x))(self.last, x)

    net = Loop(nnx.Rngs(0))
    model = capture(net, image_size=8)
    assert [s.name for s in model.steps] == ["stem", "blocks", "blocks#1", "blocks#2"]
    images = model.preprocess(pictures)
    output = capture(net, image_size=8, include="output")(images)["output"]
    kernel, bias = net.last.kernel[...], net.last.bias[...]
    np.testing.assert_allclose(model(images)["blocks#2"] @ kernel + bias, output, atol=1e-5)
    with pytest.raises(ValueError, match="'last' is called inside a JAX transformation"):
        capture(net, image_size=8, include="last")


@pytest.mark.slow
def test_weights_hash_follows_the_weights_of_nnx() -> None:
    net = NNXNet(nnx.Rngs(0))
    first = capture(net, image_size=8).weights_hash
    assert capture(net, image_size=8).weights_hash == first
    net.head.bias[...] = net.head.bias[...] + 1
    assert capture(net, image_size=8).weights_hash != first
