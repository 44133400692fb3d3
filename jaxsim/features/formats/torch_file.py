"""Tensors that torch.save has written, as features; nothing but tensors and plain values is ever loaded."""

from collections.abc import Mapping
from pathlib import Path

from jaxsim.arguments import shown
from jaxsim.features.formats.arrays import read_mapping
from jaxsim.features.formats.contents import Contents, fingerprint_of_files
from jaxsim.files import optional_library


def read_torch(path: Path) -> Contents:
    """The tensors of a `.pt` file: a mapping, nested or not, or a single tensor, named as the file.

    They are mapped into memory, except in files of the format before torch 1.6. Lists of texts are ids.

    Raises:
        ValueError: If torch is not installed, or the file is damaged or holds anything but tensors, texts, numbers,
            lists and mappings.
    """
    torch = optional_library("torch", "read .pt files")
    try:
        try:
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError as error:
            if "mmap can only be used" not in str(error):
                raise
            found = torch.load(path, map_location="cpu", weights_only=True)
    # Unpickling arbitrary bytes raises nearly anything.
    except Exception as error:
        unsafe = "Weights only load failed" in str(error) or "weights_only" in str(error)
        what = (
            "it is damaged, or holds objects, which are never loaded (they can run code); save a dict of tensors"
            if unsafe
            else f"{shown(str(error))}; write or copy it again"
        )
        raise ValueError(f"cannot read {path} as tensors: {what}") from error
    given = found if isinstance(found, Mapping) else {path.stem: found}
    plain = {str(name): each for name, each in given.items() if isinstance(each, torch.Tensor | Mapping | list | tuple)}
    contents = read_mapping(plain)
    return Contents(
        kind="torch file",
        source=str(path.absolute()),
        arrays=contents.arrays,
        id_keys=contents.id_keys,
        read_ids=contents.read_ids,
        fingerprint=lambda: fingerprint_of_files([path]),
    )
