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
from jaxsim.study import Study

MODELS = ["embedded:vit_digits", "embedded:resnet_digits"]


def _on_two_processes(*commands):
    """Exit codes and (stdout, stderr) of two processes, each with a command of its own."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    shared = {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": "2", "JAX_PLATFORMS": "cpu"}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "jaxsim.cli", *command, "--distributed"],
            env=os.environ | shared | {"JAX_PROCESS_ID": str(i)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i, command in enumerate(commands)
    ]
    outputs = [process.communicate(timeout=500) for process in started]
    return [process.returncode for process in started], outputs


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path):
    arguments = ["compare", *MODELS, "--images", "digits", "--samples", "300"]
    codes, outputs = _on_two_processes(*2 * [[*arguments, "--out", str(tmp_path / "two")]])
    assert codes == [0, 0], outputs
    assert outputs[0][0].strip().endswith("index.html")
    assert "Do the models" not in outputs[1][0]

    alone = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "one")])
    assert alone.exit_code == 0, alone.output
    two, one = (xr.load_dataset(tmp_path / name / "study.nc", engine="h5netcdf") for name in ("two", "one"))
    np.testing.assert_array_equal(two.imbalance, one.imbalance)
    np.testing.assert_array_equal(two.standard_error, one.standard_error)


@pytest.mark.slow
def test_two_processes_give_all_measures_that_one_gives(tmp_path):
    arguments = ["compare", *MODELS, "--images", "digits", "--samples", "120", "--splits", "2", "--quiet"]
    arguments += ["--measures", "cka,mutual_knn,rsa", "--describe", "effective_rank,hubness"]
    codes, outputs = _on_two_processes(*2 * [[*arguments, "--out", str(tmp_path / "two")]])
    assert codes == [0, 0], outputs
    alone = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "one")])
    assert alone.exit_code == 0, alone.output
    two, one = (Study.load(tmp_path / name) for name in ("two", "one"))
    xr.testing.assert_equal(two.results, one.results)
    assert list(two.by_measure) == list(one.by_measure) == ["cka", "mutual_knn", "rsa"]
    for name in one.by_measure:
        for part in ("results", "halves", "shuffled"):
            # Sums over pairs of samples are added up in another order: all but the last bits are the same.
            xr.testing.assert_allclose(getattr(two.by_measure[name], part), getattr(one.by_measure[name], part), 1e-9)
    xr.testing.assert_allclose(two.descriptions, one.descriptions, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "other", "told"),
    [
        (["--k", "1"], ["--k", "2"], "k is [1] in process 0 and [2] in process 1"),
        (["--pool", "mean"], ["--pool", "flatten"], "pool is mean in process 0 and flatten in process 1"),
        (["--untrained"], [], "untrained is True in process 0 and False in process 1"),
    ],
)
def test_processes_that_were_asked_for_different_comparisons_say_so(tmp_path, own, other, told):
    arguments = ["compare", *MODELS, "--images", "digits", "--samples", "100", "--out", str(tmp_path)]
    codes, outputs = _on_two_processes([*arguments, *own], [*arguments, *other])
    # The witness of the one that is first may end the other, with the same words.
    assert sorted(codes) in ([1, 2], [2, 2]), outputs
    assert all(told in " ".join(text.split()) for _, text in outputs), outputs
    assert not list(tmp_path.glob("features/*"))


@pytest.mark.parametrize("given", [{"JAX_NUM_PROCESSES": "2"}, {"JAX_PROCESS_ID": "0", "JAX_NUM_PROCESSES": "1"}])
def test_half_an_address_is_refused(tmp_path, monkeypatch, given):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(
        app, ["compare", *MODELS, "--images", "digits", "--out", str(tmp_path), "--distributed"]
    )
    assert result.exit_code == 2
    assert "JAX_COORDINATOR_ADDRESS" in result.output + (result.stderr or "")
