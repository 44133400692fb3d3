"""What counts as ours: content that was written under a name, nothing else."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxsim.files import JOURNAL, OwnedFiles, read_json, write_json, write_whole


def test_a_file_is_ours_while_it_is_as_it_was_written(tmp_path) -> None:
    OwnedFiles(tmp_path).write("a.csv", b"1")
    (tmp_path / "b.csv").write_bytes(b"1")
    again = OwnedFiles(tmp_path)
    assert (again.owns("a.csv"), again.owns("b.csv")) == (True, False)
    (tmp_path / "a.csv").write_bytes(b"2")
    again.remove(["a.csv", "b.csv"])
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "b.csv", JOURNAL]
    with pytest.raises(
        ValueError, match=r"a\.csv was not written by jaxsim, or was changed since, as far as jaxsim\.jsonl"
    ):
        again.write("a.csv", b"3")
    assert (tmp_path / "a.csv").read_bytes() == b"2"


def test_a_run_that_is_killed_before_a_file_is_in_its_place_can_write_it_again(tmp_path, monkeypatch) -> None:
    files = OwnedFiles(tmp_path)
    files.write("a.csv", b"old")

    def die(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            files.write("a.csv", b"new")
    assert (tmp_path / "a.csv").read_bytes() == b"old"
    OwnedFiles(tmp_path).write("a.csv", b"new")
    assert (tmp_path / "a.csv").read_bytes() == b"new"


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path) -> None:
    OwnedFiles(tmp_path).write("a.csv", b"1")
    with (tmp_path / JOURNAL).open("a") as journal:
        journal.write('{"file": "b.csv", "sha')
    OwnedFiles(tmp_path).write("c.csv", b"3")
    files = OwnedFiles(tmp_path)
    assert (files.owns("a.csv"), files.owns("c.csv")) == (True, True)


def test_the_same_content_needs_no_second_line(tmp_path) -> None:
    for _ in range(3):
        OwnedFiles(tmp_path).write("a.csv", b"1")
    assert len((tmp_path / JOURNAL).read_text().splitlines()) == 1


def test_what_was_removed_is_told_from_what_was_lost(tmp_path) -> None:
    files = OwnedFiles(tmp_path)
    for name in ("kept.csv", "removed.csv", "lost.csv", "again.csv"):
        files.write(name, b"1")
    files.remove(["removed.csv", "again.csv"])
    (tmp_path / "lost.csv").unlink()
    assert files.missing() == OwnedFiles(tmp_path).missing() == ["lost.csv"]
    files.write("again.csv", b"1")
    assert OwnedFiles(tmp_path).missing() == ["lost.csv"]
    # Written again after it was removed, and then taken away by somebody else.
    (tmp_path / "again.csv").unlink()
    assert files.missing() == OwnedFiles(tmp_path).missing() == ["lost.csv", "again.csv"]


def test_a_removal_that_was_killed_leaves_a_file_that_is_known(tmp_path, monkeypatch) -> None:
    files = OwnedFiles(tmp_path)
    files.write("a.csv", b"1")

    def die(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", die)
        with pytest.raises(KeyboardInterrupt):
            files.remove(["a.csv"])
    again = OwnedFiles(tmp_path)
    assert (again.owns("a.csv"), again.missing()) == (True, [])


def test_a_journal_cannot_point_out_of_its_folder(tmp_path) -> None:
    inner = tmp_path / "run"
    inner.mkdir()
    OwnedFiles(tmp_path).write("a.csv", b"1")
    digest = json.loads((tmp_path / JOURNAL).read_text())["sha256"]
    (inner / JOURNAL).write_text(json.dumps({"file": "../a.csv", "sha256": digest}))
    files = OwnedFiles(inner)
    files.remove([*files, "../a.csv"])
    assert (tmp_path / "a.csv").exists()


def test_links_that_are_planted_are_not_followed(tmp_path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    run = tmp_path / "run"
    run.mkdir()
    for name in ("index.html", ".index.html.partial", f".index.html.{os.getpid()}"):
        (run / name).symlink_to(precious)
    with pytest.raises(ValueError, match=r"index\.html was not written by jaxsim"):
        OwnedFiles(run).write("index.html", b"page")
    (run / "index.html").unlink()
    OwnedFiles(run).write("index.html", b"page")
    assert precious.read_text() == "mine"
    assert not (run / "index.html").is_symlink()


def test_a_pipe_is_neither_read_nor_replaced(tmp_path) -> None:
    os.mkfifo(tmp_path / "study.nc")
    with pytest.raises(ValueError, match=r"study\.nc was not written by jaxsim"):
        OwnedFiles(tmp_path).check(["study.nc"])
    assert stat.S_ISFIFO((tmp_path / "study.nc").stat().st_mode)


def test_two_writers_of_one_file_do_not_share_a_partial_one(tmp_path) -> None:
    files = OwnedFiles(tmp_path)
    with files.writing("a.bin") as first, OwnedFiles(tmp_path).writing("b.bin") as second:
        assert first != second
        first.write_bytes(b"1")
        second.write_bytes(b"2")
    assert (tmp_path / "a.bin").read_bytes() + (tmp_path / "b.bin").read_bytes() == b"12"


def test_an_error_names_the_file_that_was_to_be_written(tmp_path, monkeypatch) -> None:
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"No space left on device.*a\.json"):
        write_json(tmp_path / "a.json", {})
    assert os.listdir(tmp_path) == []


def test_the_umask_decides_who_may_read(tmp_path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("text", ["[" * 200_000, "[" * 101 + "]" * 101, '{"a":' * 500 + "1" + "}" * 500])
def test_json_of_great_depth_is_a_sentence(tmp_path, text) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"cannot read .*a\.json as JSON: nested more than 100 deep"):
        read_json(tmp_path / "a.json")


def test_json_of_some_depth_is_read(tmp_path) -> None:
    (tmp_path / "a.json").write_text("[" * 100 + "]" * 100)
    assert read_json(tmp_path / "a.json")


def test_a_pipe_is_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"cannot read .*a\.json as JSON: expected a regular file, got a pipe"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("elsewhere")])
def test_a_journal_that_is_no_file_is_refused_by_name(tmp_path, make) -> None:
    make(tmp_path / JOURNAL)
    files = OwnedFiles(tmp_path)
    for use in (lambda: files.check(["a.csv"]), lambda: files.write("a.csv", b"1")):
        with pytest.raises(ValueError, match=r"expected .*jaxsim\.jsonl to be a file.*move it elsewhere"):
            use()
    assert os.listdir(tmp_path) == [JOURNAL]


def test_an_error_of_the_journal_names_the_journal(tmp_path, monkeypatch) -> None:
    files = OwnedFiles(tmp_path)
    files.write("a.csv", b"1")

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("jaxsim.files.owned.os.write", full)
    with pytest.raises(OSError, match=r"No space left on device.*jaxsim\.jsonl"), files.writing("b.csv") as partial:
        partial.touch()
    assert sorted(os.listdir(tmp_path)) == ["a.csv", JOURNAL]


def test_nothing_is_written_or_deleted_through_a_link_to_a_folder(tmp_path) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    for folder in (run, run / "figures"):
        folder.mkdir()
    OwnedFiles(run).write("figures/a.svg", b"1")
    (run / "figures").rename(elsewhere)
    (run / "figures").symlink_to(elsewhere)
    files = OwnedFiles(run)
    files.remove([*files])
    for name in ("figures/a.svg", "figures/b.svg"):
        for use in (lambda name=name: files.check([name]), lambda name=name: files.write(name, b"2")):
            with pytest.raises(ValueError, match=r"run/figures is a link: jaxsim writes and deletes only below"):
                use()
    assert os.listdir(elsewhere) == ["a.svg"]
    assert (elsewhere / "a.svg").read_bytes() == b"1"


def test_two_processes_that_write_the_same_files_know_each_others(tmp_path) -> None:
    first, second = OwnedFiles(tmp_path), OwnedFiles(tmp_path)
    first.write("a.csv", b"1")
    second.write("a.csv", b"2")
    first.check(["a.csv"])
    first.write("a.csv", b"3")
    assert (tmp_path / "a.csv").read_bytes() == b"3"


def test_many_writers_at_once_leave_one_whole_file_that_is_known(tmp_path) -> None:
    def work(content: bytes) -> None:
        files = OwnedFiles(tmp_path)
        for _ in range(10):
            files.write("a.csv", content)

    contents = [bytes([i]) * 100_000 for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, contents))
    assert (tmp_path / "a.csv").read_bytes() in contents
    assert OwnedFiles(tmp_path).owns("a.csv")
    assert sorted(os.listdir(tmp_path)) == ["a.csv", JOURNAL]


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=300))
def test_any_journal_leaves_files_alone(tmp_path, noise) -> None:
    (tmp_path / JOURNAL).write_bytes(noise)
    (tmp_path / "mine.csv").write_bytes(b"mine")
    files = OwnedFiles(tmp_path)
    files.remove([*files, "mine.csv"])
    assert (tmp_path / "mine.csv").read_bytes() == b"mine"
