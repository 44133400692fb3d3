"""What a command was asked for: settings of a file and of the command line, and where results go."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jaxsim.cli.options import read_options

if TYPE_CHECKING:
    from jaxsim.cli.config import Config


def asked_config(file: Path | None, models: Sequence[str] | None, images: str | None, given: dict[str, Any]) -> Config:
    """What a study is made of: what a file says, and before it what the command line says.

    Args:
        file: Of settings; None for none.
        models: As on the command line; none for those of the file.
        images: The same.
        given: Options that were written.

    Raises:
        ValueError: If a file or an option cannot be read; names the line, or the option.
    """
    from jaxsim.cli.config import Config, read_config
    from jaxsim.cli.reading import read_model

    found = Config() if file is None else read_config(file)
    return found.updated(tuple(map(read_model, models or ())), images, read_options(given))


def write_config_file(settings: Config, file: Path) -> None:
    """Writes the settings of a study to a new file, or to stdout where that is "-".

    Raises:
        ValueError: If a setting is not possible, or the file exists.
    """
    import jaxsim
    from jaxsim.arguments import check_on_disk
    from jaxsim.cli.config import as_toml
    from jaxsim.files import write_whole
    from jaxsim.study import checked_settings
    from jaxsim.study.run.settings import SETTINGS

    checked_settings(**{name: value for name, value in settings.options.items() if name in SETTINGS})
    text = as_toml(settings, jaxsim.__version__)
    if str(file) == "-":
        typer.echo(text, nl=False)
        return
    if check_on_disk("--write-config", file).exists():
        raise ValueError(f"expected a new file for --write-config, but {file} exists; choose another name")
    write_whole(file, text.encode())


def required_folder(out: Path | None, models: Sequence[tuple[str, str]], command: str) -> Path:
    """The folder of a study.

    Args:
        out: As on the command line.
        models: Names and sources, as in a `Config`.
        command: Which command it was, for the example.

    Raises:
        ValueError: If there is none, or there are no models; says what to type.

    Example:
        >>> required_folder(Path("run"), [("", "embedded:vit_digits")], "compare").name
        'run'
        >>> required_folder(None, [("a", "a.npz"), ("", "b.npz")], "compare")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: expected --out FOLDER, for ... report, got none: jaxsim compare a=a.npz b.npz --out study
    """
    if not models:
        raise ValueError("expected MODEL..., or models in a --config file, got none; jaxsim models lists what there is")
    if out is not None:
        return out
    given = [f"{name}={source}" if name else source for name, source in models]
    raise ValueError(
        "expected --out FOLDER, for features, results and report, got none: "
        f"{shlex.join(['jaxsim', command, *given, '--out', 'study'])}"
    )


def extracted_folder(out: Path | None, models: Sequence[str] | None) -> Path:
    """The folder that the second stage measures, where features were extracted to.

    Args:
        out: As on the command line.
        models: The same.

    Raises:
        ValueError: If there is none; says what to type.

    Example:
        >>> extracted_folder(None, None)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: expected --out FOLDER, the one that ... written to, got none: jaxsim measure --out FOLDER
    """
    if out is not None:
        return out
    # A folder alone is where the features are, rather than a model.
    meant = [*(models or []), "--out", "FOLDER"]
    if models is not None and len(models) == 1 and (Path(models[0]) / "features").is_dir():
        meant = ["--out", models[0]]
    raise ValueError(
        "expected --out FOLDER, the one that jaxsim extract has written to, got none: "
        f"{shlex.join(['jaxsim', 'measure', *meant])}"
    )


def kept_in(out: Path | None, given: dict[str, Any]) -> str:
    """What is said when a command is interrupted.

    Example:
        >>> kept_in(Path("run"), {})
        'finished features are kept in run; the same command continues from there'
    """
    if given.get("overwrite"):
        return "this run used --overwrite; without it the same command would reuse what is finished"
    return f"finished features are kept in {out}; the same command continues from there"
