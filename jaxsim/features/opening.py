"""One door for features, whoever has written them."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jaxsim.arguments import shown
from jaxsim.arrow_tables import ARROW_SUFFIXES, PARQUET_SUFFIXES, table_files
from jaxsim.features.feature_folder import feature_folder
from jaxsim.features.feature_set import ARRAYS, MANIFEST, FeatureSet, open_feature_folder
from jaxsim.features.formats.arrays import read_mapping
from jaxsim.features.formats.contents import Contents
from jaxsim.features.formats.hdf5 import read_hdf5
from jaxsim.features.formats.id_files import SUFFIXES as ID_SUFFIXES
from jaxsim.features.formats.id_files import read_id_file
from jaxsim.features.formats.layers import choose_layers
from jaxsim.features.formats.numpy_files import read_npy, read_npy_folder, read_npz
from jaxsim.features.formats.safetensors_file import read_safetensors
from jaxsim.features.formats.tables import read_tables
from jaxsim.features.formats.torch_file import read_torch
from jaxsim.features.formats.zarr_group import read_zarr
from jaxsim.features.step_record import StepRecord
from jaxsim.files import RemotePath, is_bucket
from jaxsim.names import printable
from jaxsim.sample_ids import MOST_SAMPLES, checked_ids, numbered_ids
from jaxsim.zarr_arrays import is_remote, is_zarr

_BY_CONTENT: dict[bytes, str] = {
    b"\x89HDF\r\n\x1a\n": ".h5",
    b"\x93NUMPY": ".npy",
    b"PAR1": ".parquet",
    b"ARROW1": ".arrow",
}
_READERS: dict[str, Callable[[Path], Contents]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    **dict.fromkeys((".h5", ".hdf5", ".hdf", ".mat", ".nc"), read_hdf5),
    ".safetensors": read_safetensors,
    **dict.fromkeys((".pt", ".pth"), read_torch),
    **dict.fromkeys(PARQUET_SUFFIXES + ARROW_SUFFIXES, lambda path: read_tables((path,), path)),
}
EXPECTED = (
    "a mapping of arrays, a folder that extract has written, a folder of .npy files, a Zarr group, or a file .npy, "
    ".npz, .h5, .safetensors, .parquet, .arrow or .pt"
)


def open_features(
    source: str | os.PathLike[str] | Mapping[str, Any] | Any,
    *,
    layers: Any = None,
    sample_ids: Any = None,
    name: str | None = None,
) -> FeatureSet:
    """Opens features: those that `extract` has kept, or any program's, in any of the usual formats.

    Nothing but names, shapes and ids is read; rows are read as they are measured. A format is told by the content of
    the file, then by its suffix.

    Args:
        source: A folder that `extract` has written; a mapping from name to array (nested mappings are groups); a
            folder of `.npy` files; a `.npy`, `.npz`, HDF5, safetensors, Parquet, Arrow (also a folder of them, as the
            datasets library saves) or `.pt` file; or a Zarr group. Groups and what `extract` has written may lie in a
            bucket, `gs://bucket/folder` or `s3://bucket/folder`.
        layers: None takes every array `[n_samples, n_features]` as a layer, in the order of the file or, where it
            has none, that of people (layer2 before layer10). A glob, or several, takes those that match. A mapping
            from names to globs puts arrays and columns side by side: `{"embedding": "x_*"}`.
        sample_ids: Ids of the samples: a sequence with one for each row; the name of the array, column, dataset or
            entry of the metadata that holds them; the path of a `.txt`, `.csv`, `.json` or `.npy` file. By default what
            is called `sample_ids`, `sample_id`, `ids`, `id` or `__key__`, if there is such; otherwise, and with False,
            rows are numbered.
        name: What results call the features; by default the name of the file or folder.

    Returns:
        The layers with an id for each row. `manifest["left_out"]` says which arrays are no layers and why,
        `manifest["sample_ids_from"]` where the ids are from.

    Raises:
        ValueError: If there is nothing there, it is damaged or of another format, no array is a layer, or ids do not
            fit.

    Example:
        >>> import numpy as np
        >>> found = open_features({"early": np.ones((3, 4)), "late": np.ones((3, 2))}, sample_ids=["a", "b", "c"])
        >>> {layer: found[layer].shape for layer in found}, found.sample_ids
        ({'early': (3, 4), 'late': (3, 2)}, ('a', 'b', 'c'))
        >>> open_features("/no/such/folder")
        Traceback (most recent call last):
            ...
        ValueError: no features in /no/such/folder: there is no such file or folder
    """
    if isinstance(source, FeatureSet):
        return source
    if isinstance(source, str | os.PathLike) and (is_bucket(source) or not is_remote(source)):
        path = feature_folder("path", source)
        if (path / MANIFEST).is_file() or (path / ARRAYS).is_dir():
            if layers is not None or sample_ids is not None:
                raise ValueError(
                    f"{path} was written by extract, which knows its steps and sample ids: leave layers= and "
                    "sample_ids= out"
                )
            return open_feature_folder(path)
        contents, title = read_zarr(path) if isinstance(path, RemotePath) else _contents(path), path.stem
    elif isinstance(source, str):
        contents, title = read_zarr(source), source.rstrip("/").rpartition("/")[2]
    elif isinstance(source, Mapping):
        contents, title = read_mapping(source), "features"
    else:
        raise ValueError(f"expected features as {EXPECTED}, got a {type(source).__name__}")
    found, left_out = choose_layers(contents, layers)
    n_samples = next(iter(found.values())).shape[0]
    if n_samples > MOST_SAMPLES:
        raise ValueError(f"expected at most {MOST_SAMPLES:,} samples in {contents.source}, got {n_samples:,}")
    ids, ids_from = _sample_ids(contents, sample_ids, n_samples)
    last = max(1, len(found) - 1)
    steps = [
        StepRecord(printable(layer), "layer", place / last, None, x.shape[1], x.shape[1])
        for place, (layer, x) in enumerate(found.items())
    ]
    manifest = {
        "format": f"features of another program ({contents.kind})",
        "model": {
            "name": printable(title if name is None else name),
            "family": "features",
            "source": printable(contents.source),
        },
        "pool": "as given",
        "dtype": ", ".join(sorted({str(x.dtype) for x in found.values()})),
        "weights_hash": "",
        "preprocessing": {},
        "images_fingerprint": "",
        "steps": [step.to_json() for step in steps],
        "n_images": n_samples,
        "sample_ids": list(ids),
        "sample_ids_from": ids_from,
        "damaged": [],
        "left_out": left_out,
    }
    return FeatureSet(list(found.values()), manifest, fingerprint=contents.fingerprint)


def is_features_file(path: Path) -> bool:
    """Whether a path is a file or folder of features rather than a checkpoint.

    A folder with a `config.json` is a checkpoint, whatever else it holds.

    Example:
        >>> is_features_file(Path("no/such/folder"))
        False
    """
    if path.is_dir():
        if (path / MANIFEST).is_file() or (path / ARRAYS).is_dir():
            return True
        if any(path.glob("*.json")) and (path / "config.json").is_file():
            return False
        return is_zarr(path) or any(
            next(path.glob(f"*{suffix}"), None) is not None for suffix in (".npy", *PARQUET_SUFFIXES, *ARROW_SUFFIXES)
        )
    return path.is_file() and path.suffix.lower() in _READERS


def _contents(path: Path) -> Contents:
    """What a file or folder holds, by its format."""
    if path.is_dir():
        if is_zarr(path):
            return read_zarr(path)
        if files := table_files(path):
            return read_tables(files, path)
        if next(path.rglob("*.npy"), None) is not None:
            return read_npy_folder(path)
        raise ValueError(f"no features in {path}: expected {EXPECTED}")
    if not path.exists():
        raise ValueError(f"no features in {path}: there is no such file or folder")
    if not path.is_file():
        raise ValueError(f"no features in {path}: it is no regular file (a pipe, a device)")
    reader = _READERS.get(_format_of(path))
    if reader is None:
        raise ValueError(f"cannot tell the format of {path}: expected {EXPECTED}")
    if path.stat().st_size == 0:
        raise ValueError(f"no features in {path}: it is empty")
    return reader(path)


def _format_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    suffix = path.suffix.lower()
    if start[:4] == b"PK\x03\x04" and suffix not in (".pt", ".pth"):
        return ".npz"
    known = next((found for mark, found in _BY_CONTENT.items() if start.startswith(mark)), None)
    return suffix if known is None else known


def _sample_ids(contents: Contents, wanted: Any, n_samples: int) -> tuple[tuple[str, ...], str]:
    """The ids, and where they are from."""
    if wanted is False or (wanted is None and contents.id_key is None):
        return numbered_ids(n_samples), "row numbers"
    if wanted is None:
        wanted = contents.id_key
    if isinstance(wanted, str) and (wanted in contents.id_keys or not _is_id_file(wanted)):
        if wanted not in contents.id_keys:
            listed = ", ".join(map(repr, contents.id_keys)) or "nothing that could be ids"
            raise ValueError(
                f"expected ids under {wanted!r} in {contents.source}, or a file of that name, got neither; it has "
                f"{listed}"
            )
        where = f"{wanted!r} of {contents.source}"
        return checked_ids(contents.read_ids(wanted), n_samples, where), wanted
    if isinstance(wanted, str | os.PathLike):
        path = Path(wanted).expanduser()
        return checked_ids(read_id_file(path), n_samples, str(path)), str(path)
    if wanted is True:
        raise ValueError(f"expected sample_ids as ids, a name, a path or False, got {shown(wanted)}")
    return checked_ids(wanted, n_samples, "sample_ids"), "sample_ids"


def _is_id_file(text: str) -> bool:
    return Path(text).suffix.lower() in ID_SUFFIXES and Path(text).expanduser().is_file()
