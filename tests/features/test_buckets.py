"""Features in a bucket are written, continued, opened and measured as those of a folder; the server is in here."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner

import jaxsim
from jaxsim.cli.app import app
from jaxsim.features import Extraction, extract, extract_together, open_features
from jaxsim.features.statistics import extract_statistics
from jaxsim.files import RemotePath, read_json

from .bucket_server import serve
from .conftest import Stop, stop_after

pytestmark = pytest.mark.usefixtures("small_blocks")


@pytest.fixture(scope="module")
def server():
    with serve() as found:
        yield found


@pytest.fixture
def buckets(server, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("TENSORSTORE_GCS_HTTP_URL", server.url)
    monkeypatch.setenv("GOOGLE_AUTH_TOKEN_FOR_TESTING", "token")
    server.objects.clear()
    server.conditional, server.full = True, False
    return server


@pytest.fixture(params=["s3://bucket", "gs://bucket", "memory://tests"])
def place(request, buckets, tmp_path):
    return f"{request.param}/{tmp_path.name}/features of/vit"


def check_equal(found, whole):
    assert found.sample_ids == whole.sample_ids
    for step in whole:
        np.testing.assert_array_equal(np.asarray(found[step]), np.asarray(whole[step]))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_is_written_is_opened_reused_and_measured(TinyModel, images, place, tmp_path, dtype):
    model = TinyModel(cls=False)  # a step "a/map", whose name no folder can have
    local = extract(model, images, out=tmp_path / "f", dtype=dtype)
    found = extract(model, images, out=place, dtype=dtype)
    check_equal(found, local)
    again = extract(model, images, out=place + "/", dtype=dtype)
    assert again.reused
    opened = open_features(place)
    check_equal(opened, local)
    names = {path.relative_to(tmp_path / "f").as_posix() for path in (tmp_path / "f").rglob("*") if path.is_file()}
    assert below(RemotePath(place)) == names - {".lock"}
    measured = [jaxsim.measure(open_features(each), "cka")["cka"].values for each in (place, tmp_path / "f")]
    np.testing.assert_array_equal(*measured)
    with pytest.raises(ValueError, match="pool is 'mean' there and 'max' now"):
        extract(TinyModel(), images, out=place, dtype=dtype, pool="max")


def below(folder):
    found = set()
    for each in folder.iterdir():
        found |= {f"{each.name}/{name}" for name in below(each)} if each.is_dir() else {each.name}
    return found


@pytest.mark.parametrize("done", [1, 23, 39])
def test_an_interrupted_run_continues(TinyModel, images, place, done):
    whole = extract(TinyModel(), images, batch_size=7)
    with pytest.raises(Stop):
        extract(TinyModel(), images, out=place, batch_size=7, progress=stop_after(done))
    with pytest.raises(ValueError, match="has not finished: run it again"):
        open_features(place)
    calls = []
    found = extract(TinyModel(), images, out=place, batch_size=7, progress=lambda *c: calls.append(c[0]))
    assert calls[0] == -(-done // 7) * 7 // 6 * 6 if done < 39 else calls[0] == 36
    check_equal(found, whole)


def test_steps_are_added_and_damaged_images_left_out(TinyModel, place, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(20):
        PIL.Image.new("L", (8, 8), i * 8).save(photos / f"{i:02d}.png")
    (photos / "07.png").write_bytes(b"torn")
    whole = extract(TinyModel(), photos)
    extract(TinyModel(only=("Out",)), photos, out=place)
    found = extract(TinyModel(), photos, out=place)
    assert list(found) == list(whole)
    assert found.sample_ids == whole.sample_ids
    for step in whole:
        # A program of other steps rounds differently.
        np.testing.assert_allclose(np.asarray(found[step]), np.asarray(whole[step]), atol=1e-6)
    assert found.damaged == ("07.png",)
    check_equal(open_features(place), found)


def test_overwriting_removes_nothing_else(TinyModel, images, place):
    folder = RemotePath(place)
    extract(TinyModel(), images, out=place)
    mine = [folder / "thesis.txt", folder / "steps.zarr/stem/c/mine/0", folder / "steps.zarr/mine.txt"]
    for each in mine:
        each.write_bytes(b"years of work")
    (folder / "manifest.json").write_bytes(b'{"name": "my web app"}')
    with pytest.warns(UserWarning, match=r"not written by extract. It is kept as manifest.json.\w+.aside"):
        found = extract(TinyModel(seed=1), images.subset(9), out=place, overwrite=True)
    check_equal(found, extract(TinyModel(seed=1), images.subset(9)))
    assert all(each.read_bytes() == b"years of work" for each in mine)
    (aside,) = folder.glob("*.aside")
    assert aside.read_bytes() == b'{"name": "my web app"}'
    # Chunks of the rows that there are no more are gone.
    assert [each.parent.name for each in folder.glob("steps.zarr/stem/c/*/0")] == ["0", "1", "mine"]


def test_damage_is_named(TinyModel, images, place):
    folder = RemotePath(place)
    extract(TinyModel(), images, out=place)
    chunk = folder / "steps.zarr/stem/c/3/0"
    whole = chunk.read_bytes()
    chunk.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(ValueError, match=rf"step stem in {place} are damaged .*c/3/0.*overwrite=True"):
        np.asarray(open_features(place)["stem"])
    chunk.unlink()
    with pytest.raises(ValueError, match=rf"step stem in {place} are damaged .*c/3/0.*missing"):
        np.asarray(open_features(place)["stem"])
    text = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(text[:-40])
    with pytest.raises(ValueError, match=rf"cannot read {place}/manifest.json as JSON"):
        open_features(place)
    with pytest.raises(ValueError, match=r"expected a Zarr group in .*/nothing, got none"):
        open_features(f"{place}/nothing")


def test_of_two_writers_one_is_refused(TinyModel, images, place):
    inside, go_on = threading.Event(), threading.Event()
    found = []

    def wait(done, total, what):
        inside.set()
        go_on.wait(30)

    thread = threading.Thread(target=lambda: found.append(extract(TinyModel(), images, out=place, progress=wait)))
    thread.start()
    assert inside.wait(30)
    try:
        with pytest.raises(
            ValueError, match=rf"process {os.getpid()} on .* since '20.*if it was killed, delete {place}/.lock"
        ):
            extract(TinyModel(), images, out=place)
    finally:
        go_on.set()
        thread.join()
    check_equal(found[0], extract(TinyModel(), images))
    assert not (RemotePath(place) / ".lock").is_file()


def test_a_lock_of_somebody_else_is_left_alone(TinyModel, images, place):
    lock = RemotePath(place) / ".lock"
    lock.write_bytes(b"{")
    with pytest.raises(ValueError, match="which does not say who it is"):
        extract(TinyModel(), images, out=place)
    assert lock.read_bytes() == b"{"


def test_stores_without_conditional_writes_are_refused(TinyModel, images, buckets):
    buckets.conditional = False
    with pytest.raises(ValueError, match="takes no notice of conditional writes"):
        extract(TinyModel(), images, out="s3://bucket/vit")
    assert not buckets.objects


def test_a_full_bucket_is_told_and_what_is_there_continues(TinyModel, images, buckets):
    def fill(done, total, what):
        buckets.full = done >= 20

    with pytest.raises(ValueError, match=r"s3://bucket/vit.*the bucket is full"):
        extract(TinyModel(), images, out="s3://bucket/vit", batch_size=5, progress=fill)
    buckets.full = False
    assert json.loads(buckets.objects["bucket/vit/progress.json"])["start"] == 18
    found = extract(TinyModel(), images, out="s3://bucket/vit", batch_size=5)
    check_equal(found, extract(TinyModel(), images, batch_size=5))


def test_a_store_that_does_not_answer_is_told(TinyModel, images, monkeypatch, buckets):
    monkeypatch.setattr("jaxsim.files.remote._RETRIES", 0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    from jaxsim.files.remote import remote_context

    remote_context.cache_clear()
    try:
        with pytest.raises(ValueError, match=r"cannot read s3://bucket/vit/.*check the bucket, the credentials and"):
            extract(TinyModel(), images, out="s3://bucket/vit")
    finally:
        remote_context.cache_clear()


def test_a_run_that_is_killed_continues(TinyModel, buckets, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for i in range(300):
        PIL.Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8)).save(photos / f"{i:03d}.png")
    program = Path(__file__).with_name("killed_extraction.py")
    command = [sys.executable, str(program), str(photos), "s3://bucket/vit"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"JAX_PLATFORMS": "cpu"}, text=True)
    while "bucket/vit/progress.json" not in buckets.objects:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    lock = read_json(RemotePath("s3://bucket/vit/.lock"))
    with pytest.raises(ValueError, match=f"process {lock['process']} on .*delete s3://bucket/vit/.lock"):
        extract(TinyModel(), photos, out="s3://bucket/vit", batch_size=16)
    RemotePath("s3://bucket/vit/.lock").unlink()
    calls = []
    found = extract(TinyModel(), photos, out="s3://bucket/vit", batch_size=16, progress=lambda *c: calls.append(c[0]))
    assert calls[0] >= 20
    check_equal(found, extract(TinyModel(), photos, batch_size=16))


def test_statistics_and_several_models_are_kept_in_buckets(TinyModel, images, place):
    wanted = [Extraction(TinyModel(), "mean", place), Extraction(TinyModel(), "max", f"{place}2")]
    found = extract_together(wanted, images)
    assert [each.manifest["pool"] for each in found] == ["mean", "max"]
    with pytest.raises(ValueError, match="a folder of its own for every model"):
        extract_together([*wanted, Extraction(TinyModel(), "mean", f"{place}/")], images)
    view = jaxsim.data.statistics_view(images)
    first = extract_statistics(images, view, out=f"{place}3")
    check_equal(extract_statistics(images, view, out=f"{place}3"), first)


@pytest.mark.parametrize("out", ["http://host/vit", "s3://", "s3://bucket/../vit", "s3://B_/vit"])
def test_places_that_cannot_be_written(TinyModel, images, buckets, out):
    said = r"expected (out as the path of a folder on a disk|a folder in a bucket), ?|cannot open s3://B_/vit"
    with pytest.raises(ValueError, match=said):
        extract(TinyModel(), images, out=out)


def test_a_study_is_kept_on_a_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="a bucket holds features alone"):
        jaxsim.compare({"x": np.eye(8)}, out="s3://bucket/study")
    with pytest.raises(ValueError, match="a bucket holds features alone"):
        open_features(Path("s3://bucket/vit"))
    for command in ("compare", "extract", "inspect"):
        options = ["s3://bucket/study"] if command == "inspect" else ["embedded:vit_digits", "--out", "s3://bucket/x"]
        ended = CliRunner().invoke(app, [command, *options])
        assert ended.exit_code == 2
        assert "a bucket holds features alone" in ended.output
    assert not list(tmp_path.iterdir())
