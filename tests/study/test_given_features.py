"""Features of other programs in a comparison: files, mappings, and samples that meet by id."""

from __future__ import annotations

import json
import warnings

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

import jaxsim
from jaxsim.cli.app import app
from jaxsim.sample_ids import SampleOrderWarning

N = 40
WORDS = [f"w{i:02d}" for i in range(N)]
RNG = np.random.default_rng(0)
EARLY, LATE = RNG.normal(size=(N, 6)), RNG.normal(size=(N, 4))
ORDER = RNG.permutation(N)


def files(folder, rows=ORDER):
    with h5py.File(folder / "text.h5", "w") as file:
        file["early"], file["late"], file["ids"] = EARLY, LATE, WORDS
    np.savez(folder / "image.npz", early=EARLY[rows], late=LATE[rows], ids=np.array(WORDS)[rows])
    return folder / "text.h5", folder / "image.npz"


def test_features_in_another_order_give_the_same_numbers(tmp_path):
    text, image = files(tmp_path)
    with pytest.warns(SampleOrderWarning, match="'image' are in another order than those of the study"):
        study = jaxsim.compare([text, image], out=tmp_path / "out", report=False)
    values = study.imbalance.values[0]
    np.testing.assert_allclose(values[:2, :2], values[2:, 2:])
    np.testing.assert_allclose(values[:2, :2], values[:2, 2:])
    assert "put right by id" in study.results.attrs["warnings"]


def test_sets_that_differ_are_refused_or_intersected(tmp_path):
    text, image = files(tmp_path, ORDER[:30])
    with pytest.raises(ValueError, match=r"is only in 'text' .*\(30 samples in 'image', 40 in 'text'\)"):
        jaxsim.compare([text, image])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        study = jaxsim.compare([text, image], intersect=True)
    assert study.results.attrs["n_samples"] == 30
    assert any("30 samples that all have" in str(each.message) for each in said)


def test_the_command_line_takes_files_and_intersects(tmp_path):
    text, image = files(tmp_path, ORDER[:30])
    arguments = ["compare", str(text), str(image), "--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code != 0
    done = CliRunner().invoke(app, [*arguments, "--intersect"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "30 samples that all have are measured" in " ".join(done.output.split())
    assert any((tmp_path / "out").glob("*.html"))


def test_row_numbers_are_not_intersected(tmp_path):
    with pytest.raises(ValueError, match="expected samples with ids to intersect, but those of 'a' are row numbers"):
        jaxsim.compare({"a": {"x": EARLY}, "b": {"x": EARLY[:30]}}, intersect=True)


def test_mappings_of_arrays_are_models():
    study = jaxsim.compare({"a": {"x": EARLY, "y": LATE}, "b": {"x": LATE}})
    assert [*study.imbalance.source.values] == ["a/x", "a/y", "b/x"]
    assert json.loads(study.results.attrs["models"])[0]["family"] == "features"


def test_sets_meet_by_id_in_a_measurement():
    captions = jaxsim.open_features({"x": EARLY}, sample_ids=WORDS)
    photos = jaxsim.open_features({"x": EARLY[ORDER]}, sample_ids=np.array(WORDS)[ORDER])
    with pytest.warns(SampleOrderWarning, match="'photos' are in another order than those of 'captions'"):
        found = jaxsim.measure({"captions": captions, "photos": photos}, "cka")
    assert float(found.cka.sel(source="captions/x", target="photos/x")) == pytest.approx(1)
    with pytest.raises(ValueError, match="is only in 'captions'"):
        jaxsim.measure({"captions": captions, "photos": photos.select(range(30))}, "cka")
    with pytest.warns(SampleOrderWarning):
        both = jaxsim.align_features({"captions": captions, "photos": photos.select(range(30))}, intersect=True)
    found = jaxsim.measure(both, "cka")
    assert found.attrs["n_samples"] == 30
    assert float(found.cka.sel(source="captions/x", target="photos/x")) == pytest.approx(1)
    with pytest.raises(ValueError, match="got 'plain' as 'ndarray' beside such sets"):
        jaxsim.measure({"captions": captions, "plain": EARLY}, "cka")


@pytest.mark.parametrize(
    "models",
    [["embedded:vit_digits"], pytest.param(["embedded:vit_digits", "embedded:resnet_digits"], marks=pytest.mark.slow)],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_images_are_decoded_once_for_models_and_their_twins(models, monkeypatch):
    images = jaxsim.open_images("digits").subset(40)
    loaded, load = [], type(images).load
    monkeypatch.setattr(type(images), "load", lambda self, i: loaded.append(i) or load(self, i))
    study = jaxsim.compare(models, images, untrained=True, n_splits=0)
    assert sorted(loaded) == list(range(40))
    assert study.untrained is not None
    assert not np.allclose(study.untrained.imbalance, study.imbalance)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_several_pools_and_bfloat16():
    images = jaxsim.open_images("digits").subset(60)
    study = jaxsim.compare(["embedded:vit_digits"], images, pool="mean,max", steps="block0*", n_splits=0)
    assert "vit_digits/block00:mean" in study.imbalance.source.values
    alone = jaxsim.compare(["embedded:vit_digits"], images, pool="max", steps="block0*", n_splits=0)
    chosen = [f"{name}:max" for name in alone.imbalance.source.values]
    np.testing.assert_allclose(study.imbalance.sel(source=chosen, target=chosen), alone.imbalance)
    fast = jaxsim.compare(["embedded:vit_digits"], images, pool="max", steps="block0*", n_splits=0, dtype="bfloat16")
    assert 0 < np.abs(fast.imbalance.values - alone.imbalance.values).max() < 0.1
    with pytest.raises(ValueError, match="expected pool to make one sample of an image, got 'tokens:4'"):
        jaxsim.compare(["embedded:vit_digits"], images, pool="tokens:4")


def test_values_that_are_not_finite_are_named_with_their_step_and_sample() -> None:
    x = {f"step{i}": np.random.default_rng(i).normal(size=(60, 4)).astype(np.float32) for i in range(3)}
    x["step1"][5, 1] = np.nan
    with pytest.raises(ValueError, match=r"'a/step1' holds NaN .* first in sample 5"):
        jaxsim.compare({"a": x})
