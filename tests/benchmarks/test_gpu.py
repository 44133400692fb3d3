"""Everything on a device in one call: here at toy sizes, on a CPU; parts, time, failures, and going on."""

import json
import threading
from functools import partial

import pytest

from benchmarks import records
from benchmarks.accelerator import session as session_module
from benchmarks.accelerator.kernels import kernels_of, measure_kernel
from benchmarks.accelerator.pairs import split
from benchmarks.accelerator.session import Absence, Part, Session
from benchmarks.command_line import main
from benchmarks.tables import table

TOY = (
    "gpu", "--samples", "64,80", "--features", "8", "--layers", "2", "--queries", "50", "--precisions", "highest",
    "--peer-samples", "64", "--cka-samples", "70", "--strip", "512,16", "--k", "1,3", "--models", "tiny-vit", "--batch",
    "4", "--runs", "1", "--extrapolate", "1000",
)  # fmt: skip


@pytest.mark.slow
def test_kernels_and_products_on_this_device(lines_of):
    lines = lines_of(*TOY, "--parts", "kernels,products")
    kernels = [line for line in lines if "kernel" in line["key"]]
    assert [(line["key"]["kernel"], line["key"]["n"]) for line in kernels] == [
        ("neighbours", 2), ("counts", 2), ("ranks", 2), ("neighbours", 4), ("counts", 6), ("ranks", 6),
    ]  # fmt: skip
    assert all(line["found"]["equal"] and line["step_by_step"] for line in kernels)
    found = {line["key"]["product"]: line["found"] for line in lines if "product" in line["key"]}
    assert set(found) == {"highest", "parts of 6", "parts of 9"}
    assert max(each["largest_error"] for each in found.values()) < 1e-6
    assert all(each["equal_rows_tie"] for each in found.values())
    text = table("gpu", lines)
    assert "| 6 counts, Pallas against XLA |" in text
    assert "| product: parts of 9 |" in text


def test_large_strips_are_not_worked_out_step_by_step():
    (kernel, *_) = kernels_of(2, (1,), "cpu")
    with pytest.raises(Absence, match="small strips"):
        measure_kernel(kernel, 1 << 14, 4, 128)


@pytest.mark.slow
def test_everything_on_this_device(lines_of):
    lines = lines_of(*TOY)
    by_key = {json.dumps({n: v for n, v in line["key"].items() if n != "workload"}): line for line in lines}
    assert len(by_key) == len(lines)
    pairs = [line for line in lines if "precision" in line["key"] and "timings" in line]
    for line in pairs:
        assert {"dot_tflop_per_s", "share_of_dot_rate", "share_with_all_rows"} <= set(line["found"])
        assert line["key"]["n_queries"] == 50
    forms = [(line["key"]["n_samples"], line["key"]["k"], line["key"].get("passes")) for line in pairs]
    assert forms == [
        (64, [1], None), (64, [1, 3], None), (80, [1], "one-pass"), (80, [1], "two-pass"), (80, [1], None),
    ]  # fmt: skip
    assert [line["plan"].split(",")[0] for line in pairs[2:4]] == ["one-pass", "two-pass"]
    absent = [line for line in lines if "absent" in line]
    assert {line["key"].get("kernels", line["key"].get("peer")) for line in absent} <= {"pallas", "pytorch-cka"}
    peers = {line["key"]["peer"]: line for line in lines if "peer" in line["key"] and "absent" not in line}
    assert peers["torch"]["found"]["largest_difference"] < 1e-6
    images = [line for line in lines if "model" in line["key"]]
    assert [line["key"]["dtype"] for line in images] == ["float32", "bfloat16"]
    assert all(line["images_per_second"]["jaxsim"] > 0 for line in images)
    extrapolated = lines[-1]
    assert extrapolated["key"]["n_samples"] == 1000
    assert extrapolated["measured_at"] == {"n_samples": 80, "n_queries": 50}
    _, per_50_rows = split(*(pairs[-1]["timings"][name]["median"] for name in ("all_pairs", "prepare")))
    expected = extrapolated["extrapolated_seconds"]["preparing"] + per_50_rows / 50 * 1000 * (1000 / 80)
    assert extrapolated["extrapolated_seconds"]["all_rows"] == pytest.approx(expected)
    assert "| all pairs, two-pass |" in table("gpu", lines)


