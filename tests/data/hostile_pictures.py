"""Two hundred pictures that are made to harm, each opened in a process of its own: 8 GiB of memory, 60 s.

    python tests/data/hostile_pictures.py FOLDER

writes them to a folder and prints, as JSON, how each ended: "sentence", "loaded", "traceback", "hang" or "memory".
Run by `test_hostile_pictures.py`.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import socket
import struct
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

GIBIBYTES, SECONDS, AT_ONCE = 8, 60, 2
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP", "tiff": "TIFF", "gif": "GIF"}

Content = bytes | Callable[[Path], Any]


def saved(suffix: str, mode: str = "RGB", edge: int = 24, **options: Any) -> bytes:
    """A whole picture."""
    pixels = np.random.default_rng(0).integers(0, 256, (edge, edge, 3), np.uint8)
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).convert(mode).save(stream, FORMATS[suffix], **options)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes, length: int | None = None, checksum: int | None = None) -> bytes:
    """A chunk of a PNG file."""
    crc = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(">I", crc)


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, data: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG file with these claims."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zeros(n: int) -> bytes:
    """So many zeros, compressed."""
    packer, parts = zlib.compressobj(9), []
    for _ in range(n >> 20):
        parts.append(packer.compress(bytes(2**20)))
    return b"".join([*parts, packer.flush()])


def every_format() -> Iterator[tuple[str, str, Content]]:
    """Name, suffix and content: what can be done to any format."""
    for suffix in FORMATS:
        whole = saved(suffix)
        for share in (0.02, 0.1, 0.3, 0.5, 0.8, 0.97):
            yield f"{suffix} cut at {share}", suffix, whole[: max(1, int(len(whole) * share))]
        for seed in range(8):
            rng, content = np.random.default_rng(seed), bytearray(whole)
            for place in rng.integers(4, min(100, len(whole)), 4):
                content[place] = rng.integers(256)
            yield f"{suffix} with a damaged header, {seed}", suffix, bytes(content)
            content = bytearray(whole)
            for place in rng.integers(4, len(whole), 20):
                content[place] = rng.integers(256)
            yield f"{suffix} with damaged pixels, {seed}", suffix, bytes(content)
        yield f"{suffix} of noise", suffix, whole[:12] + np.random.default_rng(1).bytes(5000)
        yield f"{suffix} of ones", suffix, whole[:12] + b"\xff" * 5000
        yield f"{suffix} that is empty", suffix, b""
        yield f"{suffix} of its first bytes again and again", suffix, whole[:32] * 2000


def particular() -> Iterator[tuple[str, str, Content]]:
    """What one format can claim."""
    for width, height in (
        (2**31 - 1, 2**31 - 1),
        (0, 0),
        (2**32 - 1, 1),
        (1, 2**31),
        (60_000, 60_000),
        (30_000, 30_000),
    ):
        yield f"png of {width} x {height}", "png", png(width, height, data=zlib.compress(bytes(1000)))
    yield "png of 9,000 x 9,000 zeros", "png", lambda path: path.write_bytes(png(9000, 9000, data=zeros(9000 * 27_001)))
    yield (
        "png of 9,000 x 9,000 zeros, 16 bits",
        "png",
        lambda path: path.write_bytes(png(9000, 9000, depth=16, data=zeros(9000 * 54_001))),
    )
    yield "png of a row of 2^24", "png", png(2**24, 5, data=zeros(5 * 2**24 * 3 + 5))
    yield "png that inflates to 4 GB", "png", lambda path: path.write_bytes(png(8, 8, data=zeros(2**32)))
    for kind in (b"iCCP", b"zTXt", b"iTXt"):
        text = kind + b"\0" + (b"" if kind == b"iTXt" else b"\0")
        data = text + (b"\1\0\0\0" if kind == b"iTXt" else b"") + zeros(2**29)
        yield (
            f"png whose {kind.decode()} inflates to 512 MB",
            "png",
            png(8, 8, data=zlib.compress(bytes(200)), extra=chunk(kind, data)),
        )
    for kind in (b"tRNS", b"PLTE", b"pHYs", b"eXIf", b"acTL", b"fcTL"):
        for data in (b"", b"\xff" * 5000):
            yield (
                f"png with {kind.decode()} of {len(data)}",
                "png",
                png(8, 8, colour=3, data=zlib.compress(bytes(72)), extra=chunk(kind, data)),
            )
    yield "png with a chunk of 4 GB", "png", png(8, 8, extra=chunk(b"tEXt", b"", 2**32 - 1))
    yield "png without chunks", "png", b"\x89PNG\r\n\x1a\n"
    yield "png of a million chunks", "png", png(8, 8, extra=chunk(b"tEXt", b"a\0b") * 10**6)
    jpeg = saved("jpg")
    frame = jpeg.index(b"\xff\xc0")
    for height, width in ((65535, 65535), (0, 0), (65535, 1), (1, 65535)):
        yield (
            f"jpg of {width} x {height}",
            "jpg",
            jpeg[: frame + 5] + struct.pack(">HH", height, width) + jpeg[frame + 9 :],
        )
    for components in (0, 1, 4, 255):
        yield f"jpg of {components} components", "jpg", jpeg[: frame + 9] + bytes([components]) + jpeg[frame + 10 :]
    for data in (
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12" * 9,
        b"Exif\0\0" + b"\xff" * 60_000,
    ):
        yield (
            f"jpg with EXIF of {len(data)}, {data[6:8]!r}",
            "jpg",
            jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data + jpeg[2:],
        )
    yield "jpg of markers", "jpg", b"\xff\xd8" + b"\xff\xe0\x00\x02" * 10**6
    yield "jpg without an end", "jpg", jpeg[:-2] + bytes(10**6)
    for tag, kind, number, value in [
        (256, 4, 1, 2**31 - 1),
        (256, 4, 1, 0),
        (258, 3, 2**31, 8),
        (273, 4, 2**30, 8),
        (279, 4, 1, 2**32 - 1),
        (322, 4, 1, 2**30),
        (259, 3, 1, 34925),
        (330, 4, 1, 8),
        (34665, 4, 1, 8),
        (277, 3, 1, 65535),
        (262, 3, 1, 77),
    ]:
        entries = {
            256: (4, 1, 8),
            257: (4, 1, 8),
            258: (3, 1, 8),
            259: (3, 1, 1),
            262: (3, 1, 1),
            273: (4, 1, 300),
            278: (4, 1, 8),
            279: (4, 1, 64),
        }
        entries[tag] = (kind, number, value)
        table = b"".join(struct.pack("<HHII", each, *entries[each]) for each in sorted(entries))
        content = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + struct.pack("<I", 8)
        yield f"tiff with tag {tag} of {value} x {number}", "tiff", content.ljust(300, b"\0") + bytes(64)
    for size in ((65535, 65535), (0, 0)):
        yield f"gif of {size}", "gif", b"GIF89a" + struct.pack("<HH", *size) + saved("gif")[10:]
    yield "gif of a million frames", "gif", saved("gif")[:-1] + b"\x21\xf9\x04\0\0\0\0\0" * 10**6 + b";"
    for width, height in ((2**31 - 1, 2**31 - 1), (-8, -8), (0, 8), (40_000, 40_000), (8, -(2**31))):
        yield (
            f"bmp of {width} x {height}",
            "bmp",
            saved("bmp")[:18] + struct.pack("<ii", width, height) + saved("bmp")[26:],
        )
    for kind, content in [
        ("text", b"hello"),
        ("zip", b"PK\x03\x04" + bytes(100)),
        ("postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n"),
        ("svg", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='/etc/passwd'/></svg>"),
        ("a pickle", b"\x80\x04cos\nsystem\n(S'touch ran'\ntR."),
        ("photoshop", b"8BPS\0\1" + bytes(100)),
    ]:
        yield f"png that is {kind}", "png", content
    yield "a pipe", "png", os.mkfifo
    yield "a directory", "png", os.mkdir
    yield "an endless device", "png", lambda path: path.symlink_to("/dev/zero")
    yield "a link to itself", "png", lambda path: path.symlink_to(path.name)
    yield "a link to nothing", "png", lambda path: path.symlink_to("nothing")
    yield "a socket", "png", bound


def bound(path: Path) -> None:
    """A socket; names of sockets are short."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)
    socket.socket(socket.AF_UNIX).bind(path.name)
    os.fchdir(here)
    os.close(here)


