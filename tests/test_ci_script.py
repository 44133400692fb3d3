"""`.ci/run` fails where any of its steps fails: a copy of it with commands that do nothing, or fail."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / ".ci"

#: Writes down how it was called and fails where its name and arguments hold the text in the file `fails`.
STUB = """#!/usr/bin/env bash
call="$(basename "$0") $*"
echo "$call" >> calls
if [ -s fails ] && [[ "$call" == *"$(cat fails)"* ]]; then exit 3; fi
"""


@pytest.fixture
def project(tmp_path):
    """A folder with the scripts and a virtual environment of stubs, which the stub of python3 leaves as it is."""
    shutil.copytree(SCRIPTS, tmp_path / ".ci")
    for place, names in {
        "bin": ["python3"],
        ".venv/bin": ["pip", "pytest", "ruff", "lint-imports", "basedpyright", "jupytext", "mkdocs", "python"],
    }.items():
        (tmp_path / place).mkdir(parents=True)
        for name in names:
            stub = tmp_path / place / name
            stub.write_text(STUB)
            stub.chmod(0o755)
    (tmp_path / "fails").write_text("")
    return tmp_path


def run(project, fails="", script="run", **settings):
    (project / "fails").write_text(fails)
    env = {"PATH": f"{project / 'bin'}:/usr/bin:/bin", **settings}
    return subprocess.run([str(project / ".ci" / script)], env=env, capture_output=True, text=True, timeout=60)


def test_all_steps_run_where_none_fails(project):
    assert run(project).returncode == 0
    calls = (project / "calls").read_text()
    steps = ("pip install", "pytest \n", "ruff check", "lint-imports", "--doctest-modules", "--nbmake", "mkdocs build")
    for step in steps:
        assert step in calls


@pytest.mark.parametrize(
    "step",
    [
        "python3 -m venv",
        "pip install",
        "pytest ",
        "ruff check",
        "ruff format",
        "lint-imports",
        "jupytext",
        "--doctest-modules",
        "pip install -e .[docs]",
        "basedpyright",
        "mkdocs build",
    ],
)
def test_a_step_that_fails_fails_the_script(project, step):
    assert run(project, step).returncode == 3
    # The last three run side by side.
    n_last = 3 if step in ("--doctest-modules", "basedpyright", "mkdocs build") else 1
    assert any(step in call for call in (project / "calls").read_text().splitlines()[-n_last:])


def test_nothing_runs_on_after_an_interrupt(project):
    lasting = (
        '#!/usr/bin/env bash\n[[ "$*" =~ pythonpath|doctest ]] || exit 0\nps -o pgid= $$ > "$0.group"\nsleep 60\ntrue\n'
    )
    groups = []
    for name in ("basedpyright", "pytest"):
        (project / ".venv/bin" / name).write_text(lasting)
        groups.append(project / ".venv/bin" / f"{name}.group")
    (project / "fails").write_text("")
    env = {"PATH": f"{project / 'bin'}:/usr/bin:/bin"}
    script = subprocess.Popen(
        [str(project / ".ci" / "run")], env=env, stdout=subprocess.DEVNULL, start_new_session=True
    )
    assert until(lambda: all(group.exists() and group.read_text() for group in groups))
    os.killpg(script.pid, signal.SIGINT)  # as a terminal does, to the group in front
    assert script.wait(30) == -signal.SIGINT
    assert until(lambda: not any(runs(int(group.read_text())) for group in groups))


def until(holds):
    """Whether something holds within half a minute."""
    for _ in range(300):
        if holds():
            return True
        time.sleep(0.1)
    return False


def runs(group):
    """Whether a process of a group is still there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_programs_are_compiled_for_accelerators_where_that_is_asked_for(project):
    assert run(project).returncode == 0
    assert "benchmarks" not in (project / "calls").read_text()
    assert run(project, JAXSIM_CI_ACCELERATORS="1").returncode == 0
    calls = (project / "calls").read_text().splitlines()
    assert calls[-2].startswith("python -m benchmarks compiled --install")
    assert calls[-1].startswith("python -m benchmarks compare benchmarks/results/compiled.jsonl")
    for step in ("benchmarks compiled", "benchmarks compare"):
        assert run(project, step, JAXSIM_CI_ACCELERATORS="1").returncode == 3


def test_slow_tests_that_fail_fail_their_script(project):
    assert run(project, script="slow").returncode == 0
    # Whatever is marked, in all folders: no path and no choice of names.
    checked = "--jaxtyping-packages=jaxsim,jaxsim_kernels,beartype.beartype"
    assert (project / "calls").read_text().splitlines() == [
        f"pytest -m slow or not slow --timeout=3600 {checked}",
        "pytest --nbmake --nbmake-timeout=3600 notebooks/02*.ipynb",
    ]
    assert run(project, "pytest -m slow", "slow").returncode == 3


def test_the_notebook_on_trained_networks_runs_where_they_were_prepared(project):
    (project / "notebooks" / "trained").mkdir(parents=True)
    (project / "notebooks" / "trained" / "06_trained_models.ipynb").write_text("{}")
    assert run(project).returncode == 0
    assert "--nbmake-timeout=600 notebooks/0[!2]*.ipynb" in (project / "calls").read_text()
    (project / "build" / "trained_models" / "photographs").mkdir(parents=True)
    assert run(project, script="slow").returncode == 0
    notebook = "pytest --nbmake --nbmake-timeout=3600 notebooks/trained/06_trained_models.ipynb"
    assert (project / "calls").read_text().splitlines()[-1] == notebook
    assert run(project, notebook, "slow").returncode == 3
