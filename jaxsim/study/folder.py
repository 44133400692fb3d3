"""The folder of a run: may it be written, where do features go, which measurements does it hold already."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xarray as xr

from jaxsim.study.results import read_netcdf, write_netcdf


def check_writable(folder: Path) -> None:
    """Makes sure that a folder can be made and written, and leaves nothing behind.

    Args:
        folder: Need not exist.

    Raises:
        ValueError: If it is not a folder or cannot be written.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    made: list[Path] = []
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(0, "it is a file")
        for path in reversed(missing):
            path.mkdir()
            made.append(path)
        # Permissions tell less than an attempt: read-only mounts, quotas, network shares.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        raise ValueError(
            f"cannot write to the output folder {folder}: {error.strerror or error}; choose another one"
        ) from error
    finally:
        for path in reversed(made):
            path.rmdir()


def feature_folders(out: Path, names: Iterable[str]) -> dict[str, Path]:
    """Where each model's features go: a folder under `out`/features that every file system can name.

    Example:
        >>> folders = feature_folders(Path("run"), ["org/vit", "org:vit"])
        >>> [path.as_posix() for path in folders.values()]
        ['run/features/org_vit', 'run/features/org_vit-2']
    """
    folders: dict[str, Path] = {}
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip(".") or "model"
        chosen, count = plain, 1
        # Lower case, because some file systems do not tell "ViT" from "vit".
        while chosen.lower() in taken:
            count += 1
            chosen = f"{plain}-{count}"
        taken.add(chosen.lower())
        folders[name] = out / "features" / chosen
    return folders


def measurement_key(**inputs: Any) -> str:
    """A key over everything a measurement depends on.

    Example:
        >>> measurement_key(k=[1], seed=0) == measurement_key(seed=0, k=[1])
        True
    """
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def load_measurement(out: Path, key: str, what: str = "imbalance") -> xr.Dataset | None:
    """The measurement that an earlier run left under this key, or None."""
    path = _measurement(out, key, what)
    return read_netcdf(path) if path.is_file() else None


def save_measurement(out: Path, key: str, results: xr.Dataset, what: str = "imbalance") -> None:
    """Keeps a measurement for later runs into the same folder."""
    path = _measurement(out, key, what)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_netcdf(results, path)


def _measurement(out: Path, key: str, what: str) -> Path:
    return out / "measurements" / f"{what}-{key[:16]}.nc"
