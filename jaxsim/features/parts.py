"""The parts of one extraction that several processes write, and the notes of how far each has come."""

import itertools
import re
from collections.abc import Sequence
from typing import Any

from jaxsim.features.own_files import read_part, read_progress
from jaxsim.files import AnyPath, write_json

PROGRESS = "progress.json"

_NOTE = re.compile(r"part-(\d+)-of-(\d+)\.json")


def part_bounds(first: int, n_images: int, block_images: int, n_parts: int) -> list[tuple[int, int]]:
    """Positions at which the parts of several processes begin and end: whole blocks, as equal as these allow.

    Args:
        first: position of the first image that is missing, at the beginning of a block.
        n_images: number of images.
        block_images: images in a block.
        n_parts: number of processes.

    Example:
        >>> part_bounds(0, 10, 3, 2)
        [(0, 6), (6, 10)]
        >>> part_bounds(6, 10, 3, 3)
        [(6, 9), (9, 10), (10, 10)]
    """
    n_blocks = -(-(n_images - first) // block_images)
    blocks = [-(-part * n_blocks // n_parts) for part in range(n_parts + 1)]
    edges = [min(first + count * block_images, n_images) for count in blocks]
    return list(itertools.pairwise(edges))


def part_note(folder: AnyPath, part: int, n_parts: int) -> AnyPath:
    """Where a process notes how far it has come."""
    return folder / f"part-{part}-of-{n_parts}.json"


def part_notes(folder: AnyPath) -> list[AnyPath]:
    """The notes of processes that are there."""
    return sorted(path for path in folder.glob("part-*.json") if _NOTE.fullmatch(path.name))


def images_done(folder: AnyPath, n_images: int) -> int:
    """How many images an unfinished extraction has seen whose rows are written.

    Raises:
        ValueError: a note is damaged.
    """
    done = read_progress(folder / PROGRESS, n_images)["start"] if (folder / PROGRESS).exists() else 0
    return done + sum(part["start"] - part["first"] for part in _read(part_notes(folder), n_images))


def join_parts(folder: AnyPath, n_images: int, block_images: int) -> dict[str, Any]:
    """What is written of an extraction as one process takes it up: the notes of several become one.

    Parts hold a row for every image, the damaged ones too, and one process writes rows without gaps. So what it
    takes up ends before the first damaged image, and before the first image that is missing.

    Args:
        folder: of the extraction.
        n_images: number of images.
        block_images: images in a block.

    Returns:
        The note: `start`, `n_rows`, `damaged`.

    Raises:
        ValueError: a note is damaged.
    """
    if not (folder / PROGRESS).exists():
        return {"start": 0, "n_rows": 0, "damaged": []}
    progress = read_progress(folder / PROGRESS, n_images)
    notes = part_notes(folder)
    if not notes:
        return progress
    parts = _read(notes, n_images)
    joined = _rest(_prefix(progress, parts), n_images, block_images, added_seconds([progress, *parts]))
    write_json(folder / PROGRESS, joined)
    # After the note: what they say stays true until the rows behind it are written again.
    for note in notes:
        note.unlink()
    return joined


def divide(folder: AnyPath, n_images: int, block_images: int, n_parts: int) -> None:
    """Divides what is missing of an extraction among processes; parts of as many processes are taken up.

    Args:
        folder: of the extraction.
        n_images: number of images.
        block_images: images in a block.
        n_parts: number of processes.

    Raises:
        ValueError: a note is damaged.
    """
    own = [part_note(folder, part, n_parts) for part in range(n_parts)]
    if (folder / PROGRESS).exists() and part_notes(folder) == sorted(own):
        before = read_progress(folder / PROGRESS, n_images)["start"]
        there = _read(own, n_images)
        bounds = [(part["first"], part["stop"]) for part in there]
        begun = before > 0 or any(part["start"] > part["first"] for part in there)
        if begun and bounds == part_bounds(before, n_images, block_images, n_parts):
            return
    progress = join_parts(folder, n_images, block_images)
    damaged = [entry["position"] for entry in progress["damaged"]]
    progress = _rest(min([progress["start"], *damaged]), n_images, block_images, progress.get("seconds", {}))
    write_json(folder / PROGRESS, progress)
    for part, (first, stop) in enumerate(part_bounds(progress["start"], n_images, block_images, n_parts)):
        write_json(part_note(folder, part, n_parts), {"first": first, "stop": stop, "start": first, "damaged": []})


def forget_from(folder: AnyPath, position: int, n_images: int, block_images: int) -> None:
    """Notes that the rows from a damaged image on are about to be moved; a run that is killed writes them again."""
    noted = [read_progress(folder / PROGRESS, n_images), *_read(part_notes(folder), n_images)]
    write_json(folder / PROGRESS, _rest(position, n_images, block_images, added_seconds(noted)))
    for note in part_notes(folder):
        note.unlink()


def added_seconds(notes: Sequence[dict[str, Any]]) -> dict[str, float]:
    """What the stages took, of all notes together.

    Example:
        >>> added_seconds([{"seconds": {"decode": 1.0}}, {}, {"seconds": {"decode": 0.5, "write": 2.0}}])
        {'decode': 1.5, 'write': 2.0}
    """
    found: dict[str, float] = {}
    for note in notes:
        for stage, taken in note.get("seconds", {}).items():
            found[stage] = found.get(stage, 0.0) + taken
    return found


def _read(notes: Sequence[AnyPath], n_images: int) -> list[dict[str, Any]]:
    return [read_part(note, n_images) for note in notes]


def _prefix(progress: dict[str, Any], parts: Sequence[dict[str, Any]]) -> int:
    """Position before which every row is written and no image is damaged."""
    done = min([progress["start"], *(entry["position"] for entry in progress["damaged"])])
    if done < progress["start"]:
        return done
    for part in sorted(parts, key=lambda part: (part["first"], part["stop"])):
        if part["first"] > done:
            break
        until = min([part["start"], *(entry["position"] for entry in part["damaged"])])
        done = max(done, until)
        if until < part["start"]:
            break
    return done


def _rest(done: int, n_images: int, block_images: int, seconds: dict[str, float]) -> dict[str, Any]:
    """The note of an extraction whose rows before a position are written; whole blocks alone count."""
    start = done if done == n_images else done // block_images * block_images
    return {"start": start, "n_rows": start, "damaged": [], "seconds": seconds}
