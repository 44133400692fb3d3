"""Live models of three frameworks go through a comparison next to a checkpoint."""

import json

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxsim
from jaxsim.study.derived.unchanged_steps import UnchangedStepWarning


class ConvBlock(torch.nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn = torch.nn.BatchNorm2d(outputs)
        self.relu = torch.nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))


def torchvision_style() -> torch.nn.Module:
    torch.manual_seed(0)
    features = torch.nn.Sequential(ConvBlock(3, 8, 1), ConvBlock(8, 16, 2), ConvBlock(16, 16, 1))
    return torch.nn.Sequential(features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(16, 10))


class Residual(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm = nnx.LayerNorm(8, rngs=rngs)
        self.linear = nnx.Linear(8, 8, rngs=rngs)

    def __call__(self, x):
        return x + nnx.gelu(self.linear(self.norm(x)))


class LiveNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stem = nnx.Conv(3, 8, (2, 2), strides=2, rngs=rngs)
        self.blocks = nnx.List([Residual(rngs), Residual(rngs)])

    def __call__(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return x


class LiveLinen(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.relu(nn.Conv(8, (3, 3), name="conv0")(x))
        return nn.Conv(8, (3, 3), name="conv1")(x)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
def test_live_models_next_to_an_embedded_one(tmp_path) -> None:
    net = LiveLinen()
    variables = net.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)), False)
    conv = torchvision_style()
    models = [
        jaxsim.capture(conv, image_size=16, name="torch"),
        jaxsim.capture(LiveNNX(nnx.Rngs(0)), image_size=16, name="nnx"),
        jaxsim.capture(net, variables=variables, image_size=16, name="linen", call={"train": False}),
        "embedded:vit_digits",
    ]
    asked = {"images": "digits", "n_samples": 50, "batch_size": 25, "n_splits": 0, "out": tmp_path, "report": False}
    study = jaxsim.compare(models, **asked)
    steps = [
        *("torch/0.0", "torch/0.1", "torch/0.2"),
        *("nnx/stem", "nnx/blocks.0", "nnx/blocks.1"),
        *("linen/conv0", "linen/conv1"),
    ]
    labels = study.imbalance.source.values.tolist()
    assert labels[: len(steps)] == steps
    assert len(labels) > len(steps)
    assert np.isfinite(study.imbalance).all()
    np.testing.assert_allclose(np.diagonal(study.imbalance.sel(k=1)), 2 / 50)
    told = json.loads(study.results.attrs["models"])
    assert [model["name"] for model in told][:3] == ["torch", "nnx", "linen"]
    assert told[0]["source"].startswith("live torch module")

    again = jaxsim.compare(models, **asked)
    assert {"features of torch", "features of nnx", "features of linen", "imbalance"} <= set(again.reused)
    with torch.no_grad():
        conv[0][0].conv.weight[0, 0, 0, 0] += 1
    # Other weights are another model: it is extracted anew, beside what is there.
    changed = jaxsim.compare(models, **asked)
    assert "features of torch" not in changed.reused
    assert {"features of nnx", "features of linen"} <= set(changed.reused)
    assert not np.array_equal(changed.imbalance, study.imbalance)


def test_further_steps_of_a_captured_model_are_added_to_its_features(tmp_path):
    net = LiveNNX(nnx.Rngs(0))
    asked = {"images": "digits", "n_samples": 50, "batch_size": 16, "out": tmp_path, "report": False, "n_splits": 0}
    every = jaxsim.capture(net, image_size=16, name="nnx")
    names = [step.name for step in every.steps]
    jaxsim.compare(jaxsim.capture(net, image_size=16, name="nnx", include=names[1:]), **asked)
    study = jaxsim.compare(every, **asked)
    (folder,) = (tmp_path / "features").iterdir()
    assert list(jaxsim.open_features(folder)) == names == list(study.steps["nnx"])
    assert [each["steps"] for each in jaxsim.open_features(folder).manifest["added"]] == [names[:1]]
    again = jaxsim.compare(jaxsim.capture(net, image_size=16, name="nnx", include=names[1:]), **asked)
    assert "features of nnx" in again.reused


@pytest.mark.parametrize("make", [torchvision_style, lambda: LiveNNX(nnx.Rngs(0)), LiveLinen])
def test_bare_modules_are_to_be_captured(make):
    with pytest.raises(
        ValueError, match=r"is a bare torch, NNX or Linen module: compare jaxsim\.capture\(model, image"
    ):
        jaxsim.compare([make()], images="digits")


def test_a_captured_sequential_tells_of_calls_that_change_nothing() -> None:
    torch.manual_seed(0)
    layers = (
        torch.nn.Conv2d(3, 8, 4, 4),
        torch.nn.Dropout(),
        torch.nn.ReLU(),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 8, 3),
    )
    net = torch.nn.Sequential(*layers)
    images = jaxsim.open_images("rendered:40")
    with pytest.warns(UnchangedStepWarning, match=r"steps 'net/2' and 'net/3' are equal for every sample"):
        study = jaxsim.compare(jaxsim.capture(net, image_size=32, name="net"), images=images, n_splits=0)
    # Dropout is no step by default; where it is asked for, it changes nothing.
    assert study.steps["net"] == ("0", "2", "3", "4")
    asked = jaxsim.capture(net, image_size=32, name="net", include=["0", "1", "2", "4"])
    with pytest.warns(UnchangedStepWarning, match="steps 'net/0' and 'net/1' are equal"):
        jaxsim.compare(asked, images=images, n_splits=0)
