import io
import os
import pickle
import struct
import zipfile

import numpy as np
import PIL.Image
import pytest

from jaxsim.data import ArraySource, DamagedImage, FolderSource, ImageSource, digits, open_images


def save_image(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.new("L", (4, 3), value).save(path)


class TestFolder:
    def test_recursive_sorted_and_only_visible_images(self, tmp_path):
        for name in ("b.png", "a/z.JPG", "a/b/c.webp", "a.bmp", ".hidden.png", ".git/x.png"):
            save_image(tmp_path / name)
        (tmp_path / "notes.txt").write_text("no image")
        (tmp_path / "a" / "labels.csv").write_text("no image")
        (tmp_path / "folder.png").mkdir()
        source = open_images(tmp_path)
        assert source.ids == ("a.bmp", "a/b/c.webp", "a/z.JPG", "b.png")
        assert len(source) == 4
        assert open_images(str(tmp_path)).ids == source.ids

    def test_ids_lead_to_the_right_file(self, tmp_path):
        for value, name in enumerate(("c.png", "a.png", "b/a.png")):
            save_image(tmp_path / name, value)
        source = FolderSource(tmp_path)
        assert {name: int(source.load(i)[0, 0, 0]) for i, name in enumerate(source.ids)} == {
            "c.png": 0,
            "a.png": 1,
            "b/a.png": 2,
        }

    def test_link_loops_end_and_no_folder_is_read_twice(self, tmp_path):
        save_image(tmp_path / "a" / "x.png")
        (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "loop").symlink_to("loop")
        (tmp_path / "twin").symlink_to(tmp_path / "a", target_is_directory=True)
        assert FolderSource(tmp_path).ids == ("a/x.png",)

    def test_linked_folders_and_files_are_followed(self, tmp_path):
        save_image(tmp_path / "elsewhere" / "x.png")
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "part").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        (tmp_path / "set" / "y.png").symlink_to(tmp_path / "elsewhere" / "x.png")
        (tmp_path / "set" / "broken.png").symlink_to(tmp_path / "nothing.png")
        assert FolderSource(tmp_path / "set").ids == ("part/x.png", "y.png")

    def test_a_pipe_is_left_out(self, tmp_path):
        save_image(tmp_path / "x.png")
        os.mkfifo(tmp_path / "pipe.png")
        assert FolderSource(tmp_path).ids == ("x.png",)

    def test_the_fingerprint_changes_with_content_and_not_with_the_place(self, tmp_path):
        save_image(tmp_path / "one" / "x.png")
        before = FolderSource(tmp_path / "one").description
        assert before["kind"] == "folder"
        assert before["n_images"] == 1
        (tmp_path / "one").rename(tmp_path / "two")
        assert FolderSource(tmp_path / "two").description["fingerprint"] == before["fingerprint"]
        PIL.Image.new("L", (40, 30)).save(tmp_path / "two" / "x.png")
        other = FolderSource(tmp_path / "two").description["fingerprint"]
        (tmp_path / "two" / "x.png").rename(tmp_path / "two" / "z.png")
        renamed = FolderSource(tmp_path / "two").description["fingerprint"]
        assert len({before["fingerprint"], other, renamed}) == 3

    def test_bad_folders(self, tmp_path):
        (tmp_path / "text.txt").write_text("")
        with pytest.raises(ValueError, match=r"holds no image.*\.jpg"):
            open_images(tmp_path)
        with pytest.raises(ValueError, match=r"does not exist.*missing"):
            open_images(tmp_path / "missing")
        with pytest.raises(ValueError, match=r"came a file.*text.txt"):
            open_images(tmp_path / "text.txt")

    def test_damaged_image_is_named(self, tmp_path):
        (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        with pytest.raises(DamagedImage, match=r"bad.png"):
            FolderSource(tmp_path).load(0)


class TestArrays:
    @pytest.mark.parametrize("shape", [(5, 8, 6), (5, 8, 6, 1), (5, 8, 6, 3)])
    def test_shapes(self, shape):
        images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        source = open_images(images)
        assert source.ids == ("000000", "000001", "000002", "000003", "000004")
        assert source.load(3).shape == (8, 6, 3)
        expected = images[3] if len(shape) == 4 else images[3][..., None]
        np.testing.assert_array_equal(source.load(3), np.broadcast_to(expected, (8, 6, 3)))

    def test_what_load_returns_is_a_copy(self):
        source = open_images(np.zeros((1, 4, 4, 3), np.uint8))
        source.load(0)[:] = 9
        assert source.load(0).max() == 0

    def test_jax_arrays(self):
        import jax.numpy as jnp

        assert len(open_images(jnp.zeros((2, 4, 4), jnp.uint8))) == 2

    @pytest.mark.parametrize(
        ("images", "words"),
        [
            (np.zeros((2, 4, 4, 3), np.float32), "uint8.*came float32.*np.round"),
            (np.zeros((4, 4, 3), np.uint8), "looks like one image.*leading axis"),
            (np.zeros((2, 3, 4, 4), np.uint8), "channels first.*transpose"),
            (np.zeros((2, 4, 4, 4), np.uint8), "Drop alpha"),
            (np.zeros((4, 4), np.uint8), "further axes"),
            (np.zeros((0, 4, 4), np.uint8), "at least one image"),
            ([1, 2], "came a list.*numpy.stack"),
            (None, "came a NoneType"),
        ],
    )
    def test_bad_arrays(self, images, words):
        with pytest.raises(ValueError, match=words):
            open_images(images)

    def test_fingerprint_is_of_the_pixels(self):
        a, b = np.zeros((2, 4, 4), np.uint8), np.zeros((2, 4, 4), np.uint8)
        b[1, 2, 2] = 1
        prints = [open_images(x).description["fingerprint"] for x in (a, a.copy(), b)]
        assert prints[0] == prints[1] != prints[2]


class TestArrayFiles:
    def test_npy_is_memory_mapped(self, tmp_path):
        np.save(tmp_path / "x.npy", np.full((3, 4, 4), 7, np.uint8))
        source = open_images(tmp_path / "x.npy")
        assert len(source) == 3
        assert source.load(2).max() == 7

    @pytest.mark.parametrize("arrays", [{"whatever": 2}, {"images": 2, "labels": 1}, {"x": 2, "y": 1}])
    def test_which_array_of_an_npz(self, tmp_path, arrays):
        np.savez(tmp_path / "x.npz", **{k: np.zeros((n, 4, 4), np.uint8) for k, n in arrays.items()})
        assert len(open_images(str(tmp_path / "x.npz"))) == 2

    def test_key(self, tmp_path):
        np.savez(tmp_path / "x.npz", train=np.zeros((1, 4, 4), np.uint8), test=np.zeros((2, 4, 4), np.uint8))
        assert len(open_images(tmp_path / "x.npz", key="test")) == 2
        with pytest.raises(ValueError, match=r"'images' or 'x', came \['train', 'test'\].*key="):
            open_images(tmp_path / "x.npz")
        with pytest.raises(ValueError, match=r"named 'val'"):
            open_images(tmp_path / "x.npz", key="val")
        with pytest.raises(ValueError, match=r"expected key=.val. with a file or data set in which .* leave it out"):
            open_images("digits", key="val")

    def test_pickles_are_never_loaded(self, tmp_path):
        class Bomb:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "exploded"),)

        objects = np.array([Bomb()], dtype=object)
        np.save(tmp_path / "a.npy", objects, allow_pickle=True)
        np.savez(tmp_path / "b.npz", images=objects)
        (tmp_path / "c.npy").write_bytes(pickle.dumps(Bomb()))
        for name in ("a.npy", "b.npz", "c.npy"):
            with pytest.raises(ValueError, match=f"{name}.*pickle"):
                open_images(tmp_path / name)
        assert not (tmp_path / "exploded").exists()

    def test_claims_of_an_archive_are_compared_with_the_file(self, tmp_path):
        header = io.BytesIO()
        claim = {"descr": "|u1", "fortran_order": False, "shape": (2**15, 1024, 1024)}
        np.lib.format.write_array_header_1_0(header, claim)
        with zipfile.ZipFile(tmp_path / "shape.npz", "w") as archive:
            archive.writestr("images.npy", header.getvalue() + bytes(100))
        with zipfile.ZipFile(tmp_path / "directory.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.npy", header.getvalue() + bytes(100))
            size = struct.pack("<I", len(header.getvalue()) + 100)
        content = (tmp_path / "directory.npz").read_bytes()
        place = content.rindex(size)
        (tmp_path / "directory.npz").write_bytes(content[:place] + struct.pack("<I", 2**31) + content[place + 4 :])
        for name, words in [
            ("shape.npz", r"claims the shape \[32768, 1024, 1024\] of uint8, 34,359,738,368 bytes, and holds 100"),
            ("directory.npz", r"its directory claims 2,147,483,648 bytes for 'images\.npy', packed in [0-9]+, and the"),
        ]:
            with pytest.raises(ValueError, match=rf"cannot read the array file .*{name}: it is damaged: .*{words}"):
                open_images(tmp_path / name)

    def test_an_archive_larger_than_memory_is_refused(self, tmp_path, monkeypatch):
        np.savez_compressed(tmp_path / "x.npz", images=np.zeros((50, 20, 20), np.uint8))
        monkeypatch.setattr("jaxsim.data.archive_claims.memory_of_machine", lambda: 19_999)
        with pytest.raises(ValueError, match=r"x\.npz: 'images\.npy' takes 20,000 bytes, .* 19,999: save .* \.npy"):
            open_images(tmp_path / "x.npz")
        monkeypatch.setattr("jaxsim.data.archive_claims.memory_of_machine", lambda: 20_000)
        assert len(open_images(tmp_path / "x.npz")) == 50

    def test_want_of_memory_names_the_file(self, tmp_path, monkeypatch):
        np.savez(tmp_path / "x.npz", images=np.zeros((2, 4, 4), np.uint8))

        def full(*_args):
            raise MemoryError

        monkeypatch.setattr("jaxsim.data.arrays.check_claims", full)
        with pytest.raises(MemoryError, match=r"no memory to read the array file .*x\.npz"):
            open_images(tmp_path / "x.npz")

    def test_wrong_contents_name_the_file(self, tmp_path):
        np.save(tmp_path / "floats.npy", np.zeros((2, 4, 4)))
        np.savez(tmp_path / "whole.npz", x=np.zeros((50, 9, 9), np.uint8))
        (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:300])
        (tmp_path / "empty.npy").write_bytes(b"")
        for name, words in [
            ("floats.npy", "came float64"),
            ("cut.npz", "cannot read"),
            ("empty.npy", "cannot read"),
            ("missing.npz", "a file that does not exist"),
        ]:
            with pytest.raises(ValueError, match=f"{name}.*{words}|{words}.*{name}"):
                open_images(tmp_path / name)


