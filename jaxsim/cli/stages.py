"""The stages of a study, each with everything the user sees of it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import typer
from jaxsim_kernels import meet

from jaxsim.arguments import Progress
from jaxsim.cli.config import Config, as_toml
from jaxsim.cli.label_files import read_group_file, read_label_files, read_space_files
from jaxsim.cli.signals import interrupted
from jaxsim.cli.summary import print_summary, summary_of
from jaxsim.cli.tables import print_findings, print_plan
from jaxsim.cli.terminal import open_console, print_lines
from jaxsim.files import OwnedFiles
from jaxsim.names import printable
from jaxsim.report.control import describe_missing_intervals
from jaxsim.study import Comparison, Study, checked_settings, package_versions, prepare_comparison
from jaxsim.study.progress import shown_progress
from jaxsim.study.run.folder import check_writable, output_folder
from jaxsim.study.run.inputs import Named
from jaxsim.study.run.settings import SETTINGS
from jaxsim.study.saved import CONFIG


@dataclass(frozen=True)
class Shown:
    """What a user wants to see.

    Attributes:
        quiet: Nothing but where the results are.
        as_json: JSON in place of tables, and no progress.
        findings: All findings, not the verdicts alone.
    """

    quiet: bool = False
    as_json: bool = False
    findings: bool = False

    @property
    def words(self) -> bool:
        """Whether plan and progress are shown."""
        return not (self.quiet or self.as_json)


def extract(config: Config, out: Path, shown: Shown) -> None:
    """Extracts the features of all models, and the images' statistics where they are asked for.

    Args:
        config: What the study is made of.
        out: Its folder.
        shown: What to show.

    Raises:
        ValueError: As `jaxsim.compare`.
    """
    comparison = _prepared(config, out, shown)
    with _progress(shown) as progress:
        features = comparison.extract(progress=progress)
    if jax.process_index() == 0:
        folder = output_folder(out)
        found = [
            {"model": name, "steps": len(each), "images": len(each.sample_ids), "reused": each.reused}
            for name, each in features.items()
        ]
        if shown.as_json:
            typer.echo(json.dumps({"out": str(folder), "features": found}, indent=1))
        else:
            _say_path(folder)


def measure(config: Config, out: Path, shown: Shown) -> None:
    """Measures features that were extracted into a folder; loads no model.

    Args:
        config: What the study is made of.
        out: Its folder.
        shown: What to show.

    Raises:
        ValueError: As `jaxsim.compare`, and if features are not there.
    """
    study = _run(_prepared(config, out, shown, stored=True), shown)
    if study is not None:
        _show(study, out, shown, None)


def compare(config: Config, out: Path, shown: Shown) -> None:
    """Extracts, measures and reports: plan, work, summary, path of the page.

    Args:
        config: What the study is made of.
        out: Its folder.
        shown: What to show.

    Raises:
        ValueError: As `jaxsim.compare`.
    """
    study = _run(_prepared(config, out, shown), shown)
    if study is not None:
        _show(study, out, shown, lambda: study.report(out))
    meet("report")


def report(folder: Path, to: Path, shown: Shown, change: Callable[[Study], Study]) -> None:
    """Writes the page of a study that was measured.

    Args:
        folder: Of the study.
        to: Folder for the page.
        shown: What to show.
        change: Which part of the study, under which names.

    Raises:
        ValueError: If there is no study, or it is damaged; what `change` raises.
    """
    study = change(Study.load(folder))
    page = study.report(to)
    if shown.as_json:
        typer.echo(json.dumps(summary_of(study, folder, page, findings=shown.findings), indent=1))
        return
    if not shown.quiet:
        _print(study, folder, shown)
    _say_path(page)


def _prepared(config: Config, out: Path, shown: Shown, *, stored: bool = False) -> Comparison:
    """The comparison, checked; its plan is shown and its settings are kept."""
    settings = checked_settings(**{name: value for name, value in config.options.items() if name in SETTINGS})
    labels, spaces, groups = (config.options.get(name) for name in ("labels", "spaces", "groups"))
    untrained = bool(config.options.get("untrained", False))
    first = jax.process_index() == 0
    if first:
        _check_config(output_folder(out))
    comparison = prepare_comparison(
        [Named(name, source) if name else source for name, source in config.models],
        config.images,
        settings=settings,
        spaces=read_space_files(spaces) if spaces else None,
        labels=read_label_files(labels) if labels else None,
        groups=None if groups is None else read_group_file(groups),
        untrained=untrained,
        out=out,
        stored=stored,
    )
    if first:
        keep_config(config, output_folder(out))
        if shown.words:
            print_plan(open_console(), comparison.plan, out, untrained=untrained)
    return comparison


def typed_command(arguments: Sequence[str]) -> str:
    """The command line as it was typed; "" where another program has called the command.

    Args:
        arguments: The program and its arguments.

    Example:
        >>> typed_command(["/usr/bin/jaxsim", "compare", "./my model"]), typed_command(["pytest", "tests"])
        ("jaxsim compare './my model'", '')
    """
    program = Path(arguments[0])
    as_module = program.name == "__main__.py" and program.parent.name in ("jaxsim", "cli")
    return printable(shlex.join(["jaxsim", *arguments[1:]])) if program.stem == "jaxsim" or as_module else ""


def keep_config(config: Config, folder: Path) -> None:
    """Leaves the settings of a study in its folder.

    Args:
        config: The settings.
        folder: Made if it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    OwnedFiles(folder).write(CONFIG, as_toml(config, package_versions()["jaxsim-metrics"]).encode())


