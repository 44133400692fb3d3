"""Intervals hold the truth at N as often as they say, on fresh sets of rendered images through shipped models."""

import argparse

import pytest
import xarray as xr

from benchmarks.coverage import MODELS, coverage_of, measured_sets


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_intervals_of_findings_hold_the_truth(tmp_path):
    options = argparse.Namespace(
        samples=500, sets=40, k=(1,), splits=8, models=MODELS, images=3, features=tmp_path / "features"
    )
    found = xr.concat(list(measured_sets(options)), "set", join="exact", combine_attrs="override")
    told = coverage_of(found.sel(k=1))
    assert 0.92 <= told["all"]["coverage"] <= 0.99
    for kind, own in told["kinds"].items():
        assert own["coverage"] >= 0.88, kind
        # The true spread of a finding is known to 11 % from 40 sets.
        assert own["width"][0] <= 1.5 * 1.11, kind
