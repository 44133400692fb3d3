"""Arguments that mean nothing: each call is refused before the work, in a sentence that shows what came."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import jaxsim
from jaxsim.study import checked_settings

ROOT = Path(jaxsim.__file__).parent.parent
X = np.random.default_rng(0).normal(size=(24, 4))


@pytest.mark.parametrize(
    ("program", "least"), [("bad_calls.py", 700), pytest.param("bad_calls_by_room.py", 1500, marks=pytest.mark.slow)]
)
def test_calls_that_mean_nothing_are_refused_in_a_sentence(program, least):
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")])}
    command = [sys.executable, str(Path(__file__).with_name(program))]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["made"] >= least
    assert found["wrong"] == {}


@pytest.mark.parametrize(
    "function", [jaxsim.imbalance_matrix, jaxsim.near_duplicates, jaxsim.compare], ids=lambda each: each.__name__
)
def test_an_unexpected_keyword_is_a_type_error(function):
    with pytest.raises(TypeError, match="unexpected keyword"):
        function(X, neighbors=3)


def test_numbers_of_numpy_are_numbers():
    k, seed = np.int64(2), np.int32(1)
    assert jaxsim.information_imbalance(X, X[:, :2], k=k).k == 2
    assert jaxsim.imbalance_matrix({"a": X}, k=k, n_queries=12).n_queries == 12
    assert checked_settings(k=k, seed=seed).k == (2,)
