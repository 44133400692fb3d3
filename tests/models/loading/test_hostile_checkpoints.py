"""Checkpoints that are made to harm: every one ends in a sentence, in 8 GiB of memory and 60 s."""

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jaxsim

ROOT = Path(jaxsim.__file__).parent.parent


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_hundred_hostile_checkpoints(tmp_path):
    program = Path(__file__).with_name("hostile_checkpoints.py")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")]), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{len(found)} checkpoints: {dict(collections.Counter(each['kind'] for each in found.values()))}")
    print(
        f"at most {max(each['megabytes'] for each in found.values())} MB and "
        f"{max(each['seconds'] for each in found.values())} s"
    )
    assert len(found) >= 200
    assert {name: each for name, each in found.items() if each["kind"] != "sentence"} == {}
    assert max(each["megabytes"] for each in found.values()) < 2000
