"""What Google-style checkpoints are refused for, and how."""

import gc
import shutil
import warnings

import flax.serialization
import ml_dtypes
import msgpack
import numpy as np
import pytest

from jaxsim.models import load_model

# orbax closes its event loops when a read fails, and complains of it when they are collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module", autouse=True)
def _collected_here():
    """What orbax leaves behind is collected while its complaints are expected, not in another file's tests."""
    yield
    gc.collect()


def test_pickled_npy(tmp_path):
    np.save(tmp_path / "vit.npy", np.array({"params": {"cls": np.zeros(3)}}, dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"is pickled.*can run any code.*allow_pickle=True.*savez"):
        load_model(tmp_path / "vit.npy")


def test_pickled_member_of_npz(tmp_path):
    np.savez(tmp_path / "vit.npz", params=np.array({"cls": 1}, dtype=object))
    with pytest.raises(ValueError, match=r"'params' is pickled"):
        load_model(tmp_path / "vit.npz")


def test_a_single_array(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"one array of shape \(2, 3\)"):
        load_model(tmp_path / "array.npy")


@pytest.mark.parametrize("share", [0.5, 0.999])
@pytest.mark.parametrize("file", ["bv_vit_tok/checkpoint.npz", "scenic_vit_token/msgpack/checkpoint_7"])
def test_truncated_file(google, file, share, tmp_path):
    whole = (google.root / file).read_bytes()
    path = tmp_path / (google.root / file).name
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"not a whole .*fetch it again"):
        load_model(path)


def test_damaged_bytes_inside_npz(google, tmp_path):
    whole = bytearray((google.root / "bv_vit_tok/checkpoint.npz").read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 64] = bytes(64)
    (tmp_path / "vit.npz").write_bytes(bytes(whole))
    with pytest.raises(ValueError, match="not a whole"):
        load_model(tmp_path / "vit.npz")


def test_orbax_directory_with_a_missing_file(google, tmp_path):
    target = shutil.copytree(google.root / "scenic_vit_token/orbax/checkpoint_7", tmp_path / "checkpoint_7")
    for data in (target / "ocdbt.process_0" / "d").iterdir():
        data.unlink()
    with pytest.raises(ValueError, match="not a whole orbax checkpoint"):
        load_model(target)


def test_orbax_directory_with_another_tree(google, tmp_path):
    state = {"params": {"Dense_0": {"kernel": np.zeros((3, 4), np.float32)}}, "opt_state": {}}
    with pytest.raises(ValueError, match=r"first paths are params/Dense_0/kernel.*lacks here params/embedding/kernel"):
        load_model(google.write_orbax(state, tmp_path / "checkpoint_7"))


def test_orbax_directory_that_differs_in_some_paths(google, tmp_path):
    state = google.tree("scenic_vit_token")
    block = state["params"]["Transformer"]["encoderblock_1"]
    block["Adapter_0"] = block.pop("LayerNorm_1")
    with pytest.raises(ValueError, match="do not fit") as caught:
        load_model(google.write_orbax(state, tmp_path / "checkpoint_7"))
    for path in (
        "unexpected tensor Transformer/encoderblock_1/Adapter_0/bias",
        "missing tensor for params/block01/norm2",
    ):
        assert path in str(caught.value)


def rename(old, new):
    def change(arrays):
        for name in [name for name in arrays if old in name]:
            arrays[name.replace(old, new)] = arrays.pop(name)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename("encoderblock_1", "encoderblock_2"), "without gaps"),
        (rename("embedding/kernel", "stem/kernel"), "lacks here params/embedding/kernel"),
        (rename("MlpBlock_0", "MoE_0"), "no MlpBlock"),
        (lambda arrays: arrays.update({"params/embedding/kernel": np.zeros((192, 32))}), "NaFlex"),
    ],
)
def test_trees_that_are_no_vit(google, change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_model(google.edit_npz("bv_vit_tok", tmp_path / "other.npz", change))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"24 entries, which is no square.*grid.*image_size"),
        ({"overrides": {"grid": (5, 5)}}, r"25 cells, the position table has 24"),
        ({"overrides": {"hidden_size": 64}}, "overrides hidden_size.*num_heads, grid, pool"),
        ({"image_size": (32, 48), "overrides": {"pool": "median"}}, "pool='median'"),
        ({"image_size": (32, 48), "overrides": {"pool": "map"}}, "no attention pooling"),
        ({"image_size": (32, 48), "overrides": {"num_heads": 8}}, "num_heads=8.*4"),
    ],
)
def test_what_the_shapes_do_not_allow(google, options, message):
    with pytest.raises(ValueError, match=message):
        load_model(google.root / "bv_vit_gap_nonsquare" / "checkpoint.npz", **options)


def test_scenic_without_a_table_of_positions(google, tmp_path):
    state = google.tree("scenic_vit_token")
    del state["params"]["Transformer"]["posembed_input"]
    with pytest.raises(ValueError, match="'positions': one of sincos2d"):
        load_model(google.write_orbax(state, tmp_path / "checkpoint_7"))


