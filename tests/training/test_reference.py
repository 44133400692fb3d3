"""The reference zoo: objectives and probes do what they say, shipped models are as good as their record says."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

from jaxsim.data import SHAPES, rendered
from jaxsim.data.rendered import render
from jaxsim.features import pool_state
from jaxsim.models import load_model
from jaxsim.models.embedded import embedded_directory, embedded_names
from jaxsim.training import reference
from jaxsim.training.classifier import train_classifier
from jaxsim.training.loop import Recipe
from jaxsim.training.probes import explained, probe_scores, ridge_predictions
from jaxsim.training.self_supervised import blanked, patches_of, train_self_supervised
from jaxsim.training.shipped import architecture_of
from jaxsim.training.views import Views, normalised

SMALL = {**reference.CNN, "embedding_size": 8, "hidden_sizes": [8], "depths": [1]}
SHIPPED = [name for name in reference.NAMES if name in embedded_names()]


@pytest.fixture(scope="module")
def images():
    return render(1, 0, 256)


class TestViews:
    def test_without_randomness_nothing_changes(self, images):
        still = Views(shift=0, zoom=1.0, noise=0.0, mirror=False)
        assert np.allclose(jax.jit(still)(jax.random.key(0), images[:4]), normalised(images[:4]), atol=1e-5)

    @pytest.mark.slow
    def test_mirror_is_a_mirror(self, images):
        views = jax.jit(Views(shift=0, zoom=1.0, noise=0.0))(jax.random.key(0), images[:32])
        plain = np.asarray(normalised(images[:32]))
        same = np.abs(views - plain).max((1, 2, 3)) < 1e-4
        mirrored = np.abs(views - plain[:, :, ::-1]).max((1, 2, 3)) < 1e-4
        assert np.all(same != mirrored)
        assert 4 < mirrored.sum() < 28

    def test_shift_moves_pixels(self):
        picture = np.zeros((64, 9, 9, 3), np.uint8)
        picture[:, 4, 4] = 255
        views = (np.asarray(jax.jit(Views(shift=2, zoom=1.0, noise=0.0))(jax.random.key(1), picture)) + 1) / 2
        assert np.allclose(views.sum((1, 2, 3)), 3, atol=1e-4)
        rows = (views[..., 0].sum(2) * np.arange(9)).sum(1) - 4
        assert -2 <= rows.min() < -1 < 1 < rows.max() <= 2

    @pytest.mark.slow
    def test_colour_and_luminance_survive(self, images):
        views = np.asarray(jax.jit(Views())(jax.random.key(2), images))
        before, after = np.asarray(normalised(images)).mean((1, 2)), views.mean((1, 2))
        assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.97


class TestObjectives:
    def test_half_of_the_patches_are_blanked_whole(self):
        kept = np.asarray(blanked(jax.random.key(0), jnp.ones((300, 32, 32, 3))))
        cells = kept.reshape(300, 4, 8, 4, 8, 3).mean((2, 4, 5))
        assert set(np.unique(cells)) == {0, 1}
        assert cells.mean() == pytest.approx(0.5, abs=0.03)

    def test_patches_lie_under_their_position(self):
        images = np.random.default_rng(0).random((2, 8, 12, 3), np.float32)
        patches = np.asarray(patches_of(jnp.asarray(images), 2, 3))
        assert np.array_equal(patches[1, 1, 2], images[1, 4:8, 8:12].ravel())

    @pytest.mark.slow
    @pytest.mark.parametrize("objective", ["classifier", "selfsup"])
    def test_a_short_training_lowers_the_loss_and_repeats(self, images, objective):
        module = architecture_of(SMALL, "small", "classifier.1.weight" if objective == "classifier" else None).module
        recipe = Recipe(epochs=2, batch=32, learning_rate=4e-3, seed=3)

        def run():
            losses = []
            report = lambda _, loss: losses.append(loss)  # noqa: E731
            if objective == "classifier":
                return train_classifier(module, images, rendered(256, 1).labels, recipe, report, Views()), losses
            return train_self_supervised(module, images, recipe, Views(), report), losses

        (first, losses), (second, again) = run(), run()
        assert losses[-1] < losses[0]
        assert losses == pytest.approx(again, rel=1e-5)
        assert set(first) == {"params", "batch_stats"}
        assert "decoder" not in first["params"]
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), first, second)


class TestProbes:
    def test_linear_maps_are_found_and_noise_is_not(self):
        rng = np.random.default_rng(1)
        x, new = rng.normal(size=(400, 6)), rng.normal(size=(400, 6))
        weights = rng.normal(size=(6, 2))
        assert explained(ridge_predictions(x, x @ weights + 5, new), new @ weights + 5) > 0.999
        noise = rng.normal(size=(400, 2))
        assert abs(explained(ridge_predictions(x, noise, new), rng.normal(size=(400, 2)))) < 0.1

    def test_scores_of_class_and_factors(self):
        few, others = rendered(600, 1), rendered(300, 0)

        def told(source):
            return np.column_stack([np.eye(10)[source.labels], source.factors["object_hue"], source.labels * 0])

        scores = probe_scores((told(few), few.labels, few.factors), (told(others), others.labels, others.factors))
        assert set(scores) == {"class_accuracy", *few.factors}
        assert scores["class_accuracy"] == 1
        assert scores["object_hue"] > 0.99
        assert abs(scores["scale"]) < 0.1


class TestShipped:
    # Of those without a head the probe is fitted anew, on thousands of images; one seed stands for the other.
    @pytest.mark.parametrize(
        "name",
        [pytest.param(name, marks=() if name.endswith("classifier_0") else pytest.mark.slow) for name in SHIPPED],
    )
    def test_models_are_as_good_as_their_record_says(self, name):
        directory = embedded_directory(f"embedded:{name}")
        record = json.loads((directory / "training.json").read_text())
        assert (directory / "model.safetensors").stat().st_size < 1_500_000
        model, source = load_model(f"embedded:{name}"), rendered(600)
        assert sum(step.kind == "block" for step in model.steps) >= 8
        pixels = model.preprocess([source.load(i) for i in range(len(source))])
        assert np.allclose(pixels, normalised(render(0, 0, 600)), atol=1e-5)
        if "accuracy" in record:
            logits = np.asarray(model.outputs(pixels)["logits"])
            share = float((logits.argmax(1) == source.labels).mean())
            stated = record["accuracy"]["held_out"]
            assert model.config["id2label"]["3"] == SHAPES[3]
        else:
            # As the record's: fitted on the same images, scored on the first of the same held-out ones.
            seen = rendered(reference.N_PROBE, reference.TRAIN_SEED)
            told = [seen.labels, source.labels]
            features = [self.last_step(model, images) for images in (render(1, 0, len(seen)), render(0, 0, 600))]
            guessed = ridge_predictions(features[0], np.eye(10)[told[0]], features[1]).argmax(1)
            share, stated = float((guessed == told[1]).mean()), record["probes"]["class_accuracy"]
        assert share == pytest.approx(stated, abs=0.06)

    def last_step(self, model, images):
        layout = model.steps[-1].layout
        chunks = [list(model(normalised(chunk)).values())[-1] for chunk in np.split(images, len(images) // 200)]
        return np.concatenate([np.asarray(pool_state(last, layout, "mean")) for last in chunks])

    def test_their_size_together(self):
        total = sum((embedded_directory(f"embedded:{n}") / "model.safetensors").stat().st_size for n in SHIPPED)
        assert total < 12_000_000

    @pytest.mark.slow
    def test_training_ends_where_the_record_says(self, tmp_path: Path):
        # Not at the same weights: vectors of another width, on another processor, add in another order.
        name = "cnn_classifier_0"
        record = reference.train(name, tmp_path / name)
        stated = json.loads((embedded_directory(f"embedded:{name}") / "training.json").read_text())
        assert record["accuracy"]["held_out"] == pytest.approx(stated["accuracy"]["held_out"], abs=0.01)
        assert record["loss_by_epoch"] == pytest.approx(stated["loss_by_epoch"], abs=0.05)

    @pytest.mark.slow
    def test_weights_come_from_the_seed(self, tmp_path: Path, monkeypatch):
        """On one machine, bit by bit: a short training here, since every further step is the same again."""
        images, labels = reference.training_images()
        monkeypatch.setattr(reference, "training_images", lambda: (images[:1000], labels[:1000]))
        monkeypatch.setattr(reference, "N_PROBE", 500)
        monkeypatch.setattr(reference, "N_HELD_OUT", 500)
        recipe = replace(reference.RECIPES["cnn", "classifier"], epochs=1)
        monkeypatch.setitem(reference.RECIPES, ("cnn", "classifier"), recipe)
        runs = {"first": "cnn_classifier_0", "again": "cnn_classifier_0", "other": "cnn_classifier_1"}
        for folder, name in runs.items():
            reference.train(name, tmp_path / folder)
        first, again, other = (load_file(tmp_path / folder / "model.safetensors") for folder in runs)
        assert first.keys() == again.keys()
        assert all(np.array_equal(first[tensor], again[tensor]) for tensor in first)
        kernels = [tensor for tensor, value in first.items() if value.ndim == 4]
        assert not any(np.allclose(first[tensor], other[tensor]) for tensor in kernels)
