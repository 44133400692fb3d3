"""Features in the files of other programs: values, ids and what is said of anything else."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import h5py
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
import zarr

import jaxsim
from jaxsim.features import open_features
from jaxsim.zarr_arrays import MissingChunkWarning

ELSEWHERE = Path(__file__).parents[1] / "written_elsewhere"
WORDS = tuple(f"word{i:02d}" for i in range(12))

needs_pyarrow = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")


def written():
    """What `written_elsewhere/write.py` wrote."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, 5)).astype(np.float32), rng.normal(size=(12, 3))


EARLY, LATE = written()


def npy_folder(folder):
    (folder / "enc").mkdir(parents=True)
    np.save(folder / "enc" / "early.npy", EARLY)
    np.save(folder / "late.npy", np.asfortranarray(LATE))
    (folder / "sample_ids.txt").write_text("\n".join(WORDS))
    return folder, {}


def npz(folder):
    np.savez(folder / "f.npz", **{"enc/early": EARLY, "late": LATE, "ids": np.array(WORDS), "labels": np.arange(12)})
    return folder / "f.npz", {}


def npz_compressed(folder):
    np.savez_compressed(folder / "f.npz", **{"enc/early": EARLY, "late": np.asfortranarray(LATE), "names": WORDS})
    return folder / "f.npz", {"sample_ids": "names"}


def hdf5(folder):
    with h5py.File(folder / "f.h5", "w") as file:
        file.create_dataset("enc/early", data=EARLY, chunks=(4, 5), compression="gzip")
        file["late"], file["sample_id"], file["tokens"] = LATE, list(WORDS), np.zeros((12, 2, 2))
    return folder / "f.h5", {}


def tensors(folder):
    kept = {"enc/early": torch.from_numpy(EARLY), "late": torch.from_numpy(LATE)}
    safetensors.torch.save_file(kept, folder / "f.safetensors", metadata={"sample_ids": json.dumps(WORDS)})
    return folder / "f.safetensors", {}


def torch_file(folder):
    torch.save(
        {"enc": {"early": torch.from_numpy(EARLY)}, "late": torch.from_numpy(LATE), "ids": list(WORDS)}, folder / "f.pt"
    )
    return folder / "f.pt", {}


def zarr_version(version):
    def write(folder):
        group = zarr.open_group(folder / "f.zarr", mode="w", zarr_format=version)
        group.create_group("enc").create_array("early", shape=(12, 5), chunks=(5, 5), dtype="f4")[:] = EARLY
        group.create_array("late", shape=(12, 3), chunks=(12, 3), dtype="f8")[:] = LATE
        group.attrs["sample_ids"] = list(WORDS)
        return folder / "f.zarr", {}

    return write


def mapping(folder):
    return {"enc": {"early": jnp.asarray(EARLY)}, "late": LATE, "ids": list(WORDS)}, {}