def test_resnet_without_batch_statistics(google, tmp_path):
    with pytest.raises(ValueError, match="batch statistics are missing"):
        load_model(google.write_orbax({"params": google.tree("scenic_resnet18")["params"]}, tmp_path / "checkpoint_7"))


def test_images_smaller_than_a_patch(google):
    with pytest.raises(ValueError, match="smaller than one patch"):
        _ = load_model(google.root / "bv_vit_tok" / "checkpoint.npz", image_size=4).steps


def test_a_file_that_is_no_checkpoint(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match="is a file; expected"):
        load_model(tmp_path / "notes.txt")


@pytest.mark.parametrize("dtype", ["datetime64[s]", "timedelta64[s]", "c8", "?", "i4", "U3", "S3", [("x", "f4")]])
def test_arrays_that_are_no_weights(google, dtype, tmp_path):
    def change(arrays):
        arrays["params/cls"] = np.zeros(arrays["params/cls"].shape, dtype)

    path = google.edit_npz("bv_vit_tok", tmp_path / "other.npz", change)
    with pytest.raises(
        ValueError, match=r"other\.npz: .*1 problem.*\n.*cls is .*; expected floating-point numbers of 16"
    ):
        load_model(path)


@pytest.mark.parametrize("dtype", [np.complex64, np.bool_, np.int32, ml_dtypes.float8_e4m3fn])
def test_arrays_of_msgpack_that_are_no_weights(google, dtype, tmp_path):
    state = google.tree("scenic_vit_token")
    state["params"]["output_projection"]["bias"] = state["params"]["output_projection"]["bias"].astype(dtype)
    (tmp_path / "checkpoint_1").write_bytes(flax.serialization.msgpack_serialize(state))
    with pytest.raises(ValueError, match=r"checkpoint_1.*1 problem.*\n.*output_projection/bias is .*floating-point"):
        load_model(tmp_path / "checkpoint_1")


def test_encrypted_and_unknown_compression(google, tmp_path):
    whole = (google.root / "bv_vit_tok/checkpoint.npz").read_bytes()
    entry = whole.index(b"PK\x01\x02")
    for offset, value, reason in ((8, 1, "encrypted"), (10, 99, "compression")):
        content = bytearray(whole)
        content[entry + offset] = value
        (tmp_path / "a.npz").write_bytes(bytes(content))
        with pytest.raises(ValueError, match=rf"a\.npz is not a whole \.npz file \(.*{reason}"):
            load_model(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "head",
    [
        b"\xdd\xff\xff\xff\xff",  # an array of 2^32 elements
        b"\xdf\xff\xff\xff\xff",  # a map
        b"\xc6\xff\xff\xff\xff",  # bytes
        b"\xdb\xff\xff\xff\xff",  # text
        b"\xc9\xff\xff\xff\xff\x01",  # an extension, as arrays are
        b"\x91" * 100_000,
        msgpack.packb(msgpack.ExtType(1, msgpack.packb(((2**40,), "float32", b"\0" * 16)))),
        msgpack.packb(msgpack.ExtType(1, msgpack.packb(((2,), "object", b"\0" * 16)))),
        msgpack.packb(msgpack.ExtType(3, b"")),
    ],
    ids=["array", "map", "bytes", "text", "extension", "deep", "shape", "objects", "scalar"],
)
def test_msgpack_that_claims_more_than_there_is(head, tmp_path):
    (tmp_path / "checkpoint_1").write_bytes(b"\x81\xa6params" + head)
    with pytest.raises(ValueError, match="checkpoint_1 is not a whole msgpack checkpoint"):
        load_model(tmp_path / "checkpoint_1")


def test_a_step_of_orbax_without_arrays_tells_what_it_holds(tmp_path):
    (tmp_path / "5" / "metrics").mkdir(parents=True)
    (tmp_path / "5" / "_CHECKPOINT_METADATA").write_text("{}")
    for source in (tmp_path, tmp_path / "5"):
        with pytest.raises(ValueError, match=r"without arrays.*found _CHECKPOINT_METADATA, metrics/\. Pass the path"):
            load_model(source)


@pytest.mark.parametrize("name", ["_METADATA", "manifest.ocdbt"])
def test_an_incomplete_orbax_directory_tells_what_it_holds(google, name, tmp_path):
    target = shutil.copytree(google.root / "scenic_vit_token/orbax/checkpoint_7", tmp_path / "checkpoint_7")
    (target / name).unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=r"Found there: _CHECKPOINT_METADATA, .*ocdbt\.process_0/"):
            load_model(target)


def test_a_directory_without_a_checkpoint_tells_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "logs").mkdir()
    with pytest.raises(ValueError, match=r"no config\.json.*found there: logs/, notes\.txt\."):
        load_model(tmp_path)
