"""Reading a checkpoint's image processor file where transformers' own processor cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxsim.models.checkpoint import read_json


def read_processor_settings(directory: Path) -> tuple[str, dict[str, Any]]:
    """Returns the file's name and the image processor's settings.

    Reads `preprocessor_config.json`, or the `image_processor` part of `processor_config.json`.

    Raises:
        ValueError: neither is there.
    """
    path = directory / "preprocessor_config.json"
    if path.is_file():
        return str(path), read_json(path)
    path = directory / "processor_config.json"
    settings = read_json(path).get("image_processor") if path.is_file() else None
    if not isinstance(settings, dict):
        raise ValueError(f"{directory}: no preprocessor_config.json, and no image_processor in processor_config.json")
    return str(path), settings


def require_settings(where: str, settings: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Checks that settings, where they are given, have the values that our processor is made for.

    None and False are the same here: switched off.

    Raises:
        ValueError: names the settings with other values.

    Example:
        >>> require_settings("a.json", {"do_pad": True}, {"do_pad": False})
        Traceback (most recent call last):
            ...
        ValueError: a.json: do_pad=True is not supported, only False. Pass images that are ready, or edit the file.
    """
    other = [
        f"{name}={settings[name]!r} is not supported, only {value!r}"
        for name, value in wanted.items()
        if name in settings and (settings[name] or False) != (value or False)
    ]
    if other:
        raise ValueError(f"{where}: {'; '.join(other)}. Pass images that are ready, or edit the file.")


def channel_values(where: str, settings: Mapping[str, Any], name: str, default: tuple[float, float, float]) -> Any:
    """Returns a setting with one number for each channel, as a tuple.

    Raises:
        ValueError: it has another form.
    """
    values = settings.get(name, default)
    if not isinstance(values, list | tuple) or len(values) != 3:
        raise ValueError(f"{where}: {name}={values!r}; expected three numbers")
    return tuple(float(value) for value in values)
