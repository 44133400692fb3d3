"""Data parallel: `model.apply` on a batch that lies on several devices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jaxsim

ROOT = Path(jaxsim.__file__).parent.parent


@pytest.mark.slow
def test_states_of_a_batch_on_eight_devices():
    paths = [str(ROOT), str(ROOT / "kernels"), os.environ.get("PYTHONPATH", "")]
    simulated = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "sharded_states.py")],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | simulated | {"PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "equal and sharded"
