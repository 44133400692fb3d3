"""All measures with samples shared by simulated devices and by processes: the same numbers as on one device."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import pytest

PROGRAM = Path(__file__).with_name("sharded_measures.py")


def _start(process, n_processes, port, n_devices, *words):
    env = dict(os.environ, XLA_FLAGS=f"--xla_force_host_platform_device_count={n_devices}", JAX_PLATFORMS="cpu")
    env["JAX_COMPILATION_CACHE_DIR"] = str(jax.config.jax_compilation_cache_dir or "")
    command = [sys.executable, str(PROGRAM), str(process), str(n_processes), str(port), *words]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("counts", ["8", "1,2,4"])
def test_devices(counts):
    process = _start(0, 1, 0, 8, counts)
    out, _ = process.communicate(timeout=500)
    assert process.returncode == 0, out[-3000:]
    assert "equal 0 8" in out


@pytest.mark.slow
def test_two_processes():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [_start(i, 2, port, 2) for i in range(2)]
    for i, process in enumerate(started):
        out, _ = process.communicate(timeout=500)
        assert process.returncode == 0, out[-3000:]
        assert f"equal {i} 4" in out
