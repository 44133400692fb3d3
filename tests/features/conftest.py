import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def TinyModel():
    spec = importlib.util.spec_from_file_location("step_models", Path(__file__).with_name("step_models.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["step_models"] = module
    spec.loader.exec_module(module)
    return module.TinyModel
