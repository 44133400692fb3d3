"""The folder of a run: may it be written, where do features go, which measurements does it hold already."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import tempfile
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import xarray as xr

from jaxsim.arguments import check_folder_path, shown
from jaxsim.files import OwnedFiles, check_below
from jaxsim.report.writing import FIGURES, INDEX
from jaxsim.study.netcdf import read_netcdf, write_netcdf
from jaxsim.study.saved import ALWAYS, BY_MEASURE, DESCRIPTIONS, INFORMATION, LABELS, OF_SPLITS, UNTRAINED
from jaxsim.warn import warn

MEASUREMENTS = "measurements"


def output_folder(out: str | os.PathLike[str]) -> Path:
    """The folder that a user means, as an absolute path without ".." or "~".

    Args:
        out: Need not exist.

    Raises:
        ValueError: If it is empty, or no path at all.

    Example:
        >>> output_folder("runs/../study") == Path.cwd().resolve() / "study"
        True
        >>> output_folder("")
        Traceback (most recent call last):
        ...
        ValueError: expected out (--out) as the path of a folder, got ''; write "." for the current folder
    """
    try:
        return check_folder_path("out (--out)", out).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise ValueError(f"cannot use the output folder {shown(out)}: {error}; choose another one") from error


def check_own_files(
    folder: Path,
    sometimes: Collection[str] = (),
    *,
    features: Iterable[Path] = (),
    measures: Iterable[str] = (),
) -> None:
    """Refuses a folder in which a comparison would replace what jaxsim has not written, before the work.

    Args:
        folder: Need not exist.
        sometimes: Files that this run may write beside those of every study, see `sometimes_written`.
        features: Folders below it that features are kept in.
        measures: Names of further measures, each of which has a folder of its own.

    Raises:
        ValueError: If there is such a file, or one of the folders that are written below it is a link; names it.
    """
    if not folder.is_dir():
        return
    inner = [folder / name for name in (MEASUREMENTS, FIGURES, "features", "statistics", UNTRAINED, BY_MEASURE)]
    inner += [*(folder / BY_MEASURE / name for name in measures), *features]
    check_below(folder, [f"{each.relative_to(folder)}/file" for each in inner])
    OwnedFiles(folder).check([*ALWAYS, INDEX, *sometimes])
    for name in measures:
        if (folder / BY_MEASURE / name).is_dir():
            OwnedFiles(folder / BY_MEASURE / name).check([*ALWAYS, *sometimes])


def sometimes_written(*, spaces: bool, labels: bool, splits: bool, describe: bool = False) -> list[str]:
    """The files that a comparison may write beside those of every study.

    Args:
        spaces: Whether spaces beside the steps are measured.
        labels: Whether images have labels.
        splits: Whether samples may be split into halves.
        describe: Whether steps are described by themselves.

    Example:
        >>> sometimes_written(spaces=False, labels=True, splits=False)
        ['labels.nc', 'labels.csv']
    """
    parts = (INFORMATION,) * spaces + (LABELS,) * labels + (DESCRIPTIONS,) * describe
    names = [f"{name}.{suffix}" for name in parts for suffix in ("nc", "csv")]
    return names + (list(OF_SPLITS) if splits else [])


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
    """The measurement that an earlier run left under this key; None if there is none or it is not as it was written."""
    name = _measurement(key, what)
    return read_netcdf(out / name) if OwnedFiles(out).owns(name) else None


def save_measurement(out: Path, key: str, results: xr.Dataset, what: str = "imbalance") -> None:
    """Keeps a measurement for later runs into the same folder.

    A file that is in its place and is not as it was written (damaged, or of an earlier version) is set aside.
    """
    name = _measurement(key, what)
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    files = OwnedFiles(out)
    if not files.may_write(name):
        aside = out / f"{name}.{secrets.token_hex(4)}.aside"
        warn(
            f"{out / name} is not as jaxsim has written it, so it was measured anew; the file is kept as {aside.name}",
        )
        (out / name).rename(aside)
    write_netcdf(results, files, name)


def _measurement(key: str, what: str) -> str:
    return f"{MEASUREMENTS}/{what}-{key[:16]}.nc"
