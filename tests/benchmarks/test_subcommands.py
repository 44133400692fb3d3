"""Every subcommand at a toy size: its lines have the fields that the report and the comparison read."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.command_line import SUBCOMMANDS, main
from benchmarks.gram_pass import gram_pass, whole_products
from benchmarks.measures import PYTORCH_CKA
from benchmarks.peer_environments import FOLDER_VARIABLE
from benchmarks.records import ROOT
from benchmarks.reliability import DAMAGES, one_of_each_kind
from benchmarks.tables import table

TOY = ("--samples", "64", "--features", "8", "--layers", "2")
TIMING = {"median", "q25", "q75", "runs", "first_call", "compile_seconds", "programs", "enough_runs"}


def check_environment(line):
    environment = line["environment"]
    assert {"commit", "dirty", "versions", "device", "cpu", "settings", "load_average"} <= set(environment)
    assert {"python", "jax", "jaxlib", "numpy"} <= set(environment["versions"])
    assert {"platform", "kind", "count"} == set(environment["device"])
    assert "T" in line["date"]


@pytest.mark.slow
def test_floor(lines_of):
    (line,) = lines_of("floor", *TOY, "--k", "1,3", "--plan", "two-pass")
    check_environment(line)
    assert line["key"]["k"] == [1, 3]
    assert line["plan"]["passes"] == "two-pass"
    assert set(line["timings"]) == {"gram", "whole_products", "all_pairs", "imbalance_matrix"}
    assert set(line["of_whole_products"]) == {"all_pairs", "imbalance_matrix"}
    for timing in line["timings"].values():
        assert set(timing) >= TIMING | {"tflop_per_s", "share_of_floor"}
        assert len(timing["runs"]) == 5
    for ratio in line["ratios"].values():
        assert ratio["q25"] <= ratio["q75"]
    share = line["timings"]["all_pairs"]["share_of_floor"]
    assert share == pytest.approx(1 / line["ratios"]["all_pairs"]["of_medians"])
    assert line["gram_flops"] == 2 * 64 * 64 * 16


def test_the_gram_pass_works_out_the_gram_matrix():
    layers = [np.random.default_rng(i).normal(size=(1200, 6)).astype(np.float32) for i in range(2)]
    floor, height = gram_pass(layers, 600)
    assert 1200 % height or height <= 600
    for x, strip in zip(layers, floor(), strict=True):
        start = min((600 - 1) // height * height, 1200 - height)
        np.testing.assert_allclose(strip, x[start : start + height] @ x.T, rtol=1e-4, atol=1e-4)


def test_whole_products_unless_they_are_too_large():
    layers = [np.random.default_rng(i).normal(size=(50, 6)).astype(np.float32) for i in range(2)]
    (last,) = whole_products(layers, 20)()
    np.testing.assert_allclose(last, layers[1][:20] @ layers[1].T, atol=1e-5)
    assert whole_products([np.zeros((100_000, 1), np.float32)]) is None
    assert whole_products(layers, precision="fast") is None


@pytest.mark.parametrize("sweep", ["samples", "layers", "neighbours", "features"])
@pytest.mark.slow
def test_scaling(lines_of, sweep):
    (line,) = lines_of("scaling", "--sweep", sweep, "--sizes", "2,4", *TOY, "--k", "1", "--runs", "1")
    assert line["key"]["sweep"] == sweep
    assert line["sizes"] == [2, 4] == [int(size) for size in line["timings"]]
    assert {"exponent", "interval", "coefficient"} <= set(line["fit"])


@pytest.mark.slow
def test_models(lines_of):
    (line,) = lines_of("models", "--models", "tiny-vit", "--sides", "jaxsim,eager", "--batch", "2", "--runs", "2")
    assert set(line["timings"]) == {"jaxsim", "eager"} == set(line["peak_bytes"])
    assert line["found"]["difference"] < 2e-5
    assert line["timings"]["jaxsim"]["images_per_second"] == 2 / line["timings"]["jaxsim"]["median"]


@pytest.mark.slow
def test_extraction(lines_of):
    (line,) = lines_of("extraction", "--models", "tiny-vit", "--images", "6", "--batch", "4", "--runs", "1")
    assert set(line["images_per_second"]) == {"jaxsim", "torch"} == set(line["peak_bytes"])
    assert set(line["stage_ms"]) == {"decode", "preprocess one by one", "preprocess", "device"}
    assert "| tiny-vit | 6 | 4 |" in table("extraction", [line])


@pytest.mark.slow
def test_devices(lines_of):
    lines = lines_of("devices", *TOY, "--devices", "2", "--processes", "1", "--precision", "float64")
    (line,) = lines
    assert line["found"]["equal"]
    assert line["found"]["sharded"]
    assert line["strip_shards"] == [[8, line["found"]["columns_per_device"]]] * 2
    # Simulated devices are no claim of speed, so no table and no comparison finds times.
    assert line["simulated"]
    assert not line["speed_claim"]
    assert "timings" not in line


@pytest.mark.slow
def test_devices_on_processes(lines_of):
    lines = lines_of("devices", *TOY, "--devices", "1,4", "--processes", "2")
    assert [(line["key"]["devices"], line["key"]["processes"]) for line in lines] == [(1, 1), (4, 1), (4, 2)] * 2
    assert [line["key"]["precision"] for line in lines] == ["float64"] * 3 + ["highest"] * 3
    assert all(line["reached"] for line in lines)


@pytest.mark.slow
def test_memory(lines_of):
    (line,) = lines_of("memory", *TOY, "--plan", "two-pass", "--check-layers", "2", "--on-disk")
    sizes = line["bytes"]
    assert sizes["features"] == 4 * 64 * 16
    assert sizes["over_features"] == sizes["peak"] - sizes["features"]
    assert sizes["over_start"] == sizes["peak"] - sizes["before"]
    assert sizes["libraries"] <= sizes["peak"]
    assert line["subset_equal"] is True


@pytest.mark.slow
def test_memory_of_stored_features_and_some_queries(lines_of):
    (line,) = lines_of("memory", *TOY, "--stored", "--queries", "16", "--check-layers", "2")
    assert line["key"]["stored"] == "zarr"
    assert line["key"]["n_queries"] == 16
    assert line["subset_equal"] is True


@pytest.mark.slow
def test_precision(lines_of):
    lines = lines_of("precision", *TOY, "--precisions", "highest,fast", "--data", "shifted", "--verified-rows", "8")
    exact, rough = (line["found"] for line in lines)
    assert exact["changed_rows"] == 0
    assert rough["changed_rows"] > 0
    assert rough["largest_error"] > 0
    assert lines[1]["verify"]["n_rows"] == 8
    assert set(lines[1]["ratios"]) == {"all_pairs"}


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_reliability(lines_of):
    lines = lines_of("reliability", "--moments", "3", "--races", "1")
    assert [line["key"]["disturbance"] for line in lines] == ["kills", "races", "damage", "foreign"]
    kills, _, damage, foreign = (line["found"] for line in lines)
    assert kills == {"same values": 3}
    assert set(damage) == {"same values", "refused in a sentence"}
    assert foreign == {"untouched; same values": 16}
    assert all(line["reached"] for line in lines)


def test_one_file_of_each_kind_is_damaged_in_each_way(tmp_path):
    for name in ("features/a/steps.zarr/x/c/0/0", "features/b/steps.zarr/y/c/0/0", "a.csv", "b.csv", "a.nc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"abcd")
    assert one_of_each_kind(tmp_path) == ["a.csv", "a.nc", "features/a/steps.zarr/x/c/0/0"]
    seen = {}
    for how, damage in DAMAGES.items():
        path = tmp_path / f"{how}.bin"
        path.write_bytes(b"abcd")
        damage(path)
        seen[how] = path.read_bytes() if path.is_file() else path.is_dir()
    assert list(seen.values()) == [b"abbd", b"ab", b"", False, True]


MEASURES_TOY = ("--samples", "200", "--many", "300", "--layers", "3", "--features", "16", "--k", "3", "--runs", "1")


@pytest.mark.slow
def test_measures(lines_of, monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    together, torch, absent, alone = lines_of("measures", *MEASURES_TOY, "--no-install")
    assert together["key"]["k"] == [1, 3]
    sides = {"imbalance", "together", "together_all_k", "kernels_imbalance", "kernels_all_k"}
    assert set(together["ratios"]) == sides | {
        "imbalance_with_halves", "together_with_halves", "kernels_with_halves"
    }  # fmt: skip
    assert together["reached"] == (together["ratios"]["together_all_k"]["of_medians"] <= 2.0)
    # The plain program works in float32.
    assert torch["largest_difference"] < 1e-5
    assert torch["from_float64"]["jaxsim"] < 1e-6
    assert "pytorch-cka==1.1.0" in absent["absent"]
    assert alone["ratios"]["cka"]["of_medians"] > 0
    assert alone["key"]["measures"] == ["cka"]
    assert alone["bytes"]["features"] == 4 * 300 * 3 * 16
    assert alone["bytes"]["over_features"] > alone["bytes"]["over_start"] >= 0
    text = table("measures", [together, torch, absent, alone])
    assert "| together, first k |" in text
    assert "pytorch-cka==1.1.0" in text


@pytest.mark.slow
def test_factors(lines_of):
    lines = lines_of(
        "factors", "--samples", "120", "--layers", "3", "--features", "10", "--pairs", "2", "--permutations", "400",
        "--permuted", "60", "--runs", "1",
    )  # fmt: skip
    *single, together, calibrated, permuted = lines
    assert [line["key"]["measures"] for line in single] == [["procrustes"], ["mean_cca"], ["linear_regression"]]
    assert together["key"]["measures"] == ["procrustes", "mean_cca", "linear_regression"]
    assert max(line["largest_difference"] for line in (*single, together)) < 1e-9
    assert together["pairs"] == {"timed": 2, "all": 6}
    assert calibrated["ratios"]["calibrated"]["of_medians"] > 0
    assert permuted["found"]["in_monte_carlo_errors"] < 5
    assert "p in Monte Carlo errors" in table("factors", lines)


@pytest.mark.slow
@pytest.mark.skipif(not PYTORCH_CKA.ready, reason="pytorch-cka's environment has not been made here")
def test_pytorch_cka(lines_of):
    peer = lines_of("measures", *MEASURES_TOY, "--no-install")[2]
    assert "absent" not in peer
    assert peer["largest_difference"] < 1e-4
    assert peer["versions"]["pytorch_cka"] == "1.1.0"


@pytest.mark.slow
def test_crossover(lines_of):
    (line,) = lines_of("crossover", "--samples", "600", "--rows", "8", "--thresholds", "4,2", "--runs", "1")
    assert line["thresholds"] == [2, 4]
    assert len(line["count_over_sort"]) == 2
    assert line["found"]["planner_sorts_from"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("floor", "--workload", "vit-s-24", "--samples", "9"), "brings its own shape"),
        (("floor", "--samples", "5", "--k", "4"), "at least 6 samples"),
        (("floor", *TOY, "--queries", "65"), "2 to 64 query rows"),
        (("scaling", "--sizes", "2,4"), "one sweep"),
        (("peers", *TOY, "--k", "1,2"), "one k"),
        (("report", "no-such-file.jsonl"), "no-such-file.jsonl"),
        (("compare", "a", "b", "--threshold", "1"), "above 1"),
    ],
)
def test_bad_requests_end_with_code_2_and_a_line(capsys, words, said):
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_the_command_runs_from_the_root_of_the_repository():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in SUBCOMMANDS)


@pytest.mark.slow
def test_lines_are_json_without_nan(lines_of, tmp_path):
    lines_of("crossover", "--samples", "600", "--rows", "8", "--thresholds", "2,4", "--runs", "1")
    text = (tmp_path / "lines.jsonl").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in a result line"))
