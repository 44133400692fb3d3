"""What a run survives: kills at any moment, two runs into one folder, damaged files, files of others.

Every case starts from one undisturbed run, and its values are the right ones, to the last bit. Kills and races are
processes of the command line; damage and files of others are runs in this process, which reuse compiled programs.
"""

import argparse
import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import xarray as xr

import jaxsim
from benchmarks import records
from benchmarks.arguments import Write, positive

MODELS = ("embedded:cnn_classifier_0", "embedded:vit_classifier_0")
CASES = ("kills", "races", "damage", "foreign")
FOREIGN = (
    "notes.txt",
    "figures/overview_of_my_talk.png",
    "figures/mine.svg",
    "information_of_mine.csv",
    "measurements/mine.nc",
    "features/mine.npy",
    "features/mine/manifest.json",
    ".index.html.partial",
)
"""Files that a user may have put into the folder of a run."""

_SECONDS = 300


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the subcommand."""
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES, help="default: all")
    parser.add_argument("--moments", type=positive, default=20, help="kills, spread over a run (default %(default)s)")
    parser.add_argument("--races", type=positive, default=3, help="pairs of runs at once (default %(default)s)")
    parser.add_argument("--samples", type=positive, default=48, help="rendered images (default %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="result file")


def run(options: argparse.Namespace, write: Write) -> int:
    """One record for each kind of disturbance. Exit code 1 if one of them did harm."""
    harmed = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        images = f"rendered:{options.samples}"
        _wait(_start(images, folder / "compiled"))
        started = time.monotonic()
        _wait(_start(images, folder / "whole"))
        seconds = time.monotonic() - started
        cases: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
            "kills": lambda: _kills(images, folder, options.moments, seconds),
            "races": lambda: _races(images, folder, options.races),
            "damage": lambda: _damage(images, folder),
            "foreign": lambda: _foreign(images, folder),
        }
        for name in options.cases:
            seen = list(cases[name]())
            counts = Counter("harmed" if outcome.startswith("HARM") else outcome for _, outcome in seen)
            harm = {what: outcome for what, outcome in seen if outcome.startswith("HARM")}
            harmed |= bool(harm)
            write(
                records.record(
                    "reliability",
                    {"disturbance": name, "images": images, "cases": len(seen)},
                    found=dict(counts),
                    harm=harm,
                    outcomes=dict(seen),
                    seconds=seconds,
                    reach="no harm in any case",
                    reached=not harm,
                )
            )
    return int(harmed)


def _kills(images: str, folder: Path, moments: int, seconds: float) -> Iterator[tuple[str, str]]:
    for moment in range(moments):
        out = folder / f"killed{moment}"
        process = _start(images, out)
        after = seconds * (moment + 0.5) / moments
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        code, text = _wait(_start(images, out))
        yield f"{after:.1f} s", _values_or_harm(folder, out) if code == 0 else f"HARM: {code} {text[-300:]}"
        shutil.rmtree(out, ignore_errors=True)


def _races(images: str, folder: Path, times: int) -> Iterator[tuple[str, str]]:
    for number in range(times):
        out = folder / f"race{number}"
        first = _start(images, out)
        time.sleep(number)
        second = _start(images, out)
        ends = [_wait(first), _wait(second)]
        refused = [text for code, text in ends if code == 2 and "error:" in text]
        if all(code == 0 for code, _ in ends):
            outcome = "both end with the same values"
        elif len(refused) == 1 and sorted(code for code, _ in ends) == [0, 2]:
            outcome = "one is refused in a sentence, the other ends with the same values"
        else:
            outcome = f"HARM: {[(code, text[-300:]) for code, text in ends]}"
        same = _values_or_harm(folder, out)
        yield f"{number} s apart", same if same.startswith("HARM") else outcome


def _damage(images: str, folder: Path) -> Iterator[tuple[str, str]]:
    whole = folder / "whole"
    for name in one_of_each_kind(whole):
        for how, damage in DAMAGES.items():
            out = folder / "damaged"
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(whole, out)
            damage(out / name)
            yield f"{name} {how}", _outcome(images, folder, out, name)


def _foreign(images: str, folder: Path) -> Iterator[tuple[str, str]]:
    for overwrite in (False, True):
        out = folder / f"foreign{overwrite}"
        shutil.copytree(folder / "whole", out)
        for name in FOREIGN:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(f"mine: {name}")
        ended = _outcome(images, folder, out, "", overwrite=overwrite)
        for name in FOREIGN:
            path = out / name
            kept = path.is_file() and path.read_text() == f"mine: {name}"
            outcome = f"untouched; {ended}" if kept else "HARM: changed or removed"
            yield f"{name}{' --overwrite' if overwrite else ''}", ended if ended.startswith("HARM") else outcome


def one_of_each_kind(folder: Path) -> list[str]:
    """The first file of each kind: names that differ in models, steps and numbers alone are of one kind.

    Example:
        >>> one_of_each_kind(Path("no such folder"))
        []
    """
    kinds: dict[str, str] = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = path.relative_to(folder).as_posix()
        kind = re.sub(r"features/[^/]+/", "features/*/", name)
        kind = re.sub(r"steps\.zarr/[^/]+/", "steps.zarr/*/", kind)
        kind = re.sub(r"figures/.*\.", "figures/*.", kind)
        kind = re.sub(r"-[0-9a-f]{16,}", "-*", kind)
        kind = re.sub(r"^[a-z_]+\.csv$", "*.csv", kind)
        kinds.setdefault(kind, name)
    return list(kinds.values())


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "one bit flipped": _flip,
    "truncated": _truncate,
    "emptied": lambda path: os.truncate(path, 0),
    "removed": lambda path: path.unlink(),
    "replaced by a folder": _replace_by_folder,
}
"""Name -> what is done to a file."""


def _outcome(images: str, folder: Path, out: Path, name: str, overwrite: bool = False) -> str:
    """What a run into a disturbed folder comes to."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            jaxsim.compare(list(MODELS), images, out=out, overwrite=overwrite)
    except ValueError as error:
        text = str(error)
        # The file, or the folder of the array that it is part of.
        parts = [part for part in Path(name).parts if part not in ("c", "0")][-2:]
        return "refused in a sentence" if any(part in text for part in parts) else f"HARM: unnamed: {text[:300]}"
    except Exception as error:  # Whatever comes is the finding.
        return f"HARM: {type(error).__name__}: {str(error)[:300]}"
    return _values_or_harm(folder, out)


def _values_or_harm(folder: Path, out: Path) -> str:
    """Whether all results are those of the undisturbed run."""
    for path in sorted((folder / "whole").glob("*.nc")):
        try:
            found = xr.load_dataset(out / path.name, engine="h5netcdf")
        except (OSError, ValueError) as error:
            return f"HARM: {path.name} cannot be read: {error}"
        if not found.equals(xr.load_dataset(path, engine="h5netcdf")):
            return f"HARM: {path.name} has other values"
    return "same values" if (out / "index.html").is_file() else "HARM: no page"


def _start(images: str, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "jaxsim.cli", "compare", *MODELS, "--images", images, "--out", str(out)]
    return subprocess.Popen(command, cwd=records.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, text = process.communicate(timeout=_SECONDS)
    return process.returncode, text
