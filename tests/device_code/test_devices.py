"""Columns sharded over simulated devices and over processes: the same numbers as one device."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest
from jaxsim_kernels import make_placement

PROGRAM = Path(__file__).with_name("sharded_program.py")


def _start(process: int, n_processes: int, port: int, n_devices: int, *words: str) -> subprocess.Popen:
    env = dict(os.environ, XLA_FLAGS=f"--xla_force_host_platform_device_count={n_devices}", JAX_PLATFORMS="cpu")
    env["JAX_COMPILATION_CACHE_DIR"] = str(jax.config.jax_compilation_cache_dir or "")
    command = [sys.executable, str(PROGRAM), str(process), str(n_processes), str(port), *words]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.mark.parametrize(
    "words",
    [
        # Every program has a part for each layer to compile: two layers, and no groups.
        ["8", "few"],
        pytest.param(["8"], marks=pytest.mark.slow),
        pytest.param(["1,2,3,4"], marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_one_two_four_eight_devices(words):
    process = _start(0, 1, 0, 8, *words)
    out, _ = process.communicate(timeout=500)
    assert process.returncode == 0, out
    assert "equal 0 8" in out


@pytest.mark.slow
@pytest.mark.parametrize("n_processes", [2, 4])
def test_processes(n_processes):
    port = _free_port()
    started = [_start(i, n_processes, port, 8 // n_processes) for i in range(n_processes)]
    for i, process in enumerate(started):
        out, _ = process.communicate(timeout=500)
        assert process.returncode == 0, out
        assert f"equal {i} 8" in out


@pytest.mark.slow
@pytest.mark.parametrize("when", ["die-before", "die-within"])
def test_a_process_that_dies_ends_the_others_with_an_error_in_bounded_time(when):
    port = _free_port()
    started = [_start(i, 2, port, 1, when) for i in range(2)]
    dead, _ = started[1].communicate(timeout=300)
    assert started[1].returncode == 9, dead
    since = time.monotonic()
    out, _ = started[0].communicate(timeout=120)
    assert started[0].returncode != 0
    assert time.monotonic() - since < 110
    assert "LostProcessError: process 1 of 2 ended or hung" in out, out[-3000:]


def test_placements():
    assert make_placement().mesh is None
    assert make_placement(1).n_shards == 1
    with pytest.raises(ValueError, match="got 99"):
        make_placement(99)
    with pytest.raises(ValueError, match="both"):
        make_placement(1, jax.make_mesh((1,), ("a",)))
    with pytest.raises(ValueError, match="empty"):
        make_placement([])
