"""Everything that a study is made of, in a TOML file: read with the line that is wrong, and written."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jaxsim.arguments import check_on_disk, shown, url_in
from jaxsim.cli.options import OPTIONS
from jaxsim.cli.reading import read_model
from jaxsim.names import names_column

#: What a file holds beside the options.
OWN = ("models", "images")
#: Options whose values are files, and texts that are none.
_FILES = {"labels": (), "spaces": (), "groups": ("near_duplicates",)}
# Far above what anybody writes.
_LARGEST = 2**20


@dataclass(frozen=True)
class Config:
    """What a study is made of.

    Attributes:
        models: Sources of models, each with its name or "".
        images: Where images come from; None where features are given.
        options: Options other than their defaults, by name, as Python has them; `labels`, `spaces` and `groups` are
            paths of files.
    """

    models: tuple[tuple[str, str], ...] = ()
    images: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def updated(self, models: tuple[tuple[str, str], ...], images: str | None, options: Mapping[str, Any]) -> Config:
        """With what a command line says in place of what a file says."""
        return Config(models or self.models, self.images if images is None else images, self.options | dict(options))


def read_config(path: Path) -> Config:
    """Reads a file of settings.

    Args:
        path: A TOML file: `models` (a list of sources or "NAME=SOURCE", or a table from names to sources), `images`,
            and options by the names that they have in Python. Relative paths are relative to its folder.

    Raises:
        ValueError: If it cannot be read; for a key that there is not, or a value that is not possible: names the line.
    """
    path = check_on_disk("settings", path)
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)  # a device has no end
        if len(content) > _LARGEST:
            raise ValueError(f"expected at most {_LARGEST:,} bytes, got more")
        text = content.decode("utf-8").replace("\r\n", "\n")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"cannot read the settings in {path}: {why}") from error
    try:
        found = tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(f"{path}: expected a file of settings, got TOML that is nested too deep to be read") from error
    except ValueError as error:  # no TOML, or a number of thousands of digits
        line = re.search(r"at line (\d+)", str(error))
        at = f", line {line.group(1)}" if line else ""
        raise ValueError(f"{path}{at}: expected TOML, got {error}") from error

    def wrong(key: str, why: object) -> ValueError:
        return ValueError(f"{path}, line {line_of(text, key)}: {why}")

    options: dict[str, Any] = {}
    models: tuple[tuple[str, str], ...] = ()
    images: str | None = None
    for key, value in found.items():
        if key not in (*OWN, *OPTIONS):
            near = get_close_matches(key, [*OWN, *OPTIONS], n=3, cutoff=0.5)
            raise wrong(key, f"there is no setting {key!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
        try:
            if key == "models":
                models = _models(value, path.parent)
            elif key == "images":
                images = _located(_text("images", value), path.parent)
            else:
                options[key] = _checked(key, value, path.parent)
        except ValueError as error:
            raise wrong(key, error) from error
    return Config(models, images, options)


def line_of(text: str, key: str) -> int:
    r"""The line of a TOML file where a key of the first level is set, counted from 1.

    Example:
        >>> line_of('images = "digits"\n[labels]\\nclass = "a.csv"', "labels")
        2
    """
    name = rf"[\"']?{re.escape(key)}[\"']?"
    in_table = False
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*\[\s*{name}\s*[\].]", line) or (not in_table and re.match(rf"\s*{name}\s*[=.]", line)):
            return number
        in_table = in_table or bool(re.match(r"\s*\[", line))
    return 1


def as_toml(config: Config, version: str) -> str:
    """The file of settings that makes the same study: every setting, with where files are as absolute paths.

    Args:
        config: The settings.
        version: Of jaxsim.

    Example:
        >>> print(as_toml(Config((("a", "embedded:vit_digits"),), "digits", {"k": (1, 10)}), "1.0").splitlines()[-2])
        [models]
    """
    lines = [f"# Settings of a study, written by jaxsim {version}: jaxsim compare --config FILE --out FOLDER"]
    here = Path.cwd()
    tables: list[str] = []
    named = all(name for name, _ in config.models) and bool(config.models)
    if config.images is not None:
        lines.append(f"images = {_toml(_located(config.images, here))}")
    if named:
        tables += ["", "[models]"]
        tables += [f"{_key(name)} = {_toml(_located(source, here))}" for name, source in config.models]
    elif config.models:
        texts = [
            f"{name}={_located(source, here)}" if name else _located(source, here) for name, source in config.models
        ]
        lines.append(f"models = {_toml(texts)}")
    for name, option in OPTIONS.items():
        value = config.options.get(name, option.default)
        if value is None:
            continue
        if name in _FILES:
            value = _all_located(name, value, here)
        if isinstance(value, Mapping):
            tables += [
                "",
                f"# {option.help}",
                f"[{_key(name)}]",
                *(f"{_key(k)} = {_toml(v)}" for k, v in value.items()),
            ]
        else:
            lines.append(f"{name} = {_toml(value)}  # {option.help}")
    return "\n".join([*lines, *tables, ""])


def _checked(key: str, value: Any, folder: Path) -> Any:
    option = OPTIONS[key]
    if key in ("measures", "describe"):
        from jaxsim.metrics import LayerMeasure, Measure, find_measures

        names = tuple(value) if isinstance(value, list) else (_text(key, value),)
        find_measures(names, Measure if key == "measures" else LayerMeasure) if names else ()
        return names
    if key in ("labels", "spaces"):
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise ValueError(f"expected {key} as a table from names to files, got {shown(value)}")
        return _all_located(key, value, folder)
    if key == "groups":
        return _all_located(key, _text(key, value), folder)
    if key == "untrained":
        from jaxsim.arguments import check_flag

        return check_flag(key, value)
    option.checked(value)
    return tuple(value) if isinstance(value, list) else value


def _models(value: Any, folder: Path) -> tuple[tuple[str, str], ...]:
    if isinstance(value, dict):
        return tuple((str(name), _located(_text("models", source), folder)) for name, source in value.items())
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts:
        raise ValueError(f"expected models as a list of sources, or a table from names to sources, got {shown(value)}")
    found = [read_model(_text("models", text)) for text in texts]
    return tuple((name, _located(source, folder)) for name, source in found)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected {key} as a text, got {shown(value)}")
    return value


def _all_located(key: str, value: Any, folder: Path) -> Any:
    if isinstance(value, Mapping):
        return {name: _file_located(key, each, folder) for name, each in value.items()}
    return _file_located(key, value, folder)


def _file_located(key: str, value: str, folder: Path) -> str:
    none = value in _FILES[key] or (key != "spaces" and names_column(value))
    return value if none or url_in(value) else str((folder / Path(value).expanduser()).absolute())


def _located(source: str, folder: Path) -> str:
    """The absolute path of what is there, else the text as it is: a hub id, or a name of what jaxsim brings along."""
    path = folder / Path(source).expanduser()
    return str(path.absolute()) if path.exists() else source


def _toml(value: Any) -> str:
    """A value in TOML; texts in JSON are texts in TOML, but for what JSON leaves as it is."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)
