"""Several models over one reading of the images, several pools, tokens as samples, 16 bits, several devices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

import jaxsim
from jaxsim.data import open_images
from jaxsim.data.stage_times import STAGES
from jaxsim.features import Extraction, extract, extract_together, open_features


@pytest.fixture(scope="module")
def images():
    return open_images("digits").subset(70, seed=0)


def same(a, b):
    assert list(a) == list(b)
    for step in a:
        np.testing.assert_array_equal(np.asarray(a[step]), np.asarray(b[step]))
    assert a.sample_ids == b.sample_ids


def test_models_together_are_what_each_is_alone(TinyModel, images, tmp_path):
    models = [TinyModel(), TinyModel(seed=1, name="twin"), TinyModel(mean=0.25, cls=False, name="other")]
    pools = ["mean", "cls", "spatial:2"]
    wanted = [Extraction(m, p, tmp_path / m.name) for m, p in zip(models, pools, strict=True)]
    found = extract_together(wanted, images, batch_size=16)
    for model, pool, each in zip(models, pools, found, strict=True):
        same(each, extract(model, images, pool=pool, batch_size=16))
    again = extract_together(wanted, images, batch_size=16)
    assert all(each.reused for each in again)


def test_images_are_decoded_once_and_twins_share_their_preprocessing(TinyModel, images, monkeypatch):
    loaded, prepared = [], []
    load, prepare = type(images).load, TinyModel.preprocess
    monkeypatch.setattr(type(images), "load", lambda self, i: loaded.append(i) or load(self, i))
    monkeypatch.setattr(TinyModel, "preprocess", lambda self, x: prepared.append(len(x)) or prepare(self, x))
    twins = [Extraction(TinyModel()), Extraction(TinyModel(seed=1)), Extraction(TinyModel(mean=0.1))]
    extract_together(twins, images, batch_size=16)
    assert sorted(loaded) == list(range(70))
    assert sum(prepared) == 2 * 70


def test_models_that_were_interrupted_at_different_places_go_on(TinyModel, images, tmp_path):
    class Interrupted(Exception):
        pass

    def stop_at(limit):
        def progress(done, total, what):
            if done >= limit:
                raise Interrupted

        return progress

    models = [TinyModel(name="a"), TinyModel(name="b", seed=1)]
    whole = [extract(model, images, batch_size=8) for model in models]
    with pytest.raises(Interrupted):
        extract(models[0], images, out=tmp_path / "a", batch_size=8, progress=stop_at(40))
    started = []
    wanted = [Extraction(model, out=tmp_path / model.name) for model in models]
    found = extract_together(
        wanted, images, batch_size=8, progress=lambda done, total, what: started.append((done, what))
    )
    for each, expected in zip(found, whole, strict=True):
        same(each, expected)


def test_the_seconds_of_stages_are_kept_and_added_up_over_an_interruption(TinyModel, images, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxsim.features.folder_writer._MOST_BLOCK_ROWS", 10)
    slow, quick = TinyModel(seconds_per_image=0.01), TinyModel(mean=0.1)
    load = type(images).load
    monkeypatch.setattr(type(images), "load", lambda self, i: time.sleep(0.005) or load(self, i))

    class Interrupted(Exception):
        pass

    def stop(done, total, what):
        if done >= 40:
            raise Interrupted

    with pytest.raises(Interrupted):
        extract(slow, images, out=tmp_path / "slow", batch_size=10, threads=2, progress=stop)
    noted = json.loads((tmp_path / "slow" / "progress.json").read_text())["seconds"]
    assert 0.3 <= noted["preprocess"] < 5
    wanted = [Extraction(slow, out=tmp_path / "slow"), Extraction(quick)]
    one, other = (each.manifest["seconds"] for each in extract_together(wanted, images, batch_size=10, threads=2))
    assert set(one) == set(other) == set(STAGES)
    assert all(one[stage] >= noted[stage] - 0.001 for stage in STAGES)
    # 70 images take 0.7 s, less what was ready in advance when the first run ended.
    assert one["preprocess"] >= 0.5
    assert one["decode"] >= 0.25
    assert other["decode"] >= 0.35


def test_two_models_in_one_folder_are_refused(TinyModel, images, tmp_path):
    with pytest.raises(ValueError, match="expected a folder of its own for every model"):
        extract_together([Extraction(TinyModel(), out=tmp_path)] * 2, images)


@pytest.mark.parametrize("on_disk", [pytest.param(False, marks=pytest.mark.slow), True])
def test_several_pools_in_one_go(TinyModel, images, tmp_path, on_disk):
    found = extract(TinyModel(), images, pool="cls,max,project:7", out=tmp_path / "f" if on_disk else None)
    assert list(found)[:4] == ["stem:cls", "stem:max", "stem:project:7", "block.b:cls"]
    for pool in ("cls", "max", "project:7"):
        alone = extract(TinyModel(), images, pool=pool)
        for step in alone:
            np.testing.assert_allclose(np.asarray(found[f"{step}:{pool}"]), alone[step], atol=1e-6)


@pytest.mark.filterwarnings("ignore::jaxsim.metrics.TieWarning")
@pytest.mark.parametrize("on_disk", [False, True])
def test_tokens_are_samples_with_the_image_as_their_group(TinyModel, images, tmp_path, on_disk):
    model = TinyModel()
    found = extract(model, images, pool="tokens:5", out=tmp_path / "f" if on_disk else None, batch_size=16)
    assert found["stem"].shape == (350, 6)
    assert found.sample_ids[:6] == (*(f"{images.ids[0]}#{i}" for i in range(5)), f"{images.ids[1]}#0")
    assert found.groups == tuple(each for each in images.ids for _ in range(5))
    states = model.apply(model.params, model.preprocess([images.load(i) for i in range(70)]))
    patches = np.asarray(states["stem"])[:, 3:]
    rows = np.asarray(found["stem"]).reshape(70, 5, 6)
    nearest = np.abs(rows[:, :, None] - patches[:, None]).max(-1).min(-1)
    assert nearest.max() < 1e-5
    np.testing.assert_array_equal(np.asarray(found["Out"])[:5], np.repeat(np.asarray(found["Out"])[:1], 5, 0))
    measured = jaxsim.measure(found, "mutual_knn", groups=found.groups, k=3)
    assert measured.attrs["n_groups"] == 70
    if on_disk:
        assert open_features(tmp_path / "f").groups == found.groups
        assert extract(model, images, pool="tokens:5", out=tmp_path / "f", batch_size=16).reused


def test_tokens_go_on_after_an_interruption(TinyModel, images, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxsim.features.folder_writer._MOST_BLOCK_ROWS", 40)
    whole = extract(TinyModel(), images, pool="tokens:3", batch_size=8)

    def stop(done, total, what):
        if done >= 48:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(TinyModel(), images, pool="tokens:3", out=tmp_path / "f", batch_size=8, progress=stop)
    same(extract(TinyModel(), images, pool="tokens:3", out=tmp_path / "f", batch_size=8), whole)


class FarOff:
    """Representations around 1000, where bfloat16 has steps of 4."""

    @staticmethod
    def of(TinyModel):
        class Model(TinyModel):
            def apply(self, params, images):
                states = super().apply(params, images)
                return type(states)({name: state + 1000 for name, state in states.items()})

        return Model()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("on_disk", [False, True])
def test_16_bits_are_taken_off_a_centre(TinyModel, images, tmp_path, dtype, on_disk):
    model = FarOff.of(TinyModel)
    found = extract(model, images, dtype=dtype, out=tmp_path / "f" if on_disk else None)
    exact = extract(model, images)
    for step in exact:
        assert found[step].dtype == np.float32
        error = np.abs(np.asarray(found[step]) - exact[step]).max()
        # Without a centre: 0.25 (float16) and 2 (bfloat16).
        assert 0 < error < (0.002 if dtype == "float16" else 0.02)
        np.testing.assert_array_equal(found[step][[5, 1]], np.asarray(found[step])[[5, 1]])
    if on_disk:
        same(found, open_features(tmp_path / "f"))


def test_16_bits_are_the_same_after_an_interruption(TinyModel, images, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxsim.features.folder_writer._MOST_BLOCK_ROWS", 16)
    model = FarOff.of(TinyModel)
    whole = extract(model, images, dtype="bfloat16", batch_size=8)

    def stop(done, total, what):
        if done >= 48:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(model, images, dtype="bfloat16", out=tmp_path / "f", batch_size=8, progress=stop)
    same(extract(model, images, dtype="bfloat16", out=tmp_path / "f", batch_size=8), whole)


def test_zarr_reads_16_bits_and_their_centre(TinyModel, images, tmp_path):
    found = extract(FarOff.of(TinyModel), images, dtype="float16", out=tmp_path / "f")
    group = zarr.open_group(tmp_path / "f" / "steps.zarr", mode="r")
    np.testing.assert_array_equal(group["stem"][:].astype(np.float32) + group["stem.centre"][:], found["stem"][:])


def test_overwriting_16_bits_leaves_nothing_behind(TinyModel, images, tmp_path):
    extract(TinyModel(), images, dtype="bfloat16", out=tmp_path / "f")
    extract(TinyModel(), images, out=tmp_path / "f", overwrite=True)
    assert sorted(each.name for each in (tmp_path / "f" / "steps.zarr").iterdir()) == [
        "Out", "block.b", "stem", "zarr.json"
    ]  # fmt: skip


@pytest.mark.slow
def test_eight_devices_extract_what_one_does(tmp_path):
    program = """
import jax, numpy as np
from jaxsim.data import open_images
from jaxsim.features import extract
from jaxsim.models import load_model
assert jax.local_device_count() == 8
images = open_images("digits").subset(45, seed=0)
model = load_model("embedded:cnn_selfsup_0")
for pool in ("mean", "tokens:2"):
    one = extract(model, images, pool=pool, batch_size=20, devices=jax.local_devices()[:1])
    all_of_them = extract(model, images, pool=pool, batch_size=20)
    for step in one:
        np.testing.assert_allclose(all_of_them[step], one[step], rtol=1e-5, atol=1e-5)
again = extract(model, images, batch_size=20)
print("same")
"""
    simulated = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    root = Path(__file__).parents[2]
    env = os.environ | simulated | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "kernels")])}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "same", done.stderr