WRITERS = {
    "npy folder": npy_folder,
    "npz": npz,
    "npz compressed": npz_compressed,
    "hdf5": hdf5,
    "safetensors": tensors,
    "torch": torch_file,
    "zarr 2": zarr_version(2),
    "zarr 3": zarr_version(3),
    "mapping": mapping,
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_every_format_gives_values_names_and_ids(write, tmp_path):
    source, options = write(tmp_path / "there" if write is npy_folder else tmp_path)
    found = open_features(source, **options)
    assert list(found) == ["enc/early", "late"]
    assert found.sample_ids == WORDS
    assert not found.numbered
    for name, values in (("enc/early", EARLY), ("late", LATE)):
        assert found[name].shape == values.shape
        assert np.dtype(found[name].dtype) == values.dtype
        for rows in (
            slice(None),
            slice(2, 7),
            slice(9, 3),
            [7, 1, 1],
            np.arange(12) % 2 == 0,
            -1,
            slice(None, None, -2),
        ):
            np.testing.assert_array_equal(np.asarray(found[name][rows]), values[rows])
    assert found.steps[1].depth == 1.0
    assert json.dumps(found.manifest)


@needs_pyarrow
@pytest.mark.parametrize("name", ["lists.parquet", "embeddings"])
def test_columns_of_lists_written_by_pandas_and_datasets(name):
    found = open_features(ELSEWHERE / name)
    np.testing.assert_array_equal(np.asarray(found["early"]), EARLY)
    np.testing.assert_array_equal(found["early"][[11, 0, 5]], EARLY[[11, 0, 5]])
    assert found.sample_ids == WORDS
    if name == "lists.parquet":
        assert list(found) == ["early", "late"]
        np.testing.assert_array_equal(found["late"][3:8], LATE[3:8])


@needs_pyarrow
@pytest.mark.parametrize("name", ["columns.parquet", "columns.feather"])
def test_columns_by_pattern(name):
    with pytest.raises(ValueError, match=r"say which make a layer, such as layers=\{'embedding'"):
        open_features(ELSEWHERE / name)
    found = open_features(ELSEWHERE / name, layers={"all": "x_*", "two": ["x_3", "x_1"]}, sample_ids="word")
    np.testing.assert_array_equal(np.asarray(found["all"]), EARLY)
    np.testing.assert_array_equal(np.asarray(found["two"]), EARLY[:, [3, 1]])
    assert found.sample_ids == WORDS


@needs_pyarrow
def test_large_groups_of_rows_are_read_in_batches(tmp_path):
    import pyarrow
    import pyarrow.parquet

    values = np.random.default_rng(1).normal(size=(5000, 2048))
    column = pyarrow.FixedSizeListArray.from_arrays(values.ravel(), 2048)
    pyarrow.parquet.write_table(pyarrow.table({"x": column}), tmp_path / "x.parquet")
    found = open_features(tmp_path / "x.parquet")["x"]
    for rows in (slice(4000, 4100), slice(10, 20), slice(1000, 1050), [4999, 0]):
        np.testing.assert_array_equal(found[rows], values[rows])


@needs_pyarrow
def test_lists_of_different_lengths_are_named(tmp_path):
    import pandas as pd

    pd.DataFrame({"x": [[1.0, 2.0], [3.0], [4.0, 5.0]]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"expected 2 numbers in every row of the column 'x', got .* in row 1"):
        np.asarray(open_features(tmp_path / "x.parquet")["x"])


def test_without_pyarrow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"pyarrow is needed to read Parquet and Arrow files.*pip install pyarrow"):
        open_features(ELSEWHERE / "lists.parquet")


def test_bfloat16_in_safetensors_and_torch(tmp_path):
    kept = {"x": torch.from_numpy(EARLY).to(torch.bfloat16)}
    safetensors.torch.save_file(kept, tmp_path / "x.safetensors")
    torch.save(kept, tmp_path / "x.pt")
    expected = kept["x"].float().numpy()
    for name in ("x.safetensors", "x.pt"):
        read = open_features(tmp_path / name)["x"][2:9]
        np.testing.assert_array_equal(np.asarray(read, np.float32), expected[2:9])
    jaxsim.measure(open_features(tmp_path / "x.safetensors"), "information_imbalance")


def test_ids_from_argument_file_and_numbers(tmp_path):
    for name, content in (
        ("a.txt", "\n".join(WORDS)),
        ("a.json", json.dumps(WORDS)),
        ("a.csv", "class,id\n" + "\n".join(f"1,{word}" for word in WORDS)),
        ("a.tsv", "id\n" + "\n".join(WORDS)),
    ):
        (tmp_path / name).write_text(content)
        assert open_features({"x": EARLY}, sample_ids=tmp_path / name).sample_ids == WORDS
        assert open_features({"x": EARLY}, sample_ids=str(tmp_path / name)).sample_ids == WORDS
    np.save(tmp_path / "a.npy", np.array(WORDS))
    assert open_features({"x": EARLY}, sample_ids=tmp_path / "a.npy").sample_ids == WORDS
    assert open_features({"x": EARLY}, sample_ids=WORDS).manifest["sample_ids_from"] == "sample_ids"
    numbered = open_features({"x": EARLY, "ids": list(WORDS)}, sample_ids=False)
    assert numbered.sample_ids[:2] == ("000000", "000001")
    assert numbered.numbered


def test_globs_and_mappings_choose_layers(tmp_path):
    source, _ = hdf5(tmp_path)
    assert list(open_features(source, layers="enc/*")) == ["enc/early"]
    assert open_features(source).manifest["left_out"] == {
        "tokens": "its shape is [12, 2, 2]: pool or reshape it to [n_samples, n_features]"
    }
    both = open_features(source, layers={"all": ["enc/*", "late"]})
    np.testing.assert_array_equal(both["all"][3:5], np.concatenate([EARLY, LATE], axis=1)[3:5])
    scale = open_features({"x": EARLY, "scale": np.arange(12.0)}, layers=["scale", "x"])
    assert scale["scale"][:3].tolist() == [[0.0], [1.0], [2.0]]


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ({"x": EARLY, "w": LATE[:5]}, {}, "'x' has 12 rows and 'w' has 5; name those that belong together"),
        ({"x": EARLY}, {"layers": "y*"}, r"no array of arrays in memory is called 'y\*': it holds 'x'"),
        ({"x": EARLY}, {"layers": 3}, "expected layers as a glob"),
        ({"x": EARLY[:, :, None]}, {}, r"its shape is \[12, 5, 1\]: pool or reshape"),
        ({"x": EARLY + 1j}, {}, "it holds complex"),
        ({"x": EARLY[:0]}, {}, "is empty"),
        ({"x": 3.0}, {}, "expected the layer 'x' as an array"),
        ({"": EARLY}, {}, "expected the names of layers to be texts, got .."),
        ({"x": EARLY}, {"sample_ids": WORDS[:3]}, "expected 12 ids in sample_ids, one for each row, got 3"),
        ({"x": EARLY}, {"sample_ids": ["a"] * 12}, "got 'a' in rows 0 and 1"),
        ({"x": EARLY}, {"sample_ids": [1.5] * 12}, "expected ids as texts or integers in sample_ids, got 1.5"),
        ({"x": EARLY}, {"sample_ids": "words"}, "expected ids under 'words' in arrays in memory"),
        ({"x": EARLY}, {"sample_ids": True}, "expected sample_ids as ids, a name, a path or False"),
        (3, {}, "expected features as a mapping of arrays"),
        ("no/such.h5", {}, "no features in no/such.h5: there is no such file or folder"),
    ],
)
def test_what_is_no_features_is_refused(source, options, said):
    with pytest.raises(ValueError, match=said):
        open_features(source, **options)


