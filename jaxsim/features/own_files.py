"""What the JSON files of a feature folder must hold: one check, so that a damaged one is told in a sentence."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from jaxsim.features.narrowing import DTYPES
from jaxsim.files import AnyPath, read_json

FORMAT = "jaxsim features 1"
#: The key of a manifest that holds the sha256 of all the rest.
CHECKSUM = "checksum"
CURE = "delete the folder, or pass overwrite=True (--overwrite), and extract them again"

_TEXTS = ("pool", "dtype", "granularity", "weights_hash", "images_fingerprint")
_STEP = {"name", "kind", "depth", "grid", "channels", "n_features"}


def read_manifest(path: AnyPath) -> dict[str, Any]:
    """Reads the manifest of finished features.

    Args:
        path: manifest.json.

    Raises:
        ValueError: it cannot be read, is of another format, lacks what a manifest has, or holds something impossible.
    """
    manifest = read_json(path)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"{path} is not of the format {FORMAT!r}: it was not written by extract")
    model = manifest.get("model")
    named = isinstance(model, dict) and all(_is_text(model.get(key)) for key in ("name", "family", "source"))
    _require(named, path, "model", "an object with name, family and source", model)
    _check_request(manifest, path, n_samples=None)
    return manifest


def check_unchanged(manifest: Mapping[str, Any], path: AnyPath) -> None:
    """Raises a ValueError if a manifest is not as it was written; one without a checksum (older) passes."""
    if manifest.get(CHECKSUM, own := checksum(manifest)) != own:
        raise ValueError(f"{path} is damaged, or was changed since it was written: {CURE}")


def checksum(manifest: Mapping[str, Any]) -> str:
    """Returns the sha256 of a manifest without its checksum.

    Example:
        >>> checksum({"a": 1, "checksum": "x"}) == checksum({"a": 1})
        True
    """
    rest = {key: value for key, value in manifest.items() if key != CHECKSUM}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def read_request(path: AnyPath) -> tuple[dict[str, Any], int]:
    """Reads what an unfinished extraction was asked for, and how many rows its blocks have.

    Raises:
        ValueError: as `read_manifest`.
    """
    read = read_json(path)
    note: dict[str, Any] = read if isinstance(read, dict) else {}
    given, rows = note.get("request"), note.get("block_rows")
    _require(isinstance(given, dict), path, "request", "an object", given)
    _require(_is_count(rows, 1), path, "block_rows", "a whole number from 1", rows)
    request = cast("dict[str, Any]", given)
    _check_request({"damaged": [], **request}, path, n_samples=request.get("n_images"))
    return request, cast("int", rows)


def read_progress(path: AnyPath, n_images: int) -> dict[str, Any]:
    """Reads how far an unfinished extraction got.

    Raises:
        ValueError: as `read_manifest`.
    """
    note = read_json(path)
    _require(isinstance(note, dict), path, "it", "an object", note)
    start, n_rows, damaged = (note.get(key) for key in ("start", "n_rows", "damaged"))
    _require(_is_count(start, 0) and start <= n_images, path, "start", f"a whole number in 0..{n_images}", start)
    _check_damaged(damaged, path, start)
    _check_seconds(note, path)
    rows = start - len(damaged)
    _require(_is_count(n_rows, 0) and n_rows == rows, path, "n_rows", f"{rows}, as start and damaged say", n_rows)
    return note


def read_part(path: AnyPath, n_images: int) -> dict[str, Any]:
    """Reads what one of several processes has written of its part: `first`, `stop`, `start` and `damaged`.

    Raises:
        ValueError: as `read_manifest`.
    """
    note = read_json(path)
    _require(isinstance(note, dict), path, "it", "an object", note)
    first, start, stop, damaged = (note.get(key) for key in ("first", "start", "stop", "damaged"))
    _require(_is_count(stop, 0) and stop <= n_images, path, "stop", f"a whole number in 0..{n_images}", stop)
    _require(_is_count(first, 0) and first <= stop, path, "first", f"a whole number in 0..{stop}", first)
    inside = _is_count(start, first) and start <= stop
    _require(inside, path, "start", f"a whole number in {first}..{stop}", start)
    _check_seconds(note, path)
    _check_damaged(damaged, path, start)
    _require(all(entry["position"] >= first for entry in damaged), path, "damaged", f"positions from {first}", damaged)
    return note


def _check_request(request: Mapping[str, Any], path: AnyPath, n_samples: Any) -> None:
    for key in _TEXTS:
        _require(_is_text(request.get(key)), path, key, "a text", request.get(key))
    _require(request["dtype"] in DTYPES, path, "dtype", f"one of {', '.join(DTYPES)}", request["dtype"])
    rows: Any = request.get("rows_per_image", 1)
    _require(_is_count(rows, 1), path, "rows_per_image", "a whole number from 1", rows)
    _check_seconds(request, path)
    for key in ("preprocessing", "computation"):
        _require(isinstance(request.get(key), dict), path, key, "an object", request.get(key))
    steps: Any = request.get("steps")
    _require(isinstance(steps, list) and len(steps) > 0, path, "steps", "a list", steps)
    for place, step in enumerate(steps):
        _require(_is_step(step), path, f"steps[{place}]", "a step with name, depth and sizes", step)
    _require(_unique([step["name"] for step in steps]), path, "steps", "steps of different names", "one name twice")
    n_images: Any = request.get("n_images")
    ids: Any = request.get("sample_ids")
    _require(_is_count(n_images, 1), path, "n_images", "a whole number from 1", n_images)
    _require(isinstance(ids, list) and all(map(_is_text, ids)), path, "sample_ids", "a list of texts", ids)
    _require(_unique(ids), path, "sample_ids", "ids that differ", "one id twice")
    _check_damaged(request.get("damaged"), path, n_images)
    if n_samples is not None:
        _require(len(ids) == n_samples, path, "sample_ids", f"{n_samples} ids", f"{len(ids)}")


def _check_seconds(note: Mapping[str, Any], path: AnyPath) -> None:
    seconds: Any = note.get("seconds", {})
    whole = isinstance(seconds, dict) and all(
        _is_text(stage) and isinstance(taken, int | float) and not isinstance(taken, bool) and 0 <= taken < math.inf
        for stage, taken in seconds.items()
    )
    _require(whole, path, "seconds", "an object of seconds", seconds)


def _check_damaged(damaged: Any, path: AnyPath, n_images: int) -> None:
    whole = isinstance(damaged, list) and all(
        isinstance(entry, dict)
        and _is_text(entry.get("id"))
        and _is_text(entry.get("reason"))
        and _is_count(entry.get("position"), 0)
        and entry["position"] < n_images
        for entry in damaged
    )
    expected = "a list of entries with id, reason and position"
    _require(whole, path, "damaged", expected, damaged)
    _require(_unique([entry["position"] for entry in damaged]), path, "damaged", expected, "one position twice")


def _is_step(step: Any) -> bool:
    if not isinstance(step, dict) or set(step) != _STEP or not (_is_text(step["name"]) and _is_text(step["kind"])):
        return False
    depth, grid = step["depth"], step["grid"]
    if isinstance(depth, bool) or not isinstance(depth, int | float) or not math.isfinite(depth):
        return False
    if grid is not None and not (isinstance(grid, list) and len(grid) == 2 and all(_is_count(n, 1) for n in grid)):
        return False
    return _is_count(step["channels"], 1) and _is_count(step["n_features"], 1)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _unique(values: Sequence[Any]) -> bool:
    return len(set(values)) == len(values)


def _require(condition: bool, path: AnyPath, what: str, expected: str, came: Any) -> None:
    if not condition:
        shown = repr(came)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise ValueError(f"{path} is damaged: expected {what} as {expected}, came {shown}; {CURE}")
