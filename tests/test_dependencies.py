"""What the packages import is what pyproject declares."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"jaxsim", "jaxsim_kernels"}

#: Imported where it is there: torch modules are captured where the user has torch, and jaxlib comes with jax.
NOT_DECLARED = {"torch", "jaxlib"}

#: What xarray imports to write NetCDF.
BEHIND_XARRAY = {"h5netcdf", "h5py"}


def _plain(name):
    return name.lower().replace("_", "-")


def _imported():
    found = {}
    for folder in ("jaxsim", "kernels"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    names = [node.module]
                for name in names:
                    found.setdefault(name.partition(".")[0], path.relative_to(ROOT))
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names | OURS | NOT_DECLARED}


def test_what_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    cut = str.maketrans(dict.fromkeys("<>=!~[; ", "\n"))
    declared = {_plain(each.translate(cut).partition("\n")[0]) for each in project["dependencies"]}
    distributions = packages_distributions()
    imported = _imported()
    if missing := [name for name in imported if name not in distributions]:
        pytest.fail(f"not installed: {missing}")
    undeclared = {
        name: str(path) for name, path in imported.items() if declared.isdisjoint(map(_plain, distributions[name]))
    }
    assert not undeclared
    unused = declared - BEHIND_XARRAY - {_plain(each) for name in imported for each in distributions[name]}
    assert not unused
