"""Extractions that are killed whenever it may be, and folders from which something is gone."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from jaxsim.features import extract, open_features

KILLS = 20


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for i in range(300):
        PIL.Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8)).save(folder / f"{i:03d}.png")
    for i in (0, 37, 140, 141, 299):
        (folder / f"{i:03d}.png").write_bytes(b"torn")
    return folder


@pytest.fixture(scope="module")
def whole(TinyModel, pictures, tmp_path_factory):
    """The features of a run in a single go."""
    return extract(TinyModel(), pictures, out=tmp_path_factory.mktemp("whole") / "f", batch_size=16)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def leftovers(folder):
    return sorted(path.name for path in folder.rglob(".*") if path.is_file())


def check_equal(found, whole):
    assert found.sample_ids == whole.sample_ids
    assert found.manifest["damaged"] == whole.manifest["damaged"]
    for step in whole:
        np.testing.assert_array_equal(np.asarray(found[step]), np.asarray(whole[step]))


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_nothing(TinyModel, pictures, whole, tmp_path):
    out, neighbour = tmp_path / "features" / "tiny", tmp_path / "features" / "other"
    extract(TinyModel(seed=1), "digits", out=neighbour)
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    before = contents(neighbour)
    chance = random.Random(20)
    program = Path(__file__).with_name("killed_extraction.py")
    kills = 0
    states = set()
    while kills < KILLS:
        process = subprocess.Popen(
            [sys.executable, str(program), str(pictures), str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"JAX_PLATFORMS": "cpu"},
        )
        assert process.stdout.readline() == "begins\n"
        time.sleep(chance.uniform(0, 1.5))
        process.kill()
        _, errors = process.communicate()
        assert "Error" not in errors
        kills += process.returncode != 0
        states.add(tuple(sorted(name for name in os.listdir(out) if name.endswith(".json"))))
        if (out / "manifest.json").is_file() and not (out / "request.json").is_file():
            check_equal(open_features(out), whole)
            shutil.rmtree(out / "steps.zarr")
            (out / "manifest.json").unlink()
        elif (out / "steps.zarr").is_dir() and not (out / "manifest.json").is_file():
            with pytest.raises(ValueError, match="has not finished: run it again"):
                open_features(out)
    # Moments before, within and between the notes were met.
    assert len(states) > 1
    check_equal(extract(TinyModel(), pictures, out=out, batch_size=16), whole)
    assert (out / "thesis.txt").read_text() == "years of work"
    assert contents(neighbour) == before
    assert leftovers(out) in ([], [".lock"])


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
sys.path.insert(0, sys.argv[4])
from step_models import TinyModel
from jaxsim.features import extract
try:
    extract(TinyModel(), sys.argv[1], out=sys.argv[2], batch_size=16)
except (OSError, ValueError) as error:
    print(f"{type(error).__name__}: {error}")
"""


@pytest.mark.slow
@pytest.mark.parametrize("most_bytes", [3000, 30_000])
def test_a_disk_that_takes_no_more_is_told_and_the_run_continues(TinyModel, pictures, whole, tmp_path, most_bytes):
    # A limit on the size of files stands for a full disk: of 3,000 bytes the request, of 30,000 a chunk does not fit.
    command = [sys.executable, "-c", LIMITED, str(pictures), str(tmp_path / "f"), str(most_bytes)]
    command += [str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"JAX_PLATFORMS": "cpu"})
    assert done.returncode == 0, done.stderr
    assert "File too large" in done.stdout
    assert str(tmp_path / "f") in done.stdout
    found = extract(TinyModel(), pictures, out=tmp_path / "f", batch_size=16)
    check_equal(found, whole)
    assert not list((tmp_path / "f").rglob("*.partial"))


FILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from step_models import TinyModel
from jaxsim.features import extract, folder_writer, open_features
folder_writer._MOST_BLOCK_ROWS = 20
disk = Path(sys.argv[2])
extract(TinyModel(), "digits", out=disk / "before")

def fill(done, total, what):
    if done >= 100:
        file = os.open(disk / "filler", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            while True:
                os.write(file, b"x" * 512)
        except OSError:
            os.close(file)

try:
    extract(TinyModel(), sys.argv[1], out=disk / "f", batch_size=16, progress=fill)
except (OSError, ValueError) as error:
    print(f"{type(error).__name__}: {error}")
print("readable:", sum(len(step[:]) for step in open_features(disk / "before").values()))
"""


@pytest.mark.slow
def test_a_full_disk_is_told_and_what_is_stored_stays(TinyModel, pictures, whole, tmp_path):
    disk, saved = tmp_path / "disk", tmp_path / "saved"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=2m tmpfs '{disk}'"
    refused = subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, text=True)
    if refused.returncode:
        pytest.skip(f"no small disk can be mounted without root: {refused.stderr.strip()}")
    command = f"{mount} && \"$@\" && cp -r '{disk}/f' '{saved}'"
    program = [sys.executable, "-c", FILLED, str(pictures), str(disk), str(Path(__file__).parent)]
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command, "sh", *program],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    error, readable = done.stdout.splitlines()
    assert error.startswith(f"ValueError: cannot write features into {disk}/f: ")
    assert "No space left on device" in error
    assert "the same command continues" in error
    assert readable == f"readable: {3 * 1797}"
    calls = []
    found = extract(TinyModel(), pictures, out=saved, batch_size=16, progress=lambda *c: calls.append(c[0]))
    assert calls[0] > 0
    check_equal(found, whole)


def test_a_manifest_that_is_cut_off_is_told_and_replaced(TinyModel, pictures, whole, tmp_path):
    shutil.copytree(next(iter(whole.values()))._folder, tmp_path / "f")
    text = (tmp_path / "f" / "manifest.json").read_bytes()
    for length in (0, 1, len(text) // 2, len(text) - 1):
        (tmp_path / "f" / "manifest.json").write_bytes(text[:length])
        for use in (open_features, lambda folder: extract(TinyModel(), pictures, out=folder, batch_size=16)):
            with pytest.raises(ValueError, match=r"manifest\.json"):
                use(tmp_path / "f")
    with pytest.warns(UserWarning, match="It is kept as"):
        found = extract(TinyModel(), pictures, out=tmp_path / "f", batch_size=16, overwrite=True)
    check_equal(found, whole)
