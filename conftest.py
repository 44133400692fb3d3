"""Shared by tests and by the examples in docstrings."""

import atexit
import gc
import os
import sys

import pytest

# Where in Python each operation was called is said nowhere in the tests; looking it up is a twentieth of compiling.
os.environ.setdefault("JAX_TRACEBACK_IN_LOCATIONS_LIMIT", "0")

# Tracing keeps many small objects, through which the collector goes again and again: up to a tenth of a file's time.
gc.set_threshold(20_000, 20, 50)


@pytest.fixture(autouse=True)
def _no_open_figures():
    """Figures that a test or an example drew are closed after it: pyplot warns of more than twenty."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist ends at once when all is reported.

    JAX takes thousands of compiled programs apart as Python ends, for longer than the ten seconds after which
    pytest-xdist kills the worker.
    """
    if hasattr(session.config, "workerinput"):
        atexit.register(os._exit, 0)
