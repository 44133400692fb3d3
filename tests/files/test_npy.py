"""Arrays of others: whatever stands in a header, and texts that are none, end in a sentence."""

import zipfile

import numpy as np
import pytest

from jaxsim.cli.label_files import read_label_files
from jaxsim.data import open_images
from jaxsim.features import open_features
from jaxsim.files import read_array
from jaxsim.models import load_model


@pytest.fixture
def unclosed(tmp_path):
    """An array whose header opens a bracket that nothing closes, by itself and in an archive."""
    np.save(tmp_path / "a.npy", np.zeros((3, 8, 8), np.uint8))
    content = (tmp_path / "a.npy").read_bytes().replace(b"'shape': (3, 8, 8), }", b"'shape': (3, 8, 8[ U ")
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", content)
    return tmp_path


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("read", [open_images, open_features, load_model])
def test_a_header_that_is_no_python(unclosed, read, name):
    with pytest.raises(ValueError, match=name):
        read(unclosed / name)


def test_a_header_of_labels_and_ids_that_is_no_python(unclosed):
    with pytest.raises(ValueError, match=r"cannot read labels from .*a\.npy"):
        read_label_files({"class": str(unclosed / "a.npy")})
    with pytest.raises(ValueError, match=r"cannot read the ids in .*a\.npy"):
        open_features({"x": np.eye(3)}, sample_ids=unclosed / "a.npy")


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_texts_beyond_unicode(tmp_path, byteorder):
    texts = np.array(["a", "b", "c"], f"{byteorder}U1")
    texts.view(f"{byteorder}u4")[1] = 0x110000
    np.save(tmp_path / "ids.npy", texts)
    with pytest.raises(ValueError, match=r"ids\.npy: .*characters that Unicode does not have"):
        open_features({"x": np.eye(3)}, sample_ids=tmp_path / "ids.npy")
    np.savez(tmp_path / "f.npz", x=np.eye(3), ids=texts)
    with pytest.raises(ValueError, match=r"f\.npz is damaged in ids\.npy: .*Unicode"):
        open_features(tmp_path / "f.npz")
    texts.view(f"{byteorder}u4")[1] = 0x10FFFF
    np.save(tmp_path / "ids.npy", texts)
    assert read_array(tmp_path / "ids.npy").tolist() == ["a", "\U0010ffff", "c"]


def test_what_is_no_array(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.eye(2))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="an archive of several arrays"):
        read_array(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(b"")
    with pytest.raises(ValueError, match="No data left"):
        read_array(tmp_path / "b.npy")
