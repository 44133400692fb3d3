"""Images in the files and data sets of other programs: pixels, ids, labels, damage."""

from __future__ import annotations

import importlib.util
import io
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import grain
import h5py
import numpy as np
import PIL.Image
import pytest
import torch
import zarr

from jaxsim.data import DamagedImage, load_batches, open_images

ELSEWHERE = Path(__file__).parents[1] / "written_elsewhere"
IDS = tuple(f"photo{i}" for i in range(8))
NUMBERS = tuple(f"{i:06d}" for i in range(8))

needs_pyarrow = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")


def colour(i):
    """What `written_elsewhere/write.py` painted."""
    return [20 * i, 255 - 20 * i, 7 * i]


def picture(i):
    return PIL.Image.new("RGB", (8 + i, 6), tuple(colour(i)))


def check_pictures(source, order=range(8)):
    """All images, by any way to them: one at a time, in batches by threads, out of order."""
    for place, i in enumerate(order):
        pixels = source.load(place)
        assert pixels.shape == (6, 8 + i, 3)
        assert pixels.dtype == np.uint8
        assert (pixels == colour(i)).all()
        assert source.image_size(place) == (6, 8 + i)
    loaded = list(load_batches(source, lambda images: np.stack([x[:6, :8].astype(np.float32) for x in images]), 3))
    first = np.concatenate([batch.pixels for batch in loaded])[:, 0, 0]
    np.testing.assert_array_equal(first, [colour(i) for i in order])
    order = list(order)
    assert (source.load(len(order) - 1)[0, 0] == colour(order[-1])).all()
    assert (source.load(0)[0, 0] == colour(order[0])).all()


@needs_pyarrow
@pytest.mark.parametrize("name", ["pictures", "pictures.parquet"])
def test_tables_of_the_datasets_library(name):
    source = open_images(ELSEWHERE / name)
    check_pictures(source)
    assert source.ids == NUMBERS
    assert source.column("label") == ("cat", "dog") * 4
    assert source.column("patient") == ("p0",) * 4 + ("p1",) * 4
    assert source.description["n_images"] == 8
    assert open_images(ELSEWHERE / name).description == source.description


@needs_pyarrow
def test_ids_of_a_table(tmp_path):
    with pytest.raises(ValueError, match=r"expected different ids in the column 'patient' .* got 'p0' in rows 0 and 1"):
        open_images(ELSEWHERE / "pictures.parquet", ids="patient")
    with pytest.raises(ValueError, match="expected a column of encoded images"):
        open_images(ELSEWHERE / "columns.parquet")
    assert open_images(ELSEWHERE / "pictures.parquet", ids=IDS).ids == IDS
    import pandas as pd

    frame = pd.read_parquet(ELSEWHERE / "pictures.parquet").assign(id=IDS)
    frame.iloc[::-1].to_parquet(tmp_path / "reversed.parquet")
    source = open_images(tmp_path / "reversed.parquet")
    assert source.ids == IDS[::-1]
    check_pictures(source, range(7, -1, -1))


@needs_pyarrow
def test_a_damaged_image_in_a_table_is_named(tmp_path):
    import pandas as pd

    frame = pd.read_parquet(ELSEWHERE / "pictures.parquet")
    frame.at[3, "image"] = {"bytes": b"not a picture", "path": None}
    frame.to_parquet(tmp_path / "x.parquet")
    source = open_images(tmp_path / "x.parquet")
    with pytest.raises(DamagedImage, match="damaged image 000003"):
        source.load(3)
    assert source.description["fingerprint"] != open_images(ELSEWHERE / "pictures.parquet").description["fingerprint"]


@pytest.mark.parametrize(
    "given",
    [
        str(ELSEWHERE / "shard-{00..01}.tar"),
        str(ELSEWHERE / "shard-*.tar"),
        [ELSEWHERE / "shard-00.tar", ELSEWHERE / "shard-01.tar"],
    ],
)
def test_shards_of_webdataset(given):
    source = open_images(given)
    check_pictures(source)
    assert source.ids == IDS
    assert source.column("cls") == (0, 1) * 4
    assert source.column("patient") == ("p0",) * 4 + ("p1",) * 4


