"""Values of options from how they are written on a command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxsim.arguments import shown, whole_number
from jaxsim.names import COLUMN, names_column
from jaxsim.study.run.options import Option


def read_option(option: Option, given: Any) -> Any:
    """The value of an option, as Python and a file of settings have it.

    Args:
        option: Which.
        given: What the command line has: a number, a flag, a text, or several texts.

    Raises:
        ValueError: If it is written otherwise; names the option and gives an example.

    Example:
        >>> read_option(Option("k", (1,), "", kind="counts"), "1,10")
        (1, 10)
        >>> read_option(Option("pool", "mean", "", kind="text by model"), ["cls", "cnn=mean"])
        {'*': 'cls', 'cnn': 'mean'}
    """
    reader = _READERS.get(option.kind or "")
    return given if reader is None else reader(option.on_command_line, given)


def read_model(text: str) -> tuple[str, str]:
    """Name and source of a model, the name empty where none is given.

    A path that is there is a source even if it holds "=", and a name holds no "/".

    Raises:
        ValueError: If one of both is missing.

    Example:
        >>> read_model("dino=facebook/dinov2-small"), read_model("facebook/dinov2-small")
        (('dino', 'facebook/dinov2-small'), ('', 'facebook/dinov2-small'))
    """
    name, equals, source = text.partition("=")
    if not equals or "/" in name or Path(text).expanduser().exists():
        return "", text
    if not (name and source):
        raise ValueError(f"expected a model as SOURCE or NAME=SOURCE, such as dino=facebook/dinov2-small; got {text!r}")
    return name, source


def _numbers(flag: str, text: str) -> tuple[int, ...]:
    numbers = [whole_number(part.strip()) for part in text.split(",")]
    if None in numbers:
        raise ValueError(f"expected {flag} as integers separated by commas, such as 1,10; got {shown(text)}")
    return tuple(number for number in numbers if number is not None)


def _names(flag: str, text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(names):
        raise ValueError(f"expected {flag} as names separated by commas, such as cka,mutual_knn; got {text!r}")
    return names


def _globs(_: str, given: Sequence[str]) -> tuple[str, ...]:
    return tuple(given)


def _quantiles(_: str, text: str) -> tuple[Any, ...]:
    return tuple(_number(part) for part in text.split(","))


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text  # told by the check of the option


def _size(flag: str, text: str) -> tuple[int, int] | int:
    sizes = [whole_number(part.strip()) or 0 for part in text.lower().split("x")]
    if len(sizes) not in (1, 2) or min(sizes) < 1:
        raise ValueError(f"expected {flag} as 224 or as height x width, 224x160; got {shown(text)}")
    return sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1])


def _by_model(read: Callable[[str, str], Any]) -> Callable[[str, Sequence[str]], Any]:
    """Reads VALUE, or several times NAME=VALUE; a value without a name is that of all other models."""

    def several(flag: str, given: Sequence[str]) -> Any:
        found: dict[str, Any] = {}
        for text in given:
            name, equals, value = text.rpartition("=")
            name = name if equals else "*"
            if name in found:
                raise ValueError(f"expected {flag} once for every model, got {text!r} beside another one")
            found[name] = read(flag, value)
        return found["*"] if set(found) == {"*"} else found

    return several


def _files(flag: str, given: Sequence[str]) -> dict[str, str]:
    """Name -> file; a file or column without a name goes by its own."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals and names_column(text) and text != COLUMN:
            name, path = text.removeprefix(COLUMN), text
        elif not equals and Path(text).suffix and Path(text).stem:
            name, path = Path(text).stem, text
        elif not (name and equals and path):
            raise ValueError(
                f"expected {flag} as NAME=FILE, such as class=labels.csv, or as a file that goes by its own name; got "
                f"{text!r}"
            )
        if name in found:
            raise ValueError(f"expected every name of {flag} once, got {name!r} twice")
        found[name] = path
    return found


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "counts": _numbers,
    "names": _names,
    "globs": _globs,
    "quantiles": _quantiles,
    "size": _size,
    "text by model": _by_model(lambda _, text: text),
    "size by model": _by_model(_size),
    "files": _files,
}
