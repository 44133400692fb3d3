"""Result files: written and read, shown, compared."""

import json

import pytest

from benchmarks import records
from benchmarks.command_line import SUBCOMMANDS, main
from benchmarks.compare import compared
from benchmarks.report import write_page
from benchmarks.tables import COLUMNS, table


def timing(median, spread=0.01):
    return {
        "median": median,
        "q25": median - spread,
        "q75": median + spread,
        "enough_runs": True,
        "compile_seconds": 1.0,
    }


def ratio(value, spread=0.01):
    return {"of_medians": value, "q25": value - spread, "q75": value + spread}


def write_lines(path, *lines):
    for line in lines:
        records.append(path, line)
    return str(path)


def test_a_file_is_read_back_and_the_last_measurement_counts(tmp_path, line):
    first, second, other = line(value=1), line(value=2), line(key={"n_samples": 65})
    path = tmp_path / "new" / "lines.jsonl"
    write_lines(path, first, second, other)
    assert records.read(path) == [first, second, other]
    assert records.latest(records.read(path)) == [second, other]


def test_the_same_key_on_another_device_is_another_measurement(line):
    assert len(records.latest([line(), line(kind="NVIDIA H100")])) == 2


@pytest.mark.parametrize("text", ["{", "[1]", '{"command": "floor"}'])
def test_a_broken_line_is_named(tmp_path, line, text):
    path = tmp_path / "lines.jsonl"
    write_lines(path, line())
    path.write_text(path.read_text() + "\n" + text + "\n")
    with pytest.raises(ValueError, match="line 3"):
        records.read(path)


def test_the_commit_can_be_named_where_there_is_no_repository(monkeypatch):
    monkeypatch.setenv(records.COMMIT_VARIABLE, "abc")
    assert records.source_state() == ("abc", None)
    monkeypatch.delenv(records.COMMIT_VARIABLE)
    monkeypatch.setattr(records, "ROOT", records.ROOT / "no-such-folder")
    assert records.source_state() == ("unknown", None)


def test_compare_flags_what_got_slower(tmp_path, line, capsys):
    before = write_lines(tmp_path / "a", line(ratios={"all_pairs": ratio(1.5)}, timings={"all_pairs": timing(1.0)}))
    same = write_lines(tmp_path / "b", line(ratios={"all_pairs": ratio(1.55)}, timings={"all_pairs": timing(9.0)}))
    slower = write_lines(tmp_path / "c", line(ratios={"all_pairs": ratio(1.8)}))
    assert main(["compare", before, same]) == 0
    assert main(["compare", before, slower]) == 1
    assert "REGRESSION" in capsys.readouterr().out
    assert main(["compare", before, slower, "--threshold", "1.3"]) == 0
    assert main(["compare", slower, before]) == 0


def test_compare_needs_more_than_noise(line):
    noisy = [line(ratios={"all_pairs": ratio(2.0, spread=1.2)})]
    assert not compared([line(ratios={"all_pairs": ratio(1.5)})], noisy)[0].regression


def test_compare_uses_seconds_where_no_side_took_turns(line):
    (change,) = compared([line(timings={"2": timing(1.0)})], [line(timings={"2": timing(1.5)})])
    assert change.regression
    assert change.before.name == "2 seconds"


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("bytes over features", {"bytes": {"over_features": 100}}, {"bytes": {"over_features": 150}}),
        ("largest error", {"found": {"largest_error": 0.0}}, {"found": {"largest_error": 1e-3}}),
        ("goal missed", {"reached": True}, {"reached": False}),
    ],
)
def test_compare_sees_memory_errors_and_goals(line, name, before, after):
    (change,) = compared([line(**before)], [line(**after)])
    assert change.before.name == name
    assert change.regression
    assert not compared([line(**after)], [line(**before)])[0].regression


def test_compare_says_what_is_missing_and_refuses_files_with_nothing_shared(tmp_path, line, capsys):
    one, two = line(reached=True), line(key={"n_samples": 65}, reached=True)
    both, left = write_lines(tmp_path / "a", one, two), write_lines(tmp_path / "b", one)
    right = write_lines(tmp_path / "c", two)
    assert main(["compare", both, left]) == 0
    assert "not in the second file: floor n_samples=65" in capsys.readouterr().out
    assert main(["compare", left, right]) == 2


def test_report_shows_every_subcommand_that_measures():
    assert set(COLUMNS) == set(SUBCOMMANDS) - {"report", "compare"}


def test_report_page(tmp_path, line):
    shape = {"workload": "toy|pipe", "n_samples": 64, "n_features": 8, "n_layers": 2, "k": [1]}
    lines = [
        line(
            "floor",
            {**shape, "precision": "highest"},
            timings={"gram": timing(1.0), "all_pairs": timing(1.5)},
            ratios={"all_pairs": ratio(1.5)},
            reach=1.6,
            reached=True,
        ),
        line("peers", {**shape, "peer": "faiss"}, absent="no wheel for this machine"),
        line(
            "scaling",
            {"sweep": "samples", "n_features": 8},
            sizes=[10, 20],
            fit={"exponent": 2.0, "interval": None},
            timings={"10": timing(1.0), "20": {**timing(4.0), "enough_runs": False}},
        ),
    ]
    page = write_page(lines, tmp_path)
    text = page.read_text()
    assert "1.50 (1.49 to 1.51)" in text
    assert "toy\\|pipe" in text
    assert "1.6: reached" in text
    assert "no wheel for this machine" in text
    assert "1 of 2 times are of fewer than 5 runs" in text
    assert "0123456789ab" in text
    for name in ("floor", "scaling"):
        assert f"figures/{name}.png" in text
        assert (tmp_path / "figures" / f"{name}.svg").stat().st_size > 1000
    # Nothing can be drawn of a peer that was absent.
    assert "figures/peers.png" not in text


def test_report_of_files(tmp_path, line, capsys):
    path = write_lines(
        tmp_path / "lines.jsonl", line("devices", {"devices": 2}, simulated=True, reach="equal", reached=True)
    )
    assert main(["report", path, "--folder", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip().endswith("report.md")
    assert "not speed" in (tmp_path / "out" / "report.md").read_text()


def test_empty_columns_are_left_out(line):
    shown = table("devices", [line("devices", {"devices": 2}, simulated=True)])
    assert "processes" not in shown
    assert json.dumps(shown).count("simulated") == 1
