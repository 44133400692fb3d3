"""Ctrl-C and SIGTERM at any moment of a run: heard at once, with the exit code that shells expect."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jaxsim

ROOT = Path(jaxsim.__file__).parent.parent
ENV = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")]), "HF_HUB_OFFLINE": "1"}

#: Runs the command with an app that swallows interrupts, is inside compiled code, or drops what is raised in it.
STUBBORN = """
import hashlib
import sys
import jaxsim.cli.app as module
from jaxsim.cli.entry import main

def deaf():
    print("ready", flush=True)
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass

def compiled():
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)

def dropping():
    import signal
    class Dropping:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)
    Dropping()
    print("ready", flush=True)

module.app = globals()[sys.argv[1]]
main()
"""


def _ended(process: subprocess.Popen[str], number: signal.Signals) -> tuple[str, float]:
    since = time.monotonic()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    return stderr, time.monotonic() - since


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("how", ["deaf", "compiled"])
def test_work_that_does_not_hear_is_ended(how, number, code) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN, how], env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    stderr, seconds = _ended(process, number)
    assert process.returncode == code
    assert stderr == ("interrupted\n" if number == signal.SIGINT else "ended by SIGTERM\n")
    assert seconds < 3


def test_an_interrupt_that_python_drops_decides_the_exit_code() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUBBORN, "dropping"], env=ENV, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_at_many_moments(number, code, tmp_path) -> None:
    command = [sys.executable, "-m", "jaxsim.cli", "compare", "embedded:vit_digits", "embedded:cnn_selfsup_0"]
    command += ["--images", "digits", "--samples", "100"]
    started = time.monotonic()
    subprocess.run([*command, "--out", str(tmp_path / "whole")], env=ENV, check=True, capture_output=True)
    whole = time.monotonic() - started
    wrong = []
    # Before the first moment Python itself is starting, which no program hears.
    for moment in range(20):
        after = 0.4 + (whole - 0.6) * moment / 20
        out = tmp_path / str(moment)
        process = subprocess.Popen(
            [*command, "--out", str(out)], env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(after)
        if process.poll() is not None:
            process.communicate()
            continue
        stderr, seconds = _ended(process, number)
        # A run that ended in the moment of the signal has a page, and nothing to be told.
        right = process.returncode == code and ("interrupted" in stderr or "ended by SIGTERM" in stderr)
        if not (right and seconds < 3 and "Traceback" not in stderr):
            wrong.append((round(after, 2), process.returncode, round(seconds, 1), stderr[-500:]))
    assert not wrong


@pytest.mark.parametrize("words", [["models"], pytest.param(["info"], marks=pytest.mark.slow), ["compare", "--help"]])
def test_a_reader_that_goes_away_gets_no_traceback(words) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "jaxsim.cli", *words], env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        stderr = process.stderr.read()
    assert process.wait(60) != 0
    assert "Traceback" not in stderr
    assert "Exception ignored" not in stderr
