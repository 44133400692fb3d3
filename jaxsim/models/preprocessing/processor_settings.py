"""Reading and checking the settings of a checkpoint's image processor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jaxsim.arguments import shown
from jaxsim.files import is_there, read_json_object

PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
# Largest edge in pixels: images of this size take 0.2 GB each as float32, and no published model has larger ones.
MAX_EDGE = 4096

_EDGES = ("height", "width", "shortest_edge", "longest_edge", "max_height", "max_width")
_AREAS = ("min_pixels", "max_pixels")
_SIZES = ("size", "crop_size", "pad_size", "size_divisor", "size_divisibility")
_SWITCHES = [
    "do_resize",
    "do_rescale",
    "do_normalize",
    "do_center_crop",
    "do_pad",
    "do_convert_rgb",
    "do_reduce_labels",
]
_CODE = ("AutoImageProcessor", "AutoProcessor", "AutoFeatureExtractor", "AutoVideoProcessor")


def has_processor(directory: Path) -> bool:
    """Returns whether a checkpoint brings an image processor.

    Raises:
        ValueError: A file of that name is no regular file.
    """
    return any(is_there(directory / name) for name in PROCESSOR_FILES)


def read_processor_settings(directory: Path) -> tuple[str, dict[str, Any]]:
    """Returns the file's name and the image processor's settings.

    Reads `preprocessor_config.json`, or the `image_processor` part of `processor_config.json`.

    Raises:
        ValueError: Neither is there, the checkpoint brings code of its own, or a setting is out of its range.
    """
    path = directory / "preprocessor_config.json"
    if is_there(path):
        settings = read_json_object(path)
    else:
        path = directory / "processor_config.json"
        settings = read_json_object(path).get("image_processor") if is_there(path) else None
    if not isinstance(settings, dict):
        raise ValueError(f"{directory}: no preprocessor_config.json, and no image_processor in processor_config.json")
    _refuse_code(directory)
    problems = list(_problems(settings))
    if problems:
        raise ValueError(f"{path}: {'; '.join(problems[:10])}. Edit the file, or remove it and pass image_size.")
    return str(path), settings


def _refuse_code(directory: Path) -> None:
    """Raises where a processor is said to be made by code in the checkpoint, which transformers would offer to run."""
    for name in PROCESSOR_FILES:
        path = directory / name
        if not is_there(path):
            continue
        whole = read_json_object(path)
        for settings in (whole, whole.get("image_processor")):
            code = settings.get("auto_map") if isinstance(settings, dict) else None
            if code is None and isinstance(settings, dict) and "auto_map" in settings:
                raise ValueError(f"{path}: auto_map=null: expected a JSON object; remove the line")
            if code and (not isinstance(code, dict) or any(kind in code for kind in _CODE)):
                raise ValueError(
                    f"{path}: auto_map={shown(code)}: the image processor is code that comes with the checkpoint, "
                    "which is not supported and never run here. Remove the file to use the family's own "
                    "preprocessing, or write one without auto_map."
                )


def _problems(settings: Mapping[str, Any]) -> Iterator[str]:
    for name in _SIZES:
        value = settings.get(name)
        if value is None:
            continue
        edges = value if isinstance(value, dict) else {"": value}
        pairs = edges.items() if not isinstance(value, list) else ((str(i), edge) for i, edge in enumerate(value))
        wrong = [edge for key, edge in pairs if (not key or key in _EDGES or key.isdigit()) and not _is_edge(edge)]
        if wrong:
            yield f"{name}={shown(value)}: expected whole numbers of pixels from 1 to {MAX_EDGE}"
        elif isinstance(value, list) and len(value) != 2:
            yield f"{name}={shown(value)}: expected one number of pixels, two (height, width), or a JSON object"
        elif isinstance(value, dict) and not any(value.get(key) is not None for key in (*_EDGES, *_AREAS)):
            yield f"{name}={shown(value)}: expected some of {', '.join(_EDGES)}"
    for name in ("image_mean", "image_std"):
        value = settings.get(name)
        if value is None:
            continue
        numbers = value if isinstance(value, list) else [value]
        if not all(_is_number(number) for number in numbers) or len(numbers) not in (1, 3):
            yield f"{name}={shown(value)}: expected three numbers"
        elif name == "image_std" and min(numbers) <= 0:
            yield f"{name}={shown(value)}: expected numbers above 0"
    scale, crop = settings.get("rescale_factor"), settings.get("crop_pct")
    if scale is not None and not (_is_number(scale) and 0 < scale <= 1000):
        yield f"rescale_factor={shown(scale)}: expected a number above 0, mostly 1/255"
    if crop is not None and not is_crop_fraction(crop):
        yield f"crop_pct={shown(crop)}: expected a number from 0.5 to 2"
    resample = settings.get("resample")
    if resample is not None and (isinstance(resample, bool) or resample not in range(6)):
        yield f"resample={shown(resample)}: expected a whole number from 0 to 5, Pillow's code of a filter"
    for name in _SWITCHES:
        if settings.get(name) not in (None, True, False) or _is_number(settings.get(name)):
            yield f"{name}={shown(settings[name])}: expected true or false"


def is_edge(value: Any) -> bool:
    """Returns whether a value is a number of pixels that an image's edge may have."""
    return value is not None and _is_edge(value)


def is_crop_fraction(value: Any) -> bool:
    """Returns whether a value may be the crop's share of the resized image; published ones are 0.8 to 1."""
    return _is_number(value) and 0.5 <= value <= 2


def _is_edge(value: Any) -> bool:
    # Files of some converters have 224.0.
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return value is None or (whole and not isinstance(value, bool) and 1 <= value <= MAX_EDGE)


def _is_number(value: Any) -> bool:
    # A whole number of hundreds of digits is no float.
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return whole or (isinstance(value, float) and math.isfinite(value))


def require_settings(where: str, settings: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Checks that settings, where they are given, have the values that our processor is made for.

    None and False are the same here: switched off.

    Raises:
        ValueError: Names the settings with other values.

    Example:
        >>> require_settings("a.json", {"do_pad": True}, {"do_pad": False})
        Traceback (most recent call last):
            ...
        ValueError: a.json: do_pad=True is not supported, only False. Pass images that are ready, or edit the file.
    """
    other = [
        f"{name}={shown(settings[name])} is not supported, only {value!r}"
        for name, value in wanted.items()
        if name in settings and (settings[name] or False) != (value or False)
    ]
    if other:
        raise ValueError(f"{where}: {'; '.join(other)}. Pass images that are ready, or edit the file.")


def channel_values(where: str, settings: Mapping[str, Any], name: str, default: tuple[float, float, float]) -> Any:
    """Returns a setting with one number for each channel, as a tuple.

    Raises:
        ValueError: It has another form.
    """
    values = settings.get(name, default)
    if not isinstance(values, list | tuple) or len(values) != 3 or not all(_is_number(value) for value in values):
        raise ValueError(f"{where}: {name}={shown(values)}; expected three numbers")
    return tuple(float(value) for value in values)
