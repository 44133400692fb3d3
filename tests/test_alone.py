"""Beside the other project called `jaxsim` there is one error; and what is not needed is not imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(code, *folders):
    paths = [*map(str, folders), str(ROOT), str(ROOT / "kernels")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=300)


@pytest.fixture
def other(tmp_path):
    """What pip leaves of the physics engine, as far as metadata goes."""
    folder = tmp_path / "jaxsim-0.6.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: jaxsim\nVersion: 0.6.2\n")
    return tmp_path


@pytest.mark.parametrize("code", ["import jaxsim", "import jaxsim.cli; jaxsim.cli.main()"])
def test_both_projects_in_one_environment(code, other):
    done = run(code, other)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: expected jaxsim-metrics alone")
    assert "jaxsim 0.6.2, a physics engine" in last
    assert "pip uninstall jaxsim jaxsim-metrics" in last


def test_a_room_finds_it_where_the_package_itself_is_the_other_one(other):
    """Installed later, the other one has replaced `jaxsim/__init__.py`; our folders beside it are still there."""
    theirs = "import sys, types; sys.modules['jaxsim'] = m = types.ModuleType('jaxsim'); m.__path__ = [r'{}']\n"
    for room in ("metrics", "features", "models", "data", "study.run.settings"):
        done = run(theirs.format(ROOT / "jaxsim") + f"import jaxsim.{room}", other)
        assert "expected jaxsim-metrics alone" in done.stderr, room


def test_arrays_need_neither_models_nor_figures():
    code = """if True:
        import sys
        import jaxsim
        assert "jax" not in sys.modules
        import numpy as np
        x = np.random.default_rng(0).normal(size=(24, 6)).astype("float32")
        jaxsim.information_imbalance(x, x[:, :2])
        jaxsim.measure({"x": x, "few": x[:, :2]}, ("cka", "mutual_knn"))
        jaxsim.describe({"x": x}, ("effective_rank",))
        jaxsim.near_duplicates(x)
        jaxsim.open_features({"x": x})
        print(sorted({"transformers", "orbax", "grain", "matplotlib", "torch"} & set(sys.modules)))
    """
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
