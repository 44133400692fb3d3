"""The examples in the suite's docstrings."""

import doctest
import importlib
import pkgutil

import pytest

import benchmarks

MODULES = [m.name for m in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.") if not m.name.endswith("__main__")]
# Their examples time something.
LONG = ("benchmarks.measure",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in MODULES]
)
def test_examples(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
