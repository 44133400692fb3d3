"""Several processes write one folder, which is what one process writes."""

import itertools
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import PIL.Image
import pytest

from jaxsim.data import open_images
from jaxsim.features import Extraction, extract_together, open_features
from jaxsim.features.device_step import DeviceStep
from jaxsim.features.model_runs import Job, run_together
from jaxsim.features.part_writer import PartWriter, prepare_parts
from jaxsim.features.parts import divide, images_done, join_parts, part_bounds, part_notes
from jaxsim.features.request import describe_request
from jaxsim.features.step_record import step_records
from jaxsim.files import RemotePath, write_json

from .bucket_server import serve
from .conftest import Stop

PROGRAM = Path(__file__).with_name("one_of_several.py")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("jaxsim.features.folder_writer._MOST_BLOCK_ROWS", 10)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for i in range(75):
        PIL.Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8)).save(folder / f"{i:03d}.png")
    for i in (3, 36, 41, 42, 74):
        (folder / f"{i:03d}.png").write_bytes(b"torn")
    return folder


def started(count, pictures, out, *words):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    return [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(index), str(count), str(port), str(pictures), str(out), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"JAX_PLATFORMS": "cpu"},
        )
        for index in range(count)
    ]


def said(processes):
    """The last line of each."""
    try:
        outputs = [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert all(text.strip() for text, _ in outputs), outputs
    return [text.splitlines()[-1] for text, _ in outputs]


def alone(TinyModel, pictures, out, dtype="float32", first="mean"):
    wanted = [
        Extraction(TinyModel(), first, out / "a"),
        Extraction(TinyModel(seed=1, name="b"), "cls,mean", out / "b"),
    ]
    return extract_together(wanted, pictures, batch_size=8, dtype=dtype)


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".lock", "manifest.json", "images.json")
    }


def check_equal(folder, expected):
    """Every file of the folder is that of one process, but for the manifest's hour."""
    for each in expected:
        name = "a" if each.model_name == "tiny" else "b"
        found = open_features(str(folder / name))
        assert found.sample_ids == each.sample_ids
        changing = ("created", "checksum", "seconds")
        assert {k: v for k, v in found.manifest.items() if k not in changing} == {
            k: v for k, v in each.manifest.items() if k not in changing
        }
        for step in each:
            np.testing.assert_array_equal(np.asarray(found[step]), np.asarray(each[step]))


def test_two_processes_write_what_one_writes(TinyModel, pictures, tmp_path):
    assert said(started(2, pictures, tmp_path / "two")) == 2 * ["[False, False] 70"]
    expected = alone(TinyModel, pictures, tmp_path / "one")
    check_equal(tmp_path / "two", expected)
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_two_processes_write_one_bucket(TinyModel, pictures, tmp_path, monkeypatch, dtype):
    with serve() as buckets:
        monkeypatch.setenv("AWS_ENDPOINT_URL", buckets.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        words = ["narrow"] if dtype == "float16" else []
        assert said(started(2, pictures, "s3://bucket/two", *words)) == 2 * ["[False, False] 70"]
        check_equal(RemotePath("s3://bucket/two"), alone(TinyModel, pictures, tmp_path / "one", dtype))
        assert not any("part-" in name or ".lock" in name for name in buckets.objects)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "words", "options"),
    [
        (4, (), {}),
        (3, ("narrow",), {"dtype": "float16"}),
        (2, ("tokens",), {"first": "tokens:2"}),
    ],
)
def test_more_processes_and_other_rows(TinyModel, pictures, tmp_path, count, words, options):
    found = said(started(count, pictures, tmp_path / "several", *words))
    assert len(set(found)) == 1
    assert found[0].startswith("[False, False]")
    check_equal(tmp_path / "several", alone(TinyModel, pictures, tmp_path / "one", **options))


@pytest.mark.slow
def test_processes_add_steps_to_those_of_one(TinyModel, pictures, tmp_path):
    assert said(started(2, pictures, tmp_path / "several", "added")) == 2 * ["[False, False] 70"]
    (found, _), folder = alone(TinyModel, pictures, tmp_path / "one"), open_features(tmp_path / "several" / "a")
    assert [each["steps"] for each in folder.manifest["added"]] == [["stem", "block.b"]]
    for step in found:
        np.testing.assert_array_equal(np.asarray(folder[step]), np.asarray(found[step]))


@pytest.mark.slow
@pytest.mark.parametrize("then", [1, 2, 3])
def test_processes_that_were_ended_are_continued_by_any_number(TinyModel, pictures, tmp_path, then):
    out = tmp_path / "several"
    processes = started(2, pictures, out, "stop")
    for process in processes:
        assert process.stdout.readline().startswith("stops at")
    for process in processes:
        process.kill()
        process.communicate()
    notes = [path.name for path in part_notes(out / "a")]
    assert notes == ["part-0-of-2.json", "part-1-of-2.json"]
    done = images_done(out / "a", 75)
    assert 10 <= done < 75
    with pytest.raises(ValueError, match="has not finished: run it again"):
        open_features(out / "a")
    if then == 1:
        alone(TinyModel, pictures, out)
    else:
        assert said(started(then, pictures, out)) == then * ["[False, False] 70"]
    expected = alone(TinyModel, pictures, tmp_path / "one")
    check_equal(out, expected)
    assert contents(out) == contents(tmp_path / "one")


