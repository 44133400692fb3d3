"""Two hundred checkpoints that are made to harm, each opened in a process of its own: 8 GiB of memory, 60 s.

    python tests/models/loading/hostile_checkpoints.py FOLDER

writes them to a folder and prints, as JSON, how each ended: "sentence", "loaded", "traceback", "hang" or "memory".
Run by `test_hostile_checkpoints.py`; all must be sentences.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import resource
import shutil
import signal
import socket
import struct
import sys
import time
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

GIBIBYTES, SECONDS, AT_ONCE = 8, 60, 2
STORED = Path(__file__).parent.parent / "checkpoints"

VIT = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16, "patch_size": 8}
WINDOWS = {"embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4, "image_size": 32, "patch_size": 4}
STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
#: Class, configuration, and which attributes are its width, its number of heads and its blocks.
FAMILIES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "vit": (
        "ViTModel",
        {**VIT, "intermediate_size": 8},
        {"width": "hidden_size", "heads": "num_attention_heads", "blocks": "num_hidden_layers", "patch": "patch_size"},
    ),
    "dinov2": (
        "Dinov2Model",
        {**VIT, "mlp_ratio": 2},
        {"width": "hidden_size", "heads": "num_attention_heads", "blocks": "num_hidden_layers", "patch": "patch_size"},
    ),
    "siglip": (
        "SiglipVisionModel",
        {**VIT, "intermediate_size": 8},
        {"width": "hidden_size", "heads": "num_attention_heads", "blocks": "num_hidden_layers", "patch": "patch_size"},
    ),
    "beit": (
        "BeitModel",
        {**VIT, "intermediate_size": 8},
        {"width": "hidden_size", "heads": "num_attention_heads", "blocks": "num_hidden_layers", "patch": "patch_size"},
    ),
    "swin": (
        "SwinModel",
        WINDOWS,
        {"width": "embed_dim", "heads": "num_heads", "blocks": "depths", "patch": "patch_size"},
    ),
    "convnext": ("ConvNextModel", STAGES, {"width": "hidden_sizes", "blocks": "depths", "patch": "patch_size"}),
    "resnet": ("ResNetModel", {**STAGES, "embedding_size": 8}, {"width": "hidden_sizes", "blocks": "depths"}),
    "imagegpt": (
        "ImageGPTModel",
        {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 64, "vocab_size": 17},
        {"width": "n_embd", "heads": "n_head", "blocks": "n_layer"},
    ),
}
#: Values that no width, number of heads, number of blocks and patch can have.
SENSELESS: dict[str, list[Any]] = {
    "width": [0, -8, 2**40, "wide", None, [], 1.5],
    "heads": [0, -1, 10**12, {}],
    "blocks": [0, 10**5, 10**30, -1, "many"],
    "patch": [0, -4, 10**9, [8, 0]],
}

Case = tuple[str, Callable[[Path], Path]]


def bases(folder: Path) -> dict[str, Path]:
    """A small checkpoint of each family."""
    import torch
    import transformers

    torch.set_num_threads(1)
    made = {}
    for family, (name, values, _) in FAMILIES.items():
        model_class = getattr(transformers, name)
        model_class(model_class.config_class(**values)).save_pretrained(folder / family)
        made[family] = folder / family
    return made


def edited(base: Path, **changes: Any) -> Callable[[Path], Path]:
    """A copy whose config.json has other values; what is None stays in the file as null."""

    def make(target: Path) -> Path:
        shutil.copytree(base, target)
        path = target / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
        return target

    return make


def with_file(base: Path, name: str, content: bytes | str | Any) -> Callable[[Path], Path]:
    """A copy with another file; an object is written as JSON."""

    def make(target: Path) -> Path:
        shutil.copytree(base, target)
        path = target / name
        path.unlink(missing_ok=True)
        if callable(content):
            content(path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return target

    return make


def configurations(base: dict[str, Path]) -> Iterator[Case]:
    """Numbers that no model can have, family by family."""
    for family, (_, values, keys) in FAMILIES.items():
        for kind, senseless in SENSELESS.items():
            if kind not in keys:
                continue
            key = keys[kind]
            for value in senseless:
                many = isinstance(values.get(key), list) and not isinstance(value, list | dict | str | None)
                shown = [value] * len(values[key]) if many else value
                if shown is None and family == "convnext":
                    continue  # transformers has a default for it, and the weights fit that of no other
                yield f"{family}: {key}={shown!r:.40}", edited(base[family], **{key: shown})
    for key, value in [
        ("image_size", 10**9),
        ("num_labels", 10**9),
        ("layer_norm_eps", float("nan")),
        ("hidden_act", ["gelu"]),
        ("hidden_act", "../gelu"),
        ("model_type", 5),
        ("model_type", None),
        ("model_type", "../vit"),
        ("model_type", "x" * 100_000),
        ("surprise", 1),
        ("auto_map", {"AutoModel": "own.Model"}),
    ]:
        yield f"vit: {key}={value!r:.40}", edited(base["vit"], **{key: value})


DEEP = '{"a":' * 200_000 + "1" + "}" * 200_000
KINDS: dict[str, Callable[[Path], Any]] = {
    "a pipe": os.mkfifo,
    "a directory": os.mkdir,
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a socket": lambda path: _socket(path),
    "empty": lambda path: path.touch(),
    "70 MB of spaces": lambda path: path.write_bytes(b" " * 70_000_000),
    "noise": lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
}


def _socket(path: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)  # names of sockets are short
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


def files(base: dict[str, Path]) -> Iterator[Case]:
    """Files that are none, and JSON that is none."""
    for name in ("config.json", "model.safetensors", "preprocessor_config.json"):
        for kind, make in KINDS.items():
            yield f"{name}: {kind}", with_file(base["vit"], name, make)
    for name in ("config.json", "preprocessor_config.json"):
        for kind, text in [
            ("deep", DEEP),
            ("a list", "[1]"),
            ("cut off", '{"model_type": "vi'),
            ("digits", "9" * 9999),
        ]:
            yield f"{name}: {kind}", with_file(base["vit"], name, text)


def indices(base: dict[str, Path]) -> Iterator[Case]:
    """Shard indices."""

    def sharded(index: Any) -> Callable[[Path], Path]:
        def make(target: Path) -> Path:
            shutil.copytree(base["vit"], target)
            (target / "model.safetensors").rename(target / "shard.safetensors")
            text = index if isinstance(index, str) else json.dumps(index)
            (target / "model.safetensors.index.json").write_text(text)
            return target

        return make

    for weight_map in [None, [], 5, {}, "x", {"a": 5}, {"a": None}, {"a": []}, {"a": ""}, {"a": "."}]:
        yield f"index: weight_map={weight_map!r}", sharded({"weight_map": weight_map})
    for shard in ["../x.safetensors", "/etc/passwd", "no.safetensors", "a\0b", "C:\\x", "x" * 5000, "config.json"]:
        yield f"index: shard {shard!r:.40}", sharded({"weight_map": {"a": shard}})
    yield "index: a tensor that is not there", sharded({"weight_map": {"a": "shard.safetensors"}})
    yield "index: deep", sharded(DEEP)
    yield "index: a list", sharded("[]")


def tensors(base: dict[str, Path]) -> Iterator[Case]:
    """Files of tensors."""
    whole = (base["vit"] / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    header, data = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    name = next(key for key in header if key != "__metadata__")

    def file(new: Any, said: int | None = None) -> Callable[[Path], Path]:
        text = new if isinstance(new, bytes) else json.dumps(new).encode()
        return with_file(
            base["vit"], "model.safetensors", struct.pack("<Q", len(text) if said is None else said) + text + data
        )

    def changed(**parts: Any) -> dict[str, Any]:
        return {**header, name: {**header[name], **parts}}

    for said in (0, 1, 2**31, 2**63, 2**64 - 1):
        yield f"safetensors: a header of {said} bytes", file(header, said)
    yield "safetensors: a header that is a list", file([])
    yield "safetensors: a header that is empty", file({})
    yield "safetensors: a deep header", file(DEEP.encode())
    yield "safetensors: half of it", with_file(base["vit"], "model.safetensors", whole[: len(whole) // 2])
    for offsets in ([0, 2**62], [-4, 0], [8, 4], "x", [], [1.5, 2.5]):
        yield f"safetensors: offsets {offsets!r}", file(changed(data_offsets=offsets))
    for shape in ([2**62, 4], [-1], [0], "x", [2**32, 2**32], [1] * 5000):
        yield f"safetensors: shape {shape!r:.40}", file(changed(shape=shape))
    for dtype in ("F8_E4M3", "C64", "BOOL", "I64", "X9", 5, None):
        yield f"safetensors: dtype {dtype!r}", file(changed(dtype=dtype))
    many = {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100_000)}
    rest = {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}
    yield "safetensors: 100,000 tensors", file({**many, "rest": rest})
    yield "adapter", with_file(base["vit"], "adapter_config.json", {"peft_type": "LORA"})

    def pickled(target: Path) -> Path:
        shutil.copytree(base["vit"], target)
        (target / "model.safetensors").unlink()
        (target / "pytorch_model.bin").write_bytes(pickle.dumps({}))
        return target

    yield "only a pickle", pickled


def processors(base: dict[str, Path]) -> Iterator[Case]:
    """Settings of image processors."""
    for settings in [
        {"size": 30_000},
        {"size": {"height": -1, "width": 8}},
        {"size": {"shortest_edge": 0}},
        {"size": "big"},
        {"size": [[[1]]]},
        {"size": {"height": 10**400, "width": 8}},
        {"crop_size": 10**9, "do_center_crop": True},
        {"image_mean": ["a"] * 3},
        {"image_mean": [0.5] * 2},
        {"image_mean": {"r": 1}},
        {"image_std": [0, 1, 1]},
        {"image_std": [float("nan")] * 3},
        {"resample": 77},
        {"resample": "cubic"},
        {"rescale_factor": 0},
        {"rescale_factor": 10**400},
        {"do_resize": "yes"},
        {"auto_map": {"AutoImageProcessor": "own.Own"}},
        {"image_processor_type": "NoSuchProcessor"},
        {"image_processor_type": 5},
        {"image_processor_type": "os.system"},
        {"do_resize": False},
    ]:
        whole = {"image_processor_type": "ViTImageProcessor", **settings}
        yield f"processor: {settings!r:.50}", with_file(base["vit"], "preprocessor_config.json", whole)


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """A `.npy` file with this header."""
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(header))
    return b"\x93NUMPY" + version + size + header.encode() + data


def google(_: dict[str, Path]) -> Iterator[Case]:
    """Files of Google's codebases."""
    small = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }"
    with np.load(STORED / "bv_vit_tok" / "checkpoint.npz") as archive:
        arrays = dict(archive)
    first = sorted(arrays)[0]

    def file(name: str, content: bytes | Callable[[], bytes]) -> Callable[[Path], Path]:
        def make(target: Path) -> Path:
            target.mkdir()
            (target / name).write_bytes(content() if callable(content) else content)
            return target / name

        return make

    def archived(array: np.ndarray) -> bytes:
        stream = io.BytesIO()
        np.savez(stream, **{**arrays, first: array})  # pyright: ignore[reportArgumentType]
        return stream.getvalue()

    whole = (STORED / "bv_vit_tok" / "checkpoint.npz").read_bytes()
    zeros = npy(small % 2**30)
    yield "npz: 4 GiB of zeros", file("a.npz", lambda: zipped({"a.npy": zeros + bytes(2**32)}))
    yield "npz: a shape of 2^60", file("a.npz", zipped({"a.npy": npy(small % 2**60)}))
    yield "npz: a negative shape", file("a.npz", zipped({"a.npy": npy(small % -4)}))
    yield "npz: a header that calls", file("a.npz", zipped({"a.npy": npy("__import__('os').system('touch ran')")}))
    yield "npz: a deep header", file("a.npz", zipped({"a.npy": npy("(" * 60_000)}))
    yield "npz: a header of 4 GiB", file("a.npz", zipped({"a.npy": b"\x93NUMPY\x02\x00" + b"\xff" * 4}))
    yield "npz: no such version", file("a.npz", zipped({"a.npy": npy("{}", version=b"\x09\x09")}))
    yield "npz: half of it", file("a.npz", whole[: len(whole) // 2])
    yield "npz: empty", file("a.npz", b"")
    yield "npz: noise", file("a.npz", np.random.default_rng(0).bytes(5000))
    yield "npz: no arrays", file("a.npz", zipped({}))
    yield "npz: pickled", file("a.npz", lambda: archived(np.array([{}], dtype=object)))
    yield "npz: dates", file("a.npz", lambda: archived(np.zeros(arrays[first].shape, "datetime64[s]")))
    yield "npz: complex", file("a.npz", lambda: archived(np.zeros(arrays[first].shape, np.complex64)))
    yield "npz: boolean", file("a.npz", lambda: archived(np.zeros(arrays[first].shape, bool)))
    yield "npz: text", file("a.npz", lambda: archived(np.full(arrays[first].shape, "x")))
    yield "npz: records", file("a.npz", lambda: archived(np.zeros(arrays[first].shape, [("x", "f4")])))
    yield "npz: encrypted", file("a.npz", encrypted(whole))
    for kind, head in [
        ("an array of 2^32", b"\xdd\xff\xff\xff\xff"),
        ("a map of 2^32", b"\xdf\xff\xff\xff\xff"),
        ("bytes of 2^32", b"\xc6\xff\xff\xff\xff"),
        ("text of 2^32", b"\xdb\xff\xff\xff\xff"),
        ("an extension of 2^32", b"\xc9\xff\xff\xff\xff\x01"),
        ("nested 100,000 deep", b"\x91" * 100_000),
        ("maps nested 100,000 deep", b"\x81\xa1a" * 100_000),
        ("ten thousand keys that are numbers", b"\xde\x27\x10" + b"\x01\xc0" * 10_000),
    ]:
        yield f"msgpack: {kind}", file("checkpoint_1", b"\x81\xa6params" + head)
    for shape in ((2**40,), (-1,), ("x",), (2**32, 2**32)):
        yield f"msgpack: an array of shape {shape}", file("checkpoint_1", lambda shape=shape: extension(shape))
    orbax = STORED / "scenic_vit_token" / "orbax" / "checkpoint_7"

    def damaged(*patterns: str, content: bytes | None) -> Callable[[Path], Path]:
        def make(target: Path) -> Path:
            shutil.copytree(orbax, target / "checkpoint_7")
            for pattern in patterns:
                for path in sorted((target / "checkpoint_7").rglob(pattern)):
                    if path.is_file():
                        path.unlink() if content is None else path.write_bytes(content)
            return target / "checkpoint_7"

        return make

    for pattern in ("_METADATA", "manifest.ocdbt"):
        for kind, content in [("empty", b""), ("a list", b"[]"), ("noise", b"\xff" * 500), ("deep", DEEP.encode())]:
            yield f"orbax: {pattern} is {kind}", damaged(pattern, content=content)
    yield "orbax: without data", damaged("d/*", content=None)
    yield "orbax: data of noise", damaged("d/*", content=b"\xff" * 500)


def encrypted(archive: bytes) -> bytes:
    """An archive whose members all say that they are encrypted."""
    content = bytearray(archive)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.find(signature)
        while place >= 0:
            content[place + offset] |= 1
            place = content.find(signature, place + 4)
    return bytes(content)


def extension(shape: tuple[Any, ...]) -> bytes:
    """A msgpack file with one array of a shape that its bytes do not have, as flax writes arrays."""
    import msgpack

    array = msgpack.packb((shape, "float32", b"\0" * 16))
    return msgpack.packb({"params": {"a": msgpack.ExtType(1, array)}})


def timm(base: dict[str, Path]) -> Iterator[Case]:
    """Configurations in timm's format."""
    for changes in [
        {"architecture": "no_such_net"},
        {"architecture": ""},
        {"architecture": "x" * 100_000},
        {"model_args": 5},
        {"model_args": {"img_size": -5}},
        {"model_args": {"in_chans": 4}},
        {"pretrained_cfg": [1]},
        {"pretrained_cfg": {"input_size": [3, 10**9, 10**9]}},
        {"pretrained_cfg": {"mean": "grey"}},
        {"pretrained_cfg": {"crop_pct": -1}},
        {"pretrained_cfg": {"std": [0, 0, 0]}},
    ]:
        whole = {"architecture": "vit_tiny_patch16_224", "num_classes": 0, **changes}
        yield f"timm: {changes!r:.50}", with_file(base["vit"], "config.json", whole)


def cases(base: dict[str, Path]) -> list[Case]:
    """All of them."""
    return [case for kind in (configurations, files, indices, tensors, processors, google, timm) for case in kind(base)]


def child(path: Path, pipe: int) -> None:
    """Opens one checkpoint and writes how it ended; never returns."""
    resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTES * 2**30,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    try:
        from jaxsim.models import load_model

        _ = load_model(path).steps
        found = "loaded"
    except MemoryError:
        found = "memory"
    except (ValueError, OSError) as error:
        said = str(error)
        named = str(path) in said and len(said) < 6000 and "\x1b" not in said
        found = f"sentence {said}" if named else f"names no file {said[:500]}"
    except BaseException:
        found = f"traceback {traceback.format_exc()[-1000:]}"
    os.write(pipe, found.encode(errors="replace")[:60_000])
    os._exit(0)


def opened(path: Path) -> tuple[int, int, float]:
    """Starts a process that opens a checkpoint; its id, the end of its pipe, the time."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        child(path, writing)
    os.close(writing)
    return process, reading, time.monotonic()


def judge(folder: Path) -> dict[str, dict[str, Any]]:
    """How every checkpoint ended, its largest memory in MB and its seconds, by name."""
    base = bases(folder / "bases")
    waiting = list(enumerate(cases(base)))
    running: dict[int, tuple[str, int, float]] = {}
    found: dict[str, dict[str, Any]] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, (name, make) = waiting.pop(0)
            process, reading, began = opened(make(folder / f"case{number:03d}"))
            running[process] = (name, reading, began)
        process, status, used = os.wait4(-1, os.WNOHANG)
        if process == 0:
            for late, (_, _, began) in running.items():
                if time.monotonic() - began > SECONDS:
                    os.kill(late, signal.SIGKILL)
            time.sleep(0.01)
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
    # Imported once and not in every process; none of it starts threads.
    import transformers.models.auto.image_processing_auto  # noqa: F401

    import jaxsim.models.loading.sources

    jaxsim.models.loading.sources.family_of("vit", "")
    print(json.dumps(judge(Path(sys.argv[1]))))
