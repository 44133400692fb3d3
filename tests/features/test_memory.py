"""Memory does not grow with the number of images, nor with the size of features that are only looked at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import zarr

ROOT = Path(__file__).parents[2]
PEAK = "\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"


def peak_of(program):
    """Bytes that a fresh process had at most."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")]), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", program + PEAK], env=env, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_extraction_takes_the_same_memory_for_20_times_the_images(tmp_path):
    peaks = {}
    for count in (1_000, 20_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for i in range(count):
            pixels = np.full((48, 64, 3), i % 251, np.uint8)
            pixels[: i % 48] += 3
            PIL.Image.fromarray(pixels).save(folder / f"{i:05d}.jpg")
        out = str(tmp_path / f"features{count}")
        peaks[count] = peak_of(
            "import jaxsim; from jaxsim.features import extract\n"
            f"extract(jaxsim.load_model('embedded:cnn_selfsup_0'), {str(folder)!r}, out={out!r}, batch_size=64)"
        )
    print({count: f"{peak / 1e6:.0f} MB" for count, peak in peaks.items()})
    assert peaks[20_000] < 1.1 * peaks[1_000]


@pytest.mark.slow
def test_some_rows_of_a_large_array_take_little_memory(tmp_path):
    """A layer of 600 MB, of which a shuffle is read a few rows at a time."""
    array = zarr.open_group(tmp_path / "f.zarr", mode="w").create_array(
        "x", shape=(400_000, 384), chunks=(4096, 384), dtype="f4", compressors=None, fill_value=0
    )
    for start in range(0, 400_000, 4096):
        array[start : start + 4096] = np.float32(start + 1)
    opened = "import jaxsim, numpy as np; x = jaxsim.open_features(" + repr(str(tmp_path / "f.zarr")) + ")\n"
    base = peak_of(opened)
    read = opened + (
        "rows = np.random.default_rng(0).permutation(400_000)\n"
        "part = x.select(rows)['x'][1000:1400]\n"
        "assert (part[:, 0] == rows[1000:1400] // 4096 * 4096 + 1).all()"
    )
    assert peak_of(read) - base < 150e6
