"""The options of a comparison on the command line, made from where they are declared."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from jaxsim.cli.reading import read_option
from jaxsim.study.run.options import Option
from jaxsim.study.run.settings import SETTINGS
from jaxsim.study.run.surroundings import SURROUNDINGS

Function = TypeVar("Function", bound=Callable[..., Any])

#: Every option that a command line takes, by name.
OPTIONS = {name: each for name, each in (SETTINGS | SURROUNDINGS).items() if each.kind is not None}

_SEVERAL = ("globs", "text by model", "size by model", "files")


def takes_options(function: Function) -> Function:
    """Gives a command every option of a comparison; it is called with `given`, those that were written, read.

    Example:
        >>> @takes_options
        ... def command(given): ...
        >>> "n_samples" in inspect.signature(command).parameters
        True
    """

    @functools.wraps(function)
    def command(**arguments: Any) -> Any:
        # Not read here: errors are told where outcomes are readable.
        written = {name: arguments.pop(name) for name in OPTIONS}
        return function(**arguments, given={name: each for name, each in written.items() if _is_written(each)})

    own = [each for name, each in inspect.signature(function, eval_str=True).parameters.items() if name != "given"]
    new = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(each))
        for name, each in OPTIONS.items()
    ]
    parameters = [*(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own), *new]
    vars(command)["__signature__"] = inspect.Signature(parameters)
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command  # pyright: ignore[reportReturnType]


def read_options(given: dict[str, Any]) -> dict[str, Any]:
    """The options that were written, as Python and files of settings have them.

    Raises:
        ValueError: If one is written otherwise than it can be.
    """
    return {name: read_option(OPTIONS[name], each) for name, each in given.items()}


def _is_written(value: Any) -> bool:
    return value is not None and value != []


def _annotation(option: Option) -> Any:
    kind: Any = {"count": int, "flag": bool}.get(str(option.kind), str)
    kind = list[str] if option.kind in _SEVERAL else kind
    name = option.on_command_line
    names = [f"{name}/--no-{name.removeprefix('--')}"] if option.kind == "flag" else [name]
    more: dict[str, Any] = {"metavar": "[NAME=]FILE"} if option.kind == "files" else {}
    return Annotated[kind | None, typer.Option(*names, help=_help(option), show_default=False, **more)]


def _help(option: Option) -> str:
    """What the option is, and what it is by default where its help does not say so."""
    if option.kind == "flag" or option.default in (None, ()) or "[default" in option.help:
        return option.help
    default = option.default
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
    return f"{option.help.rstrip()} [default: {shown}]"
