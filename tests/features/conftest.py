"""Images, tiny models and runs that are stopped, for all that extracts features."""

import importlib.util
import sys
from pathlib import Path

import pytest

from jaxsim.data import open_images


class Stop(Exception):
    """What stops an extraction."""


def stop_after(n):
    """A progress that stops the extraction after so many images."""

    def progress(done, total, what):
        if done >= n:
            raise Stop

    return progress


@pytest.fixture(scope="session")
def TinyModel():
    spec = importlib.util.spec_from_file_location("step_models", Path(__file__).with_name("step_models.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["step_models"] = module
    spec.loader.exec_module(module)
    return module.TinyModel


@pytest.fixture(scope="session")
def images():
    """Forty digits."""
    return open_images("digits").subset(40, seed=0)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of six rows, which no batch size that is used with them divides."""
    monkeypatch.setattr("jaxsim.features.folder_writer._MOST_BLOCK_ROWS", 6)
