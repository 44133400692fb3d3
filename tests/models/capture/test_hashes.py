"""Hashes of live models: of what they hold and how they are set, the same in every process."""

import functools
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxsim
from jaxsim.models import capture
from jaxsim.models.capture.account import account

ROOT = Path(jaxsim.__file__).parent.parent


class Linen(nn.Module):
    """Settings of every kind: a number, a function, a list; and one inside."""

    slope: float = 0.5
    act: object = nn.relu
    widths: tuple[int, ...] = (4,)
    epsilon: float = 1e-6

    @nn.compact
    def __call__(self, x):
        for width in self.widths:
            x = nn.Conv(width, (4, 4), strides=4)(x)
        return self.slope * self.act(nn.LayerNorm(epsilon=self.epsilon)(x))


class Inside(nn.Module):
    """Its norm's setting stands in its code alone."""

    @nn.compact
    def __call__(self, x):
        return nn.LayerNorm(epsilon=1e-6)(nn.Conv(4, (4, 4), strides=4)(x))


class InsideOther(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.LayerNorm(epsilon=1e-2)(nn.Conv(4, (4, 4), strides=4)(x))


InsideOther.__qualname__ = Inside.__qualname__


class NNX(nnx.Module):
    def __init__(self, slope=0.5, act=nnx.relu, seed=0, scale=1.0):
        self.conv = nnx.Conv(3, 4, (4, 4), strides=4, rngs=nnx.Rngs(seed))
        self.conv.kernel[...] *= scale
        self.slope, self.act = slope, act

    def __call__(self, x):
        return self.slope * self.act(self.conv(x))


class Settings:
    """An object without a repr of its own, which Python shows by its address."""

    def __init__(self, slope):
        self.slope = slope


class Torch(torch.nn.Module):
    def __init__(self, slope=0.5, act=torch.relu, seed=0, scale=1.0):
        super().__init__()
        torch.manual_seed(seed)
        self.conv = torch.nn.Conv2d(3, 4, 4, 4)
        with torch.no_grad():
            self.conv.weight *= scale
        self.settings, self.act, self.mean = Settings(slope), act, torch.tensor([slope])
        self.cache = None

    def forward(self, x):
        self.cache = self.act(self.conv(x))
        return self.settings.slope * self.cache


def linen(seed=0, scale=1.0, kind=Linen, **settings):
    module = kind(**settings)
    variables = module.init(jax.random.key(seed), jnp.zeros((1, 16, 16, 3)))
    return capture(module, variables=jax.tree.map(lambda each: scale * each, variables), image_size=16)


def nnx_model(**settings):
    return capture(NNX(**settings), image_size=16)


def torch_model(**settings):
    return capture(Torch(**settings), image_size=16)


MAKERS = {"linen": linen, "nnx": nnx_model, "torch": torch_model}


def times(by):
    """A function that closes over a number."""
    return lambda x: x * by


def hashes():
    """Of a model of each framework with functions without names among its settings."""
    settings = {"slope": 0.25, "act": functools.partial(lambda x, by: x * by, by=3)}
    return {name: make(**settings).weights_hash for name, make in MAKERS.items()}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    "changes",
    [
        {"slope": 0.25},
        {"act": functools.partial(lambda x, by: x * by, by=3)},
        {"act": functools.partial(lambda x, by: x * by, by=4)},
        {"act": lambda x: 3 * x},
        {"seed": 1},
        {"scale": 1.001},
    ],
    ids=["number", "partial", "its argument", "lambda", "weights", "weights by a thousandth"],
)
def test_another_setting_or_weight_is_another_hash(make, changes):
    assert make().weights_hash == make().weights_hash
    assert make(**changes).weights_hash != make().weights_hash
    assert make(**changes).weights_hash == make(**changes).weights_hash


def test_partials_and_lambdas_that_differ_in_a_constant():
    assert account(functools.partial(max, 3)) != account(functools.partial(max, 4))
    assert len({account(lambda x: 2 * x), account(lambda x: 3 * x), account(lambda x: 2 + x)}) == 3
    assert len({account(lambda x, by=by: x * by) for by in (1, 2)}) == 2
    assert len({account(times(by)) for by in (1, 2)}) == 2


def test_settings_inside_a_compact_module():
    one, same, other = (linen(kind=kind) for kind in (Inside, Inside, InsideOther))
    assert one.weights_hash == same.weights_hash != other.weights_hash
    assert linen(widths=(4, 4)).weights_hash != linen().weights_hash
    assert linen(epsilon=1e-3).weights_hash != linen().weights_hash


def test_what_a_forward_pass_leaves_behind_is_no_setting():
    model = torch_model()
    before = model.weights_hash
    model(np.ones((2, 16, 16, 3), np.float32))
    assert model.weights_hash == before
    model.module.settings.slope = 0.75
    assert model.weights_hash != before


@pytest.mark.parametrize(
    "value", [object(), Settings(2), functools.partial(Settings, Settings(1)), [lambda: object()], {"a": Settings([1])}]
)
def test_no_address_is_told(value):
    assert "0x" not in account(value)


def test_another_process_gives_the_same_hash(capsys):
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")]), "PYTHONHASHSEED": "7"}
    with subprocess.Popen([sys.executable, __file__], env=env, stdout=subprocess.PIPE, text=True) as other:
        # Under the same name of the module.
        runpy.run_path(__file__, run_name="__main__")
        found = json.loads(other.communicate(timeout=300)[0].splitlines()[-1])
    assert set(found) == set(MAKERS)
    assert found == json.loads(capsys.readouterr().out.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps(hashes()))