def test_shards_that_are_damaged(tmp_path):
    whole = (ELSEWHERE / "shard-00.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:3000])
    (tmp_path / "text.tar").write_bytes(b"no tar")
    with tarfile.open(tmp_path / "none.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    for name, said in (
        ("cut", "cannot read|no image"),
        ("text", "cannot read .*text.tar as"),
        ("none", "no image in 1"),
    ):
        with pytest.raises(ValueError, match=said):
            open_images(tmp_path / f"{name}.tar")
    shutil.copy(ELSEWHERE / "shard-00.tar", tmp_path / "a.tar")
    source = open_images(tmp_path / "a.tar")
    (tmp_path / "a.tar").write_bytes(whole[:1000])
    with pytest.raises(DamagedImage, match=r"the shard a.tar ends within it"):
        source.load(4)


def pixels_of_one_size():
    return np.arange(8 * 4 * 5 * 3, dtype=np.uint8).reshape(8, 4, 5, 3)


def hdf5(folder):
    with h5py.File(folder / "x.h5", "w") as file:
        file["train/images"], file["ids"] = pixels_of_one_size(), list(IDS)
        file["label"] = np.arange(8) % 2
    return folder / "x.h5"


def zarr_version(version):
    def write(folder):
        group = zarr.open_group(folder / "x.zarr", mode="w", zarr_format=version)
        group.create_array("images", shape=(8, 4, 5, 3), chunks=(3, 4, 5, 3), dtype="u1")[:] = pixels_of_one_size()
        group.create_array("label", shape=(8,), dtype="i8")[:] = np.arange(8) % 2
        group.create_array("id", shape=(8,), dtype="i4")[:] = np.arange(8) + 10
        return folder / "x.zarr"

    return write


@pytest.mark.parametrize("write", [hdf5, zarr_version(2), zarr_version(3)])
def test_arrays_in_hdf5_and_zarr(write, tmp_path):
    source = open_images(write(tmp_path))
    for i in (0, 7, 3):
        np.testing.assert_array_equal(source.load(i), pixels_of_one_size()[i])
    assert source.image_size(0) == (4, 5)
    assert source.ids == (IDS if write is hdf5 else tuple(str(i + 10) for i in range(8)))
    assert source.column("label") == (0, 1) * 4
    assert source.subset(4, stratify="label").column("label").count(1) == 2
    assert open_images(tmp_path / source.origin["path"], ids=False).ids == NUMBERS
    with pytest.raises(ValueError, match="expected an array 'pictures' in"):
        open_images(tmp_path / source.origin["path"], key="pictures")
    with pytest.raises(ValueError, match=r"array 'label': expected uint8 images"):
        open_images(tmp_path / source.origin["path"], key="label")


def test_paths_and_globs(tmp_path):
    for i in range(8):
        (tmp_path / f"class{i % 2}").mkdir(exist_ok=True)
        picture(i).save(tmp_path / f"class{i % 2}" / f"p{i}.png")
    paths = [tmp_path / f"class{i % 2}" / f"p{i}.png" for i in range(8)]
    source = open_images([str(path) for path in reversed(paths)])
    check_pictures(source, range(7, -1, -1))
    assert source.ids[0] == "class1/p7.png"
    found = open_images(str(tmp_path / "class*" / "*.png"))
    assert found.ids == tuple(sorted(source.ids))
    assert open_images(f"{tmp_path}/**/p[0-2].png").ids == ("class0/p0.png", "class0/p2.png", "class1/p1.png")
    assert open_images(paths, ids=IDS).ids == IDS
    assert open_images(tmp_path).column("folder") == ("class0",) * 4 + ("class1",) * 4
    for bad, said in (
        ([*paths, paths[0]], "expected every image once, got .* at 0 and 8"),
        ([tmp_path / "none.png"], "does not exist"),
        ([tmp_path], "is a folder"),
        (f"{tmp_path}/*.gif", "no image file matches"),
    ):
        with pytest.raises(ValueError, match=said):
            open_images(bad)


class Pairs(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, i):
        if not 0 <= i < 8:
            raise IndexError(i)
        return picture(i), i % 2


class Tensors(Pairs):
    def __getitem__(self, i):
        image, label = super().__getitem__(i)
        pixels = torch.from_numpy(np.asarray(image).transpose(2, 0, 1) / np.float32(255))
        return {"pixel_values": pixels, "label": torch.tensor(label), "id": IDS[i]}


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter([(picture(i), i % 2) for i in range(8)])


def loader(data):
    return torch.utils.data.DataLoader(data, batch_size=3, shuffle=False, collate_fn=list)


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        (Pairs(), NUMBERS),
        (Tensors(), IDS),
        (Stream(), NUMBERS),
        (loader(Pairs()), NUMBERS),
        (loader(Stream()), NUMBERS),
        (grain.MapDataset.source(Pairs()), NUMBERS),
        (grain.MapDataset.source(Pairs()).to_iter_dataset(), NUMBERS),
        ([(picture(i), i % 2) for i in range(8)], NUMBERS),
    ],
    ids=["torch", "tensors", "iterable", "loader", "loader of iterable", "grain", "grain iter", "tuples"],
)
def test_data_sets_of_torch_and_grain(given, ids):
    source = open_images(given)
    check_pictures(source)
    assert source.ids == ids
    assert source.column("label") == (0, 1) * 4
    again = open_images(given)
    assert again.description == source.description
    chosen = source.select([6, 1])
    assert (chosen.load(0)[0, 0] == colour(6)).all()


