"""Random damage to files of other programs: features and images open or end in a sentence that names the file."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
import safetensors.numpy
import torch
import zarr
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.data import open_images
from jaxsim.features import open_features

from ..damage import edited, edits, fuzzed
from ..sentences import outcome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ELSEWHERE = Path(__file__).parents[1] / "written_elsewhere"
HAS_PYARROW = importlib.util.find_spec("pyarrow") is not None
FEATURES = ["f.h5", "f.npz", "g.npz", "f.npy", "f.safetensors", "f.pt", "f.zarr", "g.zarr", "layers"]
FEATURES += ["lists.parquet", "embeddings", "columns.feather"] if HAS_PYARROW else []
IMAGES = ["shard-00.tar", "images.h5", "images.zarr"]
IMAGES += ["pictures.parquet", "pictures"] if HAS_PYARROW else []

SAID: Counter[str] = Counter()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    x, ids = np.random.default_rng(0).normal(size=(40, 6)), [f"w{i}" for i in range(40)]
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    with h5py.File(folder / "f.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(10, 6), compression="gzip")
        file["ids"] = ids
    with h5py.File(folder / "images.h5", "w") as file:
        file["images"], file["label"] = pixels, np.arange(6)
    np.savez(folder / "f.npz", x=x, ids=np.array(ids))
    np.savez_compressed(folder / "g.npz", x=x, ids=np.array(ids))
    np.save(folder / "f.npy", x)
    safetensors.numpy.save_file({"x": x}, folder / "f.safetensors", metadata={"sample_ids": json.dumps(ids)})
    torch.save({"x": torch.from_numpy(x), "ids": ids}, folder / "f.pt")
    group = zarr.open_group(folder / "f.zarr", mode="w")
    group.create_array("x", shape=x.shape, chunks=(10, 6), dtype="f8")[:] = x
    group.attrs["sample_ids"] = ids
    group = zarr.open_group(folder / "images.zarr", mode="w", zarr_format=2)
    group.create_array("images", shape=pixels.shape, chunks=(4, 8, 8, 3), dtype="u1")[:] = pixels
    group = zarr.open_group(folder / "g.zarr", mode="w", zarr_format=2)
    group.create_array("inner/x", shape=x.shape, chunks=(10, 6), dtype="f4")[:] = x
    (folder / "layers").mkdir()
    np.save(folder / "layers" / "x.npy", x)
    np.save(folder / "layers" / "ids.npy", ids)
    for each in ELSEWHERE.iterdir():
        (shutil.copytree if each.is_dir() else shutil.copy)(each, folder / each.name)
    return folder


@pytest.fixture(scope="module", autouse=True)
def figures():
    yield
    print(f"\n{dict(SAID)}")


def damaged(data, whole, folder, name):
    """A copy of one of the files, or of a folder with one file in it, damaged."""
    path = folder / name
    (shutil.copytree if (whole / name).is_dir() else shutil.copy)(whole / name, path)
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    chosen = data.draw(st.sampled_from(files))
    content = chosen.read_bytes()
    chosen.write_bytes(edited(content, data.draw(edits(len(content)))))
    return path


def read_features(path):
    options = {"layers": {"x": "x_*"}} if path.name == "columns.feather" else {}
    found = open_features(path, **options)
    for layer in found:
        np.asarray(found[layer])
        found[layer][[0]]


def read_images(path):
    source = open_images(path)
    for place in range(len(source)):
        source.load(place)
    dict(source.columns)
    source.description  # noqa: B018


@fuzzed(0.6)
@given(data=st.data(), name=st.sampled_from(FEATURES))
def test_features(whole, tmp_path_factory, data, name):
    folder = tmp_path_factory.mktemp("damaged")
    path = damaged(data, whole, folder, name)
    said = outcome(lambda: read_features(path), folder)
    SAID["features read" if said is None else "features refused"] += 1
    shutil.rmtree(folder)


@fuzzed(0.4)
@given(data=st.data(), name=st.sampled_from(IMAGES))
def test_images(whole, tmp_path_factory, data, name):
    folder = tmp_path_factory.mktemp("damaged")
    path = damaged(data, whole, folder, name)
    # A damaged image is named by its id, the rest by the file.
    said = outcome(lambda: _named(path), folder)
    SAID["images read" if said is None else "images refused"] += 1
    shutil.rmtree(folder)


def _named(path):
    from jaxsim.data import DamagedImage

    try:
        read_images(path)
    except DamagedImage as error:
        raise ValueError(f"{path}: {error}") from error


IDS = {
    "ids.txt": b"w0\nw1\nw2\n",
    "ids.csv": b"id,label\nw0,1\nw1,2\nw2,3\n",
    "ids.json": b'["w0", "w1", "w2"]',
}


@fuzzed(0.2)
@given(data=st.data(), name=st.sampled_from([*IDS, "ids.npy"]))
def test_ids_of_a_file(tmp_path_factory, data, name):
    folder = tmp_path_factory.mktemp("damaged")
    if name == "ids.npy":
        np.save(folder / name, np.array(["w0", "w1", "w2"]))
    content = IDS.get(name) or (folder / name).read_bytes()
    (folder / name).write_bytes(edited(content, data.draw(edits(len(content)))))
    said = outcome(lambda: open_features({"x": np.eye(3)}, sample_ids=folder / name), folder)
    SAID["ids read" if said is None else "ids refused"] += 1
    shutil.rmtree(folder)