@pytest.mark.slow
def test_an_error_in_one_process_is_told_by_all(TinyModel, pictures, tmp_path):
    first, second = said(started(2, pictures, tmp_path, "fail"))
    assert second == "KeyError: 'a defect'"
    assert first == "LostProcessError: process 1 of 2 failed, and all end with it: KeyError: 'a defect'"
    # What process 0 has written is taken up.
    expected = alone(TinyModel, pictures, tmp_path)
    assert len(expected[0].sample_ids) == 70


@pytest.mark.parametrize("n_parts", [1, 2, 3, 7])
@pytest.mark.parametrize(("first", "n_images", "block"), [(0, 75, 10), (30, 75, 10), (0, 4, 10), (75, 75, 10)])
def test_parts_are_whole_blocks_that_cover_all(n_parts, first, n_images, block):
    bounds = part_bounds(first, n_images, block, n_parts)
    assert [bounds[0][0], bounds[-1][1]] == [first, n_images]
    assert all(before[1] == after[0] for before, after in itertools.pairwise(bounds))
    assert all(start == n_images or (start - first) % block == 0 for start, _ in bounds)
    sizes = [-(-(stop - start) // block) for start, stop in bounds]
    assert max(sizes) - min(sizes) <= 1


def note(folder, part, n_parts, first, stop, start, damaged=()):
    entries = [{"id": str(each), "reason": "torn", "position": each} for each in damaged]
    write_json(
        folder / f"part-{part}-of-{n_parts}.json", {"first": first, "stop": stop, "start": start, "damaged": entries}
    )


@pytest.mark.parametrize(
    ("parts", "start"),
    [
        ([(0, 40, 40), (40, 75, 60)], 60),
        ([(0, 40, 30), (40, 75, 60)], 30),
        ([(0, 40, 40), (40, 75, 75)], 75),
        ([(0, 40, 40, [25]), (40, 75, 60)], 20),
        ([(0, 40, 40), (40, 75, 60, [41])], 40),
    ],
)
def test_one_process_takes_up_what_has_no_gap(tmp_path, parts, start):
    write_json(tmp_path / "progress.json", {"start": 0, "n_rows": 0, "damaged": []})
    for place, part in enumerate(parts):
        note(tmp_path, place, 2, *part)
    assert images_done(tmp_path, 75) == sum(part[2] - part[0] for part in parts)
    assert join_parts(tmp_path, 75, 10) == {"start": start, "n_rows": start, "damaged": [], "seconds": {}}
    assert part_notes(tmp_path) == []
    assert images_done(tmp_path, 75) == start


def test_parts_of_as_many_processes_stay_and_of_others_are_divided_anew(tmp_path):
    divide(tmp_path, 75, 10, 2)
    note(tmp_path, 1, 2, 40, 75, 60, [45])
    before = contents(tmp_path)
    divide(tmp_path, 75, 10, 2)
    assert contents(tmp_path) == before
    divide(tmp_path, 75, 10, 3)
    assert images_done(tmp_path, 75) == 0
    assert [path.name for path in part_notes(tmp_path)] == [f"part-{part}-of-3.json" for part in range(3)]


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        '{"first": 3, "stop": 2, "start": 3, "damaged": []}',
        '{"first": 0, "stop": 99, "start": 3, "damaged": []}',
        '{"first": 5, "stop": 9, "start": 4, "damaged": []}',
        '{"first": 5, "stop": 9, "start": 6, "damaged": [{"id": "a", "reason": "b", "position": 2}]}',
    ],
)
def test_a_damaged_note_of_a_part_is_a_sentence(tmp_path, content):
    write_json(tmp_path / "progress.json", {"start": 0, "n_rows": 0, "damaged": []})
    (tmp_path / "part-0-of-2.json").write_text(content)
    with pytest.raises(ValueError, match=r"part-0-of-2\.json is damaged: expected .*overwrite=True"):
        join_parts(tmp_path, 75, 10)


def test_several_processes_need_a_folder(TinyModel, pictures, monkeypatch):
    monkeypatch.setattr("jax.process_count", lambda: 2)
    with pytest.raises(ValueError, match="expected a folder"):
        extract_together([Extraction(TinyModel())], pictures, across_processes=True)


def test_killed_while_rows_are_moved_over_those_of_damaged_images(TinyModel, pictures, tmp_path, monkeypatch):
    model, images, folder = TinyModel(), open_images(pictures), tmp_path / "several" / "a"
    folder.mkdir(parents=True)
    steps = step_records(model.steps, "mean")
    request = describe_request(model, images, steps, "mean", "float32")
    prepare_parts(folder, request, steps, 8)
    writer = PartWriter(folder, request, steps, lambda: None)
    job = Job(0, Extraction(model), writer, DeviceStep(model, "mean", "float32", 8, jax.local_devices()))
    run_together([job], images, "float32", False, 8, 1, lambda *each: None)
    assert images_done(folder, 75) == 75

    def killed(*arguments):
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr("jaxsim.features.part_writer.close_stores", killed)
        with pytest.raises(Stop):
            writer.finish({})
    assert images_done(folder, 75) == 0  # of the first block, which has a damaged image, on
    found = alone(TinyModel, pictures, tmp_path / "several")
    assert len(found[0].sample_ids) == 70
    alone(TinyModel, pictures, tmp_path / "one")
    assert contents(tmp_path / "several") == contents(tmp_path / "one")
