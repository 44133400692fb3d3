"""Steps that are added to features of other steps of the same model."""

import json
from urllib.parse import quote

import numpy as np
import PIL.Image
import pytest

import jaxsim
from jaxsim.data import open_images
from jaxsim.features import Extraction, extract, extract_together, open_features

from .conftest import Stop, stop_after

pytestmark = pytest.mark.usefixtures("small_blocks")


def state_of(array):
    """Content, time and number of every file."""
    found = sorted(path for path in array.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) for path in found}


def same(found, expected, steps):
    assert list(found) == list(steps)
    assert found.sample_ids == expected.sample_ids
    for step in steps:
        np.testing.assert_allclose(np.asarray(found[step]), np.asarray(expected[step]), atol=1e-6)


@pytest.mark.parametrize("pool", ["mean", "mean,max"])
def test_only_steps_that_are_missing_are_extracted(TinyModel, images, tmp_path, pool):
    expected = extract(TinyModel(), images, pool=pool)
    first = extract(TinyModel(only=("stem", "Out")), images, pool=pool, out=tmp_path)
    arrays = [tmp_path / "steps.zarr" / quote(step) for step in first]
    before = [state_of(array) for array in arrays]
    assert all(before)
    found = extract(TinyModel(), images, pool=pool, out=tmp_path)
    same(found, expected, list(expected))
    assert not found.reused
    assert [state_of(array) for array in arrays] == before
    opened = open_features(tmp_path)
    same(opened, expected, list(expected))
    missing = [step for step in expected if step not in first]
    assert [each["steps"] for each in opened.manifest["added"]] == [missing]
    assert not (tmp_path / "request.json").exists()
    assert not (tmp_path / "progress.json").exists()
    again = TinyModel()
    assert extract(again, images, pool=pool, out=tmp_path).reused
    some = TinyModel(only=("block.b",))
    few = extract(some, images, pool=pool, out=tmp_path)
    assert few.reused
    assert again.compilations == some.compilations == []
    same(few, expected, [step for step in expected if step.startswith("block.b")])
    assert [step["name"] for step in few.manifest["steps"]] == list(few)


def test_steps_that_are_not_asked_for_now_stay_in_their_place(TinyModel, images, tmp_path):
    extract(TinyModel(only=("Out", "block.b")), images, out=tmp_path)
    found = extract(TinyModel(only=("stem", "Out")), images, out=tmp_path)
    assert list(found) == ["stem", "Out"]
    opened = open_features(tmp_path)
    assert list(opened) == ["stem", "block.b", "Out"]
    assert "among" not in opened.manifest


def test_the_model_runs_only_once_for_what_is_added(TinyModel, images, tmp_path):
    extract(TinyModel(only=("Out",)), images, out=tmp_path, batch_size=20)
    model, told = TinyModel(), []
    extract(model, images, out=tmp_path, batch_size=20, progress=lambda *each: told.append(each))
    assert len(model.compilations) == 1
    assert told[-1] == (40, 40, "tiny")
    other = TinyModel(name="other", mean=0.1)
    found = extract_together([Extraction(TinyModel(), out=tmp_path), Extraction(other)], images, batch_size=20)
    assert [each.reused for each in found] == [True, False]


def test_features_stay_whole_while_steps_are_added_and_a_killed_run_goes_on(TinyModel, images, tmp_path):
    expected = extract(TinyModel(), images, batch_size=4)
    extract(TinyModel(only=("stem",)), images, out=tmp_path, batch_size=4)

    with pytest.raises(Stop):
        extract(TinyModel(), images, out=tmp_path, batch_size=4, progress=stop_after(20))
    same(open_features(tmp_path), expected, ["stem"])
    assert extract(TinyModel(only=("stem",)), images, out=tmp_path).reused
    with pytest.raises(ValueError, match=r"adding block\.b, Out has not finished: run that again first"):
        extract(TinyModel(only=("stem", "Out")), images, out=tmp_path, batch_size=4)
    calls = []
    found = extract(TinyModel(), images, out=tmp_path, batch_size=4, progress=lambda *each: calls.append(each[0]))
    assert calls[0] == 18
    same(found, expected, list(expected))


def test_notes_of_a_run_killed_after_its_manifest_are_cleared(TinyModel, images, tmp_path):
    with pytest.raises(KeyError):
        extract(TinyModel(only=("stem",)), images, out=tmp_path, progress=lambda done, *_: {0: 0}[done])
    notes = {name: (tmp_path / name).read_text() for name in ("request.json",)}
    extract(TinyModel(only=("stem",)), images, out=tmp_path)
    for name, text in notes.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "progress.json").write_text(json.dumps({"start": 40, "n_rows": 40, "damaged": []}))
    found = extract(TinyModel(), images, out=tmp_path)
    assert list(found) == ["stem", "block.b", "Out"]
    assert np.isfinite(np.asarray(found["Out"])).all()


@pytest.mark.parametrize(
    ("model", "arguments", "words"),
    [
        ({"seed": 1}, {}, "weights_hash is"),
        ({"mean": 0.1}, {}, "preprocessing.mean is"),
        ({}, {"pool": "max"}, "pool is"),
        ({}, {"dtype": "float16"}, "dtype is"),
        ({"cls": False}, {}, "the layout of stem is"),
    ],
)
def test_nothing_is_added_to_features_of_something_else(TinyModel, images, tmp_path, model, arguments, words):
    extract(TinyModel(only=("stem",)), images, out=tmp_path)
    before = state_of(tmp_path)
    with pytest.raises(ValueError, match=f"holds features of something else: {words}.*overwrite=True"):
        extract(TinyModel(**model), images, out=tmp_path, **arguments)
    assert state_of(tmp_path) == before


def test_16_bits_and_overwriting(TinyModel, images, tmp_path):
    expected = extract(TinyModel(), images, dtype="bfloat16")
    extract(TinyModel(only=("stem",)), images, out=tmp_path, dtype="bfloat16")
    same(extract(TinyModel(), images, out=tmp_path, dtype="bfloat16"), expected, list(expected))
    same(open_features(tmp_path), expected, list(expected))
    few = extract(TinyModel(only=("Out",)), images, out=tmp_path, overwrite=True)
    assert sorted(path.name for path in (tmp_path / "steps.zarr").iterdir()) == ["Out", "zarr.json"]
    assert list(few) == ["Out"]


def test_images_that_can_be_decoded_once_and_not_again(TinyModel, tmp_path, monkeypatch):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(6):
        PIL.Image.new("L", (8, 8), i * 30).save(pictures / f"{i}.png")
    (pictures / "2.png").write_bytes(b"torn")
    out = tmp_path / "f"
    extract(TinyModel(only=("stem",)), pictures, out=out)
    source = open_images(pictures)
    load = type(source).load
    monkeypatch.setattr(type(source), "load", lambda self, i: load(self, 0 if i == 2 else i))
    with pytest.raises(ValueError, match=r"the same images as when the other steps were extracted, but 2\.png"):
        extract(TinyModel(), source, out=out)
    monkeypatch.undo()
    same(open_features(out), extract(TinyModel(), pictures), ["stem"])


def test_captured_modules_of_other_steps_share_a_folder(images, tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 3)).eval()
    every = jaxsim.capture(net, image_size=8, name="net")
    names = [step.name for step in every.steps]
    first = jaxsim.capture(net, image_size=8, name="net", include=names[:1])
    out = tmp_path / "f"
    extract(first, images, out=out)
    found = extract(every, images, out=out)
    same(found, extract(every, images), names)
    assert [each["steps"] for each in found.manifest["added"]] == [names[1:]]
