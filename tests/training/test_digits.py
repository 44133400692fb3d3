"""The shipped models open like any checkpoint and are as good as their record says; training learns."""

import json

import jax
import numpy as np
import pytest

from jaxsim.data import digits
from jaxsim.models import load_model
from jaxsim.models.embedded import embedded_directory, embedded_names
from jaxsim.training.classifier import accuracy, train_classifier
from jaxsim.training.loop import Recipe


@pytest.mark.parametrize("name", ["vit_digits", "resnet_digits"])
def test_shipped_models_reach_their_recorded_accuracy(name):
    directory = embedded_directory(f"embedded:{name}")
    record = json.loads((directory / "training.json").read_text())
    assert (directory / "model.safetensors").stat().st_size < 1_000_000
    model, data = load_model(f"embedded:{name}"), digits()
    held_out = [data.source.load(int(i)) for i in data.held_out]
    logits = np.asarray(model.outputs(model.preprocess(held_out))["logits"])
    share = float((logits.argmax(1) == data.labels[data.held_out]).mean())
    assert share == pytest.approx(record["accuracy"]["held_out"], abs=0.003)
    assert share > 0.9


def test_unknown_embedded_model():
    assert set(embedded_names()) >= {"vit_digits", "resnet_digits"}
    with pytest.raises(ValueError, match="embedded:vit_digits"):
        load_model("embedded:nothing")


@pytest.mark.slow
def test_training_learns_and_batch_statistics_move():
    data = digits()
    module = load_model("embedded:resnet_digits").module
    images = np.stack([data.source.load(i) for i in range(200)]).astype(np.float32) / 127.5 - 1
    images = images.repeat(4, 1).repeat(4, 2)
    losses = []
    recipe = Recipe(epochs=2, batch=50, learning_rate=4e-3, seed=1)
    trained = train_classifier(module, images, data.labels[:200], recipe, lambda _, loss: losses.append(loss))
    assert losses[1] < losses[0]
    assert accuracy(module, trained, images, data.labels[:200]) > 0.15
    fresh = jax.jit(module.init)(jax.random.key(1), images[:2])
    moved = jax.tree.map(lambda a, b: not np.allclose(a, b), trained["batch_stats"], dict(fresh["batch_stats"]))
    assert all(jax.tree.leaves(moved))
