"""The command as a user starts it, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import jaxsim
from jaxsim.cli.app import app
from jaxsim.cli.compilation_cache import compilation_cache_folder

ROOT = Path(jaxsim.__file__).parent.parent


def start(*args: object, **env: str) -> subprocess.Popen[str]:
    paths = [str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-m", "jaxsim", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | env,
    )


def test_help_imports_nothing_heavy() -> None:
    code = """if True:
        import sys
        import jaxsim
        before = set(sys.modules)
        import jaxsim.cli
        print(sorted({"jax", "numpy", "transformers", "xarray", "matplotlib"} & (set(sys.modules) - before)))
    """
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_process_compares_and_fills_the_compilation_cache(checkpoint, photos, tmp_path) -> None:
    out, cache = tmp_path / "run", tmp_path / "cache"
    process = start(
        "compare",
        checkpoint(0),
        checkpoint(1),
        "--images",
        photos,
        "--out",
        out,
        JAXSIM_COMPILATION_CACHE=str(cache),
    )
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert stdout.splitlines()[-1] == str(out / "index.html")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", stdout + stderr)
    assert any(cache.glob("compiled-*/*"))


def test_bad_input_in_a_process(photos, tmp_path) -> None:
    process = start("compare", tmp_path, "--images", photos, "--out", tmp_path / "run", "--k", "0")
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 2
    assert stdout == ""
    assert stderr.splitlines()[-1].startswith("error: expected every k")
    assert "Traceback" not in stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for another process")
def test_ctrl_c_in_a_process(checkpoint, photos, tmp_path) -> None:
    out = tmp_path / "run"
    process = start("compare", checkpoint(0), "--images", photos, "--out", out)
    assert process.stdout is not None
    while "output" not in process.stdout.readline():  # the plan is printed, the work begins
        pass
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert f"kept in {out}; the same command continues" in stderr


def test_info_shows_versions_and_devices() -> None:
    result = CliRunner().invoke(app, ["info"])
    assert result.exit_code == 0, result.output
    assert re.search(r"jax +\| \d+\.\d+", result.stdout)
    assert "Devices (platform" in result.stdout
    assert "compilation cache: off" in result.stdout


def test_models_lists_families_and_sources() -> None:
    result = CliRunner().invoke(app, ["models"])
    assert result.exit_code == 0, result.output
    assert re.search(r"^ *ViT, DINO +\| vit +\| Hugging Face, timm, Scenic", result.stdout, re.MULTILINE)
    assert "embedded:vit_digits" in result.stdout


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).exit_code == 0


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"JAXSIM_COMPILATION_CACHE": "off"}, None),
        ({"JAXSIM_COMPILATION_CACHE": "0"}, None),
        ({"JAX_COMPILATION_CACHE_DIR": "theirs"}, Path("theirs")),
    ],
)
def test_where_the_compilation_cache_is(monkeypatch, env, expected) -> None:
    for name in ("JAXSIM_COMPILATION_CACHE", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert compilation_cache_folder() == expected


def test_the_cache_is_on_by_default(monkeypatch, tmp_path) -> None:
    for name in ("JAXSIM_COMPILATION_CACHE", "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    folder = compilation_cache_folder()
    assert folder is not None
    assert folder.parent == tmp_path / "jaxsim"
    # Programs for one processor crash on another; the folder is named for this one.
    assert re.fullmatch(r"compiled-[0-9a-f]{8}", folder.name)
    monkeypatch.setenv("JAXSIM_COMPILATION_CACHE", str(tmp_path / "mine"))
    assert compilation_cache_folder() == tmp_path / "mine" / folder.name


def test_the_demo_has_its_models() -> None:
    from jaxsim.cli.app import DEMO_MODELS
    from jaxsim.models.embedded import embedded_names

    assert {name.removeprefix("embedded:") for name in DEMO_MODELS} <= set(embedded_names())
    assert len(DEMO_MODELS) == 4
