"""What an .npz archive claims to hold, before memory is taken for it: sizes that cannot be, or that no memory holds."""

import math
import os
import zipfile
from pathlib import Path

from numpy.lib import format as npy

# What deflate makes of one byte at most.
_MOST_INFLATION = 1032
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def check_claims(archive: zipfile.ZipFile, member: str) -> None:
    """Refuses a member whose sizes contradict each other or the file, or that is larger than memory.

    Args:
        archive: An open .npz.
        member: Name of a file in it, with ".npy"; one that is not there passes.

    Raises:
        ValueError: It cannot be read; says which number is impossible.

    Example:
        >>> import io
        >>> import numpy as np
        >>> buffer = io.BytesIO()
        >>> np.savez(buffer, x=np.zeros(3))
        >>> check_claims(zipfile.ZipFile(buffer), "x.npy")
    """
    if member not in archive.namelist():
        return
    entry, n_bytes = archive.getinfo(member), _length_of(archive)
    possible = entry.compress_size
    if entry.compress_type == zipfile.ZIP_DEFLATED:
        possible = _MOST_INFLATION * entry.compress_size
    if entry.compress_size > n_bytes or (
        entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and entry.file_size > possible
    ):
        raise ValueError(
            f"it is damaged: its directory claims {entry.file_size:,} bytes for {member!r}, packed in "
            f"{entry.compress_size:,}, and the file has {n_bytes:,} bytes"
        )
    with archive.open(member) as stream:
        read_header = _HEADERS.get(npy.read_magic(stream))
        if read_header is None:
            return
        shape, _, dtype = read_header(stream)
        claimed = math.prod(shape) * dtype.itemsize
        held = entry.file_size - stream.tell()
    if claimed > held and not dtype.hasobject:
        raise ValueError(
            f"it is damaged: {member!r} claims the shape {list(shape)} of {dtype}, {claimed:,} bytes, and "
            f"holds {held:,}"
        )
    memory = memory_of_machine()
    if claimed > memory:
        raise ValueError(
            f"{member!r} takes {claimed:,} bytes, and this machine has {memory:,}: save it with numpy.save as an .npy "
            "file, which stays on disk"
        )


def claimed_shape(archive: zipfile.ZipFile, member: str) -> tuple[int, ...] | None:
    """The shape that the header of a member says, without its values; None for a version of the format unknown here.

    Example:
        >>> import io
        >>> import numpy as np
        >>> buffer = io.BytesIO()
        >>> np.savez(buffer, x=np.zeros((2, 3)))
        >>> claimed_shape(zipfile.ZipFile(buffer), "x.npy")
        (2, 3)
    """
    with archive.open(member) as stream:
        read_header = _HEADERS.get(npy.read_magic(stream))
        return None if read_header is None else read_header(stream)[0]


def memory_of_machine() -> int:
    """Returns the bytes of memory that this process may have: the machine's, or its container's.

    Example:
        >>> memory_of_machine() > 2**20
        True
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**62
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return machine
    return min(machine, int(limit)) if limit.isdecimal() else machine


def _length_of(archive: zipfile.ZipFile) -> int:
    file = archive.fp
    if file is None:
        raise ValueError("expected an open archive, got a closed one")
    return file.seek(0, os.SEEK_END)
