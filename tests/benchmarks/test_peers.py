"""Peers give the kernels' values; one that cannot run says why; workers converse or end with their last words."""

import subprocess

import numpy as np
import pytest
from jaxsim_kernels import Options, all_pairs

from benchmarks import peer_environments
from benchmarks.peer_environments import Absent, PeerEnvironment
from benchmarks.peer_programs.torch_sort import torch_imbalance
from benchmarks.peers import DADAPY, FAISS, nearest_samples
from benchmarks.workers import Worker, WorkerError
from benchmarks.workloads import synthetic_layers, uniform

TOY = ("--samples", "64", "--features", "8", "--layers", "3", "--k", "2")


@pytest.mark.slow
def test_peers_in_this_environment(lines_of):
    lines = lines_of("peers", *TOY, "--peers", "sklearn,torch")
    assert [line["key"]["peer"] for line in lines] == ["sklearn", "torch"]
    for line in lines:
        assert line["found"]["largest_difference"] < 1e-12
        assert line["found"]["times_faster"] == pytest.approx(1 / line["ratios"]["all_pairs"]["of_medians"])
        assert line["versions"]


def test_a_peer_that_is_not_there_is_reported_absent(lines_of, monkeypatch, tmp_path):
    monkeypatch.setenv(peer_environments.FOLDER_VARIABLE, str(tmp_path / "none"))
    lines = lines_of("peers", *TOY, "--peers", "dadapy,faiss", "--no-install")
    assert [line["key"]["peer"] for line in lines] == ["dadapy", "faiss"]
    assert "dadapy==0.3.4" in lines[0]["absent"]
    assert "timings" not in lines[1]


def test_an_environment_that_cannot_be_made_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv(peer_environments.FOLDER_VARIABLE, str(tmp_path))
    environment = PeerEnvironment("some", ("some==1.0",))
    environment.folder.mkdir(parents=True)
    left = environment.folder / "left-by-an-interrupted-installation"
    left.touch()

    def refuse(self, *words):
        raise subprocess.CalledProcessError(1, "pip", stderr="noise\nERROR: No matching distribution found for some\n")

    monkeypatch.setattr(peer_environments.venv, "create", lambda folder, with_pip: folder.mkdir())
    monkeypatch.setattr(PeerEnvironment, "_pip", refuse)
    with pytest.raises(Absent, match="No matching distribution"):
        environment.provide()
    assert not left.exists()
    assert not environment.ready


def test_torch_with_some_rows_in_small_blocks():
    layers = synthetic_layers(uniform(64, 8, 3))
    side, _ = torch_imbalance(layers, 2, n_queries=50, rows=7)
    expected = all_pairs(layers, np.arange(50), Options(ks=(2,))).values[0]
    np.testing.assert_allclose(side(), expected, rtol=0, atol=1e-12)


def test_the_kernels_neighbours_strip_by_strip():
    x = synthetic_layers(uniform(70, 8, 1))[0].astype(np.float64)
    distances = ((x[:, None] - x[None]) ** 2).sum(2)
    np.fill_diagonal(distances, np.inf)
    expected = np.argsort(distances, axis=1)[:, :3]
    np.testing.assert_array_equal(nearest_samples(x.astype(np.float32), 3, rows=32), expected)


@pytest.mark.skipif(not DADAPY.ready, reason="DADApy's environment has not been made here")
def test_dadapy(lines_of):
    (line,) = lines_of("peers", *TOY, "--peers", "dadapy", "--no-install")
    assert "absent" not in line
    assert line["found"]["largest_difference"] < 1e-12
    assert line["found"]["compared_values"] >= 4
    assert line["found"]["pairs"] == 3
    assert line["versions"]["dadapy"] == "0.3.4"


@pytest.mark.skipif(not FAISS.ready, reason="FAISS's environment has not been made here")
def test_faiss(lines_of):
    (line,) = lines_of("peers", *TOY, "--peers", "faiss", "--no-install")
    assert "absent" not in line
    assert line["found"]["different_neighbours"] == 0


def test_a_worker_answers_and_may_print(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from benchmarks.serving import serve\n"
        "def answer(request):\n"
        "    print('chatter')\n"
        "    if request['x'] < 0: raise ValueError('x is negative')\n"
        "    return {'square': request['x'] ** 2}\n"
        "serve(answer)\n"
    )
    with Worker([str(program)]) as worker:
        assert [worker.ask({"x": x})["square"] for x in (3, 4)] == [9, 16]
        with pytest.raises(WorkerError, match="ValueError: x is negative"):
            worker.ask({"x": -1})