class TestSubsets:
    def test_subset_is_deterministic_ordered_and_nested(self):
        source = open_images("digits")
        small, large = source.subset(50, seed=3), source.subset(100, seed=3)
        assert small.ids == source.subset(50, seed=3).ids
        assert small.ids != source.subset(50, seed=4).ids
        assert list(small.ids) == sorted(small.ids)
        assert set(small.ids) < set(large.ids)
        position = source.ids.index(small.ids[7])
        np.testing.assert_array_equal(small.load(7), source.load(position))

    def test_select_keeps_the_order_asked_for(self):
        selected = open_images("digits").select([9, 2]).select(np.array([1, 0]))
        assert selected.ids == ("digits/0002", "digits/0009")
        assert selected.description["n_images"] == 2

    @pytest.mark.parametrize("n", [0, -1, 1798])
    def test_impossible_subsets(self, n):
        with pytest.raises(ValueError, match=f"between 1 and 1797.*came {n}"):
            open_images("digits").subset(n, seed=0)

    @pytest.mark.parametrize("indices", [[], [0, 0], [1797], [-1], np.array([0.5]), np.array([[1]])])
    def test_impossible_selections(self, indices):
        with pytest.raises(ValueError, match=r"position"):
            open_images("digits").select(indices)

    def test_other_members_have_another_fingerprint(self):
        source = open_images("digits")
        prints = {source.subset(9, seed).description["fingerprint"] for seed in range(3)}
        assert len(prints) == 3
        assert source.description["fingerprint"] not in prints

    def test_a_source_is_opened_as_it_is(self):
        source = ArraySource(np.zeros((1, 2, 2), np.uint8))
        assert open_images(source) is source
        assert isinstance(source, ImageSource)