def test_a_data_set_in_memory_of_the_datasets_library():
    datasets = pytest.importorskip("datasets")
    source = open_images(datasets.load_from_disk(str(ELSEWHERE / "pictures")))
    check_pictures(source)
    assert source.column("patient") == ("p0",) * 4 + ("p1",) * 4


def test_a_stream_that_changes_is_an_error():
    class Shuffled(torch.utils.data.IterableDataset):
        seed = 0

        def __iter__(self):
            self.seed += 1
            return iter([picture(int(i)) for i in np.random.default_rng(self.seed).permutation(8)])

    source = open_images(Shuffled())
    with pytest.raises(ValueError, match="must give the same images in the same order every time"):
        [source.load(i) for i in range(8)]
    with pytest.raises(ValueError, match="Give an iterator as a list"):
        open_images(iter([picture(0)]))


def test_normalised_tensors_are_refused():
    class Normalised(Pairs):
        def __getitem__(self, i):
            return torch.full((3, 4, 4), -0.7)

    with pytest.raises(ValueError, match="leave normalisation and resizing out of the data set's transforms"):
        open_images(Normalised())


def test_subsets_are_stratified_and_deterministic():
    digits = open_images("digits")
    drawn = digits.subset(200, 3, stratify="digit")
    assert drawn.ids == digits.subset(200, 3, stratify=digits.column("digit")).ids
    whole, counts = Counter(digits.column("digit")), Counter(drawn.column("digit"))
    assert all(abs(counts[label] - 200 * n / len(digits)) < 1 for label, n in whole.items())
    assert len(drawn) == 200
    assert drawn.ids != digits.subset(200, 4, stratify="digit").ids
    assert list(drawn.ids) == sorted(drawn.ids)
    with pytest.raises(ValueError, match="expected stratify with a label for each of the 1,797 images, got 3"):
        digits.subset(10, stratify=[1, 2, 3])
    with pytest.raises(ValueError, match=r"expected a column of the images \('digit'\), got 'class'"):
        digits.subset(10, stratify="class")


def test_what_is_known_of_shards_is_taken_over(tmp_path, monkeypatch):
    import os

    shutil.copy(ELSEWHERE / "shard-00.tar", tmp_path / "a.tar")
    os.utime(tmp_path / "a.tar", (1e9, 1e9))
    source = open_images(tmp_path / "a.tar")
    monkeypatch.setattr(source, "_opened", source._opened + 10**10)
    before, known = source.description, source.contents()
    again = open_images(tmp_path / "a.tar")
    again.take_contents(known)
    monkeypatch.setattr(type(again), "content", lambda self, index: pytest.fail("read again"))
    assert again.description == before


def test_data_sets_of_the_hub_are_downloaded(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    asked = []

    def snapshot(name, **options):
        asked.append((name, options["revision"], options["allow_patterns"]))
        return str(tmp_path)

    (tmp_path / "data").mkdir()
    shutil.copy(ELSEWHERE / "pictures.parquet", tmp_path / "data" / "test.parquet")
    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    check_pictures(open_images("hf://datasets/owner/pictures@v1/data"))
    assert asked == [("owner/pictures", "v1", ["data/**.parquet"])]
    with pytest.raises(ValueError, match="has no Parquet files"):
        open_images("hf://datasets/owner/pictures/other")


def test_arrays_of_labels_beside_images_in_npz(tmp_path):
    np.savez(tmp_path / "x.npz", images=pixels_of_one_size(), y=np.arange(8), names=np.array(IDS), z=np.zeros(3))
    source = open_images(tmp_path / "x.npz", ids="names")
    assert source.ids == IDS
    assert source.column("y") == tuple(range(8))
    assert set(source.columns) == {"y", "names"}


def test_damaged_files_of_every_kind_end_in_a_sentence(tmp_path):
    for suffix in (".tar", ".h5", ".npz", ".npy", ".parquet", ".arrow"):
        for content in (b"", b"junk", b"PAR1" * 20, b"\x89HDF\r\n\x1a\n" + b"\0" * 50):
            (tmp_path / f"x{suffix}").write_bytes(content)
            with pytest.raises(ValueError, match=r"x\.|pyarrow is needed|no image in"):
                open_images(tmp_path / f"x{suffix}")