def child(folder: Path, pipe: int) -> None:
    """Opens the one picture of a folder and writes how it ended; never returns."""
    resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTES * 2**30,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    try:
        from jaxsim.data import open_images

        source = open_images(folder)
        for position in range(len(source)):
            source.load(position)
        found = "loaded"
    except MemoryError:
        found = "memory"
    except (ValueError, OSError) as error:
        said = str(error)
        named = str(folder) in said and len(said) < 3000 and "\x1b" not in said
        found = f"sentence {said}" if named else f"names no file {said[:500]}"
    except BaseException:
        found = f"traceback {traceback.format_exc()[-1000:]}"
    os.write(pipe, found.encode(errors="replace")[:60_000])
    os._exit(0)


def judge(home: Path) -> dict[str, dict[str, Any]]:
    """How every picture ended, its largest memory in MB and its seconds, by name."""
    waiting = [*every_format(), *particular()]
    running: dict[int, tuple[str, int, float]] = {}
    found: dict[str, dict[str, Any]] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            name, suffix, content = waiting.pop(0)
            folder = home / f"folder{len(found) + len(running):03d}"
            folder.mkdir()
            path = folder / f"picture.{suffix}"
            content(path) if callable(content) else path.write_bytes(content)
            reading, writing = os.pipe()
            process = os.fork()
            if process == 0:
                child(folder, writing)
            os.close(writing)
            running[process] = (name, reading, time.monotonic())
        process, status, used = os.wait4(-1, os.WNOHANG)
        if process == 0:
            for late, (_, _, began) in running.items():
                if time.monotonic() - began > SECONDS:
                    os.kill(late, signal.SIGKILL)
            time.sleep(0.005)
            continue
        name, reading, began = running.pop(process)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read().decode(errors="replace")
        seconds = time.monotonic() - began
        if not said:
            said = "hang" if seconds > SECONDS else f"memory: ended by signal {os.waitstatus_to_exitcode(status)}"
        kind, _, text = said.partition(" ")
        assert name not in found, name
        found[name] = {"kind": kind, "said": text, "megabytes": used.ru_maxrss // 1024, "seconds": round(seconds, 2)}
    return found


if __name__ == "__main__":
    import jaxsim.data  # once, not in every process

    assert jaxsim.data
    print(json.dumps(judge(Path(sys.argv[1]))))