class Works:
    """Counts how often it is asked, and fails where it is told to."""

    def __init__(self, error: Exception | None = None):
        self.asked, self._error = 0, error

    def __call__(self, within: float) -> dict:
        self.asked += 1
        if self._error is not None:
            raise self._error
        return {"found": {"within": within}}


@pytest.fixture
def session(tmp_path):
    """`session()`: as a new process begins it, on the same file."""
    path = tmp_path / "gpu.jsonl"
    return lambda seconds=60.0: Session(path, partial(records.append, path), seconds)


def test_what_is_in_the_file_is_not_measured_again(session):
    works = [Works() for _ in range(3)]
    parts = [Part({"n": number}, work) for number, work in enumerate(works)]
    session().run(parts[:2])
    session().run(parts)
    assert [work.asked for work in works] == [1, 1, 1]


def test_other_versions_and_devices_are_measured_again(session, monkeypatch):
    work, known = Works(), records.environment()
    session().run([Part({"n": 1}, work)])
    for field, value in (("versions", {"jax": "1.0"}), ("device", {"platform": "gpu", "kind": "other", "count": 1})):
        monkeypatch.setattr(records, "environment", lambda field=field, value=value: {**known, field: value})
        for _ in range(2):
            session().run([Part({"n": 1}, work)])
    assert work.asked == 3


def test_a_torn_last_line_is_measured_again(session):
    works = [Works(), Works()]
    parts = [Part({"n": number}, work) for number, work in enumerate(works)]
    first = session()
    first.run(parts)
    whole = first.path.read_bytes()
    first.path.write_bytes(whole[:-30])
    session().run(parts)
    assert [work.asked for work in works] == [1, 2]
    assert [line["key"] for line in records.read(first.path)] == [{"n": 0}, {"n": 1}]


def test_a_part_that_fails_becomes_a_line_and_is_tried_again(session):
    broken, fine = Works(RuntimeError("RESOURCE_EXHAUSTED: 3 GiB\nmore")), Works()
    first = session()
    first.run([Part({"n": 0}, broken), Part({"n": 1}, fine)])
    lines = records.read(first.path)
    assert lines[0]["absent"] == "the device ran out of memory: RESOURCE_EXHAUSTED: 3 GiB more"
    assert fine.asked == 1
    session().run([Part({"n": 0}, broken), Part({"n": 1}, fine)])
    assert (broken.asked, fine.asked) == (2, 1)


def test_parts_without_time_are_told_in_a_line(session):
    quick, slow = Works(), Works()
    first = session(seconds=30)
    first.run([Part({"n": 0}, slow, expected=100), Part({"n": 1}, quick)])
    first.tell_left_out()
    done, left_out = records.read(first.path)
    assert done["key"] == {"n": 1}
    assert done["found"]["within"] < 30
    assert left_out["left_out"] == ["n=0"]
    assert "call again: n=0" in left_out["absent"]
    session(seconds=300).run([Part({"n": 0}, slow, expected=100)])
    assert slow.asked == 1


def test_a_part_that_never_comes_back_ends_the_process_after_a_line(session, monkeypatch):
    monkeypatch.setattr(session_module, "GRACE", 0.05)
    ended, codes = threading.Event(), []

    def give_up(code: int) -> None:
        codes.append(code)
        ended.set()

    first = session(seconds=0.1)
    parts = [Part({"n": 0}, lambda within: {"found": {"ended": ended.wait(20)}}, 0), Part({"n": 1}, Works(), 5)]
    first.run(parts, give_up)
    assert codes == [1]
    assert records.read(first.path)[0]["left_out"] == ["n=0", "n=1"]


def test_a_strip_that_kernels_cannot_take_is_refused(tmp_path, capsys):
    assert main(["gpu", "--strip", "500,16", "--out", str(tmp_path / "x")]) == 2
    assert "--strip N,R" in capsys.readouterr().err