class TestDigits:
    def test_equal_to_the_set_of_scikit_learn(self):
        from sklearn.datasets import load_digits

        reference = load_digits()
        ours = digits()
        assert len(ours.source) == 1797
        np.testing.assert_array_equal(ours.labels, reference.target)
        pixels = np.stack([ours.source.load(i)[..., 0] for i in range(1797)])
        np.testing.assert_array_equal(pixels, np.rint(reference.images * 255 / 16))

    def test_split_is_a_partition_with_all_classes_on_both_sides(self):
        ours = digits()
        assert sorted([*ours.train, *ours.held_out]) == list(range(1797))
        assert len(ours.held_out) == 360
        for part in (ours.train, ours.held_out):
            assert np.bincount(ours.labels[part]).min() >= 30


def test_a_list_of_pictures_of_different_sizes():
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (5 + i, 7, 3), np.uint8) for i in range(3)]
    images = open_images([PIL.Image.fromarray(arrays[0]), arrays[1], PIL.Image.fromarray(arrays[2])])
    for i, array in enumerate(arrays):
        np.testing.assert_array_equal(images.load(i), array)
    other = open_images([arrays[0], arrays[1], arrays[2] + 1])
    assert images.description["fingerprint"] != other.description["fingerprint"]
    assert images.description["fingerprint"] == open_images(tuple(arrays)).description["fingerprint"]
    with pytest.raises(ValueError, match=r"came float32 \[2, 2, 3\] at 1"):
        open_images([arrays[0], np.zeros((2, 2, 3), np.float32)])
    with pytest.raises(ValueError, match="empty list"):
        open_images([])


def test_doors_that_lead_nowhere(tmp_path):
    with pytest.raises(ValueError, match="empty path"):
        open_images("")
    with pytest.raises(ValueError, match="n of rendered images to be an integer of at most 2,000,000"):
        open_images("rendered:1000000000000")
    os.mkfifo(tmp_path / "a.npz")
    os.mkfifo(tmp_path / "a.npy")
    for name in ("a.npz", "a.npy"):
        with pytest.raises(ValueError, match=rf"{name}: it is no regular file"):
            open_images(tmp_path / name)
