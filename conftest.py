"""Shared by tests and by the examples in docstrings."""

import gc
import sys

import pytest

# Tracing keeps many small objects, through which the collector goes again and again: up to a tenth of a file's time.
gc.set_threshold(20_000, 20, 50)


@pytest.fixture(autouse=True)
def _no_open_figures():
    """Figures that a test or an example drew are closed after it: pyplot warns of more than twenty."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
