"""Two processes of which one ends: the other ends too, soon, and says who and why."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jaxsim

ROOT = Path(jaxsim.__file__).parent.parent
SECONDS = 15

PROGRAM = """
import sys, time, typer
import jaxsim.cli.app as app_module
from jaxsim.cli.entry import main
from jaxsim.cli.outcome import readable_outcome
from jaxsim.cli.hosts import join_hosts

def work(words: list[str]):
    with readable_outcome(show_traceback=False, when_interrupted="all is kept"):
        join_hosts()
        import jax
        from jaxsim_kernels import meet
        meet("start")
        print("ready", flush=True)
        time.sleep(1)  # until the other has said so, too
        if "error" in sys.argv and jax.process_index() == int(sys.argv[1]):
            raise ValueError("expected a file, got none")
        if "defect" in sys.argv and jax.process_index() == int(sys.argv[1]):
            raise KeyError("a defect")
        if "well" in sys.argv:
            time.sleep(jax.process_index())
        else:
            meet("never") if jax.process_index() != int(sys.argv[1]) else time.sleep(100)
        meet("end")

app_module.app = typer.Typer()
app_module.app.command(context_settings={"ignore_unknown_options": True})(work)
main()
"""


def _start(index: int, *words: object, port: int) -> subprocess.Popen[str]:
    env = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")]),
        "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
        "JAX_NUM_PROCESSES": "2",
        "JAX_PROCESS_ID": str(index),
        "JAX_PLATFORMS": "cpu",
    }
    command = [sys.executable, "-c", PROGRAM, *map(str, words)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _two(*words: object) -> list[subprocess.Popen[str]]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    started = [_start(index, *words, port=port) for index in range(2)]
    for each in started:
        assert each.stdout is not None
        line = each.stdout.readline()
        assert line == "ready\n", (line, each.communicate(timeout=30))
    return started


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
@pytest.mark.parametrize(
    ("how", "code", "own", "told"),
    [
        ("error", 2, "error: expected a file, got none", "error: expected a file, got none"),
        ("defect", 1, "KeyError: 'a defect'", "KeyError: 'a defect'"),
        (signal.SIGINT, 130, "interrupted: all is kept", "it was interrupted (Ctrl-C)"),
        (signal.SIGTERM, 143, "ended by SIGTERM: all is kept", "it was ended by SIGTERM"),
        (signal.SIGKILL, -9, "", "it was killed, crashed, or its machine is gone"),
    ],
)
def test_the_end_of_one_process_ends_the_other_which_says_why(lost, how, code, own, told) -> None:
    started = _two(lost, how)
    since = time.monotonic()
    if isinstance(how, signal.Signals):
        started[lost].send_signal(how)
    outputs = [each.communicate(timeout=60) for each in started]
    assert time.monotonic() - since < SECONDS
    assert started[lost].returncode == code, outputs
    assert started[1 - lost].returncode != 0
    assert own in outputs[lost][1]
    lines = [line for line in outputs[1 - lost][1].splitlines() if line.startswith("error: ")]
    assert lines, outputs[1 - lost][1]
    assert lines[-1].startswith(f"error: process {lost} of 2 ended: {told}; this process cannot go on")


@pytest.mark.slow
def test_processes_that_end_well_say_nothing() -> None:
    started = _two(0, "well")
    since = time.monotonic()
    outputs = [each.communicate(timeout=60) for each in started]
    assert [each.returncode for each in started] == [0, 0], outputs
    assert time.monotonic() - since < SECONDS
    assert not any("error" in text for _, text in outputs), outputs


@pytest.mark.slow
def test_a_process_alone_says_for_whom_it_waits_and_hears_ctrl_c() -> None:
    process = _start(1, 1, port=9)
    assert process.stderr is not None
    line = process.stderr.readline()
    while "waits for" not in line and line:
        line = process.stderr.readline()
    assert line.startswith("process 1 of 2 waits for process 0 at 127.0.0.1:9: start the same command on every host")
    since = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - since < 5
