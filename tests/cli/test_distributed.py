"""The command on two processes: the same numbers as on one, and one voice."""

import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from jaxsim.cli.app import app

MODELS = ["embedded:vit_digits", "embedded:resnet_digits"]


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    shared = {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": "2", "JAX_PLATFORMS": "cpu"}
    arguments = ["compare", *MODELS, "--images", "digits", "--samples", "300"]
    command = [sys.executable, "-m", "jaxsim.cli", *arguments, "--out", str(tmp_path / "two"), "--distributed"]
    started = [
        subprocess.Popen(
            command,
            env=os.environ | shared | {"JAX_PROCESS_ID": str(i)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    outputs = [process.communicate(timeout=500) for process in started]
    assert [process.returncode for process in started] == [0, 0], outputs
    assert outputs[0][0].strip().endswith("index.html")
    assert "Smoothness" not in outputs[1][0]

    alone = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "one")])
    assert alone.exit_code == 0, alone.output
    two, one = (xr.load_dataset(tmp_path / name / "study.nc", engine="h5netcdf") for name in ("two", "one"))
    np.testing.assert_array_equal(two.imbalance, one.imbalance)
    np.testing.assert_array_equal(two.standard_error, one.standard_error)


@pytest.mark.parametrize("given", [{"JAX_NUM_PROCESSES": "2"}, {"JAX_PROCESS_ID": "0", "JAX_NUM_PROCESSES": "1"}])
def test_half_an_address_is_refused(tmp_path, monkeypatch, given):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(
        app, ["compare", *MODELS, "--images", "digits", "--out", str(tmp_path), "--distributed"]
    )
    assert result.exit_code == 2
    assert "JAX_COORDINATOR_ADDRESS" in result.output + (result.stderr or "")
