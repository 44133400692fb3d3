import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsim.data import folder, open_images
from jaxsim.features import extract, open_features
from jaxsim.features.store import close_stores

from .conftest import Stop, stop_after

pytestmark = pytest.mark.usefixtures("small_blocks")


@pytest.fixture(scope="module")
def reference(TinyModel, images):
    return extract(TinyModel(), images)


def test_a_second_run_reuses(TinyModel, images, tmp_path):
    first = extract(TinyModel(), images, out=tmp_path)
    model = TinyModel(name="renamed", source="moved")
    calls = []
    second = extract(model, images, out=tmp_path, batch_size=3, progress=lambda *c: calls.append(c))
    assert second.reused
    assert model.compilations == []
    assert second.model_name == "renamed"
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    opened = open_features(tmp_path)
    assert opened.model_name == "tiny"
    assert opened.sample_ids == images.ids


def test_a_finished_folder_that_is_read_only_is_reused(TinyModel, images, tmp_path):
    extract(TinyModel(), images, out=tmp_path / "f")
    (tmp_path / "f" / ".lock").unlink(missing_ok=True)
    (tmp_path / "f").chmod(0o555)
    try:
        assert extract(TinyModel(), images, out=tmp_path / "f").reused
    finally:
        (tmp_path / "f").chmod(0o755)


