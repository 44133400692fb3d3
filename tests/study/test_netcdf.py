"""Files of a study against xarray's own way through h5netcdf, which asks for every variable again and again."""

import io

import h5py
import numpy as np
import pytest
import xarray as xr
from h5py import h5o

from jaxsim.files import OwnedFiles
from jaxsim.study.netcdf import read_netcdf, write_netcdf


@pytest.fixture
def dataset():
    rng = np.random.default_rng(0)
    steps = [f"a/block{i:02d}" for i in range(5)]
    found = xr.Dataset(
        {
            "imbalance": (("k", "source", "target"), rng.random((2, 5, 5)), {"long_name": "information imbalance"}),
            "constant": ("source", np.arange(5) > 3),
            "rows": (("row", "half"), rng.integers(0, 9, (4, 3))),
            "nothing": ("empty", np.zeros(0)),
            "single": ((), np.float32(3)),
            "title": ((), "Δ of steps"),
        },
        coords={"k": [1, 5], "source": steps, "target": steps, "depth": ("source", np.linspace(0, 1, 5))},
        attrs={"created": "today", "n_samples": 70, "range": np.array([0.0, 2.0])},
    )
    found["half"] = ["x", "y", "z"]  # a dimension that was there before its variable
    return found


def test_the_same_bytes_as_those_of_xarray(dataset, tmp_path):
    write_netcdf(dataset, OwnedFiles(tmp_path), "own.nc")
    dataset.to_netcdf(tmp_path / "plain.nc", engine="h5netcdf")
    assert (tmp_path / "own.nc").read_bytes() == (tmp_path / "plain.nc").read_bytes()


def test_the_same_dataset_as_that_of_xarray(dataset, tmp_path):
    write_netcdf(dataset, OwnedFiles(tmp_path), "own.nc")
    found = read_netcdf(tmp_path / "own.nc")
    xr.testing.assert_identical(found, dataset)
    content = io.BytesIO((tmp_path / "own.nc").read_bytes())
    plain = xr.load_dataset(content, engine="h5netcdf")
    xr.testing.assert_identical(found, plain)
    assert {name: each.dtype for name, each in found.variables.items()} == {
        name: each.dtype for name, each in plain.variables.items()
    }


def test_every_variable_is_opened_a_few_times(dataset, tmp_path, monkeypatch):
    opened = []
    real = h5o.open
    monkeypatch.setattr(h5o, "open", lambda *given, **more: opened.append(given) or real(*given, **more))
    write_netcdf(dataset, OwnedFiles(tmp_path), "own.nc")
    own, opened[:] = len(opened), []
    dataset.to_netcdf(tmp_path / "plain.nc", engine="h5netcdf")
    assert 0 < 4 * own < len(opened)


def test_hdf5_of_others_has_dimensions_without_names(tmp_path):
    with h5py.File(tmp_path / "x.nc", "w") as file:
        file["values"] = np.arange(6.0).reshape(2, 3)
    assert read_netcdf(tmp_path / "x.nc")["values"].shape == (2, 3)