@pytest.mark.parametrize(
    "suffix", [".h5", ".npz", ".npy", ".safetensors", ".pt", ".zarr", ".txt", ".parquet", ".arrow"]
)
def test_arbitrary_bytes_end_in_a_sentence_that_names_the_file(suffix, tmp_path):
    path = tmp_path / f"f{suffix}"
    for content in (
        b"",
        b"not at all",
        b"\x89HDF\r\n\x1a\n",
        b"PK\x03\x04 and then",
        b"\x93NUMPY\x01\x00",
        b"\x80\x02}",
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"f\.|pyarrow is needed"):
            open_features(path)


def test_pickles_are_never_loaded(tmp_path):
    class Evil:
        def __reduce__(self):
            return exec, ("raise SystemExit",)

    torch.save({"x": Evil()}, tmp_path / "x.pt")
    np.save(tmp_path / "x.npy", np.array([Evil()], object))
    np.savez(tmp_path / "x.npz", x=np.array([Evil()], object))
    for name in ("x.pt", "x.npy", "x.npz"):
        with pytest.raises(ValueError, match=r"objects"):
            open_features(tmp_path / name)


def test_nothing_is_loaded_whole(tmp_path):
    """Rows of a file of 80 MB are read without taking its memory."""
    import tracemalloc

    values = np.zeros((20_000, 500))
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("x", data=values, chunks=(500, 500))
    np.savez(tmp_path / "f.npz", x=values)
    np.savez_compressed(tmp_path / "g.npz", x=values)
    np.save(tmp_path / "f.npy", values)
    safetensors.numpy.save_file({"x": values}, tmp_path / "f.safetensors")
    del values
    for name in ("f.h5", "f.npz", "g.npz", "f.npy", "f.safetensors"):
        tracemalloc.start()
        found = next(iter(open_features(tmp_path / name).values()))
        found[10_000:10_010]
        found[np.array([19_999, 0, 7_000])]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20e6, name


def test_a_file_that_changed_has_another_fingerprint(tmp_path):
    np.save(tmp_path / "x.npy", EARLY)
    before = open_features(tmp_path / "x.npy").manifest
    assert open_features(tmp_path / "x.npy").manifest == before
    np.save(tmp_path / "x.npy", np.concatenate([EARLY, EARLY]))
    assert open_features(tmp_path / "x.npy").manifest["fingerprint"] != before["fingerprint"]
    arrays = {"x": EARLY.copy()}
    first = open_features(arrays).manifest["fingerprint"]
    arrays["x"][3, 2] += 1
    assert open_features(arrays).manifest["fingerprint"] != first


def test_measures_take_features_of_any_format(tmp_path):
    source, _ = hdf5(tmp_path)
    found = jaxsim.measure(open_features(source), ("cka", "information_imbalance"))
    expected = jaxsim.measure({"enc/early": EARLY, "late": LATE}, ("cka", "information_imbalance"))
    np.testing.assert_array_equal(found.cka, expected.cka)
    np.testing.assert_array_equal(found.information_imbalance, expected.information_imbalance)


def test_a_missing_chunk_of_zarr_is_the_fill_value_and_is_said(tmp_path):
    values = np.zeros((30, 4), np.float32)
    values[10:20] = 1
    group = zarr.open_group(tmp_path / "f.zarr", mode="w")
    group.create_array("x", shape=(30, 4), chunks=(10, 4), dtype="f4", fill_value=0)[:] = values
    found = open_features(tmp_path / "f.zarr")["x"]
    with pytest.warns(MissingChunkWarning, match="array x: a chunk is missing and is read as the fill value, 0"):
        np.testing.assert_array_equal(np.asarray(found), values)
    with pytest.warns(MissingChunkWarning):
        np.testing.assert_array_equal(found[5:15], values[5:15])
    np.testing.assert_array_equal(found[10:20], values[10:20])


@pytest.mark.parametrize(("separator", "called"), [(";", "semicolons"), ("\t", "tabs")])
def test_ids_in_a_table_that_is_separated_otherwise(tmp_path, separator, called):
    (tmp_path / "ids.csv").write_text("\n".join(separator.join(row) for row in (("id", "x"), ("a", "1"), ("b", "2"))))
    with pytest.raises(ValueError, match=f"cannot read the ids in .*look separated by {called}"):
        open_features({"layer": np.eye(2)}, sample_ids=tmp_path / "ids.csv")