def _check_config(folder: Path) -> None:
    check_writable(folder)
    if folder.is_dir():
        OwnedFiles(folder).check([CONFIG])


def _run(comparison: Comparison, shown: Shown) -> Study | None:
    """The study, in the process that shows it; None in others."""
    if jax.process_index() != 0:
        # One voice: process 0 shows the plan, the progress and the results.
        comparison.run(report=False)
        return None
    with _progress(shown) as progress:
        return comparison.run(report=False, progress=progress, command=typed_command(sys.argv))


@contextmanager
def _progress(shown: Shown) -> Iterator[Progress | None]:
    """Progress on stderr, in the process that shows it."""
    if jax.process_index() != 0:
        yield None
        return

    def heard(show: Progress | None) -> Progress:
        def progress(done: int, total: int, what: str) -> None:
            if interrupted():  # a KeyboardInterrupt that was dropped
                raise KeyboardInterrupt
            if show is not None:
                show(done, total, what)

        return progress

    if not shown.words:
        yield heard(None)
        return
    with shown_progress(open_console(stderr=True)) as show:
        yield heard(show)


def _show(study: Study, out: Path, shown: Shown, page: Callable[[], Path] | None) -> None:
    """The summary, then the path of the page, or of the folder where no page is wanted."""
    if shown.as_json:
        found = summary_of(study, output_folder(out), None if page is None else page(), findings=shown.findings)
        typer.echo(json.dumps(found, indent=1))
        return
    if not shown.quiet:
        _print(study, out, shown)
    _say_path(output_folder(out) if page is None else page())


def _print(study: Study, out: Path, shown: Shown) -> None:
    console = open_console()
    if shown.findings:
        console.print()
        print_findings(console, study)
    print_summary(console, study, out)
    if study.findings is None:
        print_lines(console, [describe_missing_intervals(int(study.results.attrs["n_samples"]))])
    elif not shown.findings:
        print_lines(console, ["all findings --findings, or findings.csv there"])


def _say_path(path: Path) -> None:
    # Last, alone and never wrapped, for a click or for `open "$(jaxsim compare ... | tail -n 1)"`.
    if sys.stdout.isatty():
        typer.echo(printable(str(path)))
    else:  # the bytes of the name, whatever they are, so that a program can open it
        typer.echo(os.fsencode(path))


def as_rows(columns: tuple[str, ...], rows: Any) -> list[dict[str, Any]]:
    """A table as JSON holds it.

    Example:
        >>> as_rows(("a", "<b"), [("1", "x")])
        [{'a': '1', 'b': 'x'}]
    """
    return [dict(zip((name.removeprefix("<") for name in columns), row, strict=True)) for row in rows]
