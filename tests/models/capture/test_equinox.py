"""States of live Equinox modules; only where Equinox is installed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.models import Map, capture

eqx = pytest.importorskip("equinox")


def made():
    """A network as Equinox's tutorials write it: one image `[C, H, W]`, a state for the batch norms."""

    class Block(eqx.Module):
        conv: eqx.nn.Conv2d
        norm: eqx.nn.BatchNorm
        dropout: eqx.nn.Dropout

        def __init__(self, width, key):
            self.conv = eqx.nn.Conv2d(width, width, 3, padding=1, key=key)
            self.norm = eqx.nn.BatchNorm(width, axis_name="batch", mode="batch")
            self.dropout = eqx.nn.Dropout(0.5)

        def __call__(self, x, state, *, key=None):
            y, state = self.norm(self.conv(x), state)
            return x + self.dropout(jax.nn.relu(y), key=key), state

    class Net(eqx.Module):
        stem: eqx.nn.Conv2d
        blocks: list
        head: eqx.nn.Linear
        scale: float = eqx.field(static=True)

        def __init__(self, key):
            keys = jax.random.split(key, 4)
            self.stem = eqx.nn.Conv2d(3, 6, 2, stride=2, key=keys[0])
            self.blocks = [Block(6, keys[1]), Block(6, keys[2])]
            self.head = eqx.nn.Linear(6, 4, key=keys[3])
            self.scale = 2.0

        def __call__(self, x, state):
            x = self.scale * self.stem(x)
            for block in self.blocks:
                x, state = block(x, state)
            return self.head(x.mean((1, 2))), state

    return eqx.nn.make_with_state(Net)(jax.random.key(0))


@pytest.fixture(scope="module")
def net():
    return made()


def test_states_are_those_of_a_run_by_hand(net, pictures) -> None:
    module, state = net
    classes = [type(module.stem), type(module.blocks[0])]
    model = capture(module, image_size=(8, 12), call={"state": state})
    assert [(s.name, s.kind) for s in model.steps] == [("stem", "stem"), ("blocks.0", "block"), ("blocks.1", "block")]
    assert model.steps[0].layout == Map((4, 6))
    images = model.preprocess(pictures)
    states = model(images)
    evaluated = eqx.nn.inference_mode(module)
    for position, image in enumerate(images):
        x = evaluated.stem(jnp.transpose(image, (2, 0, 1)))
        np.testing.assert_allclose(states["stem"][position], x.transpose(1, 2, 0), atol=1e-5)
        x = 2 * x
        for index, block in enumerate(evaluated.blocks):
            x, _ = block(x, state)
            np.testing.assert_allclose(states[f"blocks.{index}"][position], x.transpose(1, 2, 0), atol=1e-5)
    assert [type(module.stem), type(module.blocks[0])] == classes
    assert not module.blocks[0].dropout.inference


def test_names_inside_blocks_and_the_output(net, pictures) -> None:
    module, state = net
    model = capture(module, image_size=8, call={"state": state}, include=["blocks.*.conv", "output"])
    states = model(model.preprocess(pictures))
    assert {name: value.shape for name, value in states.items()} == {
        "blocks.0.conv": (4, 4, 4, 6),
        "blocks.1.conv": (4, 4, 4, 6),
        "output": (4, 4),
    }


def test_gradients_reach_the_weights(net, pictures) -> None:
    module, state = net
    model = capture(module, image_size=8, call={"state": state})
    images = model.preprocess(pictures)
    gradient = jax.jit(jax.grad(lambda params: model.apply(params, images)["blocks.1"].sum(), allow_int=True))
    assert np.abs(gradient(model.params).stem.weight).sum() > 0


def test_a_network_of_plain_layers(pictures) -> None:
    keys = jax.random.split(jax.random.key(1), 2)
    layers = [eqx.nn.Conv2d(3, 5, 2, stride=2, key=keys[0]), eqx.nn.Lambda(jax.nn.relu), eqx.nn.GroupNorm(1, 5)]
    model = capture(eqx.nn.Sequential(layers), image_size=8)
    assert [step.name for step in model.steps] == ["layers.0", "layers.1", "layers.2"]
    states = model(model.preprocess(pictures))
    np.testing.assert_allclose(states["layers.1"], np.maximum(states["layers.0"], 0), atol=1e-6)


def test_the_hash_follows_weights_and_settings(net) -> None:
    module, state = net
    first = capture(module, image_size=8, call={"state": state}).weights_hash
    again, other_state = made()
    assert capture(again, image_size=8, call={"state": other_state}).weights_hash == first
    changed = eqx.tree_at(lambda each: each.head.bias, module, module.head.bias + 1)
    assert capture(changed, image_size=8, call={"state": state}).weights_hash != first


def test_a_call_that_fails_and_weights_that_cannot_be_drawn(net) -> None:
    module, state = net
    with pytest.raises(ValueError, match=r"Net fails on images of shape .*state"):
        capture(module, image_size=8)
    with pytest.raises(ValueError, match="Equinox module, which does not say how"):
        capture(module, image_size=8, call={"state": state}).untrained()
