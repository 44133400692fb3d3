"""Processes that were called differently end with an error that names what differs, in every one of them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jaxsim_kernels import Placement, agree_on_call, make_placement
from jaxsim_kernels.processes import _differences

import jaxsim

PROGRAM = Path(__file__).with_name("differing_program.py")
ROOT = Path(jaxsim.__file__).parent.parent

#: What the message must hold, by the call of the program.
TOLD = {
    "N": "number of samples is 200 in process 0 and 199 in process 1",
    "layers": "number of layers is 3 in process 0 and 2 in process 1",
    "width": "width of layer 'layer01' is 4 in process 0 and 3 in process 1",
    "dtype": "dtype of layer 'layer01' is float32 in process 0 and float64 in process 1",
    "names": "names of layers is ['x', 'a'] in process 0 and ['x', 'b'] in process 1",
    "values": "different ones: hash of values of layer 'layer01' is ",
    "order of samples": "different ones: hash of values of layer 'layer00' is ",
    "k": "ks is (1,) in process 0 and (2,) in process 1",
    "further k": "ks is (1,) in process 0 and (1, 2) in process 1",
    "metric": "metric is euclidean in process 0 and cosine in process 1",
    "n_splits": "n_splits is 2 in process 0 and 3 in process 1",
    "groups": "groups is [200] int64 hash ",
    "n_queries": "n_queries is 100 in process 0 and 101 in process 1",
    "seed": "seed is 0 in process 0 and 1 in process 1",
    "precision": "precision is high in process 0 and fast in process 1",
    "plan": "passes is two-pass in process 0 and one-pass in process 1",
    "budget": "budget is 100000000 in process 0 and 100000001 in process 1",
    "strict": "strict is False in process 0 and True in process 1",
    "keep_rows": "keep_rows is False in process 0 and True in process 1",
    "verify": "verify is False in process 0 and True in process 1",
    "clip": "different ones: hash of values of layer 'layer00' is ",
    "kernel N": "number of samples is 200 in process 0 and 199 in process 1",
    "kernel layers": "number of layers is 2 in process 0 and 1 in process 1",
    "kernel options": "ks is (1,) in process 0 and (2,) in process 1",
    "kernel sides": "sides is [1, 200] bool hash ",
    "another function": "computation is label_overlap in process 0 and imbalance_matrix in process 1",
    "overlap k": "k is (1, 2) in process 0 and (1, 3) in process 1",
}


@pytest.mark.slow
def test_processes_that_were_called_differently_say_what_differs():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = os.environ | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")])}
    started = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(i), "2", str(port)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    outputs = [each.communicate(timeout=300) for each in started]
    assert [each.returncode for each in started] == [0, 0], outputs
    for out, _ in outputs:
        said = dict(line.split("\t") for line in out.splitlines() if "\t" in line)
        assert set(said) == {*TOLD, "alike", "memory", "overlap"}
        wrong = {name: said[name] for name, text in TOLD.items() if text not in said[name]}
        assert not wrong
        assert said["alike"].startswith("[[")
        assert said["overlap"].startswith("[0.")
        assert said["memory"] == said["alike"]


def test_one_process_agrees_with_itself():
    agree_on_call("all_pairs", {0: np.zeros((3, 1))}, Placement(), k=1)
    agree_on_call("all_pairs", {0: np.zeros((3, 1))}, make_placement(jax.devices()[:1]), k=1)


def test_differences_name_processes_and_stop_at_five():
    facts = {str(i): "a" for i in range(7)}
    told = {0: facts, 1: dict.fromkeys(facts, "b"), 2: facts}
    assert _differences(told) == (
        "; ".join(f"{i} is a in processes 0, 2 and b in process 1" for i in range(5)) + "; and 2 more"
    )
    assert _differences({0: facts, 1: facts}) == ""
    assert _differences({0: {"k": "1"}, 1: {}}) == "k is 1 in process 0 and missing in process 1"
