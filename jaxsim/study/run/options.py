"""What an option of a comparison is: declared once, for Python, the command line and files of settings.

Nothing heavy is imported here, so that `jaxsim --help` answers at once.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeVar

from jaxsim.arguments import shown

Kind = Literal[
    "count",
    "text",
    "flag",
    "counts",
    "names",
    "globs",
    "size",
    "quantiles",
    "text by model",
    "size by model",
    "files",
    "file",
    "value",
]
"""How an option is written on a command line: see `jaxsim.cli.reading`."""

Check = Callable[[str, Any], Any]
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Option:
    """One option of a comparison.

    Attributes:
        name: In Python and in files of settings.
        default: What it is when nobody says otherwise.
        text: What it means, for Python.
        kind: How it is written on a command line; None for what is given in Python alone.
        flag: Its name there, such as "--samples"; "" for the name in Python with dashes.
        short: What it means there; "" for the first sentence of `text`.
        check: `(name, value) -> value as it is used`, raising a ValueError; None for what is checked with the data.
    """

    name: str
    default: Any
    text: str
    kind: Kind | None = None
    flag: str = ""
    short: str = ""
    check: Check | None = None

    @property
    def on_command_line(self) -> str:
        """Its name on a command line."""
        return self.flag or f"--{self.name.replace('_', '-')}"

    @property
    def help(self) -> str:
        """What a command line says of it."""
        return self.short or f"{self.text.partition('. ')[0].rstrip('.')}."

    def checked(self, value: Any) -> Any:
        """The value as it is used.

        Raises:
            ValueError: If it is not possible.
        """
        if self.check is None or (value is None and self.default is None):
            return value
        return self.check(self.name, value)


def option(
    default: Any, text: str, *, kind: Kind | None = None, flag: str = "", short: str = "", check: Check | None = None
) -> Any:
    """A field of a dataclass of options; arguments as for `Option`.

    Example:
        >>> @dataclass(frozen=True)
        ... class Few:
        ...     seed: int = option(0, "Of the draw.")
        >>> options_of(Few)["seed"].help
        'Of the draw.'
    """
    about = {"text": text, "kind": kind, "flag": flag, "short": short, "check": check}
    return dataclasses.field(default=default, metadata={"option": about})


def options_of(*declared: type) -> dict[str, Option]:
    """The options that dataclasses declare, by name, in their order."""
    return {
        field.name: Option(name=field.name, default=field.default, **field.metadata["option"])
        for each in declared
        for field in dataclasses.fields(each)
    }


def check_known(given: Mapping[str, Any], options: Mapping[str, Option], more: tuple[str, ...] = ()) -> None:
    """Refuses options that there are not.

    Args:
        given: By name.
        options: Those there are.
        more: Further names that are right.

    Raises:
        TypeError: Names one, and the names that look most like it.

    Example:
        >>> check_known({"sede": 1}, {"seed": Option("seed", 0, "Of the draw.")})
        Traceback (most recent call last):
        ...
        TypeError: unexpected keyword 'sede': there is no such option; did you mean seed?
    """
    names = (*options, *more)
    for name in given:
        if name not in names:
            near = get_close_matches(name, names, n=3, cutoff=0.5)
            cure = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}"
            raise TypeError(f"unexpected keyword {shown(name)}: there is no such option; {cure}")


def documented(options: Mapping[str, Option], width: int = 116) -> str:
    """The options as the `Args:` of a docstring, indented by four.

    Example:
        >>> documented({"seed": Option("seed", 0, "Of the draw.")})
        '    seed: Of the draw.'
    """
    lines = []
    for each in options.values():
        lines += textwrap.wrap(
            f"{each.name}: {' '.join(each.text.split())}",
            width,
            initial_indent=" " * 4,
            subsequent_indent=" " * 8,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def with_options(options: Mapping[str, Option]) -> Callable[[Function], Function]:
    """Gives a function of `**options` these options: in its signature, in its docstring, and no others.

    Args:
        options: By name. In the docstring `{options}` stands for what they mean.

    Returns:
        The decorator.

    Example:
        >>> @with_options({"seed": Option("seed", 0, "Of the draw.")})
        ... def drawn(n, **options):
        ...     "Draws. {options}"
        ...     return options
        >>> inspect.signature(drawn)
        <Signature (n, *, seed=0)>
    """

    def decorated(function: Function) -> Function:
        @functools.wraps(function)
        def checked(*args: Any, **given: Any) -> Any:
            check_known(given, options, tuple(own))
            return function(*args, **given)

        signature = inspect.signature(function)
        own = {name: each for name, each in signature.parameters.items() if each.kind is not each.VAR_KEYWORD}
        first = [each for each in own.values() if each.kind is not each.KEYWORD_ONLY]
        last = [each for each in own.values() if each.kind is each.KEYWORD_ONLY]
        new = [
            inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default)
            for each in options.values()
        ]
        vars(checked)["__signature__"] = signature.replace(parameters=[*first, *new, *last])
        checked.__doc__ = inspect.cleandoc(function.__doc__ or "").replace("{options}", documented(options).strip())
        return checked  # pyright: ignore[reportReturnType]

    return decorated
