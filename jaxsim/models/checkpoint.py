"""Finding and opening a checkpoint: config.json and safetensors, never a pickle."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_CONVERSION = (
    "which can run any code when opened and never is here. Convert once where you trust it: "
    "AutoModel.from_pretrained(directory).save_pretrained(new_directory), or the hub's space 'safetensors/convert', "
    "or any dict of tensors by safetensors.torch.save_file(torch.load(path, weights_only=True), 'model.safetensors')"
)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk whose tensors are read one at a time.

    Attributes:
        directory: where it lies.
        config: `config.json` as it is.
        files: safetensors file of each tensor.
        shapes: shape of each tensor (empty when weights were not asked for and there are none).
    """

    directory: Path
    config: dict[str, Any]
    files: Mapping[str, Path]
    shapes: Mapping[str, tuple[int, ...]]

    def read(self, name: str) -> np.ndarray:
        """Returns a tensor (bfloat16 as ml_dtypes' type).

        Raises:
            ValueError: the file is damaged.
        """
        with _opened(self.files[name]) as file:
            return file.get_tensor(name)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(str(path), framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a whole safetensors file ({error}). It may be truncated: fetch it again."
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """Returns a JSON object from a file.

    Raises:
        ValueError: the file does not hold a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def locate(source: str | os.PathLike[str], revision: str | None = None) -> Path:
    """Returns the directory of a checkpoint, fetching it from the Hugging Face Hub if `source` is an id.

    Raises:
        ValueError: no such directory, and no such model on the hub (or no way to reach it).
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    text = os.fspath(source)
    if path.suffix in _PICKLES and path.is_file():
        raise ValueError(f"{text} is pickled, {_CONVERSION}; then pass the directory with config.json.")
    if path.exists():
        raise ValueError(f"{text} is a file; expected a directory with config.json and *.safetensors, or a hub id")
    if path.is_absolute() or text.startswith((".", "~")) or text.count("/") > 1:
        raise ValueError(f"{text}: no such directory; expected one with config.json and *.safetensors, or a hub id")
    from huggingface_hub import snapshot_download

    try:
        fetched = snapshot_download(text, revision=revision, allow_patterns=["*.safetensors", "*.json"])
    except Exception as error:  # the hub client raises many types: network, permission, name
        raise ValueError(
            f"{text!r} is neither a local directory nor a model that could be fetched from the Hub "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}). "
            "Check the name and the connection, or pass a local directory."
        ) from error
    return Path(fetched)


def _weight_files(directory: Path) -> dict[str, Path]:
    """Returns the file of each tensor, or of the key "" where the file itself must be asked."""
    index = directory / "model.safetensors.index.json"
    single = directory / "model.safetensors"
    if single.is_file():
        return {"": single}
    if index.is_file():
        shards = read_json(index).get("weight_map", {})
        missing = sorted({shard for shard in shards.values() if not (directory / shard).is_file()})
        if missing:
            raise ValueError(f"{directory}: {index.name} names files that are not there: {', '.join(missing)}")
        return {name: directory / shard for name, shard in shards.items()}
    others = sorted(directory.glob("*.safetensors"))
    if len(others) == 1:
        return {"": others[0]}
    if others:
        names = ", ".join(file.name for file in others)
        raise ValueError(f"{directory}: expected model.safetensors or an index, found several files: {names}")
    return {}


def open_checkpoint(directory: Path, *, weights: bool = True) -> Checkpoint:
    """Opens `config.json` and the headers of the weight files.

    Args:
        directory: a directory as `save_pretrained` writes it.
        weights: whether weights must be there.

    Raises:
        ValueError: no config, no weights, only pickled weights, or a damaged file.
    """
    if not (directory / "config.json").is_file():
        raise ValueError(
            f"{directory}: no config.json. Expected a Hugging Face model directory: config.json with "
            "model_type, and *.safetensors."
        )
    config = read_json(directory / "config.json")
    files = _weight_files(directory)
    if not files and weights:
        pickles = sorted(file.name for file in directory.iterdir() if file.suffix in _PICKLES)
        if pickles:
            raise ValueError(f"{directory}: only pickled weights ({', '.join(pickles)}), {_CONVERSION}.")
        raise ValueError(
            f"{directory}: config.json is there but no *.safetensors. Add the weights or use init='random'."
        )
    shapes: dict[str, tuple[int, ...]] = {}
    owner: dict[str, Path] = {}
    for path in sorted(set(files.values())):
        with _opened(path) as file:
            for name in file.keys():  # noqa: SIM118 - the handle is not a mapping
                if files.get(name, path) == path:
                    owner[name] = path
                    shapes[name] = tuple(file.get_slice(name).get_shape())
    lost = sorted(name for name in files if name and name not in owner)
    if lost:
        raise ValueError(f"{directory}: the index lists tensors its files do not hold: {', '.join(lost[:5])}")
    return Checkpoint(directory, config, owner, shapes)
