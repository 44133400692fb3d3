"""Live models whose modules cannot be seen, or whose account of themselves changes from process to process."""

import functools
import warnings

import flax.linen as nn
import jax
import numpy as np
import pytest
import torch

from jaxsim.models import capture


class Act(torch.nn.Module):
    """A module whose repr shows a function with its address."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def extra_repr(self) -> str:
        return repr(self.function)

    def forward(self, x):
        return self.function(x)


def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 4, 4), torch.nn.ReLU(), torch.nn.Conv2d(4, 4, 1))


@pytest.mark.parametrize("make", ["script", "trace"])
def test_torchscript_is_refused(make) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer versions of torch call TorchScript deprecated
        module = torch.jit.script(net()) if make == "script" else torch.jit.trace(net(), torch.zeros(3, 3, 16, 16))
    with pytest.raises(ValueError, match=r"TorchScript hides its modules.*pass the eager model"):
        capture(module, image_size=16)


def test_weights_on_meta_are_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.weight is on the device 'meta'"):
        capture(net().to("meta"), image_size=16)


@pytest.mark.parametrize(
    "wrap", [torch.nn.utils.parametrizations.spectral_norm, torch.nn.utils.parametrizations.weight_norm]
)
def test_parametrizations_are_no_steps(wrap) -> None:
    plain, wrapped = net(), net()
    wrap(wrapped[0])
    for include in (None, "**"):
        steps = [
            [step.name for step in capture(each, image_size=16, include=include).steps] for each in (plain, wrapped)
        ]
        assert steps[0] == steps[1]


def test_hashes_do_not_hold_addresses() -> None:
    def made():
        """The same module with another object as its function."""
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 4, 4), Act(functools.partial(lambda x: x)))

    one, other = made(), made()
    other.load_state_dict(one.state_dict())
    assert repr(one) != repr(other)
    assert capture(one, image_size=16).weights_hash == capture(other, image_size=16).weights_hash


class Net(nn.Module):
    """A Linen module with a function among its attributes."""

    act: functools.partial

    @nn.compact
    def __call__(self, x):
        return self.act(nn.Conv(4, (4, 4), strides=4)(x))


def test_hashes_of_linen_modules_do_not_hold_addresses() -> None:
    def made():
        return Net(functools.partial(lambda x: x))

    variables = made().init(jax.random.key(0), np.zeros((1, 16, 16, 3)))
    hashes = {capture(made(), variables=variables, image_size=16).weights_hash for _ in range(2)}
    assert len(hashes) == 1