@pytest.mark.parametrize(("done", "batch_size"), [(1, 4), (12, 6), (23, 7), (23, 16), (39, 4), (39, 7)])
def test_an_interrupted_run_continues(TinyModel, images, reference, tmp_path, done, batch_size):
    with pytest.raises(Stop):
        extract(TinyModel(), images, out=tmp_path, batch_size=batch_size, progress=stop_after(done))
    with pytest.raises(ValueError, match="has not finished: run it again"):
        open_features(tmp_path)
    calls = []
    with pytest.raises(ValueError, match=rf"batch_size is {batch_size} there and 5 now"):
        extract(TinyModel(), images, out=tmp_path, batch_size=5)
    features = extract(TinyModel(), images, out=tmp_path, batch_size=batch_size, progress=lambda *c: calls.append(c[0]))
    single_go = extract(TinyModel(), images, batch_size=batch_size)
    written = -(-done // batch_size) * batch_size
    assert calls[0] == min(written, 40) // 6 * 6
    assert calls[-1] == 40
    assert not features.reused
    for name in reference:
        np.testing.assert_allclose(features[name], reference[name], atol=1e-5)
        np.testing.assert_array_equal(features[name], single_go[name])
    assert features.sample_ids == images.ids


def test_damaged_images_are_counted_once_over_an_interruption(TinyModel, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    # 7 is seen when the block of rows 0 to 5 is written, and again if the run is interrupted then.
    damaged = {7, 8, 14, 15, 16, 29}
    for i in range(30):
        if i in damaged:
            (photos / f"{i:02d}.png").write_bytes(b"torn")
        else:
            PIL.Image.new("L", (8, 8), i * 8).save(photos / f"{i:02d}.png")
    reference = extract(TinyModel(), photos)
    for done in (4, 8, 20, 28):
        out = tmp_path / f"f{done}"
        with pytest.raises(Stop):
            extract(TinyModel(), photos, out=out, batch_size=4, progress=stop_after(done))
        features = extract(TinyModel(), photos, out=out, batch_size=4)
        assert features.damaged == tuple(f"{i:02d}.png" for i in sorted(damaged))
        assert features.sample_ids == reference.sample_ids
        for name in reference:
            np.testing.assert_allclose(features[name], reference[name], atol=1e-5)


@pytest.mark.parametrize("left", [["request.json"], ["request.json", "steps.zarr"]])
def test_killed_before_the_first_note(TinyModel, images, tmp_path, left):
    with pytest.raises(Stop):
        extract(TinyModel(), images, out=tmp_path, progress=stop_after(0))
    assert not (tmp_path / "progress.json").exists()
    if "steps.zarr" not in left:
        for path in sorted((tmp_path / "steps.zarr").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        (tmp_path / "steps.zarr").rmdir()
    assert len(extract(TinyModel(), images, out=tmp_path).sample_ids) == 40


def test_killed_between_cutting_the_arrays_and_the_manifest(TinyModel, tmp_path, monkeypatch):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(8):
        PIL.Image.new("L", (8, 8), i * 8).save(photos / f"{i}.png")
    (photos / "3.png").write_bytes(b"torn")

    def cut_and_die(*arguments):
        close_stores(*arguments)
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr("jaxsim.features.folder_writer.close_stores", cut_and_die)
        with pytest.raises(Stop):
            extract(TinyModel(), photos, out=tmp_path / "f")
    model = TinyModel()
    features = extract(model, photos, out=tmp_path / "f")
    assert model.compilations == []
    assert features["stem"].shape == (7, 6)
    assert features.damaged == ("3.png",)


def test_arrays_that_nothing_is_known_about(TinyModel, images, tmp_path):
    extract(TinyModel(), images, out=tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(ValueError, match="exists without a manifest"):
        extract(TinyModel(), images, out=tmp_path)
    assert len(extract(TinyModel(), images, out=tmp_path, overwrite=True).sample_ids) == 40


DIFFERENT = {
    "pool": (r"pool is 'mean' there and 'cls' now", {}, {"pool": "cls"}),
    "dtype": (r"dtype is 'float32' there and 'float16' now", {}, {"dtype": "float16"}),
    "weights": (r"weights_hash is '\w+' there", {"seed": 1}, {}),
    "preprocessing": (r"preprocessing.mean is 0.5 there and 0.25 now", {"mean": 0.25}, {}),
    "granularity": (r"granularity is 'block' there and 'hf' now", {"granularity": "hf"}, {}),
    "steps": (r"the layout of stem is Tokens\(", {"cls": False}, {}),
}


@pytest.mark.parametrize(
    ("what", "finished"),
    [*((what, True) for what in (*DIFFERENT, "images", "number", "pixels")), ("pool", False), ("images", False)],
)
def test_another_request_is_refused_and_the_difference_named(TinyModel, images, tmp_path, what, finished):
    with contextlib.suppress(Stop):
        extract(TinyModel(), images, out=tmp_path, progress=None if finished else stop_after(30))
    words, model, arguments = DIFFERENT.get(what, ("", {}, {}))
    other = images
    if what == "images":
        other, words = open_images("digits").subset(40, seed=1), r"sample_ids\[0\] is 'digits/\d+' there"
    if what == "number":
        other, words = images.select(range(39)), r"n_images is 40 there and 39 now"
    if what == "pixels":

        class Changed(type(images)):
            description = property(lambda self: super().description | {"fingerprint": "0"})

        other, words = Changed(images, range(40)), r"images_fingerprint is"
    with pytest.raises(ValueError, match=f"holds features of something else: {words}.*overwrite=True"):
        extract(TinyModel(**model), other, out=tmp_path, **arguments)
    features = extract(TinyModel(**model), other, out=tmp_path, overwrite=True, **arguments)
    assert features.sample_ids == other.ids
    assert not features.reused


def test_overwrite_removes_nothing_else(TinyModel, images, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    extract(TinyModel(), images, out=tmp_path)
    extract(TinyModel(), images, out=tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_arrays_that_do_not_fit_the_manifest(TinyModel, images, tmp_path):
    extract(TinyModel(), images, out=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["sample_ids"].pop()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"step stem .* should have the shape \(39, 6\)"):
        open_features(tmp_path)
    (tmp_path / "steps.zarr" / "stem" / "zarr.json").unlink()
    with pytest.raises(ValueError, match=r"step stem .* missing or damaged"):
        open_features(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"manifest.json as JSON"):
        open_features(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match=r"not of the format"):
        open_features(tmp_path)


def test_overwrite_removes_no_file_beside_its_own(TinyModel, images, tmp_path):
    extract(TinyModel(), images, out=tmp_path)
    for name in ("steps.zarr/mine.txt", "steps.zarr/stem/mine.txt"):
        (tmp_path / name).write_text("mine")
    extract(TinyModel(), images, out=tmp_path, overwrite=True)
    assert (tmp_path / "steps.zarr" / "stem" / "mine.txt").read_text() == "mine"
    assert (tmp_path / "steps.zarr" / "mine.txt").read_text() == "mine"
    (tmp_path / "manifest.json").write_text('{"name": "my web app"}')
    with pytest.warns(UserWarning, match=r"not written by extract. It is kept as manifest.json.\w+.aside"):
        extract(TinyModel(), images, out=tmp_path, overwrite=True)
    (aside,) = tmp_path.glob("*.aside")
    assert "my web app" in aside.read_text()


def test_one_flipped_bit_and_a_removed_chunk_are_found(TinyModel, images, tmp_path):
    extract(TinyModel(), images, out=tmp_path)
    file = sorted((tmp_path / "steps.zarr" / "stem" / "c").glob("*/0"))[3]
    whole = file.read_bytes()
    file.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(ValueError, match=rf"step stem .* damaged .*{file}.*overwrite=True"):
        np.asarray(open_features(tmp_path)["stem"])
    file.unlink()
    with pytest.raises(ValueError, match=rf"step stem .* damaged .*{file}.*missing.*overwrite=True"):
        open_features(tmp_path)["stem"][[0, 20]]
    features = extract(TinyModel(), images, out=tmp_path, overwrite=True)
    assert np.isfinite(features["stem"]).all()


@pytest.mark.parametrize("name", ["steps.zarr", "steps.zarr/stem", "steps.zarr/stem/c"])
def test_arrays_behind_a_link_are_not_overwritten(TinyModel, images, tmp_path, name):
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    extract(TinyModel(), images, out=run)
    (run / name).rename(elsewhere)
    (run / name).symlink_to(elsewhere)
    before = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    assert before
    with pytest.raises(ValueError, match=rf"run/{name} is a link: features are written and deleted only below"):
        extract(TinyModel(), images, out=run, overwrite=True)
    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["manifest.json", "request.json", ".lock"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_pipe_is_not_waited_for(TinyModel, images, tmp_path, name, overwrite):
    os.mkfifo(tmp_path / name)
    if overwrite and name != ".lock":
        with pytest.warns(UserWarning, match=rf"{name} as JSON: expected a regular file.* It is kept as"):
            extract(TinyModel(), images, out=tmp_path, overwrite=True)
        return
    with pytest.raises(ValueError, match=rf"{tmp_path}"):
        extract(TinyModel(), images, out=tmp_path, overwrite=overwrite)


SPOILED = {
    "no steps": (lambda m: m.pop("steps"), r"expected steps as a list, came None"),
    "steps null": (lambda m: m.update(steps=None), r"expected steps as a list"),
    "step without name": (lambda m: m["steps"][0].pop("name"), r"expected steps\[0\] as a step"),
    "model a text": (lambda m: m.update(model="vit"), r"expected model as an object"),
    "no damaged": (lambda m: m.pop("damaged"), r"expected damaged as a list"),
    "damaged without place": (lambda m: m.update(damaged=[{"id": "a"}]), r"expected damaged as a list"),
    "ids twice": (lambda m: m.update(sample_ids=m["sample_ids"][:1] * 40), r"expected sample_ids as ids that differ"),
    "ids numbers": (lambda m: m.update(sample_ids=list(range(40))), r"expected sample_ids as a list of texts"),
    "pool null": (lambda m: m.update(pool=None), r"expected pool as a text, came None"),
    "another hash": (lambda m: m.update(weights_hash="0"), r"is damaged, or was changed since it was written"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_manifest_that_is_json_and_damaged_is_a_sentence(TinyModel, images, tmp_path, case):
    extract(TinyModel(), images, out=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    spoil, words = SPOILED[case]
    spoil(manifest)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for use in (open_features, lambda folder: extract(TinyModel(), images, out=folder)):
        with pytest.raises(ValueError, match=rf"manifest\.json.*{words}.*overwrite=True"):
            use(tmp_path)
    assert not extract(TinyModel(), images, out=tmp_path, overwrite=True).reused


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("request.json", "[]"),
        ("request.json", "{}"),
        ("request.json", '{"request": 3, "block_rows": 6}'),
        ("request.json", '{"request": {}, "block_rows": 0}'),
        ("progress.json", "null"),
        ("progress.json", "{}"),
        ("progress.json", '{"start": -1, "n_rows": 0, "damaged": []}'),
        ("progress.json", '{"start": 6, "n_rows": 7, "damaged": []}'),
        ("progress.json", '{"start": "6", "n_rows": 6, "damaged": []}'),
    ],
)
def test_notes_that_are_json_and_damaged_are_a_sentence(TinyModel, images, tmp_path, file, content):
    with pytest.raises(Stop):
        extract(TinyModel(), images, out=tmp_path, progress=stop_after(20), batch_size=4)
    (tmp_path / file).write_text(content)
    with pytest.raises(ValueError, match=rf"{file} is damaged: expected .*overwrite=True"):
        extract(TinyModel(), images, out=tmp_path, batch_size=4)


@pytest.mark.slow
def test_any_json_in_place_of_a_manifest_is_a_sentence(TinyModel, images, tmp_path):
    extract(TinyModel(), images, out=tmp_path)
    whole = json.loads((tmp_path / "manifest.json").read_text())
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner))

    @settings(max_examples=300, deadline=None)
    @given(key=st.sampled_from([key for key in whole if key != "checksum"]), value=anything)
    def check(key, value):
        (tmp_path / "manifest.json").write_text(json.dumps(whole | {key: value}))
        if value == whole[key] and type(value) is type(whole[key]):
            return
        with pytest.raises(ValueError, match=r"manifest\.json|should have the shape"):
            open_features(tmp_path)

    check()


def photos_of(path, shade):
    path.mkdir(exist_ok=True)
    for i in range(8):
        PIL.Image.new("L", (8, 8), i * 8 + shade).save(path / f"{i}.bmp")
        os.utime(path / f"{i}.bmp", ns=(10**18, 10**18))


def test_other_pictures_of_the_same_names_and_sizes_are_noticed(TinyModel, tmp_path):
    photos = tmp_path / "photos"
    photos_of(photos, 0)
    extract(TinyModel(), photos, out=tmp_path / "f")
    assert extract(TinyModel(), photos, out=tmp_path / "f").reused
    photos_of(photos, 1)
    with pytest.raises(ValueError, match="images_fingerprint is"):
        extract(TinyModel(), photos, out=tmp_path / "f")


def test_files_that_did_not_change_are_not_read_again(TinyModel, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxsim.data.folder.TICK", 0)
    photos = tmp_path / "photos"
    photos_of(photos, 0)
    time.sleep(0.02)
    extract(TinyModel(), photos, out=tmp_path / "f")
    read = []
    hashed = folder._content_hash
    monkeypatch.setattr("jaxsim.data.folder._content_hash", lambda path: read.append(path.name) or hashed(path))
    assert extract(TinyModel(), photos, out=tmp_path / "f").reused
    assert read == []
    (photos / "3.bmp").touch()
    assert extract(TinyModel(), photos, out=tmp_path / "f").reused
    assert read == ["3.bmp"]
    assert extract(TinyModel(), photos, out=tmp_path / "f", verify_images=True).reused
    assert len(read) == 1 + 8


def test_a_folder_above_and_one_that_is_not_utf8(TinyModel, images, tmp_path, monkeypatch):
    (tmp_path / "code").mkdir()
    monkeypatch.chdir(tmp_path / "code")
    reference = extract(TinyModel(), images)
    for out in ("../above", os.fsdecode(b"r\xe9sultats")):
        features = extract(TinyModel(), images, out=out)
        np.testing.assert_array_equal(features["stem"], reference["stem"])
    assert (tmp_path / "above" / "manifest.json").is_file()


def test_a_folder_that_cannot_be_made(TinyModel, images, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cannot write to .*file/f: Not a directory"):
        extract(TinyModel(), images, out=tmp_path / "file" / "f")


@pytest.fixture
def slow_run():
    """Starts an extraction of 300 digits, in blocks of 50, in a process of its own; gives the process."""
    started = []

    def start(out, seconds_per_image):
        program = Path(__file__).with_name("slow_extraction.py")
        process = subprocess.Popen(
            [sys.executable, str(program), str(out), str(seconds_per_image)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"JAX_PLATFORMS": "cpu"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(process, images_done):
    while int(process.stdout.readline() or 10**9) < images_done:
        pass


def test_a_killed_process_is_continued_and_its_folder_is_free(TinyModel, tmp_path, slow_run):
    digits = open_images("digits").subset(300)
    process = slow_run(tmp_path, 0.01)
    wait_for(process, 160)
    with pytest.raises(ValueError, match=r"another process is extracting features into"):
        extract(TinyModel(), digits, out=tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    note = json.loads((tmp_path / "progress.json").read_text())
    assert 150 <= note["start"] < 300
    calls = []
    features = extract(TinyModel(), digits, out=tmp_path, progress=lambda *c: calls.append(c[0]))
    assert calls[0] == note["start"]
    reference = extract(TinyModel(), digits)
    for name in reference:
        np.testing.assert_allclose(features[name], reference[name], atol=1e-5)


@pytest.mark.slow
def test_interrupting_the_process_ends_it_soon(tmp_path, slow_run):
    process = slow_run(tmp_path, 0.02)
    wait_for(process, 32)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert time.monotonic() - sent < 10
