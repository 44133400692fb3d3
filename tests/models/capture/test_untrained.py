"""Captured models with random weights, the control for their training."""

import flax.linen as nn
import jax
import numpy as np
import pytest
import torch
from flax import nnx

from jaxsim.models import capture


def test_a_torch_module_draws_its_weights_anew(conv_net, pictures):
    for weight in conv_net.parameters():
        torch.nn.init.normal_(weight)
    before = {name: tensor.clone() for name, tensor in conv_net.state_dict().items()}
    random_state = torch.random.get_rng_state()
    model = capture(conv_net, image_size=8)
    drawn = model.untrained(seed=1)
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert all(torch.equal(tensor, before[name]) for name, tensor in conv_net.state_dict().items())
    assert (drawn.name, drawn.steps) == (model.name, model.steps)
    assert len({model.weights_hash, drawn.weights_hash, model.untrained(2).weights_hash}) == 3
    assert model.untrained(1).weights_hash == drawn.weights_hash
    # As torch initialises: a batch norm of nothing learned, a convolution within its bound.
    norm, stem = drawn.module.layer1[0].bn, drawn.module.stem
    assert (norm.weight == 1).all()
    assert (norm.running_mean == 0).all()
    assert stem.weight.abs().max() <= (3 * 2 * 2) ** -0.5
    images = model.preprocess(pictures)
    by_hand = stem(torch.from_numpy(images.transpose(0, 3, 1, 2))).detach().numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(capture(drawn.module, image_size=8, include="stem")(images)["stem"], by_hand, atol=1e-6)


def test_attention_is_drawn_too():
    block = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 4, stride=4), torch.nn.Flatten(2), torch.nn.Linear(4, 8), block)
    drawn = capture(net, image_size=8, include="0").untrained(3).module
    assert not torch.equal(drawn[3].self_attn.in_proj_weight, block.self_attn.in_proj_weight)


class WithToken(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.token = torch.nn.Parameter(torch.randn(8))
        self.stem = torch.nn.Conv2d(3, 8, 4, stride=4)

    def forward(self, x):
        return self.stem(x) + self.token[:, None, None]


def test_weights_that_nothing_draws_are_named():
    model = capture(WithToken(), image_size=8)
    with pytest.raises(ValueError, match="WithToken: no reset_parameters draws token anew"):
        model.untrained()


def test_a_normed_weight_is_not_taken_for_drawn():
    net = torch.nn.Sequential(torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv2d(3, 8, 4, stride=4)))
    with pytest.raises(ValueError, match=r"no reset_parameters draws .*original"):
        capture(net, image_size=8).untrained()


def test_a_linen_module_is_initialised_anew():
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            return nn.BatchNorm(use_running_average=not train)(nn.Conv(4, (3, 3))(x))

    net = Net()
    variables = net.init(jax.random.key(0), np.zeros((1, 8, 8, 3)), train=False)
    model = capture(net, variables=variables, image_size=8, call={"train": False})
    expected = net.init(jax.random.key(5), np.zeros((1, 8, 8, 3)), train=False)
    found = model.untrained(5).params
    jax.tree.map(np.testing.assert_array_equal, found, dict(expected))


def test_modules_that_do_not_know_how_they_were_made():
    model = capture(nnx.Conv(3, 4, (2, 2), rngs=nnx.Rngs(0)), image_size=8)
    with pytest.raises(ValueError, match="NNX module, which does not say how"):
        model.untrained()
