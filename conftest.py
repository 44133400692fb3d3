"""Shared by tests and by the examples in docstrings."""

import sys

import pytest


@pytest.fixture(autouse=True)
def _no_open_figures():
    """Figures that a test or an example drew are closed after it: pyplot warns of more than twenty."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
