"""Finding and opening a checkpoint: config.json and safetensors, never a pickle."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from jaxsim.arguments import shown, url_in
from jaxsim.files import contents, is_there, read_json_object
from jaxsim.models.loading.wrappers import without_wrappers
from jaxsim.wording import counted

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
# Suffixes of checkpoints, of features and of what lies beside them: a text that ends so is no name on the hub.
_FILES = frozenset(
    [
        *(*_PICKLES, ".safetensors", ".npz", ".npy", ".h5", ".hdf5", ".hdf", ".mat", ".nc", ".zarr", ".parquet"),
        *(".arrow", ".feather", ".msgpack", ".onnx", ".tar", ".zip", ".gz", ".json", ".toml", ".csv", ".tsv", ".txt"),
    ]
)
_CONVERSION = (
    "which can run any code when opened and never is here. Convert once where you trust it: "
    "AutoModel.from_pretrained(directory).save_pretrained(new_directory), or the hub's space 'safetensors/convert', "
    "or any dict of tensors by safetensors.torch.save_file(torch.load(path, weights_only=True), 'model.safetensors')"
)


# Numbers that are weights as they are. Those of 8 bits (float8, int8) are scaled by numbers kept elsewhere.
_FLOATS = ("F64", "F32", "F16", "BF16")
_ADAPTER = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")
# More than ten times the tensors of the largest vision models.
_MOST_TENSORS = 50_000


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk whose tensors are read one at a time.

    Attributes:
        directory: Where it lies.
        config: `config.json` as it is.
        files: Safetensors file of each tensor.
        shapes: Shape of each tensor (empty when weights were not asked for and there are none).
        dtypes: Safetensors' name of each tensor's dtype.
        origin: Name in the file of each tensor, where wrappers of the model changed it.
    """

    directory: Path
    config: dict[str, Any]
    files: Mapping[str, Path]
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    origin: Mapping[str, str]

    def read(self, name: str) -> np.ndarray:
        """Returns a tensor (bfloat16 as ml_dtypes' type).

        Raises:
            ValueError: The file is damaged, or the tensor holds no floating-point numbers of 16 bits or more.
        """
        dtype = self.dtypes[name]
        if dtype not in _FLOATS:
            number = Counter(self.dtypes.values())[dtype]
            raise ValueError(
                f"{self.files[name]}: {name} is {dtype}, as "
                f"{counted(number - 1, 'other tensor is', 'other tensors are')}; expected float64, float32, float16 or "
                "bfloat16. Weights of 8 bits (float8, int8) have scales elsewhere: load the model where it was made, "
                "turn it to float32 (model.dequantize() or model.float()) and save it again."
            )
        with _opened(self.files[name]) as file:
            return file.get_tensor(self.origin[name])

    def renamed(self, names: Mapping[str, str]) -> Checkpoint:
        """Returns the same tensors under other names.

        Args:
            names: New name -> the name that it has now.
        """
        return dataclasses.replace(
            self,
            files={new: self.files[old] for new, old in names.items()},
            shapes={new: self.shapes[old] for new, old in names.items()},
            dtypes={new: self.dtypes[old] for new, old in names.items()},
            origin={new: self.origin[old] for new, old in names.items()},
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(str(path), framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a whole safetensors file ({error}). It may be truncated: fetch it again."
        ) from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def locate(source: str | os.PathLike[str], revision: str | None = None) -> Path:
    """Returns the directory of a checkpoint, fetching it from the Hugging Face Hub if `source` is an id.

    Raises:
        ValueError: No such directory, and no such model on the hub (or no way to reach it).
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    text = os.fspath(source)
    if path.suffix in _PICKLES and path.is_file():
        raise ValueError(f"{text} is pickled, {_CONVERSION}; then pass the directory with config.json.")
    if path.exists():
        raise ValueError(f"{text} is a file; expected a directory with config.json and *.safetensors, or a hub id")
    if url := url_in(text):
        raise ValueError(f"expected a model as a directory on a disk or a hub id, got {shown(url)}; copy it here first")
    # The name of a model on the hub may hold dots, so that not everything behind one is a suffix of a file.
    if path.suffix.lower() in _FILES:
        raise ValueError(
            f"{text}: there is no such file; expected a directory with config.json and *.safetensors, a checkpoint or "
            "features in a file that exists, or a hub id"
        )
    if path.is_absolute() or text.startswith((".", "~")) or text.endswith(("/", os.sep)) or text.count("/") > 1:
        raise ValueError(f"{text}: no such directory; expected one with config.json and *.safetensors, or a hub id")
    beside = f"; the folder {path.parent} here holds no {path.name}" if path.parent.is_dir() and "/" in text else ""
    from huggingface_hub import snapshot_download

    try:
        fetched = snapshot_download(text, revision=revision, allow_patterns=["*.safetensors", "*.json"])
    except Exception as error:  # the hub client raises many types: network, permission, name
        raise ValueError(
            f"{text!r} is neither a local directory nor a model that could be fetched from the Hub "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}). "
            f"Check the name and the connection, or pass a local directory{beside}."
        ) from error
    return Path(fetched)


def _weight_files(directory: Path) -> dict[str, Path]:
    """Returns the file of each tensor, or of the key "" where the file itself must be asked."""
    index = directory / "model.safetensors.index.json"
    single = directory / "model.safetensors"
    if is_there(single):
        return {"": single}
    if is_there(index):
        return _indexed_files(directory, index)
    others = sorted(file for file in directory.glob("*.safetensors") if file.name not in _ADAPTER and is_there(file))
    if len(others) == 1:
        return {"": others[0]}
    if others:
        names = ", ".join(file.name for file in others[:10])
        raise ValueError(
            f"{directory}: expected model.safetensors or an index, found {counted(len(others), 'file')}: {names}"
        )
    return {}


def _indexed_files(directory: Path, index: Path) -> dict[str, Path]:
    """Returns the file of each tensor that an index lists; all lie in the checkpoint's own directory."""
    shards = read_json_object(index).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise ValueError(
            f"{index}: expected a weight_map, a JSON object from tensor names to file names, got "
            f"{type(shards).__name__ if not isinstance(shards, dict) else 'an empty one'}"
        )
    wrong = [(name, shard) for name, shard in shards.items() if not isinstance(shard, str)]
    if wrong:
        raise ValueError(
            f"{index}: expected a file name for each tensor, got {shown(wrong[0][1])} for {shown(wrong[0][0])}"
        )
    for shard in sorted(set(shards.values())):
        if not _stays_inside(directory, shard):
            raise ValueError(
                f"{index}: names the file {shown(shard)}, which is not inside {directory}; a checkpoint's files lie in "
                "its own directory. Copy the file there and correct the index."
            )
    missing = sorted({shard for shard in shards.values() if not is_there(directory / shard)})
    if missing:
        names = ", ".join(shown(name) for name in missing[:10])
        raise ValueError(f"{directory}: {index.name} names {len(missing)} file(s) that are not there: {names}")
    return {name: directory / shard for name, shard in shards.items()}


def _stays_inside(directory: Path, shard: str) -> bool:
    """Returns whether a file name of an index leads to a file of the directory, links followed."""
    posix, windows = PurePosixPath(shard), PureWindowsPath(shard)
    if not shard or "\0" in shard or posix.is_absolute() or windows.drive or ".." in (*posix.parts, *windows.parts):
        return False
    home = directory.resolve()
    # The hub's cache keeps every file in `blobs`, beside the snapshots that link there.
    homes = (home, home.parent.parent / "blobs") if home.parent.name == "snapshots" else (home,)
    return any((directory / shard).resolve().is_relative_to(place) for place in homes)


def refuse_adapter(directory: Path) -> None:
    """Raises where a PEFT adapter lies in a directory: it changes weights that lie elsewhere.

    Raises:
        ValueError: There is one.
    """
    found = [name for name in _ADAPTER if (directory / name).exists()]
    if found:
        raise ValueError(
            f"{directory}: {', '.join(found)}: a PEFT adapter, which changes the base model's weights and is not "
            "applied here. Merge it first, where peft is installed: "
            "PeftModel.from_pretrained(base, directory).merge_and_unload().save_pretrained(new_directory); "
            "or move it away to load the base model alone."
        )


def open_checkpoint(directory: Path, *, weights: bool = True) -> Checkpoint:
    """Opens `config.json` and the headers of the weight files.

    Args:
        directory: A directory as `save_pretrained` writes it.
        weights: Whether weights must be there.

    Raises:
        ValueError: No config, no weights, only pickled weights, an adapter, or a damaged file.
    """
    if weights:
        refuse_adapter(directory)
    if not is_there(directory / "config.json"):
        raise ValueError(
            f"{directory}: no config.json. Expected a Hugging Face model directory (config.json with model_type, and "
            "*.safetensors), an orbax checkpoint, or a training directory with one; found there: "
            f"{contents(directory)}."
        )
    config = read_json_object(directory / "config.json")
    files = _weight_files(directory)
    if not files and weights:
        pickles = sorted(file.name for file in directory.iterdir() if file.suffix in _PICKLES)
        if pickles:
            raise ValueError(f"{directory}: only pickled weights ({', '.join(pickles[:10])}), {_CONVERSION}.")
        raise ValueError(
            f"{directory}: config.json is there but no *.safetensors. Add the weights or use init='random'."
        )
    tensors: dict[str, tuple[Path, tuple[int, ...], str]] = {}
    for path in sorted(set(files.values())):
        with _opened(path) as file:
            names = list(file.keys())
            if len(names) > _MOST_TENSORS:
                raise ValueError(f"{path}: {len(names):,} tensors; expected at most {_MOST_TENSORS:,}")
            for name in names:
                if files.get(name, path) == path:
                    part = file.get_slice(name)
                    tensors[name] = (path, tuple(part.get_shape()), str(part.get_dtype()))
    lost = sorted(name for name in files if name and name not in tensors)
    if lost:
        raise ValueError(f"{directory}: the index lists tensors its files do not hold: {', '.join(lost[:5])!s:.500}")
    named, origin = without_wrappers(tensors, str(directory))
    adapted = [name for name in named if ".lora_A." in name or ".lora_B." in name]
    if adapted and weights:
        raise ValueError(
            f"{directory}: {adapted[0]} and {counted(len(adapted) - 1, 'other tensor')} are of a PEFT adapter, which "
            "is not applied here. Merge it first: model.merge_and_unload().save_pretrained(new_directory)."
        )
    return Checkpoint(
        directory,
        config,
        files={name: path for name, (path, _, _) in named.items()},
        shapes={name: shape for name, (_, shape, _) in named.items()},
        dtypes={name: dtype for name, (_, _, dtype) in named.items()},
        origin=origin,
    )
